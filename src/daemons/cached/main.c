/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model-cached: the models of a serving host in memory, kept as a registry says.
 */
#include <stdio.h>

#include "base/log.h"
#include "daemons/cached/cached.h"
#include "daemons/journal.h"
#include "daemons/notify.h"
#include "daemons/service.h"

/* Reads the configuration; NULL after what is wrong was logged. */
static struct cached_config *load(const char *path, struct err *err)
{
	AUTO(diags_release) struct diags diags = {0};
	struct cached_config *config = cached_config_read(path, &diags, err);

	if (service_findings(&diags, config ? err : NULL) < 0) {
		cached_config_drop(config);
		return NULL;
	}
	if (!config)
		log_line(LOG_ERROR, "%s", err->text);
	return config;
}

static void reload(struct cached *cached, const char *path)
{
	struct err err = {0};
	struct cached_config *config = load(path, &err);

	if (config) {
		cached_configure(cached, config);
		log_info("the configuration was read again");
	} else {
		log_line(LOG_ERROR, "the configuration is refused, and the former stays: %s",
			err.text);
	}
	cached_config_drop(config);
}

static void serve(struct service *service, struct cached *cached, const char *path)
{
	notify_supervisor("READY=1");
	while (!cancel_level(&service->cancel)) {
		service_wait(service, DEADLINE_NEVER);
		if (!service->reload)
			continue;
		service->reload = 0;
		reload(cached, path);
	}
	notify_supervisor("STOPPING=1");
	log_info("stopping");
}

static int run(const char *path, struct cached_config *config)
{
	struct service service;
	struct err err = {0};

	if (service_start(&service, -1, &err) < 0) {
		log_line(LOG_ERROR, "%s", err.text);
		return SERVICE_FAILED;
	}
	struct cached *cached = cached_start(config, MODELFLEET_VERSION, &err);
	if (cached)
		serve(&service, cached, path);
	else
		log_line(LOG_ERROR, "%s", err.text);
	cached_stop(cached);
	service_release(&service);
	return cached ? SERVICE_DONE : SERVICE_FAILED;
}

static void tell_good(const char *path, const struct cached_config *config)
{
	size_t count = config->models.count;
	autofree char *pause = config->interval == 1
				       ? xstrdup("second")
				       : xasprintf("%d seconds", (int)config->interval);

	printf("%s: %zu model%s, checked every %s\n", path, count, count == 1 ? "" : "s",
		pause);
}

int main(int argc, char **argv)
{
	const char *path = CACHED_CONFIG_PATH;
	bool check = false, json = false;
	const struct service_about about = {"model-cached", MODELFLEET_VERSION,
		"Holds a host's models in memory, and exchanges them without a gap."};
	const struct service_option table[] = {
		{"config", "FILE", "the configuration (" CACHED_CONFIG_PATH ")", NULL, &path},
		{"check-config", NULL, "read it, say what is wrong with it, and exit", &check,
			NULL},
		{"json-log", NULL, "log as JSON, one object a line", &json, NULL},
		{0},
	};
	struct err err = {0};
	int code;

	if (!service_parse(&about, table, argc, argv, &code))
		return code;
	journal_setup_brackets(json);
	notify_setup();
	struct cached_config *config = load(path, &err);
	if (!config)
		return SERVICE_USAGE;
	if (check) {
		tell_good(path, config);
		code = SERVICE_DONE;
	} else {
		code = run(path, config);
	}
	cached_config_drop(config);
	return code;
}
