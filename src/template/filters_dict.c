/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters over dicts.
 */
#include "template/access.h"
#include "template/args.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/sort.h"
#include "template/tables.h"

static struct value *new_pair(
	struct args *a, const struct value *key, const struct value *value)
{
	struct value *pair = value_new_list(a->ev->arena);

	pair->kind = VALUE_TUPLE;
	value_list_add(a->ev->arena, pair, key);
	value_list_add(a->ev->arena, pair, value);
	return pair;
}

static const struct value *filter_dict2items(struct args *a, struct err *err)
{
	const struct value *key_name = arg_string(a, 0, "key", err);
	const struct value *value_name = arg_string(a, 1, "value", err);
	struct value *list = value_new_list(a->ev->arena);
	struct iter it;
	const struct value *key;

	if (!key_name || !value_name)
		return NULL;
	if (a->self->kind != VALUE_DICT && !object_is(a->self, &mapping_class))
		return args_fail(
			a, err, "a dictionary is needed, not '%s'", type_name(a->self));
	int rc = iter_begin(&it, a->ev, a->self, err);
	while (rc >= 0 && (rc = iter_next(&it, &key, err)) > 0) {
		struct value *item = value_new_dict(a->ev->arena);
		const struct value *v = get_item(a->ev, a->self, key, NULL, err);
		if (!v)
			return NULL;
		value_dict_set(a->ev->arena, item, key_name->text, key);
		value_dict_set(a->ev->arena, item, value_name->text, v);
		value_list_add(a->ev->arena, list, item);
	}
	return rc < 0 ? NULL : list;
}

static const struct value *filter_items2dict(struct args *a, struct err *err)
{
	const struct value *key_name = arg_string(a, 0, "key", err);
	const struct value *value_name = arg_string(a, 1, "value", err);
	struct value *dict = value_new_dict(a->ev->arena);

	if (!key_name || !value_name)
		return NULL;
	if (a->self->kind != VALUE_LIST && a->self->kind != VALUE_TUPLE)
		return args_fail(a, err, "a list is needed, not '%s'", type_name(a->self));
	for (size_t i = 0; i < a->self->count; i++) {
		const struct value *item = list_item(a->ev, a->self, i, err);
		if (!item)
			return NULL;
		if (item->kind != VALUE_DICT)
			return args_fail(a, err,
				"a list of dictionaries is needed; item %zu is '%s'", i,
				type_name(item));
		const struct value *key = dict_lookup(a->ev, item, key_name->text, err);
		const struct value *v = dict_lookup(a->ev, item, value_name->text, err);
		if (err->code)
			return NULL;
		if (!key || !v)
			return args_fail(a, err, "item %zu lacks the key '%s' or '%s'", i,
				key_name->text, value_name->text);
		if (!value_hashable(key))
			return args_fail(a, err, "unhashable type: '%s'", type_name(key));
		value_dict_set_value(a->ev->arena, dict, key, v);
	}
	return dict;
}

static const struct value *filter_items(struct args *a, struct err *err)
{
	struct value *list = value_new_list(a->ev->arena);

	if (is_undefined(a->self))
		return list;
	if (a->self->kind != VALUE_DICT)
		return args_fail(a, err, "can only get item pairs from a mapping");
	for (size_t i = 0; i < a->self->pair_count; i++) {
		const struct value *v = dict_item(a->ev, a->self, i, err);
		if (!v)
			return NULL;
		value_list_add(a->ev->arena, list, new_pair(a, a->self->pairs[i].key, v));
	}
	return list;
}

static const struct value *filter_dictsort(struct args *a, struct err *err)
{
	const struct value *by = arg_string(a, 1, "key", err);
	int sensitive = arg_bool(a, 0, false, err);
	int reverse = arg_bool(a, 2, false, err);
	struct value *keys = value_new_list(a->ev->arena);

	if (!by || sensitive < 0 || reverse < 0)
		return NULL;
	bool by_key = strcmp(by->text, "key") == 0;
	if (!by_key && strcmp(by->text, "value") != 0)
		return args_fail(a, err, "by must be 'key' or 'value'");
	struct value *list = (struct value *)(uintptr_t)filter_items(a, err);
	if (!list)
		return NULL;
	for (size_t i = 0; i < list->count; i++) {
		const struct value *key = list->items[i]->items[by_key ? 0 : 1];
		key = sensitive ? key : ignore_case(a->ev, key, err);
		if (!key)
			return NULL;
		value_list_add(a->ev->arena, keys, key);
	}
	return sort_by_keys(a->ev, list, keys, reverse, err) < 0 ? NULL : list;
}

/* How combine joins two lists. */
enum list_merge {
	MERGE_REPLACE,
	MERGE_KEEP,
	MERGE_APPEND,
	MERGE_PREPEND,
	MERGE_APPEND_RP,
	MERGE_PREPEND_RP
};

static int read_list_merge(struct args *a, enum list_merge *out, struct err *err)
{
	static const char *const names[] = {
		"replace", "keep", "append", "prepend", "append_rp", "prepend_rp"};
	const struct value *v = value_dict_get(a->named, "list_merge");
	const char *name = v ? value_text(v) : "replace";

	for (size_t i = 0; name && i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], name) == 0) {
			*out = (enum list_merge)i;
			return 0;
		}
	}
	args_fail(a, err,
		"list_merge must be replace, keep, append, prepend, append_rp or prepend_rp");
	return -1;
}

/* Adds the items of a list; with `unless`, only those that it does not hold. */
static int add_items(struct args *a, struct value *out, const struct value *list,
	const struct value *unless, struct err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct value *item = list_item(a->ev, list, i, err);
		int there = item && unless ? op_contains(a->ev, unless, item, err) : 0;
		if (!item || there < 0)
			return -1;
		if (!there)
			value_list_add(a->ev->arena, out, item);
	}
	return 0;
}

static const struct value *merge_lists(struct args *a, const struct value *low,
	const struct value *high, enum list_merge how, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	bool rp = how == MERGE_APPEND_RP || how == MERGE_PREPEND_RP;
	bool append = how == MERGE_APPEND || how == MERGE_APPEND_RP;

	if (how == MERGE_REPLACE)
		return high;
	if (how == MERGE_KEEP)
		return low;
	if (!append && add_items(a, out, high, NULL, err) < 0)
		return NULL;
	if (add_items(a, out, low, rp ? high : NULL, err) < 0)
		return NULL;
	if (append && add_items(a, out, high, NULL, err) < 0)
		return NULL;
	return out;
}

static const struct value *merge_dicts(struct args *a, const struct value *low,
	const struct value *high, bool recursive, enum list_merge how, struct err *err);

static const struct value *merge_values(struct args *a, const struct value *low,
	const struct value *high, bool recursive, enum list_merge how, struct err *err)
{
	if (low && recursive && low->kind == VALUE_DICT && high->kind == VALUE_DICT)
		return merge_dicts(a, low, high, true, how, err);
	if (low && low->kind == VALUE_LIST && high->kind == VALUE_LIST)
		return merge_lists(a, low, high, how, err);
	return high;
}

static const struct value *merge_dicts(struct args *a, const struct value *low,
	const struct value *high, bool recursive, enum list_merge how, struct err *err)
{
	struct value *out = value_new_dict(a->ev->arena);

	if (eval_step(a->ev, err) < 0 || eval_enter(a->ev, err) < 0)
		return NULL;
	value_dict_foreach (pair, low)
		value_dict_set_value(a->ev->arena, out, pair->key, pair->value);
	for (size_t i = 0; i < high->pair_count; i++) {
		const struct value *key = high->pairs[i].key;
		const struct value *v = high->pairs[i].value;
		const struct value *under = value_dict_get_value(low, key);
		if (under && (recursive || how != MERGE_REPLACE)) {
			v = dict_item(a->ev, high, i, err);
			under = v ? promise_resolve(a->ev, under, err) : NULL;
			v = under ? merge_values(a, under, v, recursive, how, err) : NULL;
		}
		if (!v)
			return NULL;
		value_dict_set_value(a->ev->arena, out, key, v);
	}
	eval_leave(a->ev);
	return out;
}

static int add_dicts(struct args *a, struct value *list, const struct value *v, struct err *err)
{
	if (v->kind == VALUE_NULL)
		return 0;
	if (v->kind == VALUE_LIST || v->kind == VALUE_TUPLE) {
		for (size_t i = 0; i < v->count; i++) {
			const struct value *item = list_item(a->ev, v, i, err);
			if (!item || add_dicts(a, list, item, err) < 0)
				return -1;
		}
		return 0;
	}
	if (v->kind != VALUE_DICT) {
		args_fail(a, err, "a dictionary is needed, not '%s'", type_name(v));
		return -1;
	}
	value_list_add(a->ev->arena, list, v);
	return 0;
}

static const struct value *filter_combine(struct args *a, struct err *err)
{
	struct value *dicts = value_new_list(a->ev->arena);
	const struct value *recursive = value_dict_get(a->named, "recursive");
	enum list_merge how;

	value_dict_foreach (pair, a->named) {
		if (strcmp(pair->key->text, "recursive") != 0 &&
			strcmp(pair->key->text, "list_merge") != 0)
			return args_fail(a, err,
				"'recursive' and 'list_merge' are the only named arguments");
	}
	int deep = recursive ? op_truth(a->ev, recursive, err) : 0;
	if (deep < 0 || read_list_merge(a, &how, err) < 0 ||
		add_dicts(a, dicts, a->self, err) < 0 || add_dicts(a, dicts, a->rest, err) < 0)
		return NULL;
	if (dicts->count == 0)
		return value_new_dict(a->ev->arena);
	const struct value *result = dicts->items[0];
	for (size_t i = 1; result && i < dicts->count; i++)
		result = merge_dicts(a, result, dicts->items[i], deep, how, err);
	return result;
}

static const struct value *filter_attr(struct args *a, struct err *err)
{
	const struct value *name = arg_string(a, 0, "", err);

	if (!name)
		return NULL;
	const struct value *v = get_attribute(a->ev, a->self, name->text, NULL, err);
	/* Items are out of this filter's reach. */
	if (v && a->self->kind == VALUE_DICT && !object_is(v, &function_class))
		return undefined_new(a->ev, NULL, name->text,
			"a value of type 'dict' has no attribute '%s'", name->text);
	return v;
}

static const struct callable entries[] = {
	{"attr", filter_attr, "name !", 0},
	{"combine", filter_combine, "* **", 0},
	{"dict2items", filter_dict2items, "key_name value_name", 0},
	{"dictsort", filter_dictsort, "case_sensitive by reverse", 0},
	{"items", filter_items, NULL, CALL_UNDEFINED},
	{"items2dict", filter_items2dict, "key_name value_name", 0},
};

CALLABLES(filters_dict, entries);
