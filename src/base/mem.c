/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdalign.h>
#include <unistd.h>

#define ARENA_BLOCK_SIZE ((size_t)16 * 1024 - 64)

struct arena_block {
	struct arena_block *next;
	alignas(max_align_t) char data[];
};

_Noreturn void mem_exhausted(void)
{
	static const char text[] = "fatal: out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)ignored;
	abort();
}

static size_t checked_product(size_t count, size_t size)
{
	size_t product;

	if (__builtin_mul_overflow(count, size, &product))
		mem_exhausted();
	return product;
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		mem_exhausted();
	return p;
}

void *xcalloc(size_t count, size_t size)
{
	size_t product = checked_product(count, size);
	void *p = calloc(1, product ? product : 1);

	if (!p)
		mem_exhausted();
	return p;
}

void *xrealloc(void *old, size_t count, size_t size)
{
	size_t product = checked_product(count, size);
	void *p = realloc(old, product ? product : 1);

	if (!p)
		mem_exhausted();
	return p;
}

char *xstrdup(const char *s)
{
	return s ? xstrndup(s, strlen(s)) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
	char *copy = xmalloc(n + 1);

	if (n)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

void *xmemdup(const void *data, size_t n)
{
	void *copy = xmalloc(n);

	if (n)
		memcpy(copy, data, n);
	return copy;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *s;

	if (vasprintf(&s, fmt, ap) < 0)
		mem_exhausted();
	return s;
}

void mem_wipe(void *data, size_t n)
{
	explicit_bzero(data, n);
}

void arena_init(struct arena *a)
{
	*a = (struct arena){0};
}

void arena_release(struct arena *a)
{
	for (struct arena_block *b = a->head, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	*a = (struct arena){0};
}

/* A large piece has a block of its own, behind the head, so that the head's room stays in use.
 */
static void *take_large(struct arena *a, size_t size)
{
	struct arena_block *b = xmalloc(sizeof(*b) + size);

	b->next = a->head ? a->head->next : NULL;
	if (a->head)
		a->head->next = b;
	else
		a->head = b;
	return b->data;
}

static void *take_from_new_head(struct arena *a, size_t size)
{
	struct arena_block *b = xmalloc(sizeof(*b) + ARENA_BLOCK_SIZE);

	b->next = a->head;
	a->head = b;
	a->next = b->data + size;
	a->end = b->data + ARENA_BLOCK_SIZE;
	return b->data;
}

void *arena_take_block(struct arena *a, size_t size)
{
	a->used += size;
	return size > ARENA_BLOCK_SIZE / 4 ? take_large(a, size) : take_from_new_head(a, size);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	return arena_alloc(a, checked_product(count, size));
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_take(a, n + 1);

	if (n)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

void *arena_memdup(struct arena *a, const void *data, size_t n)
{
	void *copy = arena_take(a, n);

	if (n)
		memcpy(copy, data, n);
	return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	autofree char *s = xvasprintf(fmt, ap);
	va_end(ap);
	return arena_strdup(a, s);
}
