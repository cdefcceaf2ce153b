/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing with linear probing over indices into an ordered array of entries; the
 * table is at most half full. FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/
 */
#include "base/strmap.h"

#include "base/vec.h"

uint64_t str_hash(const char *s, size_t n)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (uint8_t)s[i]) * 0x100000001b3u;
	return hash;
}

/* The slot that holds key, or the free one where it belongs. The table has a free slot. */
static uint32_t *find_slot(const struct strmap *m, const char *key, uint64_t hash)
{
	size_t mask = m->slot_count - 1;

	for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
		uint32_t *slot = &m->slots[i];
		if (*slot == 0)
			return slot;
		const struct strmap_entry *e = &m->entries[*slot - 1];
		if (e->hash == hash && strcmp(e->key, key) == 0)
			return slot;
	}
}

static void rebuild(struct strmap *m, size_t slot_count)
{
	free(m->slots);
	m->slots = xcalloc(slot_count, sizeof(*m->slots));
	m->slot_count = slot_count;
	for (size_t i = 0; i < m->count; i++)
		*find_slot(m, m->entries[i].key, m->entries[i].hash) = (uint32_t)(i + 1);
}

static struct strmap_entry *find_entry(const struct strmap *m, const char *key)
{
	if (m->count == 0)
		return NULL;
	uint32_t index = *find_slot(m, key, str_hash(key, strlen(key)));
	return index ? &m->entries[index - 1] : NULL;
}

void *strmap_set(struct strmap *m, const char *key, void *value)
{
	uint64_t hash = str_hash(key, strlen(key));

	if ((m->count + 1) * 2 > m->slot_count)
		rebuild(m, m->slot_count ? m->slot_count * 2 : 16);
	uint32_t *slot = find_slot(m, key, hash);
	if (*slot) {
		struct strmap_entry *e = &m->entries[*slot - 1];
		void *old = e->value;
		e->value = value;
		return old;
	}
	m->entries = vec_grow(m->entries, m->count, &m->cap, sizeof(*m->entries));
	m->entries[m->count++] =
		(struct strmap_entry){.key = xstrdup(key), .value = value, .hash = hash};
	*slot = (uint32_t)m->count;
	return NULL;
}

void *strmap_get(const struct strmap *m, const char *key)
{
	const struct strmap_entry *e = find_entry(m, key);

	return e ? e->value : NULL;
}

bool strmap_has(const struct strmap *m, const char *key)
{
	return find_entry(m, key) != NULL;
}

void *strmap_remove(struct strmap *m, const char *key)
{
	struct strmap_entry *e = find_entry(m, key);

	if (!e)
		return NULL;
	void *value = e->value;
	free(e->key);
	size_t after = (size_t)(m->entries + m->count - (e + 1));
	memmove(e, e + 1, after * sizeof(*e));
	m->count--;
	rebuild(m, m->slot_count);
	return value;
}

void strmap_release(struct strmap *m, void (*free_value)(void *value))
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->entries[i].key);
		if (free_value)
			free_value(m->entries[i].value);
	}
	free(m->entries);
	free(m->slots);
	*m = (struct strmap){0};
}

void *vec_grow(void *items, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return items;
	*cap = *cap ? *cap * 2 : 8;
	return xrealloc(items, *cap, size);
}
