/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/play_stats.h"

#include <stdlib.h>

#include "base/vec.h"
#include "cli/play_text.h"
#include "value/json.h"

/* ---- adding ---- */

/* Two mappings as one, the second one's word last, all the way down. */
static const struct value *merge(
	struct arena *arena, const struct value *a, const struct value *b)
{
	struct value *all = value_new_dict(arena);

	value_dict_foreach (old, a)
		value_dict_set_value(arena, all, old->key, old->value);
	value_dict_foreach (pair, b) {
		const struct value *had =
			value_text(pair->key) ? value_dict_get(a, pair->key->text) : NULL;
		bool both = had && had->kind == VALUE_DICT && pair->value->kind == VALUE_DICT;
		value_dict_set_value(arena, all, pair->key,
			both ? merge(arena, had, pair->value) : pair->value);
	}
	return all;
}

static const struct value *join(
	struct arena *arena, const struct value *a, const struct value *b)
{
	struct value *all = value_new_list(arena);

	value_list_foreach (item, a)
		value_list_add(arena, all, item);
	value_list_foreach (item, b)
		value_list_add(arena, all, item);
	return all;
}

/* What is said twice, added up; what is of another kind than before does not count. */
static const struct value *add(
	struct arena *arena, const struct value *had, const struct value *more)
{
	if (had->kind != more->kind)
		return had;
	switch (had->kind) {
	case VALUE_INT: return value_new_int(arena, had->integer + more->integer);
	case VALUE_FLOAT: return value_new_float(arena, had->real + more->real);
	case VALUE_STRING:
		return value_new_string(
			arena, arena_printf(arena, "%s%s", had->text, more->text));
	case VALUE_LIST: return join(arena, had, more);
	case VALUE_DICT: return merge(arena, had, more);
	default: return had;
	}
}

static void take(
	struct play_stats *s, struct value *to, const struct value *data, bool aggregate)
{
	value_dict_foreach (pair, data) {
		const char *name = value_text(pair->key);
		const struct value *had = name ? value_dict_get(to, name) : NULL;
		const struct value *more = value_copy(&s->arena, pair->value);
		if (name)
			value_dict_set(&s->arena, to, name,
				had && aggregate ? add(&s->arena, had, more) : more);
	}
}

static bool is_said(const struct value *stats, const char *key)
{
	const struct value *v = value_dict_get(stats, key);

	return v && value_truthy(v);
}

static void add_result(struct play_stats *s, const struct run_event *e, uint64_t key,
	const struct value *result)
{
	const struct value *stats = value_dict_get(result, "ansible_stats");
	const struct value *data = value_dict_get(stats, "data");

	if (!data || data->kind != VALUE_DICT || data->count == 0)
		return;
	*VEC_PUSH(s) = (struct play_stat){.key = key,
		.number = s->count,
		.host = is_said(stats, "per_host") ? e->host->name : NULL,
		.aggregate = is_said(stats, "aggregate"),
		.data = value_copy(&s->arena, data)};
}

void play_stats_add(struct play_stats *s, const struct run_event *e, uint64_t key)
{
	const struct value *items = value_dict_get(e->result, "results");

	if (e->outcome > TASK_CHANGED)
		return;
	if (!items || items->kind != VALUE_LIST) {
		add_result(s, e, key, e->result);
		return;
	}
	value_list_foreach (item, items)
		add_result(s, e, key, item);
}

/* ---- telling ---- */

/* A mapping on one line. */
static void add_values(const char *name, const struct value *v, struct strbuf *out)
{
	static const struct json_write_options options = {.sort_keys = true, .indent = 1};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (json_write(v, &options, &text, NULL) < 0)
		return;
	strbuf_addf(out, "\t%s: ", name);
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != '\n')
			strbuf_addch(out, text.data[i]);
	strbuf_addch(out, '\n');
}

/* In the order of their tasks, whichever host was first. */
static int by_task(const void *a, const void *b)
{
	const struct play_stat *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

void play_stats_settle(struct play_stats *s)
{
	if (s->count > s->settled)
		qsort(s->items + s->settled, s->count - s->settled, sizeof(*s->items), by_task);
	s->settled = s->count;
}

struct value *play_stats_of(struct play_stats *s, const char *host)
{
	struct value *all = value_new_dict(&s->arena);

	for (size_t i = 0; i < s->count; i++)
		if (str_cmp0(s->items[i].host, host) == 0)
			take(s, all, s->items[i].data, s->items[i].aggregate);
	return all;
}

void play_stats_hosts(const struct play_stats *s, struct strlist *names)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->items[i].host && !strlist_has(names, s->items[i].host))
			strlist_add(names, s->items[i].host);
	strlist_sort(names);
}

void play_stats_tell(struct play_stats *s, struct strbuf *out)
{
	AUTO(strlist_release) struct strlist names = {0};

	if (s->count == 0)
		return;
	play_stats_settle(s);
	play_stats_hosts(s, &names);
	play_banner("CUSTOM STATS:", out);
	for (size_t i = 0; i < names.count; i++)
		add_values(names.items[i], play_stats_of(s, names.items[i]), out);
	struct value *run = play_stats_of(s, NULL);
	if (run->count > 0) {
		strbuf_addch(out, '\n');
		add_values("RUN", run, out);
	}
	strbuf_addch(out, '\n');
}

void play_stats_release(struct play_stats *s)
{
	free(s->items);
	arena_release(&s->arena);
	*s = (struct play_stats){0};
}
