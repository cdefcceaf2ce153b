/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP port: what there is, how it is doing, and "look now". */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemons/cached/api_private.h"
#include "value/json.h"

#define RETRY_AFTER "Retry-After: 5"

void api_answer_json(struct http_answer *answer, const struct value *v)
{
	json_write(v, NULL, &answer->body, NULL);
	strbuf_addch(&answer->body, '\n');
}

static void set_text(struct arena *a, struct value *dict, const char *key, const char *text)
{
	value_dict_set(a, dict, key, *text ? value_new_string(a, text) : &value_null);
}

static void set_number(struct arena *a, struct value *dict, const char *key, uint64_t number)
{
	value_dict_set(a, dict, key, value_new_int(a, (int64_t)number));
}

static void set_time(struct arena *a, struct value *dict, const char *key, time_t t)
{
	char text[32] = "";

	if (t)
		clock_rfc3339(t, text);
	set_text(a, dict, key, text);
}

/* ---- what there is ---- */

/* True for a model of the configuration, or one that came: a request in vain makes no model. */
static bool counts(const struct update_row *row)
{
	return row->configured || row->ready;
}

const char *api_only_model(struct cached *d, char name[CACHE_NAME_MAX])
{
	size_t count;
	autofree struct update_row *rows = updater_rows(d->updater, &count);

	const struct update_row *only = NULL;
	for (size_t i = 0; i < count; i++) {
		if (!counts(&rows[i]))
			continue;
		if (only)
			return NULL;
		only = &rows[i];
	}
	return only ? memcpy(name, only->name, CACHE_NAME_MAX) : NULL;
}

static struct value *current_value(struct arena *a, const struct cache_row *row)
{
	struct value *v = value_new_dict(a);

	value_dict_set(a, v, "name", value_new_string(a, row->name));
	value_dict_set(a, v, "version", value_new_string(a, row->version));
	set_text(a, v, "stage", *row->stage ? row->stage : row->alias);
	set_time(a, v, "loaded_at", row->loaded_at);
	return v;
}

static bool has_configured(struct cached *d)
{
	struct cached_config *config = updater_config(d->updater);
	bool any = config->models.count > 0;

	cached_config_drop(config);
	return any;
}

static void answer_none(struct http_answer *answer, const char *why)
{
	http_answer_problem(answer, 503, "%s", why);
	strlist_add(&answer->headers, RETRY_AFTER);
}

/* Why there is no current version of a model. */
static void answer_missing(struct cached *d, struct http_answer *answer, const char *name)
{
	struct cached_config *config = updater_config(d->updater);

	autofree char *none = xasprintf("no version of \"%s\" is in memory", name);
	if (cached_config_find(config, name) || cached_config_allows(config, name))
		answer_none(answer, none);
	else
		http_answer_problem(answer, 404, "there is no model \"%s\"", name);
	cached_config_drop(config);
}

static void give_current(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct cached *d = data;
	AUTO(arena_release) struct arena a = {0};
	char only[CACHE_NAME_MAX];
	const char *name = http_call_query(call, "name");
	size_t count;
	autofree struct cache_row *rows = cache_rows(d->cache, &count);
	struct value *all = value_new_list(&a);

	if (!name)
		name = api_only_model(d, only);
	for (size_t i = 0; i < count; i++)
		if (rows[i].current && (!name || strcmp(rows[i].name, name) == 0))
			value_list_add(&a, all, current_value(&a, &rows[i]));
	if (name && all->count)
		api_answer_json(answer, all->items[0]);
	else if (name)
		answer_missing(d, answer, name);
	else if (all->count || !has_configured(d))
		api_answer_json(answer, all);
	else
		answer_none(answer, "no version of any model is in memory");
}

static struct value *version_value(struct arena *a, const struct cache_row *row)
{
	struct value *v = current_value(a, row);

	set_text(a, v, "alias", row->alias);
	set_text(a, v, "run_id", row->run_id);
	set_text(a, v, "sha256", row->sha256);
	set_number(a, v, "size", row->size);
	value_dict_set(a, v, "current", value_bool(row->current));
	value_dict_set(a, v, "pinned", value_bool(row->pinned));
	value_dict_set(a, v, "leaving", value_bool(row->leaving));
	set_number(a, v, "in_use", row->in_use);
	set_number(a, v, "hits", row->hits);
	value_dict_set(a, v, "idle_seconds", value_new_float(a, row->idle));
	return v;
}

static void give_models(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct cached *d = data;
	AUTO(arena_release) struct arena a = {0};
	size_t count;
	autofree struct cache_row *rows = cache_rows(d->cache, &count);
	struct value *all = value_new_list(&a), *v = value_new_dict(&a);

	(void)call;
	for (size_t i = 0; i < count; i++)
		value_list_add(&a, all, version_value(&a, &rows[i]));
	value_dict_set(&a, v, "models", all);
	api_answer_json(answer, v);
}

/* ---- how it is doing ---- */

static const char *state_of(const struct update_row *row)
{
	if (row->busy)
		return "checking";
	if (*row->refused)
		return "refused";
	if (row->failures)
		return "failing";
	return row->ready ? "current" : "waiting";
}

static struct value *target_value(struct arena *a, const struct update_row *row)
{
	struct value *v = value_new_dict(a);

	value_dict_set(a, v, "name", value_new_string(a, row->name));
	value_dict_set(a, v, "source", value_new_string(a, row->source));
	set_text(a, v, "stage", row->stage);
	value_dict_set(a, v, "state", value_new_string(a, state_of(row)));
	value_dict_set(a, v, "configured", value_bool(row->configured));
	value_dict_set(a, v, "pinned", value_bool(row->pinned));
	set_text(a, v, "named_version", row->wanted);
	set_text(a, v, "refused_version", row->refused);
	set_number(a, v, "checks", row->checks);
	set_number(a, v, "errors", row->errors);
	set_number(a, v, "failures", row->failures);
	set_time(a, v, "last_check", row->last_check);
	value_dict_set(a, v, "next_check_seconds", value_new_float(a, row->next_check));
	set_text(a, v, "last_error", row->error);
	return v;
}

static void give_updates(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct cached *d = data;
	AUTO(arena_release) struct arena a = {0};
	size_t count;
	autofree struct update_row *rows = updater_rows(d->updater, &count);
	struct cached_config *config = updater_config(d->updater);
	struct value *all = value_new_list(&a), *v = value_new_dict(&a);

	(void)call;
	for (size_t i = 0; i < count; i++)
		value_list_add(&a, all, target_value(&a, &rows[i]));
	set_number(&a, v, "interval_seconds", (uint64_t)config->interval);
	value_dict_set(&a, v, "models", all);
	api_answer_json(answer, v);
	cached_config_drop(config);
}

static void give_health(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct cached *d = data;
	struct cache_counts counts;

	(void)call;
	cache_counts(d->cache, &counts);
	answer->status = counts.versions ? 200 : 503;
	strbuf_addf(
		&answer->body, "{\"model_loaded\": %s}\n", counts.versions ? "true" : "false");
}

static void give_ready(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct cached *d = data;
	AUTO(arena_release) struct arena a = {0};
	size_t count;
	autofree struct update_row *rows = updater_rows(d->updater, &count);
	struct value *missing = value_new_list(&a), *v = value_new_dict(&a);

	(void)call;
	for (size_t i = 0; i < count; i++)
		if (rows[i].configured && !rows[i].ready)
			value_list_add(&a, missing, value_new_string(&a, rows[i].name));
	answer->status = missing->count ? 503 : 200;
	value_dict_set(&a, v, "ready", value_bool(missing->count == 0));
	value_dict_set(&a, v, "missing", missing);
	api_answer_json(answer, v);
}

static void give_metrics(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)call;
	answer->type = "text/plain; version=0.0.4";
	api_metrics(data, &answer->body);
}

static const struct http_route routes[] = {
	HTTP_ROUTE("GET", "/models/current", give_current),
	HTTP_ROUTE("POST", "/models/reload", api_take_reload),
	HTTP_ROUTE("GET", "/models", give_models),
	HTTP_ROUTE("GET", "/models/updates/status", give_updates),
	HTTP_ROUTE("GET", "/health", give_health),
	HTTP_ROUTE("GET", "/ready", give_ready),
	HTTP_ROUTE("GET", "/metrics", give_metrics),
	{0},
};

struct http_server *api_start(struct cached *d, struct err *err)
{
	struct http_server *server =
		http_server_start(&(struct http_server_options){.address = d->first->address,
					  .port = d->first->port,
					  .routes = routes,
					  .data = d},
			err);

	if (server)
		log_info("listening on %s, port %u", d->first->address,
			http_server_port(server));
	return server;
}
