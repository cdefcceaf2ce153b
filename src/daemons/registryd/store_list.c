/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/store_list.h"

#include <inttypes.h>

#include "base/strmap.h"
#include "base/vec.h"

static uint64_t hash_of(const char *name, int64_t version)
{
	uint64_t hash =
		(str_hash(name, strlen(name)) ^ (uint64_t)version) * 0x9e3779b97f4a7c15u;

	return hash ^ hash >> 32;
}

static size_t first_slot(const struct entry_table *t, const char *name, int64_t version)
{
	return hash_of(name, t->by_name ? 0 : version) & (t->size - 1);
}

/* The slot of an entry, or the free one where it belongs. The table has a free slot. */
static size_t find_slot(const struct entry_table *t, const char *name, int64_t version)
{
	size_t at = first_slot(t, name, version);

	for (; t->slots[at]; at = (at + 1) & (t->size - 1)) {
		const struct entry *e = t->slots[at];
		if ((t->by_name || e->version == version) && !strcmp(e->model_name, name))
			break;
	}
	return at;
}

static const struct entry *table_find(
	const struct entry_table *t, const char *name, int64_t version)
{
	return t->size ? t->slots[find_slot(t, name, version)] : NULL;
}

static void grow(struct entry_table *t)
{
	struct entry_table wider = {
		.size = t->size ? t->size * 2 : 16, .count = t->count, .by_name = t->by_name};

	wider.slots = xcalloc(wider.size, sizeof(*wider.slots));
	for (size_t i = 0; i < t->size; i++)
		if (t->slots[i]) {
			const struct entry *e = t->slots[i];
			wider.slots[find_slot(&wider, e->model_name, e->version)] = e;
		}
	free(t->slots);
	*t = wider;
}

static void table_put(struct entry_table *t, const struct entry *e)
{
	if ((t->count + 1) * 2 > t->size)
		grow(t);
	size_t at = find_slot(t, e->model_name, e->version);
	t->count += !t->slots[at];
	t->slots[at] = e;
}

/* Frees a slot and moves those behind it up that would not be found any more. */
static void table_remove(struct entry_table *t, const struct entry *e)
{
	size_t mask = t->size - 1, hole = t->size ? find_slot(t, e->model_name, e->version) : 0;

	if (!t->size || t->slots[hole] != e)
		return;
	for (size_t at = (hole + 1) & mask; t->slots[at]; at = (at + 1) & mask) {
		const struct entry *other = t->slots[at];
		size_t first = first_slot(t, other->model_name, other->version);
		if (((at - first) & mask) < ((at - hole) & mask))
			continue;
		t->slots[hole] = other;
		hole = at;
	}
	t->slots[hole] = NULL;
	t->count--;
}

static struct entry_table table_copy(const struct entry_table *t)
{
	struct entry_table copy = *t;

	if (t->size)
		copy.slots = xmemdup(t->slots, t->size * sizeof(*t->slots));
	return copy;
}

struct entry_list *entry_list_new(void)
{
	struct entry_list *list = xcalloc(1, sizeof(*list));

	list->production.by_name = true;
	atomic_init(&list->references, 1);
	return list;
}

struct entry_list *entry_list_copy(const struct entry_list *list)
{
	struct entry_list *copy = entry_list_new();

	copy->items = xcalloc(list->count + 16, sizeof(*copy->items));
	copy->cap = list->count + 16;
	copy->count = list->count;
	copy->last = list->last;
	for (size_t i = 0; i < list->count; i++)
		copy->items[i] = entry_ref(list->items[i]);
	copy->versions = table_copy(&list->versions);
	copy->production = table_copy(&list->production);
	return copy;
}

struct entry_list *entry_list_ref(struct entry_list *list)
{
	atomic_fetch_add_explicit(&list->references, 1, memory_order_relaxed);
	return list;
}

void entry_list_unref(struct entry_list *list)
{
	if (!list || atomic_fetch_sub_explicit(&list->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < list->count; i++)
		entry_unref(list->items[i]);
	free(list->items);
	free(list->versions.slots);
	free(list->production.slots);
	free(list);
}

void entry_list_unrefp(struct entry_list **list)
{
	entry_list_unref(*list);
}

static void index_entry(struct entry_list *list, const struct entry *e)
{
	table_put(&list->versions, e);
	if (e->status == ENTRY_PRODUCTION)
		table_put(&list->production, e);
}

void entry_list_add(struct entry_list *list, struct entry *entry)
{
	*VEC_PUSH(list) = entry;
	if (entry->position > list->last)
		list->last = entry->position;
	index_entry(list, entry);
}

/* Where the first entry stands whose position is beyond this one. */
static size_t behind(const struct entry_list *list, uint64_t position)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (list->items[middle]->position <= position)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void entry_list_replace(struct entry_list *list, struct entry *entry)
{
	size_t at = behind(list, entry->position) - 1;
	const struct entry *old = list->items[at];

	table_remove(&list->production, old);
	list->items[at] = entry;
	index_entry(list, entry);
	entry_unref(old);
}

void entry_list_remove(struct entry_list *list, const struct entry *entry)
{
	size_t at = behind(list, entry->position) - 1;

	table_remove(&list->production, entry);
	table_remove(&list->versions, entry);
	list->count--;
	memmove(list->items + at, list->items + at + 1,
		(list->count - at) * sizeof(*list->items));
	entry_unref(entry);
}

void entry_list_seal(struct entry_list *list)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < list->count; i++)
		for (const char *c = list->items[i]->etag; *c; c++)
			hash = (hash ^ (uint8_t)*c) * 0x100000001b3u;
	snprintf(list->etag, sizeof(list->etag), "%016" PRIx64, hash);
}

const struct entry *entry_list_find(
	const struct entry_list *list, const char *model_name, int64_t version)
{
	return table_find(&list->versions, model_name, version);
}

const struct entry *entry_list_production(const struct entry_list *list, const char *model_name)
{
	return table_find(&list->production, model_name, 0);
}

/* "POSITION-VERSION-NAME" of the entry that was the last of a page. */
static bool read_cursor(
	const char *cursor, int64_t *position, int64_t *version, const char **name)
{
	autofree char *copy = xstrdup(cursor);
	char *first = strchr(copy, '-'), *second = first ? strchr(first + 1, '-') : NULL;

	if (!second || strlen(cursor) >= ENTRY_CURSOR_MAX)
		return false;
	*first = *second = '\0';
	*name = cursor + (second + 1 - copy);
	return parse_int(copy, 0, INT64_MAX, position) &&
	       parse_int(first + 1, 1, INT64_MAX, version) && entry_name_is_valid(*name);
}

static int begin_of(
	const struct entry_list *list, const char *cursor, size_t *out, struct err *err)
{
	int64_t position, version;
	const char *name;

	*out = 0;
	if (!cursor)
		return 0;
	if (!read_cursor(cursor, &position, &version, &name))
		return err_set(err, ERR_INPUT,
			"cursor: %.60s is none; take it from the page before", cursor);
	const struct entry *last = entry_list_find(list, name, version);
	*out = behind(list, last ? last->position : (uint64_t)position);
	return 0;
}

int entry_list_page(const struct entry_list *list, const char *model_name, const char *cursor,
	size_t limit, struct entry_page *out, struct err *err)
{
	size_t i;

	*out = (struct entry_page){0};
	if (begin_of(list, cursor, &i, err) < 0)
		return -1;
	for (; i < list->count; i++) {
		const struct entry *e = list->items[i];

		if (model_name && strcmp(e->model_name, model_name) != 0)
			continue;
		if (limit && out->count == limit) {
			const struct entry *last = out->items[out->count - 1];
			snprintf(out->next, sizeof(out->next), "%" PRIu64 "-%" PRId64 "-%s",
				last->position, last->version, last->model_name);
			return 0;
		}
		*VEC_PUSH(out) = e;
	}
	return 0;
}

void entry_page_release(struct entry_page *page)
{
	free(page->items);
	*page = (struct entry_page){0};
}
