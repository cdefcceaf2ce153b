/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled templates by their text, place and syntax. One lock guards all: compiling under it
 * means that no text is compiled twice, and lookups are short.
 */
#include <pthread.h>

#include "base/strmap.h"
#include "template/ast.h"

struct template_cache {
	pthread_mutex_t lock;
	struct arena arena;
	struct strmap templates;
};

struct template_cache *template_cache_new(void)
{
	struct template_cache *cache = xcalloc(1, sizeof(*cache));

	pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

void template_cache_free(struct template_cache *cache)
{
	if (!cache)
		return;
	pthread_mutex_destroy(&cache->lock);
	strmap_release(&cache->templates, NULL);
	arena_release(&cache->arena);
	free(cache);
}

/* A NUL inside a text would hide what follows it from the map: such a text is not cached. */
static char *make_key(const char *source, size_t n, const struct place *at,
	const struct template_syntax *syntax)
{
	if (memchr(source, '\0', n))
		return NULL;
	return xasprintf("%s:%u:%u:%p:%.*s", at && at->file ? at->file : "", at ? at->line : 0,
		at ? at->column : 0, (const void *)syntax, (int)n, source);
}

static const struct template *compile(struct template_cache *cache, const char *source,
	size_t n, const struct place *at, const struct template_syntax *syntax, struct err *err)
{
	struct place own = at ? *at : (struct place){0};

	own.file = arena_strdup(&cache->arena, own.file);
	return template_compile(&cache->arena, source, n, &own, syntax, err);
}

const struct template *template_cache_get(struct template_cache *cache, const char *source,
	size_t n, const struct place *at, const struct template_syntax *syntax, struct err *err)
{
	autofree char *key = make_key(source, n, at, syntax);

	pthread_mutex_lock(&cache->lock);
	const struct template *t = key ? strmap_get(&cache->templates, key) : NULL;
	if (!t) {
		t = compile(cache, source, n, at, syntax, err);
		if (t && key)
			strmap_set(&cache->templates, key, (void *)(uintptr_t)t);
	}
	pthread_mutex_unlock(&cache->lock);
	return t;
}
