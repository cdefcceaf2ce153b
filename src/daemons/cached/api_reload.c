/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /models/reload. The request waits for the updater's threads, one answer a model; the
 * last of them answers the client.
 */
#include <pthread.h>

#include "daemons/cached/api_private.h"

struct outcome {
	char name[CACHE_NAME_MAX];
	char version[CACHE_VERSION_MAX]; /* "" where it failed */
	struct err err;
};

struct reload_call {
	pthread_mutex_t lock;
	struct http_later *later;
	size_t waiting; /* answers that are not there yet */
	bool list;      /* all models were meant */
	size_t count;
	struct outcome outcomes[];
};

static unsigned status_of(const struct err *err)
{
	static const struct {
		enum err_code code;
		unsigned status;
	} statuses[] = {{ERR_BUSY, 503}, {ERR_CANCELLED, 503}};

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i].code == err->code)
			return statuses[i].status;
	return 502;
}

static void answer_one(const struct outcome *o, struct http_answer *answer)
{
	AUTO(arena_release) struct arena a = {0};
	struct value *v = value_new_dict(&a);

	if (!*o->version) {
		http_answer_problem(answer, status_of(&o->err), "%s", o->err.text);
		if (answer->status == 503)
			strlist_add(&answer->headers, "Retry-After: 5");
		return;
	}
	value_dict_set(&a, v, "status", value_new_string(&a, "reloaded"));
	value_dict_set(&a, v, "model_version", value_new_string(&a, o->version));
	api_answer_json(answer, v);
}

static struct value *outcome_value(struct arena *a, const struct outcome *o)
{
	struct value *v = value_new_dict(a);
	bool good = *o->version;

	value_dict_set(a, v, "name", value_new_string(a, o->name));
	value_dict_set(a, v, "status", value_new_string(a, good ? "reloaded" : "failed"));
	value_dict_set(
		a, v, "model_version", good ? value_new_string(a, o->version) : &value_null);
	if (!good)
		value_dict_set(a, v, "detail", value_new_string(a, o->err.text));
	return v;
}

static void answer_list(const struct reload_call *r, struct http_answer *answer)
{
	AUTO(arena_release) struct arena a = {0};
	struct value *all = value_new_list(&a);

	for (size_t i = 0; i < r->count; i++) {
		value_list_add(&a, all, outcome_value(&a, &r->outcomes[i]));
		if (!*r->outcomes[i].version)
			answer->status = 502;
	}
	api_answer_json(answer, all);
}

/* Gives the answer and frees the call. */
static void finish(struct reload_call *r)
{
	struct http_answer answer = HTTP_ANSWER_INIT;

	if (r->list)
		answer_list(r, &answer);
	else
		answer_one(&r->outcomes[0], &answer);
	http_later_answer(r->later, &answer);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void take(void *arg, const char *name, const char *version, const struct err *err)
{
	struct reload_call *r = arg;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->count; i++) {
		struct outcome *o = &r->outcomes[i];
		if (strcmp(o->name, name) != 0)
			continue;
		if (version)
			memcpy(o->version, version, strlen(version) + 1);
		else
			o->err = *err;
	}
	bool last = --r->waiting == 0;
	pthread_mutex_unlock(&r->lock);
	if (last)
		finish(r);
}

static struct reload_call *new_call(size_t count, bool list)
{
	struct reload_call *r = xcalloc(1, sizeof(*r) + count * sizeof(r->outcomes[0]));

	pthread_mutex_init(&r->lock, NULL);
	r->count = r->waiting = count;
	r->list = list;
	return r;
}

static void begin(struct cached *d, const struct http_call *call, struct reload_call *r)
{
	size_t count = r->count;

	r->later = http_call_later(call);
	/* The last answer frees r: it is held until all were asked. */
	r->waiting++;
	for (size_t i = 0; i < count; i++)
		updater_reload(d->updater, r->outcomes[i].name, take, r);
	pthread_mutex_lock(&r->lock);
	bool last = --r->waiting == 0;
	pthread_mutex_unlock(&r->lock);
	if (last)
		finish(r);
}

static void reload_all(struct cached *d, const struct http_call *call)
{
	size_t count;
	autofree struct update_row *rows = updater_rows(d->updater, &count);
	struct reload_call *r = new_call(count, true);

	for (size_t i = 0; i < count; i++)
		memcpy(r->outcomes[i].name, rows[i].name, CACHE_NAME_MAX);
	begin(d, call, r);
}

void api_take_reload(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct cached *d = data;
	char only[CACHE_NAME_MAX];
	const char *name = http_call_query(call, "name");
	struct cached_config *config = updater_config(d->updater);

	if (!name)
		name = api_only_model(d, only);
	bool known =
		!name || cached_config_find(config, name) || cached_config_allows(config, name);
	cached_config_drop(config);
	if (!known) {
		http_answer_problem(answer, 404, "there is no model \"%s\"", name);
	} else if (!name) {
		reload_all(d, call);
	} else {
		struct reload_call *r = new_call(1, false);
		memcpy(r->outcomes[0].name, name, strlen(name) + 1);
		begin(d, call, r);
	}
}
