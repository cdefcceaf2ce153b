/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dicts: pairs in order of insertion, searched one by one while they are few; beyond that
 * an index of open addressing, which only builders touch, so that readers share it freely.
 */
#include "base/strmap.h"
#include "value/value.h"

#define INDEX_FROM 9 /* a dict of this many pairs gets an index */

struct value_index {
	size_t slot_count; /* a power of two, at least twice the pairs */
	struct slot {
		uint32_t hash;
		uint32_t pair; /* number + 1; 0 when free */
	} slots[];
};

/*
 * Where the search for a hash begins. The index's own address, which an outsider does not
 * know, takes part: keys from a hostile node cannot be chosen to fall on one slot.
 */
static size_t first_slot(const struct value_index *index, uint64_t hash)
{
	uint64_t mixed = (hash ^ (uintptr_t)index) * 0x9e3779b97f4a7c15u;

	return (mixed ^ mixed >> 32) & (index->slot_count - 1);
}

static void index_insert(struct value_index *index, uint64_t hash, size_t pair)
{
	size_t at = first_slot(index, hash);

	while (index->slots[at].pair)
		at = (at + 1) & (index->slot_count - 1);
	index->slots[at] = (struct slot){.hash = (uint32_t)hash, .pair = (uint32_t)pair + 1};
}

static void index_build(struct arena *a, struct value *dict)
{
	size_t slots = 32;

	while (slots < dict->pair_cap * 2)
		slots *= 2;
	dict->index = arena_alloc(a, sizeof(struct value_index) + slots * sizeof(struct slot));
	dict->index->slot_count = slots;
	for (size_t i = 0; i < dict->pair_count; i++)
		index_insert(dict->index, value_hash(dict->pairs[i].key), i);
}

/* Equality of two keys; the usual case, two strings, first. */
static bool same_key(const struct value *a, const struct value *b)
{
	if (a->kind == VALUE_STRING && b->kind == VALUE_STRING)
		return a->len == b->len && !memcmp(a->text, b->text, a->len);
	return value_equal(a, b);
}

static struct value_pair *find_indexed(
	const struct value *dict, const struct value *key, uint64_t hash)
{
	const struct value_index *index = dict->index;
	size_t mask = index->slot_count - 1;

	for (size_t at = first_slot(index, hash); index->slots[at].pair; at = (at + 1) & mask) {
		struct value_pair *pair = &dict->pairs[index->slots[at].pair - 1];
		if (index->slots[at].hash == (uint32_t)hash && same_key(pair->key, key))
			return pair;
	}
	return NULL;
}

static struct value_pair *find(const struct value *dict, const struct value *key)
{
	if (dict->index)
		return find_indexed(dict, key, value_hash(key));
	for (size_t i = 0; i < dict->pair_count; i++)
		if (same_key(dict->pairs[i].key, key))
			return &dict->pairs[i];
	return NULL;
}

static void replace(struct value *dict, struct value_pair *pair, const struct value *item)
{
	pair->value = item;
	dict->holds = 0;
}

static struct value string_key(const char *key)
{
	return (struct value){.kind = VALUE_STRING, .text = key, .len = strlen(key)};
}

static void append(
	struct arena *a, struct value *dict, const struct value *key, const struct value *item)
{
	if (dict->pair_count == dict->pair_cap) {
		size_t cap = dict->pair_cap ? dict->pair_cap * 2 : 4;
		struct value_pair *pairs = arena_array(a, cap, sizeof(*pairs));

		if (dict->pair_count)
			memcpy(pairs, dict->pairs, dict->pair_count * sizeof(*pairs));
		dict->pairs = pairs;
		dict->pair_cap = cap;
		dict->index = NULL;
	}
	dict->holds = 0;
	dict->pairs[dict->pair_count] = (struct value_pair){.key = key, .value = item};
	if (dict->index)
		index_insert(dict->index, value_hash(key), dict->pair_count);
	dict->pair_count++;
	if (!dict->index && dict->pair_count >= INDEX_FROM)
		index_build(a, dict);
}

void value_dict_set(
	struct arena *a, struct value *dict, const char *key, const struct value *item)
{
	struct value text = string_key(key);
	struct value_pair *pair = find(dict, &text);

	if (pair)
		replace(dict, pair, item);
	else
		append(a, dict, value_new_string(a, key), item);
}

void value_dict_set_value(
	struct arena *a, struct value *dict, const struct value *key, const struct value *item)
{
	struct value_pair *pair = find(dict, key);

	if (pair)
		replace(dict, pair, item);
	else
		append(a, dict, key, item);
}

bool value_dict_remove(struct arena *a, struct value *dict, const struct value *key)
{
	struct value_pair *pair = find(dict, key);

	if (!pair)
		return false;
	dict->pair_count--;
	memmove(pair, pair + 1,
		(size_t)(dict->pairs + dict->pair_count - pair) * sizeof(*pair));
	dict->index = NULL;
	if (dict->pair_count >= INDEX_FROM)
		index_build(a, dict);
	return true;
}

const struct value *value_dict_get(const struct value *v, const char *key)
{
	const struct value_pair *pair = value_dict_pair(v, key);

	return pair ? pair->value : NULL;
}

const struct value_pair *value_dict_pair(const struct value *v, const char *key)
{
	if (!v || v->kind != VALUE_DICT)
		return NULL;
	struct value text = string_key(key);
	return find(v, &text);
}

struct value_key value_key(const char *text, size_t n)
{
	return (struct value_key){.text = text, .len = n, .hash = value_hash_text(text, n)};
}

static const struct value_pair *seek_indexed(
	const struct value *dict, const struct value_key *key)
{
	const struct value_index *index = dict->index;
	size_t mask = index->slot_count - 1;
	size_t at = first_slot(index, key->hash);

	for (; index->slots[at].pair; at = (at + 1) & mask) {
		const struct value_pair *pair = &dict->pairs[index->slots[at].pair - 1];
		if (index->slots[at].hash == (uint32_t)key->hash && value_pair_has(pair, key))
			return pair;
	}
	return NULL;
}

const struct value_pair *value_dict_seek(const struct value *dict, const struct value_key *key)
{
	if (dict->index)
		return seek_indexed(dict, key);
	for (size_t i = 0; i < dict->pair_count; i++)
		if (value_pair_has(&dict->pairs[i], key))
			return &dict->pairs[i];
	return NULL;
}

const struct value_pair *value_dict_find(const struct value *v, const struct value *key)
{
	return v && v->kind == VALUE_DICT ? find(v, key) : NULL;
}

const struct value *value_dict_get_value(const struct value *v, const struct value *key)
{
	const struct value_pair *pair = value_dict_find(v, key);

	return pair ? pair->value : NULL;
}
