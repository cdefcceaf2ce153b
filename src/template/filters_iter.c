/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters that combine sequences: products, permutations, zips, and picking out of containers.
 */
#include "template/access.h"
#include "template/args.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/strings.h"
#include "template/tables.h"

static struct value *new_tuple(struct eval *ev)
{
	struct value *tuple = value_new_list(ev->arena);

	tuple->kind = VALUE_TUPLE;
	return tuple;
}

/* The object and the further arguments, each as a list. NULL with err. */
static struct value *all_lists(struct args *a, struct err *err)
{
	struct value *lists = value_new_list(a->ev->arena);
	const struct value *first = iter_list(a->ev, a->self, err);

	if (!first)
		return NULL;
	value_list_add(a->ev->arena, lists, first);
	for (size_t i = 0; i < a->rest->count; i++) {
		const struct value *next = iter_list(a->ev, a->rest->items[i], err);
		if (!next)
			return NULL;
		value_list_add(a->ev->arena, lists, next);
	}
	return lists;
}

/* The tuple that takes item index[i] from each list. */
static struct value *pick(struct args *a, const struct value *lists, const size_t *index)
{
	struct value *tuple = new_tuple(a->ev);

	for (size_t i = 0; i < lists->count; i++)
		value_list_add(a->ev->arena, tuple, lists->items[i]->items[index[i]]);
	return tuple;
}

/* Counts like an odometer; false when all were seen. */
static bool advance(const struct value *lists, size_t *index)
{
	for (size_t i = lists->count; i > 0; i--) {
		if (++index[i - 1] < lists->items[i - 1]->count)
			return true;
		index[i - 1] = 0;
	}
	return false;
}

static const struct value *filter_product(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	struct value *lists = all_lists(a, err);
	const struct value *repeat = value_dict_get(a->named, "repeat");
	int64_t times = 1;

	if (!lists)
		return NULL;
	if (repeat && (!number_int64(repeat, &times) || times < 0 || times > 64))
		return args_fail(a, err, "repeat must be a number from 0 to 64");
	size_t once = times ? lists->count : 0;
	lists->count = once;
	for (int64_t n = 1; n < times; n++) {
		for (size_t i = 0; i < once; i++)
			value_list_add(a->ev->arena, lists, lists->items[i]);
	}
	for (size_t i = 0; i < lists->count; i++) {
		if (lists->items[i]->count == 0)
			return out;
	}
	size_t *index = arena_array(a->ev->arena, lists->count + 1, sizeof(*index));
	do {
		if (eval_step(a->ev, err) < 0)
			return NULL;
		value_list_add(a->ev->arena, out, pick(a, lists, index));
	} while (advance(lists, index));
	return out;
}

/* Adds all choices of `left` more items from position `from` on. */
static int choose(struct args *a, const struct value *list, size_t *chosen, size_t have,
	size_t want, bool ordered, struct value *out, struct err *err)
{
	if (eval_step(a->ev, err) < 0)
		return -1;
	if (have == want) {
		struct value *tuple = new_tuple(a->ev);
		for (size_t i = 0; i < want; i++)
			value_list_add(a->ev->arena, tuple, list->items[chosen[i]]);
		value_list_add(a->ev->arena, out, tuple);
		return 0;
	}
	for (size_t i = ordered || have == 0 ? 0 : chosen[have - 1] + 1; i < list->count; i++) {
		bool used = false;
		for (size_t j = 0; ordered && j < have; j++)
			used |= chosen[j] == i;
		chosen[have] = i;
		if (!used && choose(a, list, chosen, have + 1, want, ordered, out, err) < 0)
			return -1;
	}
	return 0;
}

static const struct value *choices(struct args *a, bool ordered, struct err *err)
{
	const struct value *list = iter_list(a->ev, a->self, err);
	struct value *out = value_new_list(a->ev->arena);
	int64_t want;

	if (!list || arg_int(a, 0, (int64_t)list->count, &want, err) < 0)
		return NULL;
	if (want < 0)
		return args_fail(a, err, "r must be non-negative");
	if ((uint64_t)want > list->count)
		return out;
	if (want > 200)
		return args_fail(a, err, "more than 200 items at a time");
	size_t *chosen = arena_array(a->ev->arena, (size_t)want + 1, sizeof(*chosen));
	return choose(a, list, chosen, 0, (size_t)want, ordered, out, err) < 0 ? NULL : out;
}

static const struct value *filter_permutations(struct args *a, struct err *err)
{
	return choices(a, true, err);
}

static const struct value *filter_combinations(struct args *a, struct err *err)
{
	return choices(a, false, err);
}

/* Tuples of the items at each position; short lists end it, or are filled up. */
static const struct value *zip(struct args *a, const struct value *fill, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	const struct value *lists = all_lists(a, err);

	for (size_t i = 0; lists; i++) {
		struct value *tuple = new_tuple(a->ev);
		size_t there = 0;
		for (size_t j = 0; j < lists->count; j++) {
			bool has = i < lists->items[j]->count;
			there += has;
			if (has || fill)
				value_list_add(a->ev->arena, tuple,
					has ? lists->items[j]->items[i] : fill);
		}
		if (there == 0 || (!fill && there < lists->count))
			return out;
		value_list_add(a->ev->arena, out, tuple);
	}
	return NULL;
}

static const struct value *filter_zip(struct args *a, struct err *err)
{
	const struct value *strict = value_dict_get(a->named, "strict");
	const struct value *lists = strict ? all_lists(a, err) : NULL;
	int truth = strict ? op_truth(a->ev, strict, err) : 0;

	if (truth < 0 || (strict && !lists))
		return NULL;
	for (size_t i = 1; truth && i < lists->count; i++) {
		if (lists->items[i]->count != lists->items[0]->count)
			return args_fail(a, err, "argument %zu has another length", i + 1);
	}
	return zip(a, NULL, err);
}

static const struct value *filter_zip_longest(struct args *a, struct err *err)
{
	const struct value *fill = value_dict_get(a->named, "fillvalue");

	return zip(a, fill ? fill : &value_null, err);
}

static const struct value *filter_extract(struct args *a, struct err *err)
{
	const struct value *more = a->v[1];
	const struct value *v = get_item(a->ev, a->v[0], a->self, NULL, err);

	if (!v || !more || more->kind == VALUE_NULL)
		return v;
	if (more->kind != VALUE_LIST)
		return get_item(a->ev, v, more, NULL, err);
	for (size_t i = 0; v && i < more->count; i++) {
		const struct value *key = list_item(a->ev, more, i, err);
		v = key ? get_item(a->ev, v, key, NULL, err) : NULL;
	}
	return v;
}

/* Walks the names of subelements from an item to the list that they lead to. */
static const struct value *walk_subelements(struct args *a, const struct value *v,
	const struct value *path, bool skip_missing, struct err *err)
{
	for (size_t i = 0; i < path->count; i++) {
		const struct value *name = list_item(a->ev, path, i, err);
		if (!name)
			return NULL;
		if (v->kind != VALUE_DICT || !value_is_string(name))
			return args_fail(a, err,
				"the key should point to a dictionary, got '%s'", type_name(v));
		const struct value *next = dict_lookup(a->ev, v, name->text, err);
		if (!next && err->code)
			return NULL;
		if (!next && skip_missing)
			return value_new_list(a->ev->arena);
		if (!next)
			return args_fail(a, err, "an item lacks the key '%s'", name->text);
		v = next;
	}
	if (v->kind != VALUE_LIST)
		return args_fail(
			a, err, "the key should point to a list, got '%s'", type_name(v));
	return v;
}

static const struct value *filter_subelements(struct args *a, struct err *err)
{
	struct value dot = {.kind = VALUE_STRING, .text = ".", .len = 1};
	struct value *out = value_new_list(a->ev->arena);
	const struct value *path = a->v[0];
	int skip = arg_bool(a, 1, false, err);

	if (skip < 0)
		return NULL;
	if (a->self->kind != VALUE_LIST && a->self->kind != VALUE_DICT)
		return args_fail(a, err, "a list of dicts or a nested dict is needed");
	if (value_is_string(path))
		path = text_split(a->ev, path, &dot, -1);
	if (path->kind != VALUE_LIST)
		return args_fail(a, err, "subelements must be a list or a string");
	size_t count = a->self->kind == VALUE_DICT ? a->self->pair_count : a->self->count;
	for (size_t i = 0; i < count; i++) {
		const struct value *item = a->self->kind == VALUE_DICT
						   ? dict_item(a->ev, a->self, i, err)
						   : list_item(a->ev, a->self, i, err);
		const struct value *list =
			item ? walk_subelements(a, item, path, skip, err) : NULL;
		for (size_t j = 0; list && j < list->count; j++) {
			struct value *pair = new_tuple(a->ev);
			const struct value *sub = list_item(a->ev, list, j, err);
			if (!sub)
				return NULL;
			value_list_add(a->ev->arena, pair, item);
			value_list_add(a->ev->arena, pair, sub);
			value_list_add(a->ev->arena, out, pair);
		}
		if (!list)
			return NULL;
	}
	return out;
}

static const struct value *filter_rekey_on_member(struct args *a, struct err *err)
{
	struct value *out = value_new_dict(a->ev->arena);
	const struct value *key = arg_string(a, 0, "", err);
	const struct value *duplicates = key ? arg_string(a, 1, "error", err) : NULL;
	size_t count = a->self->kind == VALUE_DICT ? a->self->pair_count : a->self->count;

	if (!duplicates)
		return NULL;
	bool overwrite = strcmp(duplicates->text, "overwrite") == 0;
	if (!overwrite && strcmp(duplicates->text, "error") != 0)
		return args_fail(a, err, "duplicates must be 'error' or 'overwrite'");
	if (a->self->kind != VALUE_DICT && a->self->kind != VALUE_LIST)
		return args_fail(
			a, err, "a list or a dict is needed, not '%s'", type_name(a->self));
	for (size_t i = 0; i < count; i++) {
		const struct value *item = a->self->kind == VALUE_DICT
						   ? dict_item(a->ev, a->self, i, err)
						   : list_item(a->ev, a->self, i, err);
		if (!item)
			return NULL;
		if (item->kind != VALUE_DICT)
			return args_fail(a, err, "item %zu is not a dict", i);
		const struct value *member = dict_lookup(a->ev, item, key->text, err);
		if (!member)
			return err->code ? NULL
					 : args_fail(a, err, "item %zu lacks the key '%s'", i,
						   key->text);
		if (!value_hashable(member))
			return args_fail(a, err, "unhashable type: '%s'", type_name(member));
		if (value_dict_get_value(out, member) && !overwrite)
			return args_fail(a, err, "the key of item %zu is not unique", i);
		value_dict_set_value(a->ev->arena, out, member, item);
	}
	return out;
}

static const struct callable entries[] = {
	{"combinations", filter_combinations, "r !", 0},
	{"extract", filter_extract, "container ! morekeys", 0},
	{"permutations", filter_permutations, "r", 0},
	{"product", filter_product, "* **", 0},
	{"rekey_on_member", filter_rekey_on_member, "key ! duplicates", 0},
	{"subelements", filter_subelements, "subelements ! skip_missing", 0},
	{"zip", filter_zip, "* **", 0},
	{"zip_longest", filter_zip_longest, "* **", 0},
};

CALLABLES(filters_iter, entries);
