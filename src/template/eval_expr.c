/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions: one function a kind of node, chosen by a table.
 */
#include "template/access.h"
#include "template/args.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/stmt.h"

typedef const struct value *(*eval_fn)(
	struct eval *ev, const struct node *node, struct err *err);

const struct value *eval_defined(struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *v = eval_expr(ev, node, err);

	return v ? need_defined(ev, v, err) : NULL;
}

int eval_truth(struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *v = eval_defined(ev, node, err);

	return v ? op_truth(ev, v, err) : -1;
}

static const struct value *eval_const(struct eval *ev, const struct node *node, struct err *err)
{
	(void)ev;
	(void)err;
	return node->value;
}

static const struct value *eval_name_node(
	struct eval *ev, const struct node *node, struct err *err)
{
	return eval_name(ev, node->name, node->hash, node, err);
}

static struct value *eval_items(struct eval *ev, const struct node_list *list, struct err *err)
{
	struct value *items = value_new_list(ev->arena);

	for (size_t i = 0; i < list->count; i++) {
		const struct value *item = eval_expr(ev, list->items[i], err);
		if (!item)
			return NULL;
		value_list_add(ev->arena, items, item);
	}
	return items;
}

static const struct value *eval_list(struct eval *ev, const struct node *node, struct err *err)
{
	return eval_items(ev, &node->list, err);
}

static const struct value *eval_tuple(struct eval *ev, const struct node *node, struct err *err)
{
	struct value *tuple = eval_items(ev, &node->list, err);

	if (tuple)
		tuple->kind = VALUE_TUPLE;
	return tuple;
}

static const struct value *eval_dict(struct eval *ev, const struct node *node, struct err *err)
{
	struct value *dict = value_new_dict(ev->arena);

	for (size_t i = 0; i < node->list.count; i++) {
		const struct value *key = eval_defined(ev, node->list.items[i], err);
		const struct value *value =
			key ? eval_expr(ev, node->other.items[i], err) : NULL;
		if (!value)
			return NULL;
		if (!value_hashable(key)) {
			err_set(err, ERR_INPUT, "unhashable type: '%s'", type_name(key));
			return NULL;
		}
		value_dict_set_value(ev->arena, dict, key, value);
	}
	return dict;
}

static const struct value *eval_getattr(
	struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *v = eval_expr(ev, node->a, err);

	return v ? get_attribute(ev, v, node->name, node, err) : NULL;
}

static const struct value *eval_slice(
	struct eval *ev, const struct value *v, const struct node *slice, struct err *err)
{
	const struct node *nodes[] = {slice->a, slice->b, slice->c};
	const struct value *bounds[3] = {0};

	for (size_t i = 0; i < 3; i++) {
		bounds[i] = nodes[i] ? eval_defined(ev, nodes[i], err) : NULL;
		if (nodes[i] && !bounds[i])
			return NULL;
	}
	if (is_undefined(v))
		return ev->native ? v : undefined_fail(ev, v, err);
	return get_slice(ev, v, bounds[0], bounds[1], bounds[2], err);
}

static const struct value *eval_getitem(
	struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *v = eval_expr(ev, node->a, err);

	if (!v)
		return NULL;
	if (node->b->kind == NODE_SLICE)
		return eval_slice(ev, v, node->b, err);
	const struct value *key = eval_expr(ev, node->b, err);
	return key ? get_item(ev, v, key, node, err) : NULL;
}

static int add_rest(
	struct eval *ev, const struct node *node, struct value *positional, struct err *err)
{
	struct iter it;
	const struct value *next;
	int rc;
	const struct value *v = node ? eval_defined(ev, node, err) : NULL;

	if (!node)
		return 0;
	if (!v || iter_begin(&it, ev, v, err) < 0)
		return -1;
	while ((rc = iter_next(&it, &next, err)) > 0)
		value_list_add(ev->arena, positional, next);
	return rc;
}

static int add_mapping(
	struct eval *ev, const struct node *node, struct value *named, struct err *err)
{
	const struct value *v = node ? eval_defined(ev, node, err) : NULL;

	if (!node)
		return 0;
	if (!v)
		return -1;
	if (v->kind != VALUE_DICT)
		return err_set(err, ERR_INPUT,
			"the argument behind ** must be a mapping, not '%s'", type_name(v));
	for (size_t i = 0; i < v->pair_count; i++) {
		const struct value *item = dict_item(ev, v, i, err);
		if (!item)
			return -1;
		value_dict_set_value(ev->arena, named, v->pairs[i].key, item);
	}
	return 0;
}

/* Evaluates the arguments of a call; both stay NULL without a call. */
static int eval_arguments(struct eval *ev, const struct call *call, struct value **positional,
	struct value **named, struct err *err)
{
	*positional = *named = NULL;
	if (!call)
		return 0;
	*positional = eval_items(ev, &call->positional, err);
	if (!*positional)
		return -1;
	if (call->named.count || call->mapping)
		*named = value_new_dict(ev->arena);
	for (size_t i = 0; i < call->named.count; i++) {
		const struct value *v = eval_expr(ev, call->named.items[i], err);
		if (!v)
			return -1;
		value_dict_set(ev->arena, *named, call->names[i], v);
	}
	if (add_rest(ev, call->rest, *positional, err) < 0)
		return -1;
	return add_mapping(ev, call->mapping, *named, err);
}

/* lookup("file", "{{ dir }}/x"): Ansible renders constants that are terms of a lookup. */
static int render_terms(
	struct eval *ev, const struct call *call, struct value *positional, struct err *err)
{
	for (size_t i = 1; i < call->positional.count; i++) {
		const struct node *node = call->positional.items[i];
		if (node->kind != NODE_CONST || node->value->kind != VALUE_STRING)
			continue;
		positional->items[i] = eval_string(ev, node->value, err);
		if (!positional->items[i])
			return -1;
	}
	return 0;
}

static const struct value *eval_call(struct eval *ev, const struct node *node, struct err *err)
{
	struct value *positional, *named;
	const struct value *v = eval_expr(ev, node->a, err);

	if (!v || eval_arguments(ev, node->call, &positional, &named, err) < 0)
		return NULL;
	if (is_undefined(v))
		return ev->native ? v : undefined_fail(ev, v, err);
	if (node->flag && ev->native && render_terms(ev, node->call, positional, err) < 0)
		return NULL;
	if (v->kind != VALUE_OBJECT || !v->class->call) {
		err_set(err, ERR_INPUT, "'%s' object is not callable", type_name(v));
		return NULL;
	}
	return v->class->call(ev, v, positional, named, err);
}

static const struct value *fail_unknown(
	const struct node *node, const char *kind, struct err *err)
{
	err_set(err, ERR_INPUT, "there is no %s '%s'", kind, node->name);
	return NULL;
}

static const struct value *eval_filter(
	struct eval *ev, const struct node *node, struct err *err)
{
	struct value *positional, *named;
	const struct value *self = node->a ? eval_expr(ev, node->a, err)
					   : frame_find(ev->frame, STMT_CAPTURED, 0)->value;

	if (!self || eval_arguments(ev, node->call, &positional, &named, err) < 0)
		return NULL;
	if (!node->callable)
		return fail_unknown(node, "filter", err);
	return args_call(ev, node->callable, self, positional, named, err);
}

static const struct value *eval_test(struct eval *ev, const struct node *node, struct err *err)
{
	struct value *positional, *named;
	const struct value *self = eval_expr(ev, node->a, err);

	if (!self || eval_arguments(ev, node->call, &positional, &named, err) < 0)
		return NULL;
	if (!node->callable)
		return fail_unknown(node, "test", err);
	const struct value *result =
		args_call(ev, node->callable, self, positional, named, err);
	if (!result || is_undefined(result))
		return result;
	int truth = op_truth(ev, result, err);
	return truth < 0 ? NULL : value_bool((truth != 0) != node->flag);
}

static const struct value *eval_not(struct eval *ev, const struct node *node, struct err *err)
{
	int truth = eval_truth(ev, node->a, err);

	return truth < 0 ? NULL : value_bool(!truth);
}

static const struct value *eval_negate(
	struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *v = eval_defined(ev, node->a, err);

	return v ? op_negate(ev, v, err) : NULL;
}

static const struct value *eval_positive(
	struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *v = eval_defined(ev, node->a, err);

	return v ? op_positive(ev, v, err) : NULL;
}

static const struct value *eval_binary(
	struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *a = eval_defined(ev, node->a, err);
	const struct value *b = a ? eval_defined(ev, node->b, err) : NULL;

	return b ? op_binary(ev, (enum binary_op)node->op, a, b, err) : NULL;
}

/* and and or give one of their operands, as Python's do. */
static const struct value *eval_and_or(
	struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *v = eval_defined(ev, node->a, err);
	int truth = v ? op_truth(ev, v, err) : -1;

	if (truth < 0)
		return NULL;
	if ((truth != 0) == (node->kind == NODE_OR))
		return v;
	return eval_expr(ev, node->b, err);
}

static const struct value *eval_compare(
	struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *left = eval_defined(ev, node->list.items[0], err);

	for (size_t i = 1; left && i < node->list.count; i++) {
		const struct value *right = eval_defined(ev, node->list.items[i], err);
		if (!right)
			return NULL;
		int rc = op_compare(ev, (enum compare_op)node->ops[i - 1], left, right, err);
		if (rc < 0)
			return NULL;
		if (!rc)
			return &value_false;
		left = right;
	}
	return left ? &value_true : NULL;
}

static const struct value *eval_concat(
	struct eval *ev, const struct node *node, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < node->list.count; i++) {
		const struct value *v = eval_defined(ev, node->list.items[i], err);
		if (!v || repr_str(ev, v, &text, err) < 0 || eval_room(ev, text.len, err) < 0)
			return NULL;
	}
	return new_text(ev, &text, err);
}

static const struct value *eval_cond(struct eval *ev, const struct node *node, struct err *err)
{
	int truth = eval_truth(ev, node->b, err);

	if (truth < 0)
		return NULL;
	if (truth)
		return eval_expr(ev, node->a, err);
	if (node->c)
		return eval_expr(ev, node->c, err);
	const struct value *u = undefined_new(ev, node, NULL,
		"the inline if evaluated to false and no else section was defined");
	((struct undefined *)u->object)->lenient = !ev->native;
	return u;
}

static const eval_fn evaluators[] = {
	[NODE_CONST] = eval_const,
	[NODE_NAME] = eval_name_node,
	[NODE_LIST] = eval_list,
	[NODE_TUPLE] = eval_tuple,
	[NODE_DICT] = eval_dict,
	[NODE_GETATTR] = eval_getattr,
	[NODE_GETITEM] = eval_getitem,
	[NODE_CALL] = eval_call,
	[NODE_FILTER] = eval_filter,
	[NODE_TEST] = eval_test,
	[NODE_NOT] = eval_not,
	[NODE_NEG] = eval_negate,
	[NODE_POS] = eval_positive,
	[NODE_BINARY] = eval_binary,
	[NODE_AND] = eval_and_or,
	[NODE_OR] = eval_and_or,
	[NODE_COMPARE] = eval_compare,
	[NODE_CONCAT] = eval_concat,
	[NODE_COND] = eval_cond,
};

const struct value *eval_expr(struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *v = NULL;

	if (node->kind >= ARRAY_SIZE(evaluators) || !evaluators[node->kind])
		err_set(err, ERR_INPUT, "this stands where no value can be");
	else if (eval_step(ev, err) == 0 && eval_enter(ev, err) == 0) {
		v = evaluators[node->kind](ev, node, err);
		eval_leave(ev);
	}
	if (!v)
		eval_place(ev, node, err);
	return v;
}
