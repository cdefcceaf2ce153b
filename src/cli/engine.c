/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/engine.h"

#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/path.h"
#include "cli/version.h"
#include "sync/remote_store.h"

#define HOLDER_MAX 500 /* bytes that a lock tells of its holder */

/* The token of the run that signals interrupt; a handler has no other way to find it. */
static struct cancel *interrupt_token;

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	if (interrupt_token)
		cancel_request(interrupt_token);
}

static void catch_interrupts(struct cancel *token)
{
	struct sigaction action = {.sa_handler = on_interrupt};

	interrupt_token = token;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void describe_holder(struct engine *e)
{
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	const char *user = getenv("USER");
	strbuf_addf(&e->holder, "%s@%s pid %ld, %s", user && *user ? user : "uid", host,
		(long)getpid(), e->command_line.data);
	if (e->holder.len > HOLDER_MAX)
		strbuf_truncate(&e->holder, HOLDER_MAX);
}

int engine_init(struct engine *e, int argc, char **argv, struct err *err)
{
	*e = (struct engine){.lock = LOCK_INIT};
	strbuf_init(&e->password);
	strbuf_init(&e->become_password);
	strbuf_init(&e->command_line);
	strbuf_init(&e->holder);
	link_limiter_init(&e->limiter, 0);
	if (cancel_init(&e->cancel, err) < 0)
		return -1;
	catch_interrupts(&e->cancel);
	journal_command_line(argc, argv, &e->command_line);
	describe_holder(e);
	return 0;
}

static void release_secret(struct strbuf *secret)
{
	mem_wipe(secret->data, secret->len);
	strbuf_release(secret);
}

void engine_release(struct engine *e)
{
	lock_release(&e->lock);
	journal_run_release(&e->journal);
	free(e->journal_dir);
	spool_close(e->spool);
	site_release(&e->site);
	link_helpers_release(&e->helpers);
	link_limiter_release(&e->limiter);
	release_secret(&e->password);
	release_secret(&e->become_password);
	strbuf_release(&e->command_line);
	strbuf_release(&e->holder);
	site_options_release(&e->o.site);
	interrupt_token = NULL;
	cancel_release(&e->cancel);
}

int engine_set_output(struct engine *e, struct err *err)
{
	cli_verbosity(e->o.site.verbosity);
	if (e->o.color && !cli_set_color(e->o.color))
		return err_set(err, ERR_USAGE,
			"--color: found '%s', expected auto, always or never", e->o.color);
	return 0;
}

int engine_start(struct engine *e)
{
	struct err err = {0};

	if (engine_set_output(e, &err) < 0)
		return cli_error(&err);
	e->o.site.strict = true;
	int code = site_load(&e->site, &e->o.site);
	if (code != EXIT_OK)
		return code;
	e->journal_dir = journal_site_dir(
		e->site.inventory.source_count ? e->site.inventory.sources[0] : "");
	return engine_apply_options(e, &e->site.config, &err) < 0 ? cli_error(&err) : EXIT_OK;
}

int engine_renew(struct engine *e)
{
	journal_run_release(&e->journal);
	e->journal = (struct journal_run){0};
	free(e->journal_dir);
	e->journal_dir = NULL;
	site_release(&e->site);
	return engine_start(e);
}

/* One descriptor a host, and some: as many as the system lets us have. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* The directory of the program that runs; new memory. NULL with err. */
static char *program_dir(struct err *err)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0) {
		err_sys(err, "cannot find the program's own path");
		return NULL;
	}
	self[n] = '\0';
	return path_dirname(self);
}

char *engine_share_dir(void)
{
	autofree char *bin = program_dir(NULL);

	if (bin) {
		autofree char *prefix = path_dirname(bin);
		autofree char *share = path_join(prefix, "share/modelfleet");
		if (path_is_dir(share))
			return path_join(prefix, "share/modelfleet");
	}
	return xstrdup(MODELFLEET_DATADIR);
}

/* The helpers lie beside the program in a build, and below libexec/ where it is installed. */
static int load_helpers(struct engine *e, struct err *err)
{
	const char *given = getenv("MODELFLEET_HELPERS");

	e->connect.helpers = &e->helpers;
	if (given && *given)
		return link_helpers_load(&e->helpers, given, err);
	autofree char *bin = program_dir(err);
	if (!bin)
		return -1;
	autofree char *beside = path_join(bin, "modelfleet-node");
	if (path_exists(beside))
		return link_helpers_load(&e->helpers, bin, err);
	autofree char *prefix = path_dirname(bin);
	autofree char *lib = path_join(prefix, "libexec/modelfleet");
	return link_helpers_load(
		&e->helpers, path_is_dir(lib) ? lib : MODELFLEET_LIBEXECDIR, err);
}

int engine_prepare(struct engine *e, struct err *err)
{
	if (e->spool)
		return 0;
	raise_descriptor_limit();
	if (load_helpers(e, err) < 0 || engine_ask_passwords(e, err) < 0)
		return -1;
	e->spool = spool_open(NULL, err);
	return e->spool ? 0 : -1;
}

enum engine_output engine_output(const struct engine *e)
{
	if (e->o.json)
		return ENGINE_JSON;
	return isatty(STDOUT_FILENO) && e->o.site.verbosity == 0 ? ENGINE_LIVE : ENGINE_PLAIN;
}

int engine_fail(const struct err *err)
{
	if (err->code)
		cli_error(err);
	return err->code == ERR_CANCELLED ? EXIT_INTERRUPTED : EXIT_CANNOT_RUN;
}

static struct store *open_store(struct engine *e, struct vars_view *view, const char *root,
	const char *holder, struct err *err)
{
	if (connection_read(&e->store_connection, view, &e->connect, err) < 0)
		return NULL;
	return remote_store_open(&e->store_connection, root, holder, e->spool,
		deadline_in(e->connect_timeout), &e->cancel, err);
}

struct store *engine_open_store(void *engine, const struct host *primary,
	struct vars_view *view, const char *root, struct err *err)
{
	struct engine *e = engine;

	(void)primary;
	return open_store(e, view, root, e->o.site.check ? NULL : e->holder.data, err);
}

struct store *engine_open_store_to_read(void *engine, const struct host *primary,
	struct vars_view *view, const char *root, struct err *err)
{
	(void)primary;
	return open_store(engine, view, root, NULL, err);
}

int engine_lock_store(struct engine *e, const char *root, struct err *err)
{
	if (e->lock.fd >= 0)
		return 0;
	return lock_acquire_site(&e->lock, root, e->command_line.data, 0, &e->cancel, err);
}
