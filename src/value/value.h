/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed values: what YAML, JSON, inventories, variables and templates are made of.
 *
 * A value is immutable once it is published and lives in an arena; many threads may read it.
 * Who builds a value owns it until it hands it out: the *_new and *_add functions are for
 * builders only. A pointer to a value is the value: nothing is copied when it is shared.
 *
 * Every value knows where it was written (`place`, file NULL when it came from no file) and
 * one bit of trust: `unsafe` marks what came from a node or another outsider; an unsafe
 * string is never templated again.
 *
 * Kinds follow YAML 1.1 as Ansible reads it, seen with Python's eyes.
 */
#ifndef VALUE_VALUE_H
#define VALUE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/mem.h"

enum value_kind {
	VALUE_NULL,
	VALUE_BOOL,
	VALUE_INT,    /* fits int64 */
	VALUE_BIGINT, /* decimal digits with an optional '-', in text */
	VALUE_FLOAT,
	VALUE_STRING,   /* UTF-8 text; may hold NUL; text/len */
	VALUE_BYTES,    /* any bytes; text/len */
	VALUE_DATE,     /* text is YYYY-MM-DD as written */
	VALUE_DATETIME, /* text is the ISO text that Python's isoformat gives */
	VALUE_VAULT,    /* an inline !vault: text is the envelope, not yet decrypted */
	VALUE_LIST,
	VALUE_TUPLE,
	VALUE_DICT,  /* insertion-ordered; keys are values, usually strings */
	VALUE_OBJECT /* a template's own object (undefined, namespace, macro, range ...) */
};

struct value_pair {
	const struct value *key;
	const struct value *value;
};

struct value {
	uint8_t kind; /* enum value_kind */
	bool unsafe;
	bool tagged_unsafe; /* written with !unsafe: not templated, though trusted */
	uint8_t holds; /* of a container: what template/ remembers of looking into it; 0: not
			  looked yet. Cleared by those that build */
	struct place place;
	union {
		bool boolean;
		int64_t integer;
		double real;
		struct {
			const char *text; /* NUL-terminated beyond len */
			size_t len;
		};
		struct {
			const struct value **items;
			size_t count;
			size_t cap;
		};
		struct {
			struct value_pair *pairs;
			size_t pair_count;
			size_t pair_cap;
			struct value_index *index; /* built when the dict has grown; internal */
		};
		struct {
			const struct value_class *class; /* defined by template/ */
			void *object;
		};
	};
};

extern const struct value value_null, value_true, value_false;

/* New values in an arena; without a place. */
struct value *value_new_int(struct arena *a, int64_t i);
/* A float. */
struct value *value_new_float(struct arena *a, double d);
/* A string, copied. */
struct value *value_new_string(struct arena *a, const char *s);
/* A string of n bytes, copied. */
struct value *value_new_stringn(struct arena *a, const char *s, size_t n);
/* A string made by a format. */
struct value *value_new_stringf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A value of any textual kind (BYTES, DATE, BIGINT ...) over n copied bytes. */
struct value *value_new_text(struct arena *a, enum value_kind kind, const char *s, size_t n);
/* An empty list. */
struct value *value_new_list(struct arena *a);
/* An empty tuple; filled with value_list_add like a list. */
struct value *value_new_tuple(struct arena *a);
/* An empty dict. */
struct value *value_new_dict(struct arena *a);
/* One of the two shared booleans. */
const struct value *value_bool(bool b);

/* Appends to a list or tuple under construction. */
void value_list_add(struct arena *a, struct value *list, const struct value *item);
/* Sets a key of a dict under construction; a key that is there keeps its place. */
void value_dict_set(
	struct arena *a, struct value *dict, const char *key, const struct value *item);
/*
 * The same with a key of any hashable kind (value_hashable). A place that the key has is kept
 * with the pair: value_dict_pair gives it back.
 */
void value_dict_set_value(
	struct arena *a, struct value *dict, const struct value *key, const struct value *item);

/* Takes a key out of a dict under construction; false if it was not there. */
bool value_dict_remove(struct arena *a, struct value *dict, const struct value *key);

/* The value of a string key, or NULL; NULL also when v is NULL or no dict. */
const struct value *value_dict_get(const struct value *v, const char *key);
/* The pair of a string key (for the key's place), or NULL. */
const struct value_pair *value_dict_pair(const struct value *v, const char *key);
/* The pair of a key of any kind, or NULL. */
const struct value_pair *value_dict_find(const struct value *v, const struct value *key);
/* A string key that is looked up often, prepared with value_key. */
struct value_key {
	const char *text;
	size_t len;
	uint64_t hash;
};
/* Prepares a key of n bytes, which must outlive it. */
struct value_key value_key(const char *text, size_t n);
/* The pair of a prepared key in a DICT, or NULL. */
const struct value_pair *value_dict_seek(const struct value *dict, const struct value_key *key);

/* True if a pair has a prepared key. */
static inline bool value_pair_has(const struct value_pair *pair, const struct value_key *key)
{
	return pair->key->len == key->len && pair->key->kind == VALUE_STRING &&
	       !memcmp(pair->key->text, key->text, key->len);
}

/* The value of a key of any kind (1 == 1.0 == true as in Python), or NULL. */
const struct value *value_dict_get_value(const struct value *v, const struct value *key);

/* True if v may be a key: everything but LIST, DICT, VAULT and tuples that hold one. */
bool value_hashable(const struct value *v);
/* A hash under which equal values (value_equal) are equal. OBJECTs hash by identity. */
uint64_t value_hash(const struct value *v);
/* The hash of a STRING. It differs from machine to machine: not for files. */
uint64_t value_hash_text(const char *s, size_t n);

/* Text of a string, or NULL when v is NULL or has another kind. */
const char *value_text(const struct value *v);
/* True when v is a STRING. */
bool value_is_string(const struct value *v);
/* True for the kinds whose content is text/len: BIGINT, STRING, BYTES, DATE, VAULT ... */
bool value_is_textual(const struct value *v);
/* Python's truth value: empty, zero, None are false. */
bool value_truthy(const struct value *v);
/* The kind's name for messages to people: "a string", "a list", "a mapping" ... */
const char *value_kind_name(const struct value *v);
/* Equality as Python's ==; VAULTs by their envelope, OBJECTs by identity. */
bool value_equal(const struct value *a, const struct value *b);
/* A deep copy into another arena. OBJECTs are shared, not copied. */
struct value *value_copy(struct arena *a, const struct value *v);
/* A deep copy in which every string is marked unsafe. */
struct value *value_copy_unsafe(struct arena *a, const struct value *v);

#define value_list_foreach(item, v)                                                            \
	for (size_t item##_i = 0; item##_i < (v)->count; item##_i++)                           \
		for (const struct value *item = (v)->items[item##_i], *item##_once = item;     \
			item##_once; item##_once = NULL)
#define value_dict_foreach(p, v)                                                               \
	for (const struct value_pair *p = (v)->pairs;                                          \
		(v)->pair_count && p != (v)->pairs + (v)->pair_count; p++)

#endif
