/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model-sync-agent: keeps the models of a device that nobody reaches as a registry says.
 */
#include <getopt.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "daemons/journal.h"
#include "daemons/notify.h"
#include "daemons/sync_agent/cycle.h"
#include "daemons/sync_agent/report.h"
#include "http/serve.h"

#define PROGRAM     "model-sync-agent"
#define CONFIG_PATH "config/model_sync.yaml"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct options {
	const char *config, *rollback;
	bool once, check, json_log, help, version;
};

/* What runs: the configuration in use, and how its file looked when it was read. */
struct service {
	const struct options *o;
	struct agent agent;
	struct agent_config config;
	struct arena arena;
	struct stat seen;
	struct http_server *server;
};

static struct cancel cancel;
static int wake_fd = -1; /* of the status, for the signal handler */
static volatile sig_atomic_t asked_to_reload;

/* ---- the configuration ---- */

static void log_findings(const struct diags *diags)
{
	for (size_t i = 0; i < diags->count; i++) {
		AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
		diag_format(&diags->items[i], &line);
		strbuf_rtrim(&line);
		log_line(diags->items[i].level == DIAG_ERROR ? LOG_ERROR : LOG_WARNING, "%s",
			line.data);
	}
}

/* Reads a configuration; -1 with err, after its findings were logged, when it cannot be used.
 */
static int load(
	const char *path, struct arena *arena, struct agent_config *config, struct err *err)
{
	AUTO(diags_release) struct diags diags = {0};
	int rc = config_read(arena, path, config, &diags, err);

	log_findings(&diags);
	if (rc < 0)
		return -1;
	if (diags.errors == 0)
		return 0;
	AUTO(strbuf_release) struct strbuf first = STRBUF_INIT;
	diag_format(&diags.items[0], &first);
	strbuf_rtrim(&first);
	return err_set(err, ERR_INPUT, "%s", first.data);
}

static bool looks_alike(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool listens_alike(const struct agent_config *a, const struct agent_config *b)
{
	return a->status_port == b->status_port &&
	       strcmp(a->status_address, b->status_address) == 0;
}

/* Begins to serve the status, if it is to be served and is not yet. */
static int serve(struct service *s, struct err *err)
{
	if (s->server || s->o->once || s->o->rollback || s->config.status_port == 0)
		return 0;
	s->server = status_serve(&s->agent.status, &s->config, err);
	return s->server ? 0 : err_wrap(err, "the status endpoint");
}

/* Puts a configuration that was read into use. */
static int adopt(struct service *s, struct arena *arena, const struct agent_config *config,
	struct err *err)
{
	if (s->server && !listens_alike(&s->config, config)) {
		http_server_stop(s->server);
		s->server = NULL;
	}
	cycle_forget_sources(&s->agent);
	arena_release(&s->arena);
	s->arena = *arena;
	s->config = *config;
	s->agent.config = &s->config;
	status_configure(&s->agent.status, &s->config, config_device(&s->arena, &s->config));
	return serve(s, err);
}

/* Takes up a configuration that has changed; a broken one is refused, and the former stays. */
static void reload(struct service *s)
{
	struct arena arena = {0};
	struct agent_config config;
	struct err err = {0};
	struct stat now = {0};

	(void)stat(s->o->config, &now);
	if (!asked_to_reload && looks_alike(&now, &s->seen)) {
		/* Its port may have been in use. */
		if (serve(s, &err) < 0)
			log_line(LOG_ERROR, "%s", err.text);
		return;
	}
	asked_to_reload = 0;
	s->seen = now;
	if (load(s->o->config, &arena, &config, &err) < 0) {
		arena_release(&arena);
		log_line(LOG_ERROR, "the configuration is refused, and the former stays: %s",
			err.text);
		status_refuse_config(&s->agent.status, err.text);
		return;
	}
	log_info("the configuration was read again");
	if (adopt(s, &arena, &config, &err) < 0)
		log_line(LOG_ERROR, "%s", err.text);
}

/* ---- running ---- */

static void report(struct service *s)
{
	AUTO(strbuf_release) struct strbuf json = STRBUF_INIT;
	struct err err = {0};

	if (!s->config.reporting.enabled)
		return;
	status_json(&s->agent.status, &json);
	if (report_add(&s->config, json.data, &err) < 0 ||
		report_send(&s->config, &cancel, &err) < 0)
		log_warning("the report: %s", err.text);
}

static double next_interval(const struct agent_config *config)
{
	double luck = (double)random() / (double)RAND_MAX;

	return (double)config->poll_interval + luck * (double)config->jitter;
}

/* Waits for the next cycle: its time, a request, or a signal. */
static void wait_for_next(struct service *s)
{
	struct pollfd wake = {.fd = s->agent.status.wake, .events = POLLIN};
	uint64_t count;

	(void)wait_fds(&wake, 1, deadline_in(next_interval(&s->config)), &cancel, NULL);
	(void)!read(s->agent.status.wake, &count, sizeof(count));
}

static int run(struct service *s)
{
	struct err err = {0};

	notify_supervisor("READY=1");
	for (;;) {
		err_clear(&err);
		int rc = cycle_run(&s->agent, &err);
		if (cancel_level(&cancel))
			break;
		report(s);
		if (s->o->once)
			return rc < 0 ? EXIT_FAILED : EXIT_DONE;
		wait_for_next(s);
		if (cancel_level(&cancel))
			break;
		reload(s);
	}
	notify_supervisor("STOPPING=1");
	return s->o->once ? EXIT_FAILED : EXIT_DONE;
}

static void on_signal(int number)
{
	const uint64_t one = 1;

	if (number != SIGHUP) {
		cancel_request(&cancel);
		return;
	}
	asked_to_reload = 1;
	(void)!write(wake_fd, &one, sizeof(one));
}

static void catch_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaction(numbers[i], &action, NULL);
}

static int put_back(struct service *s, struct err *err)
{
	if (cycle_put_back(&s->agent, s->o->rollback, err) < 0) {
		log_line(LOG_ERROR, "%s", err->text);
		return EXIT_FAILED;
	}
	log_info("%s is what it was before, until its alias moves", s->o->rollback);
	return EXIT_DONE;
}

/*
 * By root's hand beside a service that is another user's, notes would come to be that the
 * service cannot read.
 */
static int check_owner(
	const struct options *o, const struct agent_config *config, struct err *err)
{
	autofree char *parent = path_dirname(config->models_dir);
	struct stat st;

	if ((!o->once && !o->rollback) || geteuid() != 0)
		return 0;
	if ((stat(config->models_dir, &st) < 0 && stat(parent, &st) < 0) || st.st_uid == 0)
		return 0;
	const struct passwd *owner = getpwuid(st.st_uid);
	if (!owner)
		return 0;
	return err_set(err, ERR_DENIED,
		"%s belongs to %s: do this as that user (runuser -u %s -- " PROGRAM " ...)",
		config->models_dir, owner->pw_name, owner->pw_name);
}

static int start(struct service *s, struct arena *arena, const struct agent_config *config)
{
	struct err err = {0};

	if (check_owner(s->o, config, &err) < 0 || cancel_init(&cancel, &err) < 0 ||
		status_init(&s->agent.status, &err) < 0) {
		log_line(LOG_ERROR, "%s", err.text);
		return EXIT_FAILED;
	}
	cancel.pulse = notify_alive;
	cancel.pulse_every = notify_interval();
	wake_fd = s->agent.status.wake;
	s->agent.cancel = &cancel;
	(void)stat(s->o->config, &s->seen);
	catch_signals();
	srandom((unsigned)(clock_ns() ^ getpid()));
	int code = EXIT_FAILED;
	if (adopt(s, arena, config, &err) < 0)
		log_line(LOG_ERROR, "%s", err.text);
	else
		code = s->o->rollback ? put_back(s, &err) : run(s);
	http_server_stop(s->server);
	cycle_forget_sources(&s->agent);
	status_release(&s->agent.status);
	arena_release(&s->arena);
	cancel_release(&cancel);
	return code;
}

/* ---- the command line ---- */

static void print_help(FILE *f)
{
	fprintf(f, "usage: " PROGRAM " [OPTIONS]\n\n"
		   "Fetches the models that a registry's alias names, and brings them into "
		   "use.\n\n"
		   "options:\n"
		   "      --once            one cycle, then exit\n"
		   "      --config=FILE     the configuration (" CONFIG_PATH ")\n"
		   "      --check-config    read it, say what is wrong with it, and exit\n"
		   "      --rollback=FILE   put a file's former version back, until its alias "
		   "moves\n"
		   "      --json-log        log as JSON, one object a line\n"
		   "      --version         print the version and exit\n"
		   "  -h, --help            show this and exit\n");
}

static bool parse(int argc, char **argv, struct options *o)
{
	enum { ONCE = 256, CONFIG, CHECK, ROLLBACK, JSON, VERSION };
	static const struct option longs[] = {
		{"once", no_argument, NULL, ONCE},
		{"config", required_argument, NULL, CONFIG},
		{"check-config", no_argument, NULL, CHECK},
		{"rollback", required_argument, NULL, ROLLBACK},
		{"json-log", no_argument, NULL, JSON},
		{"version", no_argument, NULL, VERSION},
		{"help", no_argument, NULL, 'h'},
		{0},
	};

	*o = (struct options){.config = CONFIG_PATH};
	for (int c; (c = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
		switch (c) {
		case ONCE: o->once = true; break;
		case CONFIG: o->config = optarg; break;
		case CHECK: o->check = true; break;
		case ROLLBACK: o->rollback = optarg; break;
		case JSON: o->json_log = true; break;
		case VERSION: o->version = true; break;
		case 'h': o->help = true; break;
		default: return false;
		}
	}
	if (optind < argc)
		fprintf(stderr, PROGRAM ": unexpected argument '%s'\n", argv[optind]);
	return optind == argc;
}

int main(int argc, char **argv)
{
	struct options o;
	struct service s = {.o = &o};
	struct arena arena = {0};
	struct agent_config config;
	struct err err = {0};

	if (!parse(argc, argv, &o)) {
		fprintf(stderr, "Try '" PROGRAM " --help'.\n");
		return EXIT_USAGE;
	}
	if (o.help || o.version) {
		if (o.help)
			print_help(stdout);
		else
			printf(PROGRAM " %s\n", MODELFLEET_VERSION);
		return EXIT_DONE;
	}
	journal_setup(o.json_log);
	notify_setup();
	if (load(o.config, &arena, &config, &err) < 0) {
		if (err.code != ERR_INPUT)
			log_line(LOG_ERROR, "%s", err.text);
		arena_release(&arena);
		return EXIT_USAGE;
	}
	if (o.check) {
		printf("%s: %zu models, checked every %d seconds\n", o.config,
			config.models.count, (int)config.poll_interval);
		arena_release(&arena);
		return EXIT_DONE;
	}
	return start(&s, &arena, &config);
}
