/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdalign.h>
#include <unistd.h>

#define ARENA_BLOCK_SIZE ((size_t)16 * 1024 - 64)

struct arena_block {
	struct arena_block *next;
	size_t size;
	size_t used;
	alignas(max_align_t) char data[];
};

static _Noreturn void out_of_memory(void)
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
		out_of_memory();
	return product;
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xcalloc(size_t count, size_t size)
{
	size_t product = checked_product(count, size);
	void *p = calloc(1, product ? product : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xrealloc(void *old, size_t count, size_t size)
{
	size_t product = checked_product(count, size);
	void *p = realloc(old, product ? product : 1);

	if (!p)
		out_of_memory();
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
		out_of_memory();
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

/* Adds a block; a large one goes behind the head, so that the head's room stays in use. */
static struct arena_block *arena_grow(struct arena *a, size_t size)
{
	bool large = size > ARENA_BLOCK_SIZE / 4;
	size_t room = large ? size : ARENA_BLOCK_SIZE;
	struct arena_block *b = xmalloc(sizeof(*b) + room);

	*b = (struct arena_block){.size = room};
	if (large && a->head) {
		b->next = a->head->next;
		a->head->next = b;
	} else {
		b->next = a->head;
		a->head = b;
	}
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = alignof(max_align_t);

	if (size > SIZE_MAX / 2)
		out_of_memory();
	size = (size + align - 1) & ~(align - 1);
	struct arena_block *b = a->head;
	if (!b || b->size - b->used < size)
		b = arena_grow(a, size);
	void *p = b->data + b->used;
	b->used += size;
	a->used += size;
	return memset(p, 0, size);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	return arena_alloc(a, checked_product(count, size));
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_alloc(a, n + 1);

	if (n)
		memcpy(copy, s, n);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

void *arena_memdup(struct arena *a, const void *data, size_t n)
{
	void *copy = arena_alloc(a, n);

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
