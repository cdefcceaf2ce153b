/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model-sync-agent: keeps the models of a device that nobody reaches as a registry says.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "daemons/journal.h"
#include "daemons/notify.h"
#include "daemons/service.h"
#include "daemons/sync_agent/cycle.h"
#include "daemons/sync_agent/report.h"
#include "http/serve.h"

#define PROGRAM     "model-sync-agent"
#define CONFIG_PATH "config/model_sync.yaml"

struct options {
	const char *config, *rollback;
	bool once, check, json_log;
};

/* What runs: the configuration in use, and how its file looked when it was read. */
struct program {
	const struct options *o;
	struct service service;
	struct agent agent;
	struct agent_config config;
	struct arena arena;
	struct stat seen;
	struct http_server *server;
};

/* ---- the configuration ---- */

/* Reads a configuration; -1 with err, after its findings were logged, when it cannot be used.
 */
static int load(
	const char *path, struct arena *arena, struct agent_config *config, struct err *err)
{
	AUTO(diags_release) struct diags diags = {0};
	int rc = config_read(arena, path, config, &diags, err);

	if (service_findings(&diags, rc < 0 ? NULL : err) < 0)
		return -1;
	return rc;
}

static bool listens_alike(const struct agent_config *a, const struct agent_config *b)
{
	return a->status_port == b->status_port &&
	       strcmp(a->status_address, b->status_address) == 0;
}

/* Begins to serve the status, if it is to be served and is not yet. */
static int serve(struct program *s, struct err *err)
{
	if (s->server || s->o->once || s->o->rollback || s->config.status_port == 0)
		return 0;
	s->server = status_serve(&s->agent.status, &s->config, err);
	return s->server ? 0 : err_wrap(err, "the status endpoint");
}

/* Puts a configuration that was read into use. */
static int adopt(struct program *s, struct arena *arena, const struct agent_config *config,
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
static void reload(struct program *s)
{
	struct arena arena = {0};
	struct agent_config config;
	struct err err = {0};
	struct stat now = {0};

	(void)stat(s->o->config, &now);
	if (!s->service.reload && service_looks_alike(&now, &s->seen)) {
		/* Its port may have been in use. */
		if (serve(s, &err) < 0)
			log_line(LOG_ERROR, "%s", err.text);
		return;
	}
	s->service.reload = 0;
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

static void report(struct program *s)
{
	AUTO(strbuf_release) struct strbuf json = STRBUF_INIT;
	struct err err = {0};

	if (!s->config.reporting.enabled)
		return;
	status_json(&s->agent.status, &json);
	if (report_add(&s->config, json.data, &err) < 0 ||
		report_send(&s->config, &s->service.cancel, &err) < 0)
		log_warning("the report: %s", err.text);
}

static double next_interval(const struct agent_config *config)
{
	double luck = (double)random() / (double)RAND_MAX;

	return (double)config->poll_interval + luck * (double)config->jitter;
}

static int run(struct program *s)
{
	struct err err = {0};

	notify_supervisor("READY=1");
	for (;;) {
		err_clear(&err);
		int rc = cycle_run(&s->agent, &err);
		if (cancel_level(&s->service.cancel))
			break;
		report(s);
		if (s->o->once)
			return rc < 0 ? SERVICE_FAILED : SERVICE_DONE;
		service_wait(&s->service, deadline_in(next_interval(&s->config)));
		if (cancel_level(&s->service.cancel))
			break;
		reload(s);
	}
	notify_supervisor("STOPPING=1");
	return s->o->once ? SERVICE_FAILED : SERVICE_DONE;
}

static int put_back(struct program *s, struct err *err)
{
	if (cycle_put_back(&s->agent, s->o->rollback, err) < 0) {
		log_line(LOG_ERROR, "%s", err->text);
		return SERVICE_FAILED;
	}
	log_info("%s is what it was before, until its alias moves", s->o->rollback);
	return SERVICE_DONE;
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

static int start(struct program *s, struct arena *arena, const struct agent_config *config)
{
	struct err err = {0};

	if (check_owner(s->o, config, &err) < 0 || status_init(&s->agent.status, &err) < 0 ||
		service_start(&s->service, s->agent.status.wake, &err) < 0) {
		log_line(LOG_ERROR, "%s", err.text);
		return SERVICE_FAILED;
	}
	s->agent.cancel = &s->service.cancel;
	(void)stat(s->o->config, &s->seen);
	srandom((unsigned)(clock_ns() ^ getpid()));
	int code = SERVICE_FAILED;
	if (adopt(s, arena, config, &err) < 0)
		log_line(LOG_ERROR, "%s", err.text);
	else
		code = s->o->rollback ? put_back(s, &err) : run(s);
	http_server_stop(s->server);
	cycle_forget_sources(&s->agent);
	service_release(&s->service);
	status_release(&s->agent.status);
	arena_release(&s->arena);
	return code;
}

int main(int argc, char **argv)
{
	struct options o = {.config = CONFIG_PATH};
	const struct service_about about = {PROGRAM, MODELFLEET_VERSION,
		"Fetches the models that a registry's alias names, and brings them into use."};
	const struct service_option table[] = {
		{"once", NULL, "one cycle, then exit", &o.once, NULL},
		{"config", "FILE", "the configuration (" CONFIG_PATH ")", NULL, &o.config},
		{"check-config", NULL, "read it, say what is wrong with it, and exit", &o.check,
			NULL},
		{"rollback", "FILE", "put a file's former one back, until its alias moves",
			NULL, &o.rollback},
		{"json-log", NULL, "log as JSON, one object a line", &o.json_log, NULL},
		{0},
	};
	struct program s = {.o = &o};
	struct arena arena = {0};
	struct agent_config config;
	struct err err = {0};
	int code;

	if (!service_parse(&about, table, argc, argv, &code))
		return code;
	journal_setup(o.json_log);
	notify_setup();
	if (load(o.config, &arena, &config, &err) < 0) {
		if (err.code != ERR_INPUT)
			log_line(LOG_ERROR, "%s", err.text);
		arena_release(&arena);
		return SERVICE_USAGE;
	}
	if (!o.check)
		return start(&s, &arena, &config);
	printf("%s: %zu models, checked every %d seconds\n", o.config, config.models.count,
		(int)config.poll_interval);
	arena_release(&arena);
	return SERVICE_DONE;
}
