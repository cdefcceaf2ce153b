/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/manifest_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

struct kept {
	char *key, *text;
	size_t n;
	deadline until;
};

/* The one that was asked for last is the first. */
struct manifest_cache {
	pthread_mutex_t lock;
	struct kept items[MANIFEST_CACHE_MAX];
	size_t count;
	size_t bytes, bytes_max; /* of keys and texts */
	double seconds;
};

struct manifest_cache *manifest_cache_new(size_t bytes, double seconds)
{
	struct manifest_cache *c = xcalloc(1, sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	c->bytes_max = bytes;
	c->seconds = seconds;
	return c;
}

static size_t size_of(const struct kept *k)
{
	return strlen(k->key) + k->n;
}

static void forget(struct manifest_cache *c, size_t i)
{
	c->bytes -= size_of(&c->items[i]);
	free(c->items[i].key);
	free(c->items[i].text);
	c->count--;
	memmove(&c->items[i], &c->items[i + 1], (c->count - i) * sizeof(*c->items));
}

void manifest_cache_free(struct manifest_cache *c)
{
	if (!c)
		return;
	while (c->count)
		forget(c, c->count - 1);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* The place of a key; count where it is not there. */
static size_t find(const struct manifest_cache *c, const char *key)
{
	size_t i = 0;

	while (i < c->count && strcmp(c->items[i].key, key) != 0)
		i++;
	return i;
}

static void put_first(struct manifest_cache *c, size_t i)
{
	struct kept k = c->items[i];

	memmove(&c->items[1], &c->items[0], i * sizeof(*c->items));
	c->items[0] = k;
}

static void drop(struct manifest_cache *c, const char *key)
{
	size_t i = find(c, key);

	if (i < c->count)
		forget(c, i);
}

/* Adds one, whose key is not there, in front; those behind make room. */
static void add(struct manifest_cache *c, struct kept k)
{
	while (c->count == MANIFEST_CACHE_MAX ||
		(c->count && c->bytes + size_of(&k) > c->bytes_max))
		forget(c, c->count - 1);
	c->items[c->count++] = k;
	c->bytes += size_of(&k);
	put_first(c, c->count - 1);
}

bool manifest_cache_get(struct manifest_cache *c, const char *key, struct strbuf *text)
{
	pthread_mutex_lock(&c->lock);
	size_t i = find(c, key);
	bool found = i < c->count && !deadline_passed(c->items[i].until);
	if (found) {
		put_first(c, i);
		strbuf_add(text, c->items[0].text, c->items[0].n);
	}
	pthread_mutex_unlock(&c->lock);
	return found;
}

void manifest_cache_put(struct manifest_cache *c, const char *key, const char *text, size_t n)
{
	pthread_mutex_lock(&c->lock);
	drop(c, key);
	if (strlen(key) + n <= c->bytes_max)
		add(c, (struct kept){
			       xstrdup(key), xmemdup(text, n), n, deadline_in(c->seconds)});
	pthread_mutex_unlock(&c->lock);
}

void manifest_cache_drop(struct manifest_cache *c, const char *key)
{
	pthread_mutex_lock(&c->lock);
	drop(c, key);
	pthread_mutex_unlock(&c->lock);
}
