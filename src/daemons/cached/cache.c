/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/cached/cache.h"

#include <strings.h>

#include "base/clock.h"
#include "daemons/cached/cache_private.h"

struct cache *cache_new(const struct cache_options *options)
{
	struct cache *c = xcalloc(1, sizeof(*c));

	c->options = *options;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->freed, NULL);
	return c;
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	cache_lock(c);
	c->options.removed = NULL;
	c->watcher = (struct cache_watcher){0};
	while (c->entries.count)
		cache_leave(c, c->entries.items[c->entries.count - 1]);
	cache_failure_drop(c, NULL, NULL);
	cache_unlock(c);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->freed);
	strmap_release(&c->pins, NULL);
	free(c->entries.items);
	free(c->loads.items);
	free(c->failures.items);
	free(c);
}

void cache_lock(struct cache *c)
{
	pthread_mutex_lock(&c->lock);
}

static void free_entry(struct cache_entry *e)
{
	blob_unref(e->model.blob);
	struct arena arena = e->arena;
	free(e);
	arena_release(&arena);
}

void cache_unlock(struct cache *c)
{
	struct cache_entry *dead = c->dead;
	bool any = dead != NULL;

	c->dead = NULL;
	c->freeing += any;
	pthread_mutex_unlock(&c->lock);
	while (dead) {
		struct cache_entry *e = dead;
		dead = e->next_dead;
		if (c->options.removed)
			c->options.removed(c->options.data, &e->model);
		free_entry(e);
	}
	if (!any)
		return;
	pthread_mutex_lock(&c->lock);
	c->freeing--;
	pthread_cond_broadcast(&c->freed);
	pthread_mutex_unlock(&c->lock);
}

void cache_watch(struct cache *c, const struct cache_watcher *watcher)
{
	cache_lock(c);
	c->watcher = watcher ? *watcher : (struct cache_watcher){0};
	cache_unlock(c);
}

void cache_set_limits(struct cache *c, const struct policy_limits *limits)
{
	cache_lock(c);
	c->options.limits = *limits;
	cache_trim(c, NULL);
	cache_unlock(c);
}

void cache_pin(struct cache *c, const char *name, bool pinned)
{
	cache_lock(c);
	if (pinned)
		strmap_set(&c->pins, name, c);
	else
		strmap_remove(&c->pins, name);
	cache_unlock(c);
}

/* ---- what is held ---- */

static bool is_meant(const struct cache_entry *e, const char *version, const char *stage)
{
	if (version)
		return !strcmp(e->model.version, version);
	if (stage)
		return !strcasecmp(e->model.stage, stage) || !strcmp(e->model.alias, stage);
	return e->current;
}

/* Where several are in a stage, the current one is meant, else the newest. */
struct cache_entry *cache_lookup(
	struct cache *c, const char *name, const char *version, const char *stage)
{
	struct cache_entry *found = NULL;

	for (size_t i = 0; i < c->entries.count; i++) {
		struct cache_entry *e = c->entries.items[i];
		if (strcmp(e->model.name, name) != 0 || !is_meant(e, version, stage))
			continue;
		if (!found || !found->current)
			found = e;
	}
	return found;
}

struct cache_model *cache_take(struct cache_entry *e)
{
	e->refs++;
	e->users++;
	e->hits++;
	e->used = (uint64_t)clock_ns();
	return &e->model;
}

struct cache_model *cache_find(
	struct cache *c, const char *name, const char *version, const char *stage)
{
	struct cache_model *model = NULL;

	cache_lock(c);
	struct cache_entry *e = cache_lookup(c, name, version, stage);
	if (e) {
		model = cache_take(e);
		c->counts.hits++;
	} else {
		c->counts.misses++;
	}
	cache_unlock(c);
	return model;
}

struct cache_model *cache_peek(
	struct cache *c, const char *name, const char *version, const char *stage)
{
	cache_lock(c);
	struct cache_entry *e = cache_lookup(c, name, version, stage);
	if (e) {
		e->refs++;
		e->users++;
	}
	cache_unlock(c);
	return e ? &e->model : NULL;
}

void cache_release(struct cache *c, struct cache_model *model)
{
	struct cache_entry *e = (struct cache_entry *)model;

	if (!model)
		return;
	cache_lock(c);
	e->users--;
	cache_unref(c, e);
	cache_trim(c, NULL);
	cache_unlock(c);
}

void cache_keep(struct cache *c, struct cache_model *model)
{
	cache_lock(c);
	((struct cache_entry *)model)->refs++;
	cache_unlock(c);
}

void cache_unkeep(struct cache *c, struct cache_model *model)
{
	cache_lock(c);
	cache_unref(c, (struct cache_entry *)model);
	cache_trim(c, NULL);
	cache_unlock(c);
}

bool cache_is_leaving(struct cache *c, const struct cache_model *model)
{
	cache_lock(c);
	bool leaving = ((const struct cache_entry *)model)->leaving;
	cache_unlock(c);
	return leaving;
}

static void forget_leaving(struct cache *c, struct cache_entry *e)
{
	struct cache_entry **at = &c->leaving;

	while (*at != e)
		at = &(*at)->next_leaving;
	*at = e->next_leaving;
}

void cache_unref(struct cache *c, struct cache_entry *e)
{
	struct cache_use use = {0};

	if (--e->refs)
		return;
	/* What clients have taken of it counts on. */
	cache_look(c, e, &use);
	c->counts.hits += use.hits - e->hits;
	c->counts.leaving -= e->model.blob->size;
	forget_leaving(c, e);
	e->next_dead = c->dead;
	c->dead = e;
}

void cache_leave(struct cache *c, struct cache_entry *e)
{
	for (size_t i = 0; i < c->entries.count; i++) {
		if (c->entries.items[i] == e) {
			c->entries.items[i] = c->entries.items[--c->entries.count];
			break;
		}
	}
	e->leaving = true;
	c->counts.bytes -= e->model.blob->size;
	c->counts.leaving += e->model.blob->size;
	e->next_leaving = c->leaving;
	c->leaving = e;
	cache_unref(c, e);
}
