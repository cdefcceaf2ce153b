/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Methods of list, tuple and dict. Those that change their object work on what the evaluation
 * made or copied for itself: a template that names one gets copies of its variables.
 */
#include "template/access.h"
#include "template/args.h"
#include "template/methods.h"
#include "template/ops.h"
#include "template/sort.h"
#include "template/tables.h"

/* The object of a changing method; NULL with err where changing is not safe. */
static struct value *own(struct args *a, struct err *err)
{
	if (!a->ev->copies) {
		args_fail(
			a, err, "a value cannot be changed here; call the method by its name");
		return NULL;
	}
	return (struct value *)(uintptr_t)a->self;
}

/* Takes item i out of a list. */
static const struct value *take_out(struct value *list, size_t i)
{
	const struct value *item = list->items[i];

	memmove(&list->items[i], &list->items[i + 1],
		(list->count - i - 1) * sizeof(*list->items));
	list->count--;
	return item;
}

static const struct value *list_append(struct args *a, struct err *err)
{
	struct value *list = own(a, err);

	if (!list)
		return NULL;
	value_list_add(a->ev->arena, list, a->v[0]);
	return &value_null;
}

static const struct value *list_clear(struct args *a, struct err *err)
{
	struct value *list = own(a, err);

	if (!list)
		return NULL;
	list->count = 0;
	return &value_null;
}

static const struct value *list_copy(struct args *a, struct err *err)
{
	return iter_list(a->ev, a->self, err);
}

static const struct value *list_extend(struct args *a, struct err *err)
{
	struct value *list = own(a, err);
	const struct value *more = list ? iter_list(a->ev, a->v[0], err) : NULL;

	if (!more)
		return NULL;
	for (size_t i = 0; i < more->count; i++)
		value_list_add(a->ev->arena, list, more->items[i]);
	return &value_null;
}

static const struct value *list_insert(struct args *a, struct err *err)
{
	struct value *list = own(a, err);
	int64_t at;

	if (!list || arg_int(a, 0, 0, &at, err) < 0)
		return NULL;
	size_t i = clamp_index(at, list->count);
	value_list_add(a->ev->arena, list, a->v[1]);
	memmove(&list->items[i + 1], &list->items[i],
		(list->count - 1 - i) * sizeof(*list->items));
	list->items[i] = a->v[1];
	return &value_null;
}

static const struct value *list_pop(struct args *a, struct err *err)
{
	struct value *list = own(a, err);
	int64_t at;

	if (!list || arg_int(a, 0, -1, &at, err) < 0)
		return NULL;
	if (list->count == 0)
		return args_fail(a, err, "pop from empty list");
	if (at < 0)
		at += (int64_t)list->count;
	if (at < 0 || (uint64_t)at >= list->count)
		return args_fail(a, err, "pop index out of range");
	return promise_resolve(a->ev, take_out(list, (size_t)at), err);
}

/* The position of a value between the arguments 1 and 2, or -1; -2 with err. */
static int64_t position(struct args *a, struct err *err)
{
	int64_t start, stop;

	if (arg_int(a, 1, 0, &start, err) < 0 || arg_int(a, 2, INT64_MAX, &stop, err) < 0)
		return -2;
	size_t to = clamp_index(stop, a->self->count);
	for (size_t i = clamp_index(start, a->self->count); i < to; i++) {
		const struct value *item = list_item(a->ev, a->self, i, err);
		int equal = item ? op_equal(a->ev, item, a->v[0], err) : -1;
		if (equal < 0)
			return -2;
		if (equal)
			return (int64_t)i;
	}
	return -1;
}

static const struct value *list_index(struct args *a, struct err *err)
{
	int64_t at = position(a, err);

	if (at == -2)
		return NULL;
	if (at < 0)
		return args_fail(a, err, "the value is not in the list");
	return value_new_int(a->ev->arena, at);
}

static const struct value *list_remove(struct args *a, struct err *err)
{
	struct value *list = own(a, err);
	int64_t at = list ? position(a, err) : -2;

	if (at == -2)
		return NULL;
	if (at < 0)
		return args_fail(a, err, "the value is not in the list");
	take_out(list, (size_t)at);
	return &value_null;
}

static const struct value *list_count(struct args *a, struct err *err)
{
	int64_t count = 0;

	for (size_t i = 0; i < a->self->count; i++) {
		const struct value *item = list_item(a->ev, a->self, i, err);
		int equal = item ? op_equal(a->ev, item, a->v[0], err) : -1;
		if (equal < 0)
			return NULL;
		count += equal;
	}
	return value_new_int(a->ev->arena, count);
}

static const struct value *list_reverse(struct args *a, struct err *err)
{
	struct value *list = own(a, err);

	if (!list)
		return NULL;
	for (size_t i = 0; i < list->count / 2; i++) {
		const struct value *swap = list->items[i];
		list->items[i] = list->items[list->count - 1 - i];
		list->items[list->count - 1 - i] = swap;
	}
	return &value_null;
}

static const struct value *list_sort(struct args *a, struct err *err)
{
	struct value *list = own(a, err);
	int backwards = arg_bool(a, 1, false, err);

	if (!list || backwards < 0)
		return NULL;
	if (arg_given(a, 0))
		return args_fail(a, err, "key cannot be given here; use the filter sort");
	struct value *keys = iter_list(a->ev, list, err);
	if (!keys || sort_by_keys(a->ev, list, keys, backwards, err) < 0)
		return NULL;
	return &value_null;
}

static const struct callable list_entries[] = {
	{"append", list_append, "object !", CALL_MUTATES},
	{"clear", list_clear, NULL, CALL_MUTATES},
	{"copy", list_copy, NULL, 0},
	{"count", list_count, "value !", 0},
	{"extend", list_extend, "iterable !", CALL_MUTATES},
	{"index", list_index, "value ! start stop", 0},
	{"insert", list_insert, "index object !", CALL_MUTATES},
	{"pop", list_pop, "index", CALL_MUTATES},
	{"remove", list_remove, "value !", CALL_MUTATES},
	{"reverse", list_reverse, NULL, CALL_MUTATES},
	{"sort", list_sort, "key reverse", CALL_MUTATES},
};

CALLABLES(methods_list, list_entries);

static const struct callable tuple_entries[] = {
	{"count", list_count, "value !", 0},
	{"index", list_index, "value ! start stop", 0},
};

CALLABLES(methods_tuple, tuple_entries);

static const struct value *dict_keys(struct args *a, struct err *err)
{
	return iter_list(a->ev, a->self, err);
}

static const struct value *dict_values(struct args *a, struct err *err)
{
	struct value *list = value_new_list(a->ev->arena);

	for (size_t i = 0; i < a->self->pair_count; i++) {
		const struct value *item = dict_item(a->ev, a->self, i, err);
		if (!item)
			return NULL;
		value_list_add(a->ev->arena, list, item);
	}
	return list;
}

static struct value *new_pair(
	struct eval *ev, const struct value *key, const struct value *value)
{
	struct value *pair = value_new_list(ev->arena);

	pair->kind = VALUE_TUPLE;
	value_list_add(ev->arena, pair, key);
	value_list_add(ev->arena, pair, value);
	return pair;
}

static const struct value *dict_items(struct args *a, struct err *err)
{
	struct value *list = value_new_list(a->ev->arena);

	for (size_t i = 0; i < a->self->pair_count; i++) {
		const struct value *item = dict_item(a->ev, a->self, i, err);
		if (!item)
			return NULL;
		value_list_add(
			a->ev->arena, list, new_pair(a->ev, a->self->pairs[i].key, item));
	}
	return list;
}

static const struct value *find_key(struct args *a, struct err *err)
{
	if (!value_hashable(a->v[0])) {
		args_fail(a, err, "unhashable type: '%s'", type_name(a->v[0]));
		return NULL;
	}
	const struct value *found = value_dict_get_value(a->self, a->v[0]);
	return found ? promise_resolve(a->ev, found, err) : NULL;
}

static const struct value *dict_get(struct args *a, struct err *err)
{
	const struct value *found = find_key(a, err);

	if (found || err->code)
		return found;
	return a->v[1] ? a->v[1] : &value_null;
}

static const struct value *dict_copy(struct args *a, struct err *err)
{
	struct value *dict = value_new_dict(a->ev->arena);

	(void)err;
	value_dict_foreach (pair, a->self)
		value_dict_set_value(a->ev->arena, dict, pair->key, pair->value);
	return dict;
}

static void forget_index(struct value *dict)
{
	dict->index = NULL;
}

static const struct value *dict_clear(struct args *a, struct err *err)
{
	struct value *dict = own(a, err);

	if (!dict)
		return NULL;
	dict->pair_count = 0;
	forget_index(dict);
	return &value_null;
}

static int add_pairs(
	struct args *a, struct value *dict, const struct value *from, struct err *err)
{
	struct iter it;
	const struct value *next;
	int rc;

	if (from->kind == VALUE_DICT) {
		value_dict_foreach (pair, from)
			value_dict_set_value(a->ev->arena, dict, pair->key, pair->value);
		return 0;
	}
	rc = iter_begin(&it, a->ev, from, err);
	while (rc >= 0 && (rc = iter_next(&it, &next, err)) > 0) {
		const struct value *pair = iter_sequence(a->ev, next, err);
		if (!pair)
			return -1;
		if (pair->count != 2 || !value_hashable(pair->items[0])) {
			args_fail(a, err, "expected pairs of a key and a value");
			return -1;
		}
		value_dict_set_value(a->ev->arena, dict, pair->items[0], pair->items[1]);
	}
	return rc;
}

static const struct value *dict_update(struct args *a, struct err *err)
{
	struct value *dict = own(a, err);

	if (!dict || (a->v[0] && add_pairs(a, dict, a->v[0], err) < 0))
		return NULL;
	if (a->named && add_pairs(a, dict, a->named, err) < 0)
		return NULL;
	return &value_null;
}

static const struct value *dict_setdefault(struct args *a, struct err *err)
{
	struct value *dict = own(a, err);
	const struct value *found = dict ? find_key(a, err) : NULL;

	if (found || err->code)
		return found;
	const struct value *v = a->v[1] ? a->v[1] : &value_null;
	value_dict_set_value(a->ev->arena, dict, a->v[0], v);
	return v;
}

/* Takes a pair out; the index is made anew when it is next needed. */
static void remove_pair(struct args *a, struct value *dict, size_t at)
{
	struct value *rest = value_new_dict(a->ev->arena);

	for (size_t i = 0; i < dict->pair_count; i++) {
		if (i != at)
			value_dict_set_value(
				a->ev->arena, rest, dict->pairs[i].key, dict->pairs[i].value);
	}
	dict->pairs = rest->pairs;
	dict->pair_count = rest->pair_count;
	dict->pair_cap = rest->pair_cap;
	dict->index = rest->index;
}

static const struct value *dict_pop(struct args *a, struct err *err)
{
	struct value *dict = own(a, err);
	const struct value *found = dict ? find_key(a, err) : NULL;

	if (!found) {
		if (err->code)
			return NULL;
		return a->v[1] ? a->v[1] : args_fail(a, err, "the key is not in the dict");
	}
	for (size_t i = 0; i < dict->pair_count; i++) {
		if (value_equal(dict->pairs[i].key, a->v[0])) {
			remove_pair(a, dict, i);
			break;
		}
	}
	return found;
}

static const struct value *dict_popitem(struct args *a, struct err *err)
{
	struct value *dict = own(a, err);

	if (!dict)
		return NULL;
	if (dict->pair_count == 0)
		return args_fail(a, err, "the dict is empty");
	size_t last = dict->pair_count - 1;
	const struct value *item = dict_item(a->ev, dict, last, err);
	if (!item)
		return NULL;
	const struct value *pair = new_pair(a->ev, dict->pairs[last].key, item);
	remove_pair(a, dict, last);
	return pair;
}

static const struct callable dict_entries[] = {
	{"clear", dict_clear, NULL, CALL_MUTATES},
	{"copy", dict_copy, NULL, 0},
	{"get", dict_get, "key ! default", CALL_UNDEFINED},
	{"items", dict_items, NULL, 0},
	{"keys", dict_keys, NULL, 0},
	{"pop", dict_pop, "key ! default", CALL_MUTATES},
	{"popitem", dict_popitem, NULL, CALL_MUTATES},
	{"setdefault", dict_setdefault, "key ! default", CALL_MUTATES},
	{"update", dict_update, "other **", CALL_MUTATES},
	{"values", dict_values, NULL, 0},
};

CALLABLES(methods_dict, dict_entries);
