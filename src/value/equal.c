/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Equality and hashes as Python has them: numbers of all kinds compare by their value, so a
 * number's hash is that of the double next to it.
 */
#include <math.h>

#include "base/strmap.h"
#include "value/value.h"

static bool is_number(const struct value *v)
{
	return v->kind == VALUE_BOOL || v->kind == VALUE_INT || v->kind == VALUE_BIGINT ||
	       v->kind == VALUE_FLOAT;
}

/* The integer of a BOOL or INT. */
static int64_t small_integer(const struct value *v)
{
	return v->kind == VALUE_BOOL ? v->boolean : v->integer;
}

static double as_double(const struct value *v)
{
	if (v->kind == VALUE_FLOAT)
		return v->real;
	if (v->kind == VALUE_BIGINT)
		return strtod(v->text, NULL);
	return (double)small_integer(v);
}

static bool same_text(const struct value *a, const struct value *b)
{
	return a->len == b->len && !memcmp(a->text, b->text, a->len);
}

/* A FLOAT against an integer of any kind, exactly. */
static bool float_equal(double d, const struct value *integer)
{
	if (!isfinite(d) || d != trunc(d))
		return false;
	if (integer->kind == VALUE_BIGINT) {
		char digits[400];
		snprintf(digits, sizeof(digits), "%.0f", d);
		return !strcmp(digits, integer->text);
	}
	/* The bounds are -2^63 and 2^63. */
	return d >= -9223372036854775808.0 && d < 9223372036854775808.0 &&
	       (int64_t)d == small_integer(integer);
}

static bool number_equal(const struct value *a, const struct value *b)
{
	if (a->kind == VALUE_FLOAT && b->kind == VALUE_FLOAT)
		return a->real == b->real;
	if (a->kind == VALUE_FLOAT)
		return float_equal(a->real, b);
	if (b->kind == VALUE_FLOAT)
		return float_equal(b->real, a);
	if (a->kind == VALUE_BIGINT || b->kind == VALUE_BIGINT)
		return a->kind == b->kind && same_text(a, b);
	return small_integer(a) == small_integer(b);
}

/* As Python, what is identical is equal inside a collection: a list that holds NaN too. */
static bool items_equal(const struct value *a, const struct value *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->items[i] != b->items[i] && !value_equal(a->items[i], b->items[i]))
			return false;
	return true;
}

static bool dicts_equal(const struct value *a, const struct value *b)
{
	if (a->pair_count != b->pair_count)
		return false;
	value_dict_foreach (p, a) {
		const struct value *other = value_dict_get_value(b, p->key);
		if (!other || (other != p->value && !value_equal(p->value, other)))
			return false;
	}
	return true;
}

bool value_equal(const struct value *a, const struct value *b)
{
	if (is_number(a) && is_number(b))
		return number_equal(a, b);
	if (a->kind != b->kind)
		return false;
	switch ((enum value_kind)a->kind) {
	case VALUE_NULL: return true;
	case VALUE_LIST:
	case VALUE_TUPLE: return a == b || items_equal(a, b);
	case VALUE_DICT: return a == b || dicts_equal(a, b);
	case VALUE_OBJECT: return a->object == b->object;
	default: return same_text(a, b);
	}
}

static uint64_t number_hash(const struct value *v)
{
	double d = as_double(v);

	if (d == 0)
		d = 0; /* -0.0 equals 0.0 */
	return str_hash((const char *)&d, sizeof(d));
}

/* Up to eight bytes as a number; those of a short text may take part twice. */
static uint64_t load(const char *s, size_t n)
{
	uint64_t word = 0;
	uint32_t half[2];

	if (n >= sizeof(word)) {
		memcpy(&word, s, sizeof(word));
	} else if (n >= sizeof(half[0])) {
		memcpy(&half[0], s, sizeof(half[0]));
		memcpy(&half[1], s + n - sizeof(half[1]), sizeof(half[1]));
		word = half[0] | (uint64_t)half[1] << 32;
	} else if (n > 0) {
		word = (uint8_t)s[0] | (uint64_t)(uint8_t)s[n / 2] << 8 |
		       (uint64_t)(uint8_t)s[n - 1] << 16;
	}
	return word;
}

/* Eight bytes at a time, each multiplied in: names are short, and looked up at every turn. */
uint64_t value_hash_text(const char *s, size_t n)
{
	uint64_t hash = n * 0x9e3779b97f4a7c15u;

	for (; n > 8; s += 8, n -= 8) {
		hash = (hash ^ load(s, 8)) * 0xff51afd7ed558ccdu;
		hash ^= hash >> 32;
	}
	hash = (hash ^ load(s, n)) * 0xc4ceb9fe1a85ec53u;
	return hash ^ hash >> 29;
}

uint64_t value_hash(const struct value *v)
{
	if (v->kind == VALUE_STRING)
		return value_hash_text(v->text, v->len);
	if (is_number(v))
		return number_hash(v);
	if (value_is_textual(v))
		return str_hash(v->text, v->len) + v->kind;
	if (v->kind == VALUE_OBJECT)
		return (uint64_t)(uintptr_t)v->object * 0x9e3779b97f4a7c15u;
	uint64_t hash = 14695981039346656037u + v->kind;
	if (v->kind == VALUE_TUPLE)
		for (size_t i = 0; i < v->count; i++)
			hash = hash * 1099511628211u + value_hash(v->items[i]);
	return hash;
}

bool value_hashable(const struct value *v)
{
	if (v->kind == VALUE_LIST || v->kind == VALUE_DICT || v->kind == VALUE_VAULT)
		return false;
	if (v->kind == VALUE_TUPLE)
		for (size_t i = 0; i < v->count; i++)
			if (!value_hashable(v->items[i]))
				return false;
	return true;
}
