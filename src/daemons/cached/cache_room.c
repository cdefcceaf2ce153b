/* SPDX-License-Identifier: Apache-2.0 */
/* Places and bytes: who leaves, and when nobody may. */
#include "daemons/cached/cache_private.h"

void cache_look(struct cache *c, const struct cache_entry *e, struct cache_use *use)
{
	*use = (struct cache_use){.in_use = e->users, .hits = e->hits, .used = e->used};
	if (c->watcher.look)
		c->watcher.look(c->watcher.data, &e->model, use);
}

/* True if a version of this name is current. */
static bool has_current(struct cache *c, const char *name)
{
	return cache_lookup(c, name, NULL, NULL) != NULL;
}

static void describe(struct cache *c, const struct cache_entry *e, struct policy_item *item)
{
	struct cache_use use;

	cache_look(c, e, &use);
	*item = (struct policy_item){.bytes = e->model.blob->size,
		.used = use.used,
		.pinned = strmap_has(&c->pins, e->model.name),
		.busy = use.in_use > 0,
		.superseded = !e->current && has_current(c, e->model.name)};
}

/* Takes an entry back from everybody; false while somebody has it in hand. */
static bool revoke(struct cache *c, struct cache_entry *e, bool force)
{
	if (e->users && !force)
		return false;
	return !c->watcher.revoke || c->watcher.revoke(c->watcher.data, &e->model, force) ||
	       force;
}

/* Which entries an eviction leaves alone. */
struct spared {
	const struct cache_entry *entry;
	const char *name; /* the current version of this model */
	bool current;     /* all that are current */
};

static bool is_spared(const struct spared *spared, const struct cache_entry *e,
	const struct policy_item *item)
{
	return e == spared->entry || (spared->current && !item->superseded) ||
	       (spared->name && e->current && !strcmp(e->model.name, spared->name));
}

/*
 * Evicts one entry. A client may take one in hand between the look and the revocation; then the
 * next one is tried.
 */
static bool evict_one(struct cache *c, const struct spared *spared)
{
	size_t count = c->entries.count;
	autofree struct policy_item *items = xcalloc(count, sizeof(*items));

	for (size_t i = 0; i < count; i++) {
		const struct cache_entry *e = c->entries.items[i];
		describe(c, e, &items[i]);
		if (is_spared(spared, e, &items[i]))
			items[i].busy = true;
	}
	for (;;) {
		size_t victim = policy_victim(items, count);
		if (victim == POLICY_NONE)
			return false;
		struct cache_entry *e = c->entries.items[victim];
		if (revoke(c, e, false)) {
			c->counts.evictions++;
			cache_leave(c, e);
			return true;
		}
		items[victim].busy = true;
	}
}

/* Places that loads have reserved. */
static size_t reserved_places(const struct cache *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->loads.count; i++)
		n += c->loads.items[i]->places;
	return n;
}

/*
 * Waits until the memory of all that has gone is back: a version no longer counts from the
 * moment on at which its last reference went, and its pages are freed after that.
 */
static void settle(struct cache *c)
{
	while (c->dead || c->freeing) {
		if (c->dead) {
			cache_unlock(c);
			cache_lock(c);
		} else {
			pthread_cond_wait(&c->freed, &c->lock);
		}
	}
}

/* Memory that models have, or are about to have. */
static uint64_t memory_taken(const struct cache *c)
{
	return c->counts.bytes + c->counts.reserved + c->counts.leaving;
}

static bool has_memory(const struct cache *c, uint64_t bytes)
{
	return !policy_lacks_memory(&c->options.limits, memory_taken(c) + bytes);
}

static bool fits(const struct cache *c, uint64_t bytes)
{
	return has_memory(c, bytes) &&
	       !policy_exceeds(&c->options.limits, c->entries.count + reserved_places(c) + 1,
		       memory_taken(c) + bytes);
}

static int refuse(struct cache *c, const char *name, struct err *err)
{
	c->counts.busy++;
	return err_set(err, ERR_BUSY,
		"model %s: no place for it: all that the cache holds is in use or pinned",
		name);
}

/* What does not fit into an empty cache is refused before anything goes for it. */
static int check_size(const struct cache *c, const char *name, uint64_t bytes, struct err *err)
{
	const struct policy_limits *limits = &c->options.limits;

	if (policy_exceeds(limits, 0, bytes))
		return err_set(err, ERR_LIMIT,
			"model %s: it has %llu bytes, and the cache may hold %llu; raise "
			"cache_bytes",
			name, (unsigned long long)bytes, (unsigned long long)limits->bytes);
	if (policy_lacks_memory(limits, bytes))
		return err_set(err, ERR_LIMIT,
			"model %s: it has %llu bytes, and the service's limit of memory leaves "
			"%llu for models; raise MemoryMax",
			name, (unsigned long long)bytes, (unsigned long long)limits->memory);
	return 0;
}

/*
 * Another version takes its predecessor's place a moment after it came, and may pass the limits
 * until then; but not the memory there is. For that, versions of other models go.
 */
static int room_for_update(struct cache *c, const char *name, uint64_t bytes, struct err *err)
{
	const struct spared currents = {.current = true};
	const struct spared own = {.name = name};

	for (;;) {
		settle(c);
		if (fits(c, bytes) || !evict_one(c, &currents))
			break;
	}
	for (;;) {
		if (has_memory(c, bytes))
			return 0;
		if (!evict_one(c, &own))
			return refuse(c, name, err);
		settle(c);
	}
}

int cache_room(
	struct cache *c, const char *name, uint64_t bytes, bool replaces, struct err *err)
{
	/* What serves is not given up for another version of the same model. */
	const struct spared own = {.name = name};

	if (check_size(c, name, bytes, err) < 0)
		return -1;
	if (replaces)
		return room_for_update(c, name, bytes, err);
	for (;;) {
		settle(c);
		if (fits(c, bytes))
			return 0;
		if (!evict_one(c, &own))
			return refuse(c, name, err);
	}
}

/* The superseded entry that is in use and was used least recently; NULL. */
static struct cache_entry *held_superseded(struct cache *c)
{
	struct cache_entry *found = NULL;

	for (size_t i = 0; i < c->entries.count; i++) {
		struct cache_entry *e = c->entries.items[i];
		if (e->current || !has_current(c, e->model.name))
			continue;
		if (!found || e->used < found->used)
			found = e;
	}
	return found;
}

void cache_trim(struct cache *c, const struct cache_entry *keep)
{
	struct spared spared = {.entry = keep, .name = keep ? keep->model.name : NULL};

	while (policy_exceeds(&c->options.limits, c->entries.count, c->counts.bytes) ||
		!has_memory(c, 0)) {
		struct spared currents = {.entry = keep, .current = true};
		if (evict_one(c, &currents))
			continue;
		/* No longer to be had; its last users keep it. */
		struct cache_entry *e = held_superseded(c);
		if (e && e != keep) {
			revoke(c, e, true);
			c->counts.evictions++;
			cache_leave(c, e);
		} else if (!evict_one(c, &spared)) {
			return;
		}
	}
}

uint64_t cache_shrink(struct cache *c, uint64_t bytes)
{
	struct spared none = {0};

	cache_lock(c);
	uint64_t before = c->counts.bytes;
	while (before - c->counts.bytes < bytes && evict_one(c, &none))
		;
	uint64_t freed = before - c->counts.bytes;
	cache_unlock(c);
	return freed;
}
