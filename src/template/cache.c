/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled templates by their text, place and syntax. One lock guards all: compiling under it
 * means that no text is compiled twice, and lookups are short.
 */
#include <pthread.h>

#include "template/ast.h"

#define SLOTS_FROM 64 /* a power of two */

struct cached {
	struct cached *next; /* another one of the slot */
	uint64_t hash;
	const char *source;
	size_t len;
	struct place at;
	const struct template_syntax *syntax;
	const struct template *template;
};

struct template_cache {
	pthread_mutex_t lock;
	struct arena arena;
	struct cached **slots;
	size_t slot_count;
	size_t count;
};

struct template_cache *template_cache_new(void)
{
	struct template_cache *cache = xcalloc(1, sizeof(*cache));

	pthread_mutex_init(&cache->lock, NULL);
	cache->slot_count = SLOTS_FROM;
	cache->slots = xcalloc(cache->slot_count, sizeof(struct cached *));
	return cache;
}

void template_cache_free(struct template_cache *cache)
{
	if (!cache)
		return;
	pthread_mutex_destroy(&cache->lock);
	free(cache->slots);
	arena_release(&cache->arena);
	free(cache);
}

static struct cached **slot_of(const struct template_cache *cache, uint64_t hash)
{
	return &cache->slots[hash & (cache->slot_count - 1)];
}

static void insert(struct template_cache *cache, struct cached *c)
{
	struct cached **slot = slot_of(cache, c->hash);

	c->next = *slot;
	*slot = c;
}

static void grow(struct template_cache *cache)
{
	struct cached **old = cache->slots;
	size_t count = cache->slot_count;

	cache->slot_count *= 2;
	cache->slots = xcalloc(cache->slot_count, sizeof(struct cached *));
	for (size_t i = 0; i < count; i++) {
		for (struct cached *c = old[i], *next; c; c = next) {
			next = c->next;
			insert(cache, c);
		}
	}
	free(old);
}

/* True for an entry of the same text, written at the same place. */
static bool is_same(const struct cached *c, const struct cached *wanted)
{
	return c->hash == wanted->hash && c->len == wanted->len &&
	       c->syntax == wanted->syntax && c->at.line == wanted->at.line &&
	       c->at.column == wanted->at.column &&
	       memcmp(c->source, wanted->source, c->len) == 0 &&
	       str_cmp0(c->at.file, wanted->at.file) == 0;
}

static const struct template *find(
	const struct template_cache *cache, const struct cached *wanted)
{
	const struct cached *c = *slot_of(cache, wanted->hash);

	while (c && !is_same(c, wanted))
		c = c->next;
	return c ? c->template : NULL;
}

static const struct template *compile(
	struct template_cache *cache, const struct cached *wanted, struct err *err)
{
	struct cached new = *wanted;

	new.at.file = arena_strdup(&cache->arena, wanted->at.file);
	new.template = template_compile(
		&cache->arena, wanted->source, wanted->len, &new.at, wanted->syntax, err);
	if (!new.template)
		return NULL;
	new.source = arena_strndup(&cache->arena, wanted->source, wanted->len);
	if (++cache->count > cache->slot_count)
		grow(cache);
	insert(cache, arena_memdup(&cache->arena, &new, sizeof(new)));
	return new.template;
}

const struct template *template_cache_get(struct template_cache *cache, const char *source,
	size_t n, const struct place *at, const struct template_syntax *syntax, struct err *err)
{
	const struct cached wanted = {.hash = value_hash_text(source, n),
		.source = source,
		.len = n,
		.at = at ? *at : (struct place){0},
		.syntax = syntax};

	pthread_mutex_lock(&cache->lock);
	const struct template *t = find(cache, &wanted);
	if (!t)
		t = compile(cache, &wanted, err);
	pthread_mutex_unlock(&cache->lock);
	return t;
}
