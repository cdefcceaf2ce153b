/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/cached/config.h"

#include <arpa/inet.h>

#include "daemons/cached/cache.h"
#include "daemons/model_origin.h"
#include "text/glob.h"
#include "value/yaml.h"

#define DAY        86400
#define CONFIG_MAX (1u << 20) /* bytes of a configuration */
#define MODELS_MAX 1000u
#define PRODUCTION "Production"

/* ---- the tables ---- */

static const struct setting model_settings[] = {
	SETTING(struct cached_model, name, TEXT, "mlflow_name"),
	SETTING(struct cached_model, name, TEXT, "name"),
	SETTING(struct cached_model, source, TEXT, "source"),
	SETTING(struct cached_model, uri, TEXT, "uri"),
	SETTING(struct cached_model, stage, TEXT, "stage"),
	SETTING(struct cached_model, alias, TEXT, "alias"),
	SETTING(struct cached_model, artifact, TEXT, "artifact"),
	SETTING(struct cached_model, sha256_tag, TEXT, "sha256_tag"),
	SETTING(struct cached_model, validate_command, TEXT, "validate_command"),
	SETTING(struct cached_model, validate_timeout, NUMBER, "validate_timeout_seconds",
		.min = 1, .max = DAY),
	SETTING(struct cached_model, pinned, BOOL, "pinned"),
	{0},
};

static void prepare_model(void *item)
{
	struct cached_model *m = item;

	m->source = "mlflow";
	m->sha256_tag = "sha256";
	m->validate_timeout = 60;
}

static const struct setting settings[] = {
	SETTING(struct cached_config, mlflow_uri, TEXT, "mlflow_uri"),
	SETTING(struct cached_config, interval, INT, "update_interval_seconds", .min = 1,
		.max = 30 * DAY),
	SETTING(struct cached_config, jitter, NUMBER, "update_jitter", .max = 1),
	SETTING(struct cached_config, retry, NUMBERS, "retry_intervals", .max = DAY),
	SETTING(struct cached_config, cache_size, INT, "cache_size", .min = 1,
		.max = MODELS_MAX),
	SETTING(struct cached_config, cache_bytes, INT, "cache_bytes"),
	SETTING(struct cached_config, disk_bytes, INT, "disk_bytes"),
	SETTING(struct cached_config, model_bytes, INT, "max_model_bytes"),
	SETTING(struct cached_config, rate, INT, "bandwidth_bytes_per_second"),
	SETTING(struct cached_config, loaders, INT, "loaders", .min = 1, .max = 64),
	SETTING(struct cached_config, listen, TEXT, "listen"),
	SETTING(struct cached_config, socket, TEXT, "socket"),
	SETTING(struct cached_config, group, TEXT, "group"),
	SETTING(struct cached_config, state_dir, TEXT, "state_dir"),
	SETTING(struct cached_config, models, LIST, "models", .members = model_settings,
		.size = sizeof(struct cached_model), .prepare = prepare_model,
		.place = offsetof(struct cached_model, place)),
	SETTING(struct cached_config, allow, TEXTS, "allow"),
	{0},
};

static void set_defaults(struct cached_config *c)
{
	static double retry[] = {5, 10, 30, 60};

	c->mlflow_uri = "http://localhost:5000";
	c->interval = 60;
	c->jitter = 0.1;
	c->retry = (struct settings_numbers){.items = retry, .count = ARRAY_SIZE(retry)};
	c->cache_size = 5;
	c->disk_bytes = INT64_C(20) << 30;
	c->loaders = 4;
	c->listen = "127.0.0.1:8000";
	c->socket = "/run/model-cached/cache.sock";
	c->group = "";
	c->state_dir = "model-cache";
}

/* ---- the environment ---- */

static void take_number(const char *name, int64_t max, int64_t *to, struct diags *diags)
{
	const char *text = getenv(name);

	if (text && *text && !parse_int(text, 1, max, to))
		diag_error(diags, NULL,
			"%s: found \"%.40s\", expected a whole number from 1 to %lld", name,
			text, (long long)max);
}

static void take_environment(struct cached_config *c, struct diags *diags)
{
	const char *uri = getenv("MLFLOW_TRACKING_URI");

	if (uri && *uri)
		c->mlflow_uri = arena_strdup(c->arena, uri);
	take_number("MODEL_CACHE_SIZE", MODELS_MAX, &c->cache_size, diags);
	take_number("MODEL_UPDATE_INTERVAL", 30 * DAY, &c->interval, diags);
}

/* ---- what a table cannot tell ---- */

/* Puts in what a model leaves out. */
static void complete(const struct cached_config *c, struct cached_model *m)
{
	bool mlflow = strcmp(m->source, "mlflow") == 0;

	if (mlflow && !m->uri)
		m->uri = c->mlflow_uri;
	if (mlflow && !m->stage && !m->alias)
		m->stage = PRODUCTION;
}

/* Where it comes from, and which stages there are. */
static void check_origin(
	const struct cached_config *c, const struct cached_model *m, struct diags *diags)
{
	const struct model_origin origin = {.source = m->source,
		.uri = m->uri,
		.common = c->mlflow_uri,
		.stage = m->stage,
		.alias = m->alias,
		.artifact = m->artifact,
		.place = &m->place};
	bool registry = strcmp(m->source, "registry") == 0;

	model_origin_check(&origin, diags);
	if (registry && m->stage && strcmp(m->stage, PRODUCTION) != 0)
		diag_error(
			diags, &m->place, "stage: the registry has no other than " PRODUCTION);
	if (!registry && m->stage && strcmp(m->source, "mlflow") != 0)
		diag_error(diags, &m->place, "stage: only MLflow and the registry have stages");
}

static void check_name(const struct cached_config *c, size_t index, struct diags *diags)
{
	const struct cached_model *m = cached_config_model(c, index);

	if (!m->name || !*m->name) {
		diag_error(diags, &m->place, "mlflow_name is missing");
		return;
	}
	if (strlen(m->name) >= CACHE_NAME_MAX)
		diag_error(diags, &m->place, "mlflow_name: longer than %d bytes",
			CACHE_NAME_MAX - 1);
	if (strlen(cached_model_stage(m)) >= CACHE_STAGE_MAX)
		diag_error(diags, &m->place, "%s: longer than %d bytes",
			m->stage ? "stage" : "alias", CACHE_STAGE_MAX - 1);
	const struct cached_model *first = cached_config_find(c, m->name);
	if (first != m)
		diag_error(diags, &m->place, "mlflow_name: \"%s\" is that of line %u, too",
			m->name, first->place.line);
}

static void check_models(struct cached_config *c, const struct place *at, struct diags *diags)
{
	struct cached_model *models = c->models.items;
	int64_t pinned = 0;

	if (c->models.count > MODELS_MAX)
		diag_error(diags, at, "models: more than %u", MODELS_MAX);
	for (size_t i = 0; i < c->models.count; i++) {
		complete(c, &models[i]);
		check_name(c, i, diags);
		check_origin(c, &models[i], diags);
		pinned += models[i].pinned;
	}
	if (pinned > c->cache_size)
		diag_error(diags, at,
			"%lld models are pinned, and cache_size has places for %lld: pin "
			"fewer, or raise cache_size (MODEL_CACHE_SIZE)",
			(long long)pinned, (long long)c->cache_size);
}

/* "127.0.0.1:8000", "[::1]:8000", ":8000" or "8000". */
static void check_listen(struct cached_config *c, const struct place *at, struct diags *diags)
{
	const char *colon = strrchr(c->listen, ':');
	const char *start = c->listen, *end = colon ? colon : c->listen;
	struct in6_addr any;
	int64_t port;

	if (!parse_int(colon ? colon + 1 : c->listen, 0, UINT16_MAX, &port)) {
		diag_error(diags, at,
			"listen: found \"%s\", expected an address and a port, such as "
			"127.0.0.1:8000",
			c->listen);
		return;
	}
	if (end - start > 2 && start[0] == '[' && end[-1] == ']') {
		start++;
		end--;
	}
	c->port = (uint16_t)port;
	c->address = end == start ? "127.0.0.1"
				  : arena_strndup(c->arena, start, (size_t)(end - start));
	if (inet_pton(AF_INET, c->address, &any) != 1 &&
		inet_pton(AF_INET6, c->address, &any) != 1)
		diag_error(diags, at, "listen: \"%s\" is no IPv4 or IPv6 address", c->address);
}

static void check(struct cached_config *c, const struct place *at, struct diags *diags)
{
	check_models(c, at, diags);
	check_listen(c, at, diags);
	if (c->retry.count == 0)
		diag_error(diags, at, "retry_intervals: expected at least one number");
	if (!*c->socket)
		diag_error(diags, at, "socket is empty: expected the path of a socket");
	if (!*c->state_dir)
		diag_error(diags, at, "state_dir is empty: expected a directory");
}

/* ---- reading ---- */

static int read_settings(
	const char *path, struct cached_config *c, struct diags *diags, struct err *err)
{
	static const struct yaml_options options = {
		.duplicates_are_errors = true, .safe_loader = true, .max_bytes = CONFIG_MAX};
	const struct value *v = yaml_read_file(c->arena, path, &options, diags, err);

	if (!v)
		return -1;
	set_defaults(c);
	if (v->kind == VALUE_DICT)
		settings_read(c->arena, v, "", settings, c, diags);
	else if (v->kind != VALUE_NULL)
		diag_error(diags, &v->place, "expected a mapping of settings");
	take_environment(c, diags);
	check(c, &v->place, diags);
	return 0;
}

struct cached_config *cached_config_read(const char *path, struct diags *diags, struct err *err)
{
	struct arena *arena = xcalloc(1, sizeof(*arena));
	struct cached_config *c = ARENA_NEW(arena, struct cached_config);

	c->arena = arena;
	c->refs = 1;
	if (read_settings(path, c, diags, err) == 0)
		return c;
	cached_config_drop(c);
	return NULL;
}

struct cached_config *cached_config_hold(struct cached_config *c)
{
	__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void cached_config_drop(struct cached_config *c)
{
	if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
		return;
	struct arena *arena = c->arena;
	arena_release(arena);
	free(arena);
}

/* ---- asking ---- */

const struct cached_model *cached_config_model(const struct cached_config *c, size_t index)
{
	return (const struct cached_model *)c->models.items + index;
}

const struct cached_model *cached_config_find(const struct cached_config *c, const char *name)
{
	for (size_t i = 0; i < c->models.count; i++) {
		const struct cached_model *m = cached_config_model(c, i);
		if (m->name && strcmp(m->name, name) == 0)
			return m;
	}
	return NULL;
}

bool cached_config_allows(const struct cached_config *c, const char *name)
{
	if (!*name || strlen(name) >= CACHE_NAME_MAX)
		return false;
	for (size_t i = 0; i < c->allow.count; i++)
		if (glob_match(c->allow.items[i], name))
			return true;
	return false;
}

struct cached_model cached_config_guess(const struct cached_config *c, const char *name)
{
	struct cached_model m = {.name = name};

	prepare_model(&m);
	complete(c, &m);
	return m;
}

const char *cached_model_stage(const struct cached_model *m)
{
	if (m->stage)
		return m->stage;
	if (m->alias)
		return m->alias;
	return strcmp(m->source, "registry") == 0 ? PRODUCTION : "latest";
}

void cached_config_tag(const struct cached_config *c, const char *name, struct strbuf *out)
{
	if (c->models.count != 1 || c->allow.count)
		strbuf_addf(out, " (%s)", name);
}
