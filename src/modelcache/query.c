/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "modelcache/private.h"

/* FNV-1a over both texts. */
static unsigned hash(const char *name, const char *selector)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	h *= 16777619u;
	for (; *selector; selector++)
		h = (h ^ (unsigned char)*selector) * 16777619u;
	return h;
}

/* The place of a query, or the free one where it would be. */
static struct query *_Atomic *place(struct session *s, const char *name, const char *selector)
{
	for (unsigned i = hash(name, selector);; i++) {
		struct query *_Atomic *at = &s->queries[i % QUERIES];
		const struct query *q = atomic_load(at);
		if (!q || (!strcmp(q->name, name) && !strcmp(q->selector, selector)))
			return at;
	}
}

struct query *query_find(struct session *s, const char *name, const char *selector)
{
	return atomic_load(place(s, name, selector));
}

struct query *query_add(struct session *s, const char *name, const char *selector)
{
	struct query *_Atomic *at = place(s, name, selector);
	struct query *q = atomic_load(at);

	if (q || s->query_count >= QUERIES - QUERIES / 4)
		return q;
	q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	snprintf(q->name, sizeof(q->name), "%s", name);
	snprintf(q->selector, sizeof(q->selector), "%s", selector);
	atomic_store(at, q);
	s->query_count++;
	return q;
}

static void refresh(struct session *s, struct query *q)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return;
	r->name = q->name;
	r->selector = q->selector;
	r->refresh = q;
	q->stale = true;
	q->again = false;
	if (session_request(s, r) < 0) {
		q->stale = false;
		q->again = s->again = true;
		free(r);
	}
}

void query_refresh(struct session *s, const char *name)
{
	for (unsigned i = 0; i < QUERIES; i++) {
		struct query *q = atomic_load(&s->queries[i]);
		if (q && (!name || (!strcmp(q->name, name) && !mc_is_version(q->selector))))
			refresh(s, q);
	}
}

void query_refresh_again(struct session *s)
{
	pthread_mutex_lock(&s->cache->lock);
	s->again = false;
	for (unsigned i = 0; i < QUERIES; i++) {
		struct query *q = atomic_load(&s->queries[i]);
		if (q && q->again)
			refresh(s, q);
	}
	pthread_mutex_unlock(&s->cache->lock);
}
