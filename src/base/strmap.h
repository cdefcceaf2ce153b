/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map from strings to pointers that keeps the order of insertion. Keys are copied and
 * owned by the map; values are the caller's. An all-zero struct is an empty map.
 * Not thread-safe for writing; any number of threads may read.
 */
#ifndef BASE_STRMAP_H
#define BASE_STRMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

struct strmap_entry {
	char *key;
	void *value;
	uint64_t hash;
};

struct strmap {
	struct strmap_entry *entries; /* in order of insertion */
	size_t count;
	size_t cap;
	uint32_t *slots; /* index + 1 into entries, 0 when free */
	size_t slot_count;
};

/* Sets key to value; returns the value it replaces, or NULL. A replaced key keeps its place. */
void *strmap_set(struct strmap *m, const char *key, void *value);
/* The value of key, or NULL. */
void *strmap_get(const struct strmap *m, const char *key);
/* True if key is there, even with a NULL value. */
bool strmap_has(const struct strmap *m, const char *key);
/* Removes key and returns its value, or NULL; later entries move up (linear time). */
void *strmap_remove(struct strmap *m, const char *key);
/* Frees keys and table; with free_value, also every value. The map is empty afterwards. */
void strmap_release(struct strmap *m, void (*free_value)(void *value));
/* The hash that the map uses (FNV-1a, 64 bit), for other tables. */
uint64_t str_hash(const char *s, size_t n);

/* Walks the entries in order: strmap_foreach (e, &map) use(e->key, e->value); */
#define strmap_foreach(e, m)                                                                   \
	for (struct strmap_entry *e = (m)->entries;                                            \
		(m)->count && e != (m)->entries + (m)->count; e++)

#endif
