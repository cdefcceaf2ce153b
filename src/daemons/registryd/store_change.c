/* SPDX-License-Identifier: Apache-2.0 */
/* What a change means: decided on a list in memory, alike for all stores. */
#include "base/clock.h"
#include "base/vec.h"
#include "daemons/registryd/store_private.h"
#include "value/json.h"

/* A change under way. */
struct applying {
	struct entry_change *change;
	const struct entry *entry; /* the one that it is about; NULL: none, it is registered */
	struct entry_list *list;
	struct entry_edits *edits;
	bool in_file;
};

/* Takes note of what became of an entry, in the same place if the batch has changed it before.
 */
static void note(
	struct entry_edits *edits, const struct entry *before, const struct entry *after)
{
	for (size_t i = edits->count; before && i-- > 0;)
		if (edits->items[i].after == before) {
			entry_unref(before);
			edits->items[i].after = after ? entry_ref(after) : NULL;
			return;
		}
	*VEC_PUSH(edits) = (struct entry_edit){.before = before ? entry_ref(before) : NULL,
		.after = after ? entry_ref(after) : NULL};
}

void entry_edits_release(struct entry_edits *edits)
{
	for (size_t i = 0; i < edits->count; i++) {
		entry_unref(edits->items[i].before);
		entry_unref(edits->items[i].after);
	}
	free(edits->items);
	*edits = (struct entry_edits){0};
}

/* Its fields, to be changed; its count of references is other threads' to write. */
static struct entry fields_of(const struct entry *e)
{
	return (struct entry){.model_name = e->model_name,
		.version = e->version,
		.path = e->path,
		.status = e->status,
		.creation_timestamp = e->creation_timestamp,
		.metadata = e->metadata,
		.date = e->date};
}

/* Puts an entry with these fields in the place of another; returns it with a reference. */
static struct entry *revise(
	const struct applying *a, const struct entry *old, const struct entry *fields)
{
	AUTO(arena_release) struct arena arena = {0};
	const struct json_options options = {.number_texts = true};
	const struct value *others = NULL;

	if (old->file_text)
		others = json_read(&arena, old->file_text, strlen(old->file_text), NULL,
			&options, NULL, NULL);
	struct entry *e = entry_new(fields, old->position, a->in_file, others);
	if (e->json_len == old->json_len && !memcmp(e->json, old->json, e->json_len)) {
		entry_unref(e);
		return entry_ref(old);
	}
	note(a->edits, old, e);
	entry_list_replace(a->list, entry_ref(e));
	return e;
}

static struct entry *set_status(
	const struct applying *a, const struct entry *old, enum entry_status status)
{
	struct entry fields = fields_of(old);

	fields.status = status;
	return revise(a, old, &fields);
}

static int activate(const struct applying *a)
{
	const struct entry *former = entry_list_production(a->list, a->change->model_name);

	if (former && former != a->entry)
		a->change->former = set_status(a, former, ENTRY_STAGING);
	a->change->entry = set_status(a, a->entry, ENTRY_PRODUCTION);
	return 0;
}

static int stage(const struct applying *a)
{
	a->change->entry = set_status(a, a->entry, ENTRY_STAGING);
	return 0;
}

static int archive(const struct applying *a)
{
	a->change->entry = set_status(a, a->entry, ENTRY_ARCHIVED);
	return 0;
}

static int delete (const struct applying *a)
{
	if (a->entry->status == ENTRY_PRODUCTION)
		return err_set(&a->change->err, ERR_DENIED,
			"version %lld of %s is in production; activate another one first",
			(long long)a->entry->version, a->entry->model_name);
	a->change->entry = entry_ref(a->entry);
	note(a->edits, a->entry, NULL);
	entry_list_remove(a->list, a->entry);
	return 0;
}

static int merge(const struct applying *a)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf merged = STRBUF_INIT;
	struct entry fields = fields_of(a->entry);
	struct err *err = &a->change->err;
	const char *text = a->change->metadata ? a->change->metadata : "{}";
	const struct value *patch = entry_metadata_read(&arena, text, err);
	const struct value *old =
		patch ? entry_metadata_read(&arena, a->entry->metadata, err) : NULL;

	if (!old || entry_metadata_write(
			    entry_metadata_merge(&arena, old, patch), &merged, err) < 0)
		return err_wrap(err, "metadata");
	fields.metadata = merged.data;
	a->change->entry = revise(a, a->entry, &fields);
	return 0;
}

static int set_date(const struct applying *a)
{
	struct entry fields = fields_of(a->entry);

	fields.date = a->change->date;
	if (fields.date && !clock_is_date(fields.date))
		return err_set(
			&a->change->err, ERR_INPUT, "date: expected a date like 2026-02-25");
	a->change->entry = revise(a, a->entry, &fields);
	return 0;
}

int entry_check_fields(const struct entry *e, struct err *err)
{
	if (!entry_name_is_valid(e->model_name))
		return err_set(err, ERR_INPUT,
			"model_name: expected up to %u letters, digits, '.', '_' and '-', a "
			"letter or digit first",
			ENTRY_NAME_MAX);
	if (e->version < 1)
		return err_set(
			err, ERR_INPUT, "version: expected an integer that is 1 or more");
	if (!e->path || !entry_path_is_valid(e->path))
		return err_set(err, ERR_INPUT,
			"path: expected up to %u bytes without control characters",
			ENTRY_PATH_MAX);
	if (!entry_time_is_valid(e->creation_timestamp))
		return err_set(err, ERR_INPUT,
			"creation_timestamp: expected a time like 2026-02-25T21:00:00Z");
	if (e->date && !clock_is_date(e->date))
		return err_set(err, ERR_INPUT, "date: expected a date like 2026-02-25");
	return 0;
}

static int enlist(const struct applying *a)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf metadata = STRBUF_INIT;
	const struct entry_change *c = a->change;
	char now[32];

	clock_rfc3339(time(NULL), now);
	struct entry fields = {.model_name = c->model_name,
		.version = c->version,
		.path = c->path,
		.creation_timestamp = c->creation_timestamp ? c->creation_timestamp : now,
		.date = c->date};
	if (entry_check_fields(&fields, &a->change->err) < 0)
		return -1;
	const struct value *v =
		entry_metadata_read(&arena, c->metadata ? c->metadata : "{}", &a->change->err);
	if (!v || entry_metadata_write(v, &metadata, &a->change->err) < 0)
		return err_wrap(&a->change->err, "metadata");
	if (a->list->count >= ENTRY_STORE_MAX)
		return err_set(&a->change->err, ERR_LIMIT,
			"the registry has %u entries, which is all it takes", ENTRY_STORE_MAX);
	fields.metadata = metadata.data;
	struct entry *e = entry_new(&fields, a->list->last + 1, a->in_file, NULL);
	note(a->edits, NULL, e);
	entry_list_add(a->list, entry_ref(e));
	a->change->entry = e;
	return 0;
}

static int (*const kinds[])(const struct applying *a) = {
	[ENTRY_REGISTER] = enlist,
	[ENTRY_ACTIVATE] = activate,
	[ENTRY_STAGE] = stage,
	[ENTRY_ARCHIVE] = archive,
	[ENTRY_DELETE] = delete,
	[ENTRY_MERGE] = merge,
	[ENTRY_SET_DATE] = set_date,
};

/* What holds for all kinds before they are looked at. */
static int check(const struct entry_change *c, const struct entry *entry, struct err *err)
{
	if (c->kind == ENTRY_REGISTER && entry)
		return err_set(err, ERR_EXISTS, "version %lld of %.200s is registered already",
			(long long)c->version, c->model_name);
	if (c->kind != ENTRY_REGISTER && !entry)
		return err_set(err, ERR_NOTFOUND, "there is no version %lld of %.200s",
			(long long)c->version, c->model_name);
	if (c->if_match && (!entry || strcmp(c->if_match, entry->etag) != 0))
		return err_set(err, ERR_BUSY,
			"version %lld of %.200s has changed since it was looked at",
			(long long)c->version, c->model_name);
	return 0;
}

int entry_change_apply(struct entry_change *change, struct entry_list *list,
	struct entry_edits *edits, bool in_file)
{
	const struct entry *entry = entry_list_find(list, change->model_name, change->version);
	const struct applying a = {.change = change,
		.entry = entry,
		.list = list,
		.edits = edits,
		.in_file = in_file};

	if (check(change, entry, &change->err) < 0)
		return -1;
	return kinds[change->kind](&a);
}
