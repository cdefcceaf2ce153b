/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparison: equality between anything, order between what Python orders, membership, truth.
 */
#include "template/ops.h"

#include "template/access.h"
#include "template/datetime.h"
#include "template/repr.h"
#include "value/sort.h"

static bool is_list(const struct value *v)
{
	return v->kind == VALUE_LIST || v->kind == VALUE_TUPLE;
}

static int fail_undefined(struct eval *ev, const struct value *v, struct err *err)
{
	undefined_fail(ev, v, err);
	return -1;
}

static int equal_lists(
	struct eval *ev, const struct value *a, const struct value *b, struct err *err)
{
	if (a->kind != b->kind || a->count != b->count)
		return 0;
	for (size_t i = 0; i < a->count; i++) {
		const struct value *x = list_item(ev, a, i, err);
		const struct value *y = x ? list_item(ev, b, i, err) : NULL;
		int rc = y ? op_equal(ev, x, y, err) : -1;
		if (rc <= 0)
			return rc;
	}
	return 1;
}

static int equal_dicts(
	struct eval *ev, const struct value *a, const struct value *b, struct err *err)
{
	if (a->pair_count != b->pair_count)
		return 0;
	for (size_t i = 0; i < a->pair_count; i++) {
		const struct value *y = value_dict_get_value(b, a->pairs[i].key);
		if (!y)
			return 0;
		const struct value *x = dict_item(ev, a, i, err);
		y = x ? promise_resolve(ev, y, err) : NULL;
		int rc = y ? op_equal(ev, x, y, err) : -1;
		if (rc <= 0)
			return rc;
	}
	return 1;
}

int op_equal(struct eval *ev, const struct value *a, const struct value *b, struct err *err)
{
	if (is_undefined(a) || is_undefined(b))
		return fail_undefined(ev, is_undefined(a) ? a : b, err);
	bool deep =
		(is_list(a) && is_list(b)) || (a->kind == VALUE_DICT && b->kind == VALUE_DICT);
	if (!deep) {
		if (a->kind == VALUE_OBJECT && b->kind == VALUE_OBJECT &&
			a->class == b->class && a->class->equal)
			return a->class->equal(a, b);
		return value_equal(a, b);
	}
	if (a == b)
		return 1;
	if (eval_enter(ev, err) < 0)
		return -1;
	int rc =
		a->kind == VALUE_DICT ? equal_dicts(ev, a, b, err) : equal_lists(ev, a, b, err);
	eval_leave(ev);
	return rc;
}

static int order_lists(struct eval *ev, const struct value *a, const struct value *b, int *out,
	struct err *err)
{
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		const struct value *x = list_item(ev, a, i, err);
		const struct value *y = x ? list_item(ev, b, i, err) : NULL;
		int equal = y ? op_equal(ev, x, y, err) : -1;
		if (equal < 0)
			return -1;
		if (!equal)
			return op_order(ev, x, y, out, err);
	}
	*out = (a->count > b->count) - (a->count < b->count);
	return 0;
}

static int fail_order(
	const struct value *a, const struct value *b, const char *op, struct err *err)
{
	return err_set(err, ERR_INPUT, "'%s' not supported between instances of '%s' and '%s'",
		op, type_name(a), type_name(b));
}

int op_order(struct eval *ev, const struct value *a, const struct value *b, int *out,
	struct err *err)
{
	if (is_undefined(a) || is_undefined(b))
		return fail_undefined(ev, is_undefined(a) ? a : b, err);
	if (is_list(a) && a->kind == b->kind)
		return order_lists(ev, a, b, out, err);
	if (object_is(a, &timedelta_class) && object_is(b, &timedelta_class))
		*out = timedelta_order(a, b);
	else if (!value_compare(a, b, out))
		return fail_order(a, b, "<", err);
	return 0;
}

static bool is_nan(const struct value *v)
{
	return v->kind == VALUE_FLOAT && v->real != v->real;
}

static int compare_order(struct eval *ev, enum compare_op op, const struct value *a,
	const struct value *b, struct err *err)
{
	static const char *const texts[] = {
		[CMP_LT] = "<", [CMP_LE] = "<=", [CMP_GT] = ">", [CMP_GE] = ">="};
	int order = 0;

	if (is_number(a) && is_number(b) && (is_nan(a) || is_nan(b)))
		return 0;
	if (op_order(ev, a, b, &order, err) < 0) {
		/* Said of the operator that was written. */
		if (err->code == ERR_INPUT && !ev->state->placed)
			return fail_order(a, b, texts[op], err);
		return -1;
	}
	switch (op) {
	case CMP_LT: return order < 0;
	case CMP_LE: return order <= 0;
	case CMP_GT: return order > 0;
	default: return order >= 0;
	}
}

static int contains_text(
	const struct value *container, const struct value *item, struct err *err)
{
	if (!value_is_string(item))
		return err_set(err, ERR_INPUT,
			"'in <string>' requires string as left operand, not %s",
			type_name(item));
	return memmem(container->text, container->len, item->text, item->len) != NULL;
}

int op_contains(struct eval *ev, const struct value *container, const struct value *item,
	struct err *err)
{
	struct iter it;
	const struct value *next;
	int rc;

	if (is_undefined(container) || is_undefined(item))
		return fail_undefined(ev, is_undefined(container) ? container : item, err);
	if (value_is_string(container))
		return contains_text(container, item, err);
	if (container->kind == VALUE_DICT) {
		if (!value_hashable(item))
			return err_set(
				err, ERR_INPUT, "unhashable type: '%s'", type_name(item));
		return value_dict_get_value(container, item) != NULL;
	}
	if (container->kind == VALUE_OBJECT && container->class->mapping) {
		struct err none = {0};
		const struct value *found = container->class->item(ev, container, item, &none);
		if (!found && none.code && err)
			*err = none;
		return found ? 1 : none.code ? -1 : 0;
	}
	if (iter_begin(&it, ev, container, NULL) < 0)
		return err_set(err, ERR_INPUT, "argument of type '%s' is not iterable",
			type_name(container));
	while ((rc = iter_next(&it, &next, err)) > 0) {
		int equal = op_equal(ev, next, item, err);
		if (equal)
			return equal;
	}
	return rc;
}

int op_compare(struct eval *ev, enum compare_op op, const struct value *a,
	const struct value *b, struct err *err)
{
	int rc;

	switch (op) {
	case CMP_EQ: return op_equal(ev, a, b, err);
	case CMP_NE: rc = op_equal(ev, a, b, err); return rc < 0 ? rc : !rc;
	case CMP_IN: return op_contains(ev, b, a, err);
	case CMP_NOT_IN: rc = op_contains(ev, b, a, err); return rc < 0 ? rc : !rc;
	default: return compare_order(ev, op, a, b, err);
	}
}

int op_truth(struct eval *ev, const struct value *v, struct err *err)
{
	size_t length;

	if (v->kind != VALUE_OBJECT)
		return value_truthy(v);
	if (is_lenient(v))
		return 0;
	if (is_undefined(v))
		return fail_undefined(ev, v, err);
	if (object_is(v, &timedelta_class))
		return timedelta_truth(v);
	if (!v->class->length)
		return 1;
	return v->class->length(ev, v, &length, err) < 0 ? -1 : length > 0;
}
