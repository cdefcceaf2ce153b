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

/* Most syntaxes are constants of ours; a task of a playbook can make others. */
static bool is_constant(const struct template_syntax *s)
{
	return s == &template_syntax_yaml || s == &template_syntax_file ||
	       s == &template_syntax_jinja;
}

static bool is_same_syntax(const struct template_syntax *a, const struct template_syntax *b)
{
	if (a == b || is_constant(a) || is_constant(b))
		return a == b;
	return strcmp(a->block_start, b->block_start) == 0 &&
	       strcmp(a->block_end, b->block_end) == 0 &&
	       strcmp(a->variable_start, b->variable_start) == 0 &&
	       strcmp(a->variable_end, b->variable_end) == 0 &&
	       strcmp(a->comment_start, b->comment_start) == 0 &&
	       strcmp(a->comment_end, b->comment_end) == 0 &&
	       str_cmp0(a->line_statement, b->line_statement) == 0 &&
	       str_cmp0(a->line_comment, b->line_comment) == 0 &&
	       strcmp(a->newline, b->newline) == 0 && a->trim_blocks == b->trim_blocks &&
	       a->lstrip_blocks == b->lstrip_blocks &&
	       a->keep_trailing_newline == b->keep_trailing_newline &&
	       a->restore_newlines == b->restore_newlines &&
	       a->literal_backslashes == b->literal_backslashes;
}

/* A syntax that lives as long as what is compiled with it. */
static const struct template_syntax *keep_syntax(
	struct arena *arena, const struct template_syntax *s)
{
	if (is_constant(s))
		return s;
	struct template_syntax *own = arena_memdup(arena, s, sizeof(*s));
	const char **const texts[] = {&own->block_start, &own->block_end, &own->variable_start,
		&own->variable_end, &own->comment_start, &own->comment_end,
		&own->line_statement, &own->line_comment, &own->newline};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		*texts[i] = arena_strdup(arena, *texts[i]);
	return own;
}

/* True for an entry of the same text, written at the same place. */
static bool is_same(const struct cached *c, const struct cached *wanted)
{
	return c->hash == wanted->hash && c->len == wanted->len &&
	       is_same_syntax(c->syntax, wanted->syntax) && c->at.line == wanted->at.line &&
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
	new.syntax = keep_syntax(&cache->arena, wanted->syntax);
	new.template = template_compile(
		&cache->arena, wanted->source, wanted->len, &new.at, new.syntax, err);
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
