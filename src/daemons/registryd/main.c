/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model-registryd: the registry of models as a service.
 */
#include <stdio.h>

#include "base/log.h"
#include "daemons/journal.h"
#include "daemons/notify.h"
#include "daemons/registryd/registryd.h"
#include "daemons/service.h"

#define CONFIG_PATH "config/model_registryd.yaml"

struct options {
	const char *config, *store, *listen;
	bool check, json_log, sync_now;
};

/* Options go before settings. ERR_INPUT. */
static int take_options(const struct options *o, struct registryd_config *config,
	struct arena *arena, struct err *err)
{
	const char *address;
	uint16_t port;

	if (o->store)
		config->store = o->store;
	if (o->listen)
		config->listen = o->listen;
	return o->listen ? config_listen(arena, o->listen, &address, &port, err) : 0;
}

/*
 * Reads the configuration; a file that nobody named may be missing. -1 with err after all that
 * is wrong was logged.
 */
static int load(const struct options *o, struct arena *arena, struct registryd_config *config,
	struct err *err)
{
	AUTO(diags_release) struct diags diags = {0};
	int rc = config_read(
		arena, o->config ? o->config : CONFIG_PATH, !o->config, config, &diags, err);

	if (service_findings(&diags, rc < 0 ? NULL : err) < 0 && rc == 0)
		return -1;
	if (rc == 0)
		rc = take_options(o, config, arena, err);
	if (rc < 0)
		log_line(LOG_ERROR, "%s", err->text);
	return rc;
}

/* Takes keys and the certificate up that have changed; where that fails the former stay. */
static void reload(const struct options *o, struct registryd *r)
{
	AUTO(arena_release) struct arena arena = {0};
	struct registryd_config config;
	struct err err = {0};

	if (load(o, &arena, &config, &err) < 0 || registryd_reload(r, &config, &err) < 0)
		log_line(LOG_ERROR, "the configuration is refused, and the former stays: %s",
			err.text);
	else
		log_info("keys, rules of access%s were read again",
			config.tls_cert ? " and the certificate" : "");
}

static int run(const struct options *o, const struct registryd_config *config)
{
	struct service service;
	struct err err = {0};

	if (service_start(&service, -1, &err) < 0) {
		log_line(LOG_ERROR, "%s", err.text);
		return SERVICE_FAILED;
	}
	struct registryd *r = registryd_start(config, MODELFLEET_VERSION, &err);
	if (r) {
		notify_supervisor("READY=1");
		while (!cancel_level(&service.cancel)) {
			service_wait(&service, DEADLINE_NEVER);
			if (!service.reload)
				continue;
			service.reload = 0;
			reload(o, r);
		}
		notify_supervisor("STOPPING=1");
		log_info("stopping");
	} else {
		log_line(LOG_ERROR, "%s", err.text);
	}
	registryd_stop(r);
	service_release(&service);
	return r ? SERVICE_DONE : SERVICE_FAILED;
}

/* One sync of the catalogue, whatever its schedule, without the service. */
static int sync_now(const struct registryd_config *config)
{
	struct sync_result result;
	struct err err = {0};

	signal(SIGPIPE, SIG_IGN);
	struct catalogue *catalogue = catalogue_open(&config->catalogue, &err);
	int rc = catalogue ? catalogue_sync(catalogue, "command", &result, &err) : -1;
	catalogue_close(catalogue);
	if (rc < 0) {
		log_line(LOG_ERROR, "%s", err.text);
		return SERVICE_FAILED;
	}
	printf("created %lld, updated %lld, skipped %lld\n", (long long)result.created,
		(long long)result.updated, (long long)result.skipped);
	return SERVICE_DONE;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	const struct service_about about = {"model-registryd", MODELFLEET_VERSION,
		"Serves the registry of models: versions, the one in production, files."};
	const struct service_option table[] = {
		{"config", "FILE", "the configuration (" CONFIG_PATH ")", NULL, &o.config},
		{"store", "URI", "json:PATH, sqlite:PATH or postgresql://...", NULL, &o.store},
		{"listen", "ADDR:PORT", "where (127.0.0.1:8080)", NULL, &o.listen},
		{"check-config", NULL, "read it, say what is wrong with it, and exit", &o.check,
			NULL},
		{"sync-now", NULL, "synchronise the catalogue once, and exit", &o.sync_now,
			NULL},
		{"json-log", NULL, "log as JSON, one object a line", &o.json_log, NULL},
		{0},
	};
	struct registryd_config config;
	AUTO(arena_release) struct arena arena = {0};
	struct err err = {0};
	int code;

	if (!service_parse(&about, table, argc, argv, &code))
		return code;
	journal_setup(o.json_log);
	notify_setup();
	if (load(&o, &arena, &config, &err) < 0)
		return SERVICE_USAGE;
	if (o.sync_now)
		return sync_now(&config);
	if (!o.check)
		return run(&o, &config);
	printf("%s: good\n", o.config ? o.config : CONFIG_PATH);
	return SERVICE_DONE;
}
