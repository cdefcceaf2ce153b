/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters that apply other filters and tests to each item, and those that cut lists up.
 */
#include "template/access.h"
#include "template/args.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/sort.h"
#include "template/tables.h"

/* A filter or test by name, with the arguments that follow the name. */
struct applied {
	const struct callable *callable;
	const struct value *positional;
	const struct value *named;
};

static int read_applied(struct args *a, enum template_kind kind, size_t first,
	struct applied *out, struct err *err)
{
	struct value *rest = value_new_list(a->ev->arena);
	const struct value *name = a->rest->items[first];

	if (!value_is_string(name)) {
		args_fail(a, err, "the name of a %s is needed, not '%s'",
			kind == TEMPLATE_FILTER ? "filter" : "test", type_name(name));
		return -1;
	}
	out->callable = callable_find(kind, name->text);
	if (!out->callable) {
		args_fail(a, err, "there is no %s '%.60s'",
			kind == TEMPLATE_FILTER ? "filter" : "test", name->text);
		return -1;
	}
	for (size_t i = first + 1; i < a->rest->count; i++)
		value_list_add(a->ev->arena, rest, a->rest->items[i]);
	out->positional = rest;
	out->named = a->named;
	return 0;
}

static const struct value *apply(
	struct args *a, const struct applied *f, const struct value *item, struct err *err)
{
	return args_call(a->ev, f->callable, item, f->positional, f->named, err);
}

/* map(attribute="a.b", default=...) */
static const struct value *map_attribute(
	struct args *a, const struct value *item, struct path *path, struct err *err)
{
	const struct value *fallback = value_dict_get(a->named, "default");
	const struct value *v = get_path(a->ev, item, path, err);

	if (v && is_undefined(v) && fallback)
		return fallback;
	return v;
}

static const struct value *filter_map(struct args *a, struct err *err)
{
	const struct value *attribute = value_dict_get(a->named, "attribute");
	struct path *path = attribute ? path_read(a->ev, attribute) : NULL;
	struct value *list = value_new_list(a->ev->arena);
	struct applied f = {0};
	struct iter it;
	const struct value *next;
	int rc = 0;

	if (a->rest->count == 0 && !path)
		return args_fail(a, err, "the name of a filter, or attribute=, is needed");
	if (a->rest->count)
		rc = read_applied(a, TEMPLATE_FILTER, 0, &f, err);
	if (rc == 0)
		rc = iter_begin(&it, a->ev, a->self, err);
	while (rc >= 0 && (rc = iter_next(&it, &next, err)) > 0) {
		next = f.callable ? apply(a, &f, next, err) : map_attribute(a, next, path, err);
		rc = next ? 0 : -1;
		if (next)
			value_list_add(a->ev->arena, list, next);
	}
	return rc < 0 ? NULL : list;
}

/* Keeps the items for which a test (or their truth) is as wanted. */
static const struct value *select_items(
	struct args *a, bool attribute, bool want, struct err *err)
{
	struct value *list = value_new_list(a->ev->arena);
	const size_t first = attribute ? 1 : 0;
	struct path *path = NULL;
	struct applied f = {0};
	struct iter it;
	const struct value *next;
	int rc = 0;

	if (a->rest->count < first)
		return args_fail(a, err, "the name of an attribute is needed");
	if (attribute)
		path = path_read(a->ev, a->rest->items[0]);
	if (a->rest->count > first)
		rc = read_applied(a, TEMPLATE_TEST, first, &f, err);
	if (rc == 0)
		rc = iter_begin(&it, a->ev, a->self, err);
	while (rc >= 0 && (rc = iter_next(&it, &next, err)) > 0) {
		const struct value *v = path ? get_path(a->ev, next, path, err) : next;
		if (v && f.callable)
			v = apply(a, &f, v, err);
		int truth = v ? op_truth(a->ev, v, err) : -1;
		if (truth >= 0 && (truth != 0) == want)
			value_list_add(a->ev->arena, list, next);
		rc = truth < 0 ? -1 : 0;
	}
	return rc < 0 ? NULL : list;
}

static const struct value *filter_select(struct args *a, struct err *err)
{
	return select_items(a, false, true, err);
}

static const struct value *filter_reject(struct args *a, struct err *err)
{
	return select_items(a, false, false, err);
}

static const struct value *filter_selectattr(struct args *a, struct err *err)
{
	return select_items(a, true, true, err);
}

static const struct value *filter_rejectattr(struct args *a, struct err *err)
{
	return select_items(a, true, false, err);
}

/* What an item is grouped by. */
static const struct value *group_key(
	struct args *a, const struct value *item, struct path *path, struct err *err)
{
	const struct value *key = get_path(a->ev, item, path, err);

	if (key && is_undefined(key) && a->v[1])
		key = a->v[1];
	return key ? need_defined(a->ev, key, err) : NULL;
}

/* The keys of all items, as they are compared. */
static struct value *group_keys(struct args *a, const struct value *list, struct path *path,
	bool case_sensitive, struct err *err)
{
	struct value *keys = value_new_list(a->ev->arena);

	for (size_t i = 0; i < list->count; i++) {
		const struct value *key = group_key(a, list->items[i], path, err);
		if (key && !case_sensitive)
			key = ignore_case(a->ev, key, err);
		if (!key)
			return NULL;
		value_list_add(a->ev->arena, keys, key);
	}
	return keys;
}

static struct value *new_group(struct args *a, const struct value *key, struct value *members)
{
	struct value *group = value_new_list(a->ev->arena);

	group->kind = VALUE_TUPLE;
	value_list_add(a->ev->arena, group, key);
	value_list_add(a->ev->arena, group, members);
	return group;
}

static const struct value *filter_groupby(struct args *a, struct err *err)
{
	struct value *list = iter_list(a->ev, a->self, err);
	struct path *path = path_read(a->ev, a->v[0]);
	int sensitive = arg_bool(a, 2, false, err);
	struct value *keys =
		list && sensitive >= 0 ? group_keys(a, list, path, sensitive, err) : NULL;
	struct value *groups = value_new_list(a->ev->arena);
	struct value *members = NULL;

	if (!keys || sort_by_keys(a->ev, list, keys, false, err) < 0)
		return NULL;
	for (size_t i = 0; i < list->count; i++) {
		int equal =
			i > 0 ? op_equal(a->ev, keys->items[i], keys->items[i - 1], err) : 0;
		if (equal < 0)
			return NULL;
		if (!equal) {
			const struct value *shown = group_key(a, list->items[i], path, err);
			if (!shown)
				return NULL;
			members = value_new_list(a->ev->arena);
			value_list_add(a->ev->arena, groups, new_group(a, shown, members));
		}
		value_list_add(a->ev->arena, members, list->items[i]);
	}
	return groups;
}

static const struct value *filter_batch(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	struct value *batch = NULL;
	const struct value *list = iter_sequence(a->ev, a->self, err);
	int64_t size;

	if (!list || arg_int(a, 0, 0, &size, err) < 0)
		return NULL;
	for (size_t i = 0; i < list->count; i++) {
		const struct value *item = list_item(a->ev, list, i, err);
		if (!item)
			return NULL;
		if (!batch || (int64_t)batch->count == size) {
			batch = value_new_list(a->ev->arena);
			value_list_add(a->ev->arena, out, batch);
		}
		value_list_add(a->ev->arena, batch, item);
	}
	if (size > 0 && eval_room(a->ev, (size_t)size, err) < 0)
		return NULL;
	while (batch && arg_given(a, 1) && (int64_t)batch->count < size)
		value_list_add(a->ev->arena, batch, a->v[1]);
	return out;
}

static const struct value *filter_slice(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	const struct value *list = iter_sequence(a->ev, a->self, err);
	int64_t count;
	size_t at = 0;

	if (!list || arg_int(a, 0, 0, &count, err) < 0)
		return NULL;
	if (count <= 0)
		return args_fail(a, err, "the number of slices must be above 0");
	if (eval_room(a->ev, (size_t)count, err) < 0)
		return NULL;
	size_t share = list->count / (size_t)count;
	size_t longer = list->count % (size_t)count;
	for (size_t i = 0; i < (size_t)count; i++) {
		struct value *slice = value_new_list(a->ev->arena);
		size_t size = share + (i < longer);
		for (size_t j = 0; j < size; j++, at++) {
			const struct value *item = list_item(a->ev, list, at, err);
			if (!item)
				return NULL;
			value_list_add(a->ev->arena, slice, item);
		}
		if (arg_given(a, 1) && i >= longer)
			value_list_add(a->ev->arena, slice, a->v[1]);
		value_list_add(a->ev->arena, out, slice);
	}
	return out;
}

static const struct callable entries[] = {
	{"batch", filter_batch, "linecount ! fill_with", 0},
	{"groupby", filter_groupby, "attribute ! default case_sensitive", 0},
	{"map", filter_map, "* **", 0},
	{"reject", filter_reject, "* **", 0},
	{"rejectattr", filter_rejectattr, "* **", 0},
	{"select", filter_select, "* **", 0},
	{"selectattr", filter_selectattr, "* **", 0},
	{"slice", filter_slice, "slices ! fill_with", 0},
};

CALLABLES(filters_select, entries);
