/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run as one JSON document at its end, in the shape of Ansible's output "json": plays, their
 * tasks, of each task what became of every host; then the sums of the recap.
 *
 * Theory of operation. An entry is made when the first host comes to a task, and results are
 * copied into it. Hosts run free of each other, so the entries of a batch are brought into the
 * order of its tasks (play_order.h) when it is over. Where a play's strategy is free there is
 * no such order: each host has entries of its own, in that in which they came.
 */
#include "cli/play_document.h"

#include <stdlib.h>
#include <sys/time.h>

#include "base/strmap.h"
#include "base/vec.h"
#include "cli/play_order.h"
#include "cli/play_stats.h"
#include "cli/play_text.h"
#include "inventory/paths.h"
#include "value/json.h"

#define ID_DIGITS 12 /* behind the run's id */

/* A task of the batch in work. */
struct document_task {
	uint64_t key;                /* its place in the play */
	const struct run_host *host; /* of a free strategy: whose it is; else NULL */
	size_t number;               /* in the order in which they came */
	struct value *entry, *duration, *hosts;
};

struct document {
	struct arena arena;
	struct play_order order; /* where the hosts are */
	struct play_stats stats;
	struct strmap ids; /* of plays and tasks, by their addresses */
	const char *title; /* of the play */
	struct value *plays, *taken_back;
	struct value *duration, *tasks; /* of the play's last entry; NULL before the first */
	struct {
		struct document_task *items;
		size_t count, cap;
	} batch;
	bool entered; /* the play has an entry */
};

/* ---- parts of entries ---- */

/* The time in UTC, "2026-02-25T21:00:00.123456Z". */
static const struct value *now(struct document *d)
{
	struct timeval t;
	char seconds[32];

	gettimeofday(&t, NULL);
	clock_rfc3339(t.tv_sec, seconds);
	return value_new_stringf(&d->arena, "%.19s.%06ldZ", seconds, (long)t.tv_usec);
}

/* A name for a play or task that is the same whenever it comes in this run, and in no other. */
static const struct value *id_of(struct document *d, const struct show *s, const void *thing)
{
	char key[32];

	snprintf(key, sizeof(key), "%p", thing);
	const struct value *id = strmap_get(&d->ids, key);
	if (!id) {
		id = value_new_stringf(&d->arena, "%s-%0*zx", s->run_id ? s->run_id : "run",
			ID_DIGITS, d->ids.count + 1);
		strmap_set(&d->ids, key, (void *)id);
	}
	return id;
}

static const struct value *path_of(struct document *d, const struct place *place)
{
	return value_new_stringf(
		&d->arena, "%s:%u", path_absolute(&d->arena, place->file, NULL), place->line);
}

/* What plays and tasks say of themselves; *duration is the part that is filled in later. */
static struct value *new_head(struct document *d, const struct show *s, const char *name,
	const void *thing, const struct place *place, struct value **duration)
{
	struct value *head = value_new_dict(&d->arena);

	*duration = value_new_dict(&d->arena);
	value_dict_set(&d->arena, *duration, "start", now(d));
	value_dict_set(&d->arena, head, "name", value_new_string(&d->arena, name));
	value_dict_set(&d->arena, head, "id", id_of(d, s, thing));
	value_dict_set(&d->arena, head, "path", path_of(d, place));
	value_dict_set(&d->arena, head, "duration", *duration);
	return head;
}

/* ---- plays ---- */

static int by_place(const void *a, const void *b)
{
	const struct document_task *x = a, *y = b;

	if (!x->host && !y->host && x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

/* A batch is over: its tasks have come, and are put into their order. */
static void end_batch(struct document *d, const struct show *s)
{
	if (d->batch.count > 1)
		qsort(d->batch.items, d->batch.count, sizeof(*d->batch.items), by_place);
	for (size_t i = 0; i < d->batch.count; i++)
		value_list_add(&d->arena, d->tasks, d->batch.items[i].entry);
	d->batch.count = 0;
	memset(d->order.hosts, 0, s->count * sizeof(*d->order.hosts));
	play_stats_settle(&d->stats);
}

static void begin_entry(struct document *d, const struct show *s, const struct run_event *e)
{
	struct value *entry = value_new_dict(&d->arena);

	end_batch(d, s);
	d->tasks = value_new_list(&d->arena);
	value_dict_set(&d->arena, entry, "play",
		new_head(d, s, d->title ? d->title : e->play->name, e->play, &e->play->place,
			&d->duration));
	value_dict_set(&d->arena, entry, "tasks", d->tasks);
	value_list_add(&d->arena, d->plays, entry);
	d->entered = true;
}

static void play_begins(struct document *d, const struct run_event *e)
{
	const char *title = e->title ? e->title : e->play->name;

	d->title = title ? arena_strdup(&d->arena, title) : "";
	d->entered = false;
}

static void play_ends(struct document *d, const struct show *s, const struct run_event *e)
{
	if (d->entered)
		end_batch(d, s);
	else
		begin_entry(d, s, e);
}

/* ---- tasks ---- */

static struct document_task *find_task(
	struct document *d, uint64_t key, const struct run_host *host)
{
	for (size_t i = d->batch.count; i-- > 0;)
		if (d->batch.items[i].key == key && d->batch.items[i].host == host)
			return &d->batch.items[i];
	return NULL;
}

/* The entry of the task that a host is at. */
static struct document_task *task_of(
	struct document *d, const struct show *s, const struct run_event *e)
{
	const struct run_host *own = e->play->free ? e->host : NULL;
	uint64_t key = play_order_place(&d->order, s, e->host)->key;
	struct document_task *t = find_task(d, key, own);

	if (t)
		return t;
	if (!d->tasks)
		begin_entry(d, s, e); /* taken back after all plays */
	t = VEC_PUSH(&d->batch);
	*t = (struct document_task){.key = key,
		.host = own,
		.number = d->batch.count,
		.entry = value_new_dict(&d->arena),
		.hosts = value_new_dict(&d->arena)};
	value_dict_set(&d->arena, t->entry, "task",
		new_head(d, s,
			e->title  ? e->title
			: e->step ? step_title(e->step)
				  : "",
			e->step ? (const void *)e->step : (const void *)&e->play->gather_facts,
			e->step ? &e->step->place : &e->play->place, &t->duration));
	value_dict_set(&d->arena, t->entry, "hosts", t->hosts);
	return t;
}

static void task_begins(struct document *d, const struct show *s, const struct run_event *e)
{
	struct place_of_host *h = play_order_place(&d->order, s, e->host);

	h->key = play_order_key_of(h, e);
	if (!show_is_module(e->step, "meta"))
		task_of(d, s, e);
}

/* The members of a result or an item, without those that Ansible keeps for itself. */
static struct value *copy_members(struct document *d, const struct value *result)
{
	struct value *copy = value_new_dict(&d->arena);

	if (result && result->kind == VALUE_DICT)
		value_dict_foreach (pair, result)
			if (!value_text(pair->key) ||
				!str_starts(value_text(pair->key), "_ansible_"))
				value_dict_set_value(&d->arena, copy,
					value_copy(&d->arena, pair->key),
					value_copy(&d->arena, pair->value));
	return copy;
}

static void copy_items(struct document *d, struct value *result)
{
	const struct value *items = value_dict_get(result, "results");
	struct value *copy = value_new_list(&d->arena);

	if (!items || items->kind != VALUE_LIST)
		return;
	value_list_foreach (item, items)
		value_list_add(&d->arena, copy,
			item->kind == VALUE_DICT ? copy_members(d, item) : item);
	value_dict_set(&d->arena, result, "results", copy);
}

/* A result as others see it: what it says of its outcome is said in one place. */
static struct value *copy_result(struct document *d, const struct run_event *e)
{
	struct value *copy = copy_members(d, e->result);
	const struct value *away = value_dict_get(copy, "unreachable");
	bool failed = e->outcome >= TASK_FAILED && e->outcome != TASK_UNREACHABLE &&
		      !(away && value_truthy(away));

	copy_items(d, copy);
	value_dict_remove(&d->arena, copy, value_new_string(&d->arena, "failed"));
	value_dict_remove(&d->arena, copy, value_new_string(&d->arena, "skipped"));
	if (failed)
		value_dict_set(&d->arena, copy, "failed", &value_true);
	if (e->outcome == TASK_SKIPPED)
		value_dict_set(&d->arena, copy, "skipped", &value_true);
	value_dict_set(&d->arena, copy, "action",
		value_new_string(&d->arena, e->step && e->step->kind == STEP_TASK
						    ? e->step->task->module_name
						    : "gather_facts"));
	return copy;
}

static void task_ends(struct document *d, const struct show *s, const struct run_event *e)
{
	const struct value *time = now(d);

	if (show_is_module(e->step, "meta"))
		return;
	struct document_task *t = task_of(d, s, e);
	value_dict_set(
		&d->arena, t->hosts, arena_strdup(&d->arena, e->host->name), copy_result(d, e));
	value_dict_set(&d->arena, t->duration, "end", time);
	value_dict_set(&d->arena, d->duration, "end", time);
	if (s->tells_stats)
		play_stats_add(&d->stats, e, t->key);
}

/* ---- events ---- */

static void host_undone(struct document *d, const struct run_event *e)
{
	const struct run_host *h = e->host;
	const char *why = h->undo_err.code ? h->undo_err.text : NULL;

	value_dict_set(&d->arena, d->taken_back, arena_strdup(&d->arena, h->name),
		value_new_stringf(&d->arena, "%s%s%s", show_undo_text(h->undo), why ? ": " : "",
			why ? why : ""));
}

/* That a play has no hosts is seen in it. */
static void warn(
	const struct document *d, struct show *s, const struct run_event *e, struct strbuf *out)
{
	if (!e->host && e->play && !d->entered)
		return;
	autofree char *text = e->host && e->number == 0
				      ? xasprintf("%s: %s", e->host->name, e->text)
				      : xstrdup(e->text);

	show_warn(s, text, out);
}

static void document_event(struct show *s, const struct run_event *e, struct strbuf *out)
{
	struct document *d = s->data;

	switch (e->kind) {
	case RUN_PLAY: play_begins(d, e); break;
	case RUN_BATCH: begin_entry(d, s, e); break;
	case RUN_HOST:
		*play_order_place(&d->order, s, e->host) =
			(struct place_of_host){.begun = true, .section = SECTION_PRE};
		break;
	case RUN_PHASE:
		if (strcmp(e->text, "undo") == 0)
			play_order_place(&d->order, s, e->host)->section = SECTION_UNDO;
		break;
	case RUN_TASK: task_begins(d, s, e); break;
	case RUN_RESULT: task_ends(d, s, e); break;
	case RUN_UNDO: host_undone(d, e); break;
	case RUN_SAY: show_aside(s, e->text, out); break;
	case RUN_WARNING: warn(d, s, e, out); break;
	case RUN_PLAY_END: play_ends(d, s, e); break;
	default: break;
	}
}

/* ---- the document ---- */

static const struct value *sums_of(struct document *d, const struct run_host *h)
{
	const struct host_counts *c = &h->counts;
	const struct {
		const char *name;
		unsigned n;
	} members[] = {{"ok", c->ok}, {"changed", c->changed}, {"unreachable", c->unreachable},
		{"failures", c->failed}, {"skipped", c->skipped}, {"rescued", c->rescued},
		{"ignored", c->ignored}};
	struct value *sums = value_new_dict(&d->arena);

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		value_dict_set(&d->arena, sums, members[i].name,
			value_new_int(&d->arena, members[i].n));
	return sums;
}

static const struct value *make_stats(struct document *d, const struct show *s)
{
	struct value *stats = value_new_dict(&d->arena);

	for (size_t i = 0; i < s->count; i++)
		if (play_did_anything(&s->run->hosts[i]))
			value_dict_set(&d->arena, stats, s->run->hosts[i].name,
				sums_of(d, &s->run->hosts[i]));
	return stats;
}

static const struct value *make_custom_stats(struct document *d)
{
	AUTO(strlist_release) struct strlist names = {0};
	struct value *custom = value_new_dict(&d->arena);

	play_stats_hosts(&d->stats, &names);
	for (size_t i = 0; i < names.count; i++)
		value_dict_set(&d->arena, custom, arena_strdup(&d->arena, names.items[i]),
			play_stats_of(&d->stats, names.items[i]));
	return custom;
}

static void document_book_end(struct show *s, const char *note, struct strbuf *out)
{
	struct document *d = s->data;
	const struct json_write_options options = {.indent = s->document_indent,
		.sort_keys = true,
		.ascii = true,
		.mark_vault = true};
	struct value *all = value_new_dict(&d->arena);
	struct err err = {0};
	size_t start = out->len;

	(void)note; /* text, for a person */
	end_batch(d, s);
	value_dict_set(&d->arena, all, "plays", d->plays);
	value_dict_set(&d->arena, all, "stats", make_stats(d, s));
	value_dict_set(&d->arena, all, "custom_stats", make_custom_stats(d));
	value_dict_set(&d->arena, all, "global_custom_stats", play_stats_of(&d->stats, NULL));
	if (d->taken_back->pair_count)
		value_dict_set(&d->arena, all, "taken_back", d->taken_back);
	if (json_write(all, &options, out, &err) < 0) {
		strbuf_truncate(out, start);
		show_warn(s, err.text, out);
		return;
	}
	strbuf_addch(out, '\n');
}

static void document_begin(struct show *s, struct strbuf *out)
{
	struct document *d = xcalloc(1, sizeof(*d));

	(void)out;
	s->data = d;
	play_order_init(&d->order, s);
	d->plays = value_new_list(&d->arena);
	d->taken_back = value_new_dict(&d->arena);
}

static void document_end(struct show *s, int exit_code, struct strbuf *out)
{
	(void)s;
	(void)exit_code;
	(void)out;
}

static void document_release(struct show *s)
{
	struct document *d = s->data;

	if (!d)
		return;
	play_order_release(&d->order);
	play_stats_release(&d->stats);
	strmap_release(&d->ids, NULL);
	free(d->batch.items);
	arena_release(&d->arena);
	free(d);
	s->data = NULL;
}

const struct show_words play_words_document = {
	.begin = document_begin,
	.book_end = document_book_end,
	.event = document_event,
	.end = document_end,
	.release = document_release,
};
