/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/sync_agent/config.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/path.h"
#include "daemons/model_origin.h"
#include "value/yaml.h"

#define DAY        86400
#define CONFIG_MAX (1u << 20) /* bytes of a configuration */
#define MODELS_MAX 1000u
#define HOST_NAME  255 /* characters that are taken of it */

static const struct setting model_settings[] = {
	SETTING(struct agent_model, name, TEXT, "mlflow_name"),
	SETTING(struct agent_model, name, TEXT, "name"),
	SETTING(struct agent_model, local_name, TEXT, "local_filename", .required = true),
	SETTING(struct agent_model, source, TEXT, "source"),
	SETTING(struct agent_model, uri, TEXT, "uri"),
	SETTING(struct agent_model, alias, TEXT, "alias"),
	SETTING(struct agent_model, stage, TEXT, "stage"),
	SETTING(struct agent_model, revision, TEXT, "revision"),
	SETTING(struct agent_model, artifact, TEXT, "artifact"),
	SETTING(struct agent_model, sha256_tag, TEXT, "sha256_tag"),
	{0},
};

static const struct setting health_settings[] = {
	SETTING(struct agent_health, unit, TEXT, "unit"),
	SETTING(struct agent_health, url, TEXT, "url"),
	SETTING(struct agent_health, command, TEXT, "command"),
	SETTING(struct agent_health, host, TEXT, "host"),
	SETTING(struct agent_health, port, INT, "port", .min = 1, .max = 65535),
	SETTING(struct agent_health, timeout, NUMBER, "timeout_seconds", .max = DAY),
	SETTING(struct agent_health, stable, NUMBER, "stable_seconds", .max = DAY),
	{0},
};

static const struct setting update_settings[] = {
	SETTING(struct agent_update, restart, BOOL, "restart_pilot"),
	SETTING(struct agent_update, command, TEXT, "restart_command"),
	SETTING(struct agent_update, timeout, NUMBER, "restart_timeout_seconds", .min = 1,
		.max = DAY),
	SETTING(struct agent_update, flag_file, TEXT, "flag_file"),
	SETTING(struct agent_update, process_pattern, TEXT, "process_pattern"),
	SETTING(struct agent_update, pid_file, TEXT, "pid_file"),
	SETTING(struct agent_update, health, SECTION, "health", .members = health_settings),
	{0},
};

static const struct setting reporting_settings[] = {
	SETTING(struct agent_reporting, enabled, BOOL, "enabled"),
	SETTING(struct agent_reporting, endpoint, TEXT, "endpoint"),
	SETTING(struct agent_reporting, device_id, TEXT, "device_id"),
	SETTING(struct agent_reporting, api_key, TEXT, "api_key"),
	{0},
};

static const struct setting sync_settings[] = {
	SETTING(struct agent_config, poll_interval, INT, "poll_interval_seconds", .min = 1,
		.max = 30 * DAY),
	SETTING(struct agent_config, jitter, INT, "jitter_seconds", .max = DAY),
	SETTING(struct agent_config, mlflow_uri, TEXT, "mlflow_uri"),
	SETTING(struct agent_config, alias, TEXT, "alias"),
	SETTING(struct agent_config, models_dir, TEXT, "models_dir"),
	SETTING(struct agent_config, models, LIST, "models", .required = true,
		.members = model_settings, .size = sizeof(struct agent_model),
		.place = offsetof(struct agent_model, place)),
	SETTING(struct agent_config, manifest_path, TEXT, "manifest_path"),
	SETTING(struct agent_config, sha256_tag, TEXT, "sha256_tag"),
	SETTING(struct agent_config, keep_former, INT, "keep_former", .max = 100),
	SETTING(struct agent_config, rate, INT, "bandwidth_bytes_per_second"),
	SETTING(struct agent_config, size_max, INT, "max_model_bytes"),
	SETTING(struct agent_config, on_update, SECTION, "on_update",
		.members = update_settings),
	SETTING(struct agent_config, reporting, SECTION, "reporting",
		.members = reporting_settings),
	SETTING(struct agent_config, status_port, INT, "status_port", .min = 0, .max = 65535),
	SETTING(struct agent_config, status_address, TEXT, "status_address"),
	SETTING(struct agent_config, status_token, TEXT, "status_token"),
	SETTING(struct agent_config, webhook_secret, TEXT, "webhook_secret"),
	{0},
};

static void set_defaults(struct agent_config *c)
{
	const char *uri = getenv("MLFLOW_TRACKING_URI");

	*c = (struct agent_config){.poll_interval = 3600,
		.mlflow_uri = uri && *uri ? uri : "http://localhost:5000",
		.alias = "champion",
		.models_dir = "models",
		.manifest_path = "models/manifest.json",
		.sha256_tag = "sha256",
		.on_update = {.restart = true,
			.command = "systemctl restart alpr-pilot",
			.timeout = 60,
			.flag_file = "models/.update-pending",
			.process_pattern = "pilot.py",
			.health = {.host = "127.0.0.1", .timeout = 60, .stable = 10}},
		.status_port = 8005,
		.status_address = "127.0.0.1"};
}

/* ---- what a table cannot tell ---- */

/* Puts the common settings into a model that does not say its own. */
static void complete(const struct agent_config *c, struct agent_model *m)
{
	if (!m->source)
		m->source = "mlflow";
	if (m->revision)
		m->alias = m->revision;
	bool mlflow = strcmp(m->source, "mlflow") == 0;
	if (!m->alias && !m->stage && mlflow)
		m->alias = c->alias;
	if (!m->uri && mlflow)
		m->uri = c->mlflow_uri;
	if (!m->sha256_tag)
		m->sha256_tag = c->sha256_tag;
}

/* True if a path is in a directory that is the agent's own. */
static bool is_reserved(const char *name)
{
	static const char *const own[] = {CONFIG_STAGING, CONFIG_FORMER};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		size_t n = strlen(own[i]);
		if (strncmp(name, own[i], n) == 0 && (!name[n] || name[n] == '/'))
			return true;
	}
	return str_starts(name, CONFIG_OWN);
}

static void check_local_name(
	const struct agent_config *c, const struct agent_model *m, struct diags *diags)
{
	autofree char *path = path_join(c->models_dir, m->local_name);

	if (!path_is_contained(m->local_name))
		diag_error(diags, &m->place,
			"local_filename: \"%s\" leaves models_dir, or is no path of a file",
			m->local_name);
	else if (is_reserved(m->local_name))
		diag_error(diags, &m->place,
			"local_filename: \"%s\" lies where the agent keeps its own files",
			m->local_name);
	else if (strcmp(path, c->manifest_path) == 0 ||
		 strcmp(path, c->on_update.flag_file) == 0)
		diag_error(diags, &m->place,
			"local_filename: \"%s\" is the manifest's or the flag's",
			m->local_name);
}

static void check_model(
	const struct agent_config *c, const struct agent_model *m, struct diags *diags)
{
	const struct model_origin origin = {.source = m->source,
		.uri = m->uri,
		.common = c->mlflow_uri,
		.stage = m->stage,
		.alias = m->alias,
		.artifact = m->artifact,
		.place = &m->place};

	if (!m->name || !*m->name)
		diag_error(diags, &m->place, "mlflow_name is missing");
	if (m->local_name)
		check_local_name(c, m, diags);
	model_origin_check(&origin, diags);
	if (m->stage && strcmp(m->source, "mlflow") != 0)
		diag_error(diags, &m->place, "stage: only MLflow has stages");
}

/* True if two files are the same, or one would lie in the other. */
static bool are_in_the_way(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), shorter = n < m ? n : m;

	if (strncmp(a, b, shorter) != 0)
		return false;
	return n == m || (n > m ? a[m] : b[n]) == '/';
}

/* Files that two models name. */
static void check_twins(const struct agent_config *c, struct diags *diags)
{
	for (size_t i = 0; i < c->models.count; i++) {
		const struct agent_model *m = config_model(c, i);
		for (size_t k = 0; m->local_name && k < i; k++) {
			const struct agent_model *other = config_model(c, k);
			if (other->local_name &&
				are_in_the_way(other->local_name, m->local_name))
				diag_error(diags, &m->place,
					"local_filename: \"%s\" cannot be there beside the "
					"\"%s\" of line %u",
					m->local_name, other->local_name, other->place.line);
		}
	}
}

/* Files of ours where the agent removes what it does not know of. */
static void check_paths(
	const struct agent_config *c, const struct value *v, struct diags *diags)
{
	const struct {
		const char *name, *path;
	} files[] = {{"manifest_path", c->manifest_path},
		{"on_update.flag_file", c->on_update.flag_file}};
	size_t n = strlen(c->models_dir);

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (strncmp(files[i].path, c->models_dir, n) == 0 && files[i].path[n] == '/' &&
			is_reserved(files[i].path + n + 1))
			diag_error(diags, &v->place,
				"%s: \"%s\" lies where the agent keeps its own files",
				files[i].name, files[i].path);
}

/* Secrets that everybody knows. */
static void check_secrets(
	const struct agent_config *c, const struct value *v, struct diags *diags)
{
	const struct {
		const char *name, *text;
	} secrets[] = {
		{"status_token", c->status_token}, {"webhook_secret", c->webhook_secret}};

	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		if (secrets[i].text && !*secrets[i].text)
			diag_error(diags, &v->place,
				"%s is empty: leave it out where none is meant",
				secrets[i].name);
}

static void check(struct agent_config *c, const struct value *v, struct diags *diags)
{
	struct agent_model *models = c->models.items;

	for (size_t i = 0; i < c->models.count; i++) {
		complete(c, &models[i]);
		check_model(c, &models[i], diags);
	}
	check_twins(c, diags);
	check_paths(c, v, diags);
	check_secrets(c, v, diags);
	if (c->models.count > MODELS_MAX)
		diag_error(diags, &v->place, "models: more than %u", MODELS_MAX);
	if (c->reporting.enabled && !c->reporting.endpoint)
		diag_error(diags, &v->place,
			"reporting.endpoint is missing, and reporting is enabled");
	if (c->reporting.endpoint && !model_origin_is_url(c->reporting.endpoint))
		diag_error(diags, &v->place,
			"reporting.endpoint: found \"%s\", expected what begins with http:// "
			"or https://",
			c->reporting.endpoint);
	if (c->webhook_secret && !c->status_port)
		diag_error(diags, &v->place,
			"webhook_secret: webhooks come to status_port, which is 0");
}

int config_read(struct arena *a, const char *path, struct agent_config *config,
	struct diags *diags, struct err *err)
{
	static const struct setting table[] = {
		{.name = "model_sync",
			.type = SETTING_SECTION,
			.required = true,
			.members = sync_settings},
		{0},
	};
	static const struct yaml_options options = {
		.duplicates_are_errors = true, .safe_loader = true, .max_bytes = CONFIG_MAX};
	const struct value *v = yaml_read_file(a, path, &options, diags, err);

	set_defaults(config);
	if (!v)
		return -1;
	if (v->kind != VALUE_DICT) {
		diag_error(diags, &v->place, "expected a mapping with \"model_sync\"");
		return 0;
	}
	settings_read(a, v, "", table, config, diags);
	check(config, v, diags);
	return 0;
}

const struct agent_model *config_model(const struct agent_config *config, size_t index)
{
	return (const struct agent_model *)config->models.items + index;
}

const char *config_device(struct arena *a, const struct agent_config *config)
{
	char name[HOST_NAME + 1] = "";

	if (config->reporting.device_id)
		return config->reporting.device_id;
	if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
		return "unknown";
	return arena_strdup(a, name);
}
