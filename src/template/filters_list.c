/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters over lists, and those that take any value: default, length, join, sort, unique ...
 */
#include "template/access.h"
#include "template/args.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/sort.h"
#include "template/strings.h"
#include "template/tables.h"

static const struct value *filter_default(struct args *a, struct err *err)
{
	const struct value *fallback = a->v[0] ? a->v[0] : new_textn(a->ev, "", 0);
	int boolean = arg_bool(a, 1, false, err);

	if (boolean < 0)
		return NULL;
	if (is_undefined(a->self))
		return fallback;
	int truth = boolean ? op_truth(a->ev, a->self, err) : 1;
	return truth < 0 ? NULL : truth ? a->self : fallback;
}

static const struct value *filter_mandatory(struct args *a, struct err *err)
{
	if (!is_undefined(a->self))
		return a->self;
	const struct undefined *u = a->self->object;
	const struct value *message = arg_given(a, 0) ? arg_text(a, 0, "", err) : NULL;
	if (arg_given(a, 0) && !message)
		return NULL;
	if (message)
		err_set(err, ERR_INPUT, "%s", message->text);
	else
		err_set(err, ERR_INPUT, "mandatory variable '%s' not defined",
			u->name ? u->name : "?");
	return NULL;
}

static const struct value *filter_ternary(struct args *a, struct err *err)
{
	if (!need_defined(a->ev, a->self, err))
		return NULL;
	if (a->self->kind == VALUE_NULL && arg_given(a, 2))
		return a->v[2];
	int truth = op_truth(a->ev, a->self, err);
	return truth < 0 ? NULL : a->v[truth ? 0 : 1];
}

static const struct value *filter_type_debug(struct args *a, struct err *err)
{
	(void)err;
	return value_new_string(
		a->ev->arena, is_undefined(a->self) ? "Undefined" : type_name(a->self));
}

static const struct value *filter_length(struct args *a, struct err *err)
{
	size_t length;

	if (value_length(a->ev, a->self, &length, err) < 0)
		return NULL;
	return value_new_int(a->ev->arena, (int64_t)length);
}

static const struct value *filter_list(struct args *a, struct err *err)
{
	return iter_list(a->ev, a->self, err);
}

static const struct value *none_left(struct args *a)
{
	return undefined_new(a->ev, NULL, NULL, "there is no %s item: the sequence is empty",
		a->callee->name);
}

static const struct value *filter_first(struct args *a, struct err *err)
{
	struct iter it;
	const struct value *next;
	int rc = iter_begin(&it, a->ev, a->self, err);

	if (rc >= 0)
		rc = iter_next(&it, &next, err);
	return rc < 0 ? NULL : rc ? next : none_left(a);
}

static const struct value *filter_last(struct args *a, struct err *err)
{
	const struct value *list = iter_sequence(a->ev, a->self, err);

	if (!list)
		return NULL;
	return list->count ? list_item(a->ev, list, list->count - 1, err) : none_left(a);
}

static const struct value *filter_join(struct args *a, struct err *err)
{
	AUTO(scratch_end) struct scratch text = scratch_begin(a->ev);
	struct strbuf *out = &a->ev->state->text;
	const struct value *between = arg_text(a, 0, "", err);
	struct path *path = arg_given(a, 1) ? path_read(a->ev, a->v[1]) : NULL;
	struct iter it;
	const struct value *next;
	int rc = between ? iter_begin(&it, a->ev, a->self, err) : -1;

	for (size_t i = 0; rc >= 0 && (rc = iter_next(&it, &next, err)) > 0; i++) {
		if (path)
			next = get_path(a->ev, next, path, err);
		next = next ? need_defined(a->ev, next, err) : NULL;
		if (!next)
			return NULL;
		if (i > 0)
			strbuf_add(out, between->text, between->len);
		if (repr_str(a->ev, next, out, err) < 0 ||
			eval_room(a->ev, scratch_size(&text), err) < 0)
			return NULL;
	}
	return rc < 0 ? NULL : scratch_string(a->ev, &text, err);
}

static const struct value *filter_reverse(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct value *list = iter_list(a->ev, a->self, err);

	if (!list)
		return NULL;
	for (size_t i = 0; i < list->count / 2; i++) {
		const struct value *swap = list->items[i];
		list->items[i] = list->items[list->count - 1 - i];
		list->items[list->count - 1 - i] = swap;
	}
	if (!value_is_string(a->self))
		return list;
	for (size_t i = 0; i < list->count; i++)
		strbuf_add(&text, list->items[i]->text, list->items[i]->len);
	return new_text(a->ev, &text, err);
}

/* Argument i, read as a path; NULL when it is not given. */
static struct path *path_given(struct args *a, size_t i)
{
	return arg_given(a, i) ? path_read(a->ev, a->v[i]) : NULL;
}

/* The part of an item that counts: where a path leads (NULL: itself). */
static const struct value *key_of(struct args *a, const struct value *item, struct path *path,
	bool case_sensitive, struct err *err)
{
	if (path)
		item = get_path(a->ev, item, path, err);
	item = item ? need_defined(a->ev, item, err) : NULL;
	return !item || case_sensitive ? item : ignore_case(a->ev, item, err);
}

/* sort(attribute="a,b") compares lists of several attributes. */
struct sort_paths {
	struct path **items;
	size_t count;
};

static const struct value *sort_key(struct args *a, const struct value *item,
	const struct sort_paths *paths, bool case_sensitive, struct err *err)
{
	if (paths->count == 1)
		return key_of(a, item, paths->items[0], case_sensitive, err);
	struct value *key = value_new_list(a->ev->arena);
	for (size_t i = 0; i < paths->count; i++) {
		const struct value *part =
			key_of(a, item, paths->items[i], case_sensitive, err);
		if (!part)
			return NULL;
		value_list_add(a->ev->arena, key, part);
	}
	return key;
}

/* The paths that sort's attribute names; one NULL if there is none. */
static struct sort_paths read_sort_paths(struct args *a, const struct value *attribute)
{
	const struct value comma = {.kind = VALUE_STRING, .text = ",", .len = 1};
	const struct value *names =
		value_is_string(attribute) ? text_split(a->ev, attribute, &comma, -1) : NULL;
	struct sort_paths paths = {.count = names ? names->count : 1};

	paths.items = arena_array(a->ev->arena, paths.count, sizeof(struct path *));
	if (!names)
		paths.items[0] = path_given(a, 2);
	for (size_t i = 0; names && i < names->count; i++)
		paths.items[i] = path_read(a->ev, names->items[i]);
	return paths;
}

static const struct value *filter_sort(struct args *a, struct err *err)
{
	struct value *list = iter_list(a->ev, a->self, err);
	struct value *keys = value_new_list(a->ev->arena);
	const struct sort_paths paths = read_sort_paths(a, a->v[2]);
	int reverse = arg_bool(a, 0, false, err);
	int sensitive = arg_bool(a, 1, false, err);

	if (!list || reverse < 0 || sensitive < 0)
		return NULL;
	for (size_t i = 0; i < list->count; i++) {
		const struct value *key = sort_key(a, list->items[i], &paths, sensitive, err);
		if (!key)
			return NULL;
		value_list_add(a->ev->arena, keys, key);
	}
	return sort_by_keys(a->ev, list, keys, reverse, err) < 0 ? NULL : list;
}

/* True if a list holds a value; with err on failure. */
static int holds(
	struct args *a, const struct value *list, const struct value *v, struct err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		int equal = op_equal(a->ev, list->items[i], v, err);
		if (equal)
			return equal;
	}
	return 0;
}

/* Keys that were seen: hashable ones in a dict, others in a list. */
struct seen {
	struct value *dict;
	struct value *list;
};

static int seen_add(struct args *a, struct seen *seen, const struct value *key, struct err *err)
{
	key = resolve_all(a->ev, key, err);
	if (!key)
		return -1;
	if (value_hashable(key)) {
		if (value_dict_get_value(seen->dict, key))
			return 0;
		value_dict_set_value(a->ev->arena, seen->dict, key, &value_null);
		return 1;
	}
	int there = holds(a, seen->list, key, err);
	if (there)
		return there < 0 ? -1 : 0;
	value_list_add(a->ev->arena, seen->list, key);
	return 1;
}

static struct seen seen_new(struct args *a)
{
	return (struct seen){value_new_dict(a->ev->arena), value_new_list(a->ev->arena)};
}

static const struct value *filter_unique(struct args *a, struct err *err)
{
	struct value *list = value_new_list(a->ev->arena);
	struct seen seen = seen_new(a);
	struct path *path = path_given(a, 1);
	int sensitive = arg_bool(a, 0, false, err);
	struct iter it;
	const struct value *next;
	int rc = sensitive < 0 ? -1 : iter_begin(&it, a->ev, a->self, err);

	while (rc >= 0 && (rc = iter_next(&it, &next, err)) > 0) {
		const struct value *key = key_of(a, next, path, sensitive, err);
		int fresh = key ? seen_add(a, &seen, key, err) : -1;
		if (fresh > 0)
			value_list_add(a->ev->arena, list, next);
		rc = fresh < 0 ? -1 : 0;
	}
	return rc < 0 ? NULL : list;
}

static const struct value *extreme(struct args *a, int sign, struct err *err)
{
	struct path *path = path_given(a, 1);
	int sensitive = arg_bool(a, 0, false, err);
	const struct value *best = NULL;
	const struct value *best_key = NULL;
	struct iter it;
	const struct value *next;
	int order = 0;
	int rc = sensitive < 0 ? -1 : iter_begin(&it, a->ev, a->self, err);

	while (rc >= 0 && (rc = iter_next(&it, &next, err)) > 0) {
		const struct value *key = key_of(a, next, path, sensitive, err);
		rc = !key ? -1 : best ? op_order(a->ev, key, best_key, &order, err) : 0;
		if (rc == 0 && (!best || order * sign > 0)) {
			best = next;
			best_key = key;
		}
	}
	return rc < 0 ? NULL : best ? best : none_left(a);
}

static const struct value *filter_max(struct args *a, struct err *err)
{
	return extreme(a, 1, err);
}

static const struct value *filter_min(struct args *a, struct err *err)
{
	return extreme(a, -1, err);
}

static const struct value *filter_sum(struct args *a, struct err *err)
{
	static const struct value zero = {.kind = VALUE_INT};
	const struct value *sum = a->v[1] ? a->v[1] : &zero;
	struct path *path = path_given(a, 0);
	struct iter it;
	const struct value *next;
	int rc = iter_begin(&it, a->ev, a->self, err);

	while (rc >= 0 && (rc = iter_next(&it, &next, err)) > 0) {
		next = key_of(a, next, path, true, err);
		sum = next ? op_binary(a->ev, OP_ADD, sum, next, err) : NULL;
		rc = sum ? 0 : -1;
	}
	return rc < 0 ? NULL : sum;
}

static int flatten(struct args *a, const struct value *list, int64_t levels, bool skip,
	struct value *out, struct err *err)
{
	struct iter it;
	const struct value *next;
	int rc = eval_enter(a->ev, err) < 0 ? -1 : iter_begin(&it, a->ev, list, err);

	while (rc >= 0 && (rc = iter_next(&it, &next, err)) > 0) {
		const char *text = value_text(next);
		bool null = next->kind == VALUE_NULL ||
			    (text && (strcmp(text, "None") == 0 || strcmp(text, "null") == 0));
		rc = 0;
		if (skip && null)
			continue;
		if ((next->kind == VALUE_LIST || next->kind == VALUE_TUPLE) && levels != 0)
			rc = flatten(a, next, levels < 0 ? levels : levels - 1, skip, out, err);
		else
			value_list_add(a->ev->arena, out, next);
	}
	eval_leave(a->ev);
	return rc;
}

static const struct value *filter_flatten(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	int skip = arg_bool(a, 1, true, err);
	int64_t levels;

	if (skip < 0 || arg_int(a, 0, -1, &levels, err) < 0)
		return NULL;
	return flatten(a, a->self, levels, skip, out, err) < 0 ? NULL : out;
}

/* Items of one list that are, or are not, in another; each once. */
static int add_items(struct args *a, const struct value *from, const struct value *other,
	bool want, struct seen *seen, struct value *out, struct err *err)
{
	struct iter it;
	const struct value *next;
	int rc = iter_begin(&it, a->ev, from, err);

	while (rc >= 0 && (rc = iter_next(&it, &next, err)) > 0) {
		int there = other ? op_contains(a->ev, other, next, err) : 0;
		if (there < 0)
			return -1;
		int fresh = (there != 0) == want ? seen_add(a, seen, next, err) : 0;
		if (fresh > 0)
			value_list_add(a->ev->arena, out, next);
		rc = fresh < 0 ? -1 : 0;
	}
	return rc;
}

static const struct value *set_filter(struct args *a, bool want, bool both, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	struct seen seen = seen_new(a);
	const struct value *left = iter_sequence(a->ev, a->self, err);
	const struct value *right = left ? iter_sequence(a->ev, a->v[0], err) : NULL;

	if (!right || add_items(a, left, right, want, &seen, out, err) < 0)
		return NULL;
	if (both && add_items(a, right, left, want, &seen, out, err) < 0)
		return NULL;
	return out;
}

static const struct value *filter_intersect(struct args *a, struct err *err)
{
	return set_filter(a, true, false, err);
}

static const struct value *filter_difference(struct args *a, struct err *err)
{
	return set_filter(a, false, false, err);
}

static const struct value *filter_symmetric_difference(struct args *a, struct err *err)
{
	return set_filter(a, false, true, err);
}

static const struct value *filter_union(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	struct seen seen = seen_new(a);

	if (add_items(a, a->self, NULL, false, &seen, out, err) < 0 ||
		add_items(a, a->v[0], NULL, false, &seen, out, err) < 0)
		return NULL;
	return out;
}

static const struct callable entries[] = {
	{"count", filter_length, NULL, 0},
	{"d", filter_default, "default_value boolean", CALL_UNDEFINED},
	{"default", filter_default, "default_value boolean", CALL_UNDEFINED},
	{"difference", filter_difference, "b !", 0},
	{"first", filter_first, NULL, 0},
	{"flatten", filter_flatten, "levels skip_nulls", 0},
	{"intersect", filter_intersect, "b !", 0},
	{"join", filter_join, "d attribute", 0},
	{"last", filter_last, NULL, 0},
	{"length", filter_length, NULL, 0},
	{"list", filter_list, NULL, 0},
	{"mandatory", filter_mandatory, "msg", CALL_UNDEFINED},
	{"max", filter_max, "case_sensitive attribute", 0},
	{"min", filter_min, "case_sensitive attribute", 0},
	{"reverse", filter_reverse, NULL, 0},
	{"sort", filter_sort, "reverse case_sensitive attribute", 0},
	{"sum", filter_sum, "attribute start", 0},
	{"symmetric_difference", filter_symmetric_difference, "b !", 0},
	{"ternary", filter_ternary, "true_val false_val ! none_val", CALL_UNDEFINED},
	{"type_debug", filter_type_debug, NULL, CALL_UNDEFINED},
	{"union", filter_union, "b !", 0},
	{"unique", filter_unique, "case_sensitive attribute", 0},
};

CALLABLES(filters_list, entries);
