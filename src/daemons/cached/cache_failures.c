/* SPDX-License-Identifier: Apache-2.0 */
/* The negative cache: what failed a short while ago is not tried again at once. */
#include "base/clock.h"
#include "daemons/cached/cache_private.h"

#define FAILURES_MAX 1024u /* clients choose the names; the oldest goes */

static void remove_at(struct cache *c, size_t i)
{
	struct cache_failure *f = &c->failures.items[i];

	free(f->name);
	free(f->version);
	free(f->stage);
	c->failures.count--;
	memmove(f, f + 1, (c->failures.count - i) * sizeof(*f));
}

static size_t find_at(
	const struct cache *c, const char *name, const char *version, const char *stage)
{
	for (size_t i = 0; i < c->failures.count; i++) {
		const struct cache_failure *f = &c->failures.items[i];
		if (!strcmp(f->name, name) && !str_cmp0(f->version, version) &&
			!str_cmp0(f->stage, stage))
			return i;
	}
	return SIZE_MAX;
}

const struct cache_failure *cache_failure_find(
	struct cache *c, const char *name, const char *version, const char *stage)
{
	size_t i = find_at(c, name, version, stage);

	if (i == SIZE_MAX)
		return NULL;
	if (!deadline_passed(c->failures.items[i].until))
		return &c->failures.items[i];
	remove_at(c, i);
	return NULL;
}

void cache_failure_add(struct cache *c, const char *name, const char *version,
	const char *stage, const struct err *err, double seconds)
{
	size_t i = find_at(c, name, version, stage);

	if (i != SIZE_MAX)
		remove_at(c, i);
	if (seconds <= 0)
		return;
	if (c->failures.count == FAILURES_MAX)
		remove_at(c, 0);
	*VEC_PUSH(&c->failures) = (struct cache_failure){.name = xstrdup(name),
		.version = xstrdup(version),
		.stage = xstrdup(stage),
		.err = *err,
		.until = deadline_in(seconds)};
}

void cache_failure_drop(struct cache *c, const char *name, const char *version)
{
	for (size_t i = c->failures.count; i-- > 0;) {
		const struct cache_failure *f = &c->failures.items[i];
		if ((!name || !strcmp(f->name, name)) &&
			(!version || !f->version || !strcmp(f->version, version)))
			remove_at(c, i);
	}
}

void cache_forget_failures(struct cache *c, const char *name)
{
	cache_lock(c);
	cache_failure_drop(c, name, NULL);
	cache_unlock(c);
}
