/* SPDX-License-Identifier: Apache-2.0 */
#include "value/value.h"

#include "base/str.h"

#define ITEM_SIZE sizeof(const struct value *)

const struct value value_null = {.kind = VALUE_NULL};
const struct value value_true = {.kind = VALUE_BOOL, .boolean = true};
const struct value value_false = {.kind = VALUE_BOOL, .boolean = false};

static struct value *value_new(struct arena *a, enum value_kind kind)
{
	struct value *v = ARENA_NEW(a, struct value);

	v->kind = (uint8_t)kind;
	return v;
}

struct value *value_new_int(struct arena *a, int64_t i)
{
	struct value *v = value_new(a, VALUE_INT);

	v->integer = i;
	return v;
}

struct value *value_new_float(struct arena *a, double d)
{
	struct value *v = value_new(a, VALUE_FLOAT);

	v->real = d;
	return v;
}

struct value *value_new_string(struct arena *a, const char *s)
{
	return value_new_text(a, VALUE_STRING, s, strlen(s));
}

struct value *value_new_stringn(struct arena *a, const char *s, size_t n)
{
	return value_new_text(a, VALUE_STRING, s, n);
}

struct value *value_new_stringf(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	autofree char *text = xvasprintf(fmt, ap);
	va_end(ap);
	return value_new_string(a, text);
}

struct value *value_new_text(struct arena *a, enum value_kind kind, const char *s, size_t n)
{
	struct value *v = value_new(a, kind);

	v->text = arena_strndup(a, s, n);
	v->len = n;
	return v;
}

struct value *value_new_list(struct arena *a)
{
	return value_new(a, VALUE_LIST);
}

struct value *value_new_tuple(struct arena *a)
{
	return value_new(a, VALUE_TUPLE);
}

struct value *value_new_dict(struct arena *a)
{
	return value_new(a, VALUE_DICT);
}

const struct value *value_bool(bool b)
{
	return b ? &value_true : &value_false;
}

void value_list_add(struct arena *a, struct value *list, const struct value *item)
{
	if (list->count == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 4;
		const struct value **items = arena_array(a, cap, ITEM_SIZE);

		if (list->count)
			memcpy(items, list->items, list->count * ITEM_SIZE);
		list->items = items;
		list->cap = cap;
	}
	list->items[list->count++] = item;
	list->holds = 0;
}

bool value_is_textual(const struct value *v)
{
	switch ((enum value_kind)v->kind) {
	case VALUE_BIGINT:
	case VALUE_STRING:
	case VALUE_BYTES:
	case VALUE_DATE:
	case VALUE_DATETIME:
	case VALUE_VAULT: return true;
	default: return false;
	}
}

const char *value_text(const struct value *v)
{
	return value_is_string(v) ? v->text : NULL;
}

bool value_is_string(const struct value *v)
{
	return v && v->kind == VALUE_STRING;
}

bool value_truthy(const struct value *v)
{
	switch ((enum value_kind)v->kind) {
	case VALUE_NULL: return false;
	case VALUE_BOOL: return v->boolean;
	case VALUE_INT: return v->integer != 0;
	case VALUE_FLOAT: return v->real != 0;
	case VALUE_STRING:
	case VALUE_BYTES: return v->len > 0;
	case VALUE_LIST:
	case VALUE_TUPLE: return v->count > 0;
	case VALUE_DICT: return v->pair_count > 0;
	default: return true;
	}
}

const char *value_kind_name(const struct value *v)
{
	static const char *const names[] = {
		[VALUE_NULL] = "null",
		[VALUE_BOOL] = "a boolean",
		[VALUE_INT] = "an integer",
		[VALUE_BIGINT] = "an integer",
		[VALUE_FLOAT] = "a number",
		[VALUE_STRING] = "a string",
		[VALUE_BYTES] = "bytes",
		[VALUE_DATE] = "a date",
		[VALUE_DATETIME] = "a date with time",
		[VALUE_VAULT] = "a vault",
		[VALUE_LIST] = "a list",
		[VALUE_TUPLE] = "a tuple",
		[VALUE_DICT] = "a mapping",
		[VALUE_OBJECT] = "an object",
	};
	return names[v->kind];
}

/* A copy under way; remembers the file name it copied last, since neighbours share it. */
struct copier {
	struct arena *arena;
	bool unsafe;
	const char *file;
	const char *file_copy;
};

static struct value *copy(struct copier *c, const struct value *v);

static const char *copy_file(struct copier *c, const char *file)
{
	if (file != c->file) {
		c->file = file;
		c->file_copy = arena_strdup(c->arena, file);
	}
	return file ? c->file_copy : NULL;
}

static void copy_items(struct copier *c, struct value *to, const struct value *from)
{
	to->items = arena_array(c->arena, from->count, ITEM_SIZE);
	to->cap = from->count;
	for (size_t i = 0; i < from->count; i++)
		to->items[i] = copy(c, from->items[i]);
}

static void copy_pairs(struct copier *c, struct value *to, const struct value *from)
{
	to->pairs = NULL;
	to->pair_count = to->pair_cap = 0;
	to->index = NULL;
	value_dict_foreach (p, from)
		value_dict_set_value(c->arena, to, copy(c, p->key), copy(c, p->value));
}

static struct value *copy(struct copier *c, const struct value *v)
{
	struct value *to = arena_memdup(c->arena, v, sizeof(*v));

	to->place.file = copy_file(c, v->place.file);
	to->holds = 0;
	if (value_is_textual(v))
		to->text = arena_strndup(c->arena, v->text, v->len);
	if (v->kind == VALUE_STRING && c->unsafe)
		to->unsafe = true;
	if (v->kind == VALUE_LIST || v->kind == VALUE_TUPLE)
		copy_items(c, to, v);
	if (v->kind == VALUE_DICT)
		copy_pairs(c, to, v);
	return to;
}

struct value *value_copy(struct arena *a, const struct value *v)
{
	return copy(&(struct copier){.arena = a}, v);
}

struct value *value_copy_unsafe(struct arena *a, const struct value *v)
{
	return copy(&(struct copier){.arena = a, .unsafe = true}, v);
}
