/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots: what clients have, and what they do with it. The protocol of the page is in
 * src/modelcache/PROTOCOL.md. Clients may write anything there; it decides about their own
 * slots and about nothing else.
 */
#include <unistd.h>

#include "base/clock.h"
#include "daemons/cached/hub_private.h"

/* Walks the slots of a version; c and s are the client and its slot. */
#define FOREACH_SLOT(h, m, c, s)                                                               \
	for (struct hub_client *c = (h)->clients; c; c = c->next)                              \
		for (struct hub_slot *s = c->slots; s < c->slots + MC_SLOTS; s++)              \
			if (s->model == (m))

static struct mc_slot *shared(const struct hub_client *c, const struct hub_slot *s)
{
	return &c->page->slots[s - c->slots];
}

void hub_wake(struct hub *h)
{
	const uint64_t one = 1;

	/* It fails where it is readable already. */
	if (write(h->wake, &one, sizeof(one)) < 0)
		return;
}

void hub_look(void *data, const struct cache_model *model, struct cache_use *use)
{
	struct hub *h = data;
	uint64_t now = (uint64_t)clock_ns();

	pthread_mutex_lock(&h->lock);
	use->hits += model->watched_hits;
	FOREACH_SLOT(h, model, c, s)
	{
		struct mc_slot *slot = shared(c, s);
		uint64_t used = atomic_load(&slot->used);
		use->in_use += atomic_load(&slot->in_use);
		use->hits += atomic_load(&slot->hits);
		if (used > use->used)
			use->used = used < now ? used : now;
	}
	pthread_mutex_unlock(&h->lock);
}

/* True if nobody has it in hand, after it was marked as revoked everywhere. */
static bool mark_revoked(struct hub *h, const struct cache_model *model)
{
	uint64_t in_use = 0;

	FOREACH_SLOT(h, model, c, s)
	atomic_store(&shared(c, s)->serial, 0);
	FOREACH_SLOT(h, model, c, s)
	in_use += atomic_load(&shared(c, s)->in_use);
	return in_use == 0;
}

bool hub_revoke(void *data, const struct cache_model *model, bool force)
{
	struct hub *h = data;

	pthread_mutex_lock(&h->lock);
	bool revoked = mark_revoked(h, model) || force;
	FOREACH_SLOT(h, model, c, s)
	{
		if (revoked)
			s->revoked = s->tell = true;
		else if (!s->revoked)
			atomic_store(&shared(c, s)->serial, s->serial);
	}
	pthread_mutex_unlock(&h->lock);
	if (revoked)
		hub_wake(h);
	return revoked;
}

static struct hub_slot *find_slot(struct hub_client *c, const struct cache_model *model)
{
	for (struct hub_slot *s = c->slots; s < c->slots + MC_SLOTS; s++) {
		if (s->model == model && !s->revoked)
			return s;
	}
	return NULL;
}

static void fill_slot(struct hub_client *c, struct hub_slot *s, struct cache_model *model)
{
	struct mc_slot *slot = shared(c, s);

	if (++c->last_serial == 0)
		c->last_serial = 1;
	*s = (struct hub_slot){.model = model, .serial = c->last_serial};
	atomic_store(&slot->hits, 0);
	atomic_store(&slot->used, 0);
	/* in_use is 0, or a thread of the client is about to see that it came too late. */
	atomic_store(&slot->serial, s->serial);
}

struct hub_slot *hub_slot_take(struct hub_client *c, struct cache_model *model)
{
	struct cache *cache = c->hub->cache;
	bool kept = false;

	cache_keep(cache, model);
	pthread_mutex_lock(&c->hub->lock);
	struct hub_slot *s = find_slot(c, model);
	if (!s) {
		s = find_slot(c, NULL);
		if (s)
			fill_slot(c, s, model);
		kept = s != NULL;
	}
	if (s)
		atomic_fetch_add(&shared(c, s)->in_use, 1);
	pthread_mutex_unlock(&c->hub->lock);
	if (!kept)
		cache_unkeep(cache, model);
	return s;
}

void hub_slot_free(struct hub_client *c, struct hub_slot *slot)
{
	struct cache_model *model = slot->model;

	pthread_mutex_lock(&c->hub->lock);
	model->watched_hits += atomic_load(&shared(c, slot)->hits);
	*slot = (struct hub_slot){0};
	pthread_mutex_unlock(&c->hub->lock);
	cache_unkeep(c->hub->cache, model);
}
