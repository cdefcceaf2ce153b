/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/retention.h"

#include <string.h>

#include "base/clock.h"

const char *retention_reason_name(enum retention_reason r)
{
	static const char *const names[] = {
		[RETENTION_CURRENT] = "current",
		[RETENTION_PREVIOUS] = "previous",
		[RETENTION_PINNED] = "pinned",
		[RETENTION_RUNS] = "runs",
		[RETENTION_LINKED] = "linked",
		[RETENTION_RECENT] = "recent",
		[RETENTION_REMOVE] = "remove",
	};

	return names[r];
}

/* What the lists say of a version; RETENTION_REMOVE where none of them names it. */
static enum retention_reason named(const struct retention_model *m, const char *version)
{
	const struct {
		const struct strlist *list;
		enum retention_reason reason;
	} lists[] = {
		{&m->current, RETENTION_CURRENT},
		{&m->previous, RETENTION_PREVIOUS},
		{&m->pinned, RETENTION_PINNED},
		{&m->runs, RETENTION_RUNS},
		{&m->linked, RETENTION_LINKED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (strlist_has(lists[i].list, version))
			return lists[i].reason;
	return clock_is_date(version) ? RETENTION_REMOVE : RETENTION_RECENT;
}

/* A version that no list names, by its index in `there`. */
struct other {
	const char *version;
	size_t index;
};

/* The most recent first: dates sort as their texts do. */
static int by_date(const void *a, const void *b)
{
	const struct other *x = a, *y = b;

	return strcmp(y->version, x->version);
}

void retention_decide(const struct retention_model *m, enum retention_reason *out)
{
	autofree struct other *others = xcalloc(m->there->count, sizeof(*others));
	size_t count = 0;

	for (size_t i = 0; i < m->there->count; i++) {
		const char *version = m->there->items[i];
		out[i] = named(m, version);
		if (out[i] == RETENTION_REMOVE)
			others[count++] = (struct other){.version = version, .index = i};
	}
	qsort(others, count, sizeof(*others), by_date);
	for (size_t i = 0; i < count && i < m->keep; i++)
		out[others[i].index] = RETENTION_RECENT;
}
