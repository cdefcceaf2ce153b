/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory: allocation that cannot fail, arenas, and scope-bound cleanup.
 *
 * Running out of memory is not an error that callers handle: the x-functions end the
 * process with a message. A size that comes from outside is checked against a limit
 * before it gets here.
 *
 * Ownership: what malloc-like functions return is the caller's, to be released with free().
 * What an arena returns lives as long as the arena and is never released by itself.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/banned.h"

#define ARRAY_SIZE(a)          (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Ends the process: memory is out. */
_Noreturn void mem_exhausted(void);
/* malloc that ends the process when memory is out; size 0 gives a unique pointer. */
void *xmalloc(size_t size);
/* calloc, likewise; refuses a product that overflows. */
void *xcalloc(size_t count, size_t size);
/* realloc to count elements of size bytes, likewise. */
void *xrealloc(void *old, size_t count, size_t size);
/* strdup, likewise; NULL gives NULL. */
char *xstrdup(const char *s);
/* Copies n bytes and ends them with NUL. */
char *xstrndup(const char *s, size_t n);
/* Copies n bytes. */
void *xmemdup(const void *data, size_t n);
/* printf into new memory. */
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* vprintf into new memory. */
char *xvasprintf(const char *fmt, va_list ap) PRINTF_LIKE(1, 0);

/* Overwrites memory that held a secret, in a way the compiler keeps. */
void mem_wipe(void *data, size_t n);

/*
 * An arena: memory that is released all at once. Not thread-safe: one thread fills it;
 * after that, any number may read. An all-zero struct is an empty arena.
 */
struct arena {
	struct arena_block *head;
	char *next; /* what is free of the head */
	char *end;
	size_t used; /* bytes handed out, for limits and reports */
};

/* Makes an empty arena. */
void arena_init(struct arena *a);
/* Releases all that the arena handed out; the arena is empty and usable afterwards. */
void arena_release(struct arena *a);
/* arena_take where the block at hand has no room: adds a block. */
void *arena_take_block(struct arena *a, size_t size);

/* Memory whose content is not defined, aligned for any type. */
static inline void *arena_take(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);

	if (size > SIZE_MAX / 2)
		mem_exhausted();
	size = (size + align - 1) & ~(align - 1);
	if (size >= (size_t)(a->end - a->next))
		return arena_take_block(a, size);
	void *p = a->next;
	a->next += size;
	a->used += size;
	return p;
}

/* Zeroed memory, aligned for any type. Inline, so that small sizes are cleared in place. */
static inline void *arena_alloc(struct arena *a, size_t size)
{
	return memset(arena_take(a, size), 0, size);
}

/* Zeroed memory for count elements; refuses a product that overflows. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* Copies n bytes and ends them with NUL. */
char *arena_strndup(struct arena *a, const char *s, size_t n);
/* Copies a string; NULL gives NULL. */
char *arena_strdup(struct arena *a, const char *s);
/* Copies n bytes. */
void *arena_memdup(struct arena *a, const void *data, size_t n);
/* printf into the arena. */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

/*
 * Scope-bound cleanup. `AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;` calls
 * strbuf_release(&b) when b goes out of scope. autofree frees a pointer.
 */
#define AUTO(fn) __attribute__((cleanup(fn)))
#define autofree AUTO(mem_cleanup_free)

static inline void mem_cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

/* Takes a pointer out of a scope-bound variable, so that the scope's end leaves it alone. */
#define STEAL(pointer)                                                                         \
	__extension__({                                                                        \
		__typeof__(pointer) steal_value_ = (pointer);                                  \
		(pointer) = NULL;                                                              \
		steal_value_;                                                                  \
	})

#endif
