/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet deploy, also deploy-models: every host gets its model set, whole and verified.
 */
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "cli/deploy_command.h"
#include "cli/version.h"

#define TICK_SECONDS 0.1

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

/* ---- preparing ---- */

/* The helpers lie beside the program in a build, and below libexec/ where it is installed. */
static int load_helpers(struct deploy *d, struct err *err)
{
	char self[PATH_MAX];
	const char *given = getenv("MODELFLEET_HELPERS");
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	d->connect.helpers = &d->helpers;
	if (given && *given)
		return link_helpers_load(&d->helpers, given, err);
	if (n < 0)
		return err_sys(err, "cannot find the program's own path");
	self[n] = '\0';
	autofree char *bin = path_dirname(self);
	autofree char *beside = path_join(bin, "modelfleet-node");
	if (path_exists(beside))
		return link_helpers_load(&d->helpers, bin, err);
	autofree char *prefix = path_dirname(bin);
	autofree char *lib = path_join(prefix, "libexec/modelfleet");
	return link_helpers_load(
		&d->helpers, path_is_dir(lib) ? lib : MODELFLEET_LIBEXECDIR, err);
}

/* Keeps only the hosts that the last run of this site failed. */
static int select_failed(struct deploy *d, struct err *err)
{
	AUTO(journal_run_release) struct journal_run last = {0};
	AUTO(strlist_release) struct strlist failed = {0};
	struct diags diags = {0};
	struct host_list *hosts = &d->site.hosts;
	size_t kept = 0;

	int result = journal_last(d->journal_dir, "deploy", &last, &diags, err);
	cli_print_diags(&diags);
	diags_release(&diags);
	if (result < 0)
		return err_wrap(err, "--limit-failed");
	journal_failed_hosts(&last, &failed);
	for (size_t i = 0; i < hosts->count; i++) {
		if (strlist_has(&failed, hosts->items[i]->name))
			hosts->items[kept++] = hosts->items[i];
	}
	hosts->count = kept;
	if (kept == 0)
		return err_set(err, ERR_NOTFOUND,
			"--limit-failed: run %s left no host to be tried again", last.id);
	return 0;
}

static void describe_holder(struct deploy *d)
{
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	const char *user = getenv("USER");
	strbuf_addf(&d->holder, "%s@%s pid %ld, %s", user && *user ? user : "uid", host,
		(long)getpid(), d->command_line.data);
	strbuf_truncate(&d->holder, d->holder.len > 500 ? 500 : d->holder.len);
}

static int make_hosts(struct deploy *d, struct diags *diags)
{
	struct deploy_run *run = &d->run;
	struct host_list *list = &d->site.hosts;

	run->hosts = xcalloc(list->count, sizeof(*run->hosts));
	run->fleet = xcalloc(list->count, sizeof(*run->fleet));
	for (size_t i = 0; i < list->count; i++) {
		const struct host_models *models = &d->registry.resolution.hosts[i];
		if (models->holds_store || models->count == 0)
			continue;
		struct deploy_host *h = &run->hosts[run->count];
		struct err err = {0};
		h->name = list->items[i]->name;
		h->view = d->registry.views[i];
		h->models = models;
		h->run = run;
		if (connection_read(&h->connection, h->view, &d->connect, &err) < 0)
			diag_error(diags, NULL, "host %s: %s", h->name, err.text);
		run->fleet[run->count] = (struct fleet_host){.name = h->name, .data = h};
		run->count++;
	}
	return diags->errors ? -1 : 0;
}

/* A store_opener: the primary datasink is reached as any host is. */
static struct store *open_store(void *arg, const struct host *primary, struct vars_view *view,
	const char *root, struct err *err)
{
	struct deploy *d = arg;
	const char *holder = d->o.check ? NULL : d->holder.data;

	(void)primary;
	if (connection_read(&d->store_connection, view, &d->connect, err) < 0)
		return NULL;
	return remote_store_open(&d->store_connection, root, holder, d->spool,
		deadline_in(d->run.connect_timeout), &d->cancel, err);
}

static int resolve_all(struct deploy *d, struct diags *diags, struct err *err)
{
	struct registry_site_options o = {
		.inventory = &d->site.inventory,
		.vars = d->site.vars,
		.secrets = &d->site.secrets,
		.hosts = &d->site.hosts,
		.models = d->o.models,
		.tags = d->o.tags,
		.open_remote = open_store,
		.open_remote_arg = d,
	};

	return registry_site_resolve(&d->registry, &o, diags, err);
}

/* Finds out all that can be wrong without touching a host. */
static int prepare(struct deploy *d, struct err *err)
{
	AUTO(diags_release) struct diags diags = {0};
	struct deploy_run *run = &d->run;
	int result = -1;

	if (deploy_apply_options(d, err) < 0)
		return -1;
	if (d->site.hosts.count == 0)
		return err_set(err, ERR_NOTFOUND,
			"no host to deploy to: %s matches none in the inventory",
			d->o.site.limit ? d->o.site.limit : "all");
	if (d->o.limit_failed && select_failed(d, err) < 0)
		return -1;
	if (load_helpers(d, err) < 0 || deploy_ask_passwords(d, err) < 0)
		return -1;
	d->spool = spool_open(NULL, err);
	if (!d->spool)
		return -1;
	if (resolve_all(d, &diags, err) == 0 && make_hosts(d, &diags) == 0) {
		run->content = content_open(d->registry.store, &d->registry.resolution,
			d->spool, &d->cancel, &diags, err);
		result = run->content ? 0 : -1;
	}
	cli_print_diags(&diags);
	return diags.errors ? -1 : result;
}

/* ---- running ---- */

static void report_progress(void *arg, uint64_t done, uint64_t total)
{
	fleet_set_progress(arg, done, total);
}

static int fail_in(struct deploy_host *h, const char *phase)
{
	h->failed_phase = phase;
	return -1;
}

static int work(struct fleet_worker *w, void *data, struct err *err)
{
	struct deploy_host *h = data;
	struct sync_options o = h->run->sync;
	struct link *link;

	fleet_phase(w, "connect");
	deadline connected =
		deadline_min(fleet_deadline(w), deadline_in(h->run->connect_timeout));
	if (connection_open(&h->connection, &link, &o.ctx, connected, fleet_cancel(w), err) < 0)
		return fail_in(h, "connect");
	fleet_reached(w);
	h->connected = true;
	fleet_phase(w, "sync");
	o.until = fleet_deadline(w);
	o.cancel = fleet_cancel(w);
	o.progress = report_progress;
	o.progress_arg = w;
	int result = sync_host(link, h->run->content, h->models, &o, &h->report, err);
	link_stats(link, &h->link);
	if (result < 0) {
		link_abort(link);
		return fail_in(h, "sync");
	}
	link_close(link, deadline_in(2));
	return 0;
}

static void listen_events(void *data, const struct fleet_event *e)
{
	struct deploy *d = data;

	d->output->event(&d->run, e);
}

static enum journal_outcome outcome_of(const struct deploy_host *h, const struct fleet_host *f)
{
	switch (f->state) {
	case FLEET_OK: break;
	case FLEET_UNREACHABLE: return JOURNAL_UNREACHABLE;
	case FLEET_FAILED: return JOURNAL_FAILED;
	default: return JOURNAL_SKIPPED;
	}
	if (sync_report_outcome(&h->report) == SYNC_DRIFTED)
		return JOURNAL_DRIFTED;
	return deploy_host_changed(h) ? JOURNAL_CHANGED : JOURNAL_OK;
}

static void write_journal(struct deploy *d, int exit_code)
{
	struct err err = {0};

	if (!d->journal.id)
		return;
	for (size_t i = 0; i < d->run.count; i++) {
		const struct fleet_host *f = &d->run.fleet[i];
		const struct deploy_host *h = &d->run.hosts[i];
		struct journal_host *j = &d->journal.hosts[i];
		j->outcome = outcome_of(h, f);
		j->error = f->state == FLEET_OK ? NULL : xstrdup(f->err.text);
		j->bytes = h->report.bytes_sent;
		j->seconds = f->ended_ns ? (double)(f->ended_ns - f->started_ns) / 1e9 : 0;
	}
	if (journal_end(&d->journal, d->journal_dir, exit_code, &err) < 0)
		log_warning("the journal could not be written: %s", err.text);
}

static int begin_journal(struct deploy *d, struct err *err)
{
	const struct resolution *r = &d->registry.resolution;

	d->journal.check = d->o.check;
	for (size_t i = 0; i < r->use_count; i++)
		strlist_addf(&d->journal.versions, "%s %s", r->uses[i].model->name,
			r->uses[i].version);
	/* The entry of a run that is killed names the hosts that it had not done. */
	for (size_t i = 0; i < d->run.count; i++)
		journal_add_host(&d->journal, d->run.fleet[i].name, JOURNAL_SKIPPED, NULL);
	if (journal_begin(&d->journal, d->journal_dir, "deploy", d->command_line.data, err) < 0)
		return -1;
	d->run.run_id = d->journal.id;
	return 0;
}

static int run_fleet(struct deploy *d, struct err *err)
{
	struct fleet_options o = {
		.forks = (unsigned)d->forks,
		.max_fail_percentage = -1,
		.host_timeout = d->host_timeout,
		.tick = d->output == &deploy_output_live ? TICK_SECONDS : 0,
		.cancel = &d->cancel,
	};

	d->run.started_ns = clock_ns();
	d->output->begin(&d->run);
	return fleet_run(d->run.fleet, d->run.count, &o, work, listen_events, d, err);
}

static void choose_output(struct deploy *d)
{
	if (d->o.json)
		d->output = &deploy_output_json;
	else if (isatty(STDOUT_FILENO) && d->o.site.verbosity == 0)
		d->output = &deploy_output_live;
	else
		d->output = &deploy_output_plain;
}

static int deploy(struct deploy *d, struct err *err)
{
	struct deploy_run *run = &d->run;

	run->check = run->sync.check = d->o.check;
	run->sync.repair = d->o.repair;
	run->sync.rehash = d->o.verify;
	run->sync.holder = d->holder.data;
	run->verbosity = d->o.site.verbosity;
	run->cancel = &d->cancel;
	if (prepare(d, err) < 0)
		return -1;
	run->store = d->registry.store->location;
	run->model_count = d->registry.resolution.use_count;
	/* A store on another host is locked by the lease that opening it took. */
	if (!d->o.check && !d->registry.primary &&
		lock_acquire_site(&d->lock, d->registry.root, d->command_line.data, 0,
			&d->cancel, err) < 0)
		return -1;
	if (begin_journal(d, err) < 0 || run_fleet(d, err) < 0)
		return -1;
	int code = deploy_exit_code(run);
	write_journal(d, code);
	d->output->end(run, code);
	return code;
}

static void deploy_release(struct deploy *d)
{
	for (size_t i = 0; i < d->run.count; i++)
		sync_report_release(&d->run.hosts[i].report);
	free(d->run.hosts);
	free(d->run.fleet);
	content_close(d->run.content);
	lock_release(&d->lock);
	journal_run_release(&d->journal);
	free(d->journal_dir);
	registry_site_release(&d->registry);
	spool_close(d->spool);
	site_release(&d->site);
	link_helpers_release(&d->helpers);
	link_limiter_release(&d->limiter);
	mem_wipe(d->password.data, d->password.len);
	mem_wipe(d->become_password.data, d->become_password.len);
	strbuf_release(&d->password);
	strbuf_release(&d->become_password);
	strbuf_release(&d->command_line);
	strbuf_release(&d->holder);
	site_options_release(&d->o.site);
	interrupt_token = NULL;
	cancel_release(&d->cancel);
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

static int run_deploy(const struct command *cmd, int argc, char **argv)
{
	AUTO(strlist_release) struct strlist rest = {0};
	struct err err = {0};
	struct deploy d = {
		.password = STRBUF_INIT,
		.become_password = STRBUF_INIT,
		.command_line = STRBUF_INIT,
		.holder = STRBUF_INIT,
		.lock = LOCK_INIT,
	};

	link_limiter_init(&d.limiter, 0);
	if (cancel_init(&d.cancel, &err) < 0)
		return cli_error(&err);
	deploy_read_options(cmd, &d.o, argc, argv, &rest);
	cli_verbosity(d.o.site.verbosity);
	raise_descriptor_limit();
	catch_interrupts(&d.cancel);
	journal_command_line(argc, argv, &d.command_line);
	describe_holder(&d);
	choose_output(&d);
	d.o.site.check = d.o.check;
	d.o.site.strict = true;
	int code = EXIT_CANNOT_RUN;
	if (rest.count)
		err_set(&err, ERR_USAGE,
			"deploy takes no arguments, found '%s'; hosts are chosen with --limit",
			rest.items[0]);
	else if (d.o.color && !cli_set_color(d.o.color))
		err_set(&err, ERR_USAGE, "--color: found '%s', expected auto, always or never",
			d.o.color);
	else
		code = site_load(&d.site, &d.o.site);
	if (code == EXIT_OK) {
		d.journal_dir = journal_site_dir(
			d.site.inventory.source_count ? d.site.inventory.sources[0] : "");
		code = deploy(&d, &err);
	}
	if (code < 0)
		code = err.code == ERR_CANCELLED ? EXIT_INTERRUPTED : EXIT_CANNOT_RUN;
	if (err.code)
		cli_error(&err);
	deploy_release(&d);
	return code;
}

const struct command cmd_deploy = {
	.name = "deploy",
	.link_name = "deploy-models",
	.summary = "Brings every host to its set of models, whole and verified",
	.run = run_deploy,
};
