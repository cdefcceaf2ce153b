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
	const struct value *v = eval_expr(ev, node, err);

	if (v && v->kind == VALUE_BOOL)
		return v->boolean;
	v = need_defined(ev, v, err);
	return v ? op_truth(ev, v, err) : -1;
}

struct value *eval_items(struct eval *ev, const struct node_list *list, struct err *err)
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

static const struct value *seek_member(
	struct eval *ev, const struct value *dict, const struct node *node, struct err *err)
{
	const struct value_pair *pair = value_dict_seek(dict, &node->key);

	if (!pair)
		return NULL;
	node_set_guess(node, (size_t)(pair - dict->pairs));
	return dict_item(ev, dict, (size_t)(pair - dict->pairs), err);
}

/* A member of a dict by the node's key; NULL with err untouched when there is none. */
static inline const struct value *member(
	struct eval *ev, const struct value *dict, const struct node *node, struct err *err)
{
	size_t guess = node_guess(node);

	if (guess >= dict->pair_count || !value_pair_has(&dict->pairs[guess], &node->key))
		return seek_member(ev, dict, node, err);
	const struct value *v = dict->pairs[guess].value;
	if (v->kind == VALUE_OBJECT)
		return dict_item(ev, dict, guess, err);
	eval_touch(ev, v);
	return v;
}

/* An expression that something is looked for in: mostly a name. */
static inline const struct value *eval_base(
	struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *v = node->kind == NODE_NAME ? eval_local(ev, node) : NULL;

	return v ? v : eval_expr(ev, node, err);
}

static const struct value *eval_getattr(
	struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *v = eval_base(ev, node->a, err);

	if (!v)
		return NULL;
	/* Most attributes are keys, and most keys are no methods. */
	if (v->kind == VALUE_DICT && !node->flag) {
		const struct value *found = member(ev, v, node, err);
		if (found || err->code)
			return found;
	}
	if (node->op && object_is(v, &loop_class))
		return loop_member(ev, v, node->op, err);
	return get_attribute(ev, v, node->key.text, node, err);
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
	const struct value *v = eval_base(ev, node->a, err);

	if (!v)
		return NULL;
	if (node->b->kind == NODE_SLICE)
		return eval_slice(ev, v, node->b, err);
	if (v->kind == VALUE_DICT && node->key.text) {
		const struct value *found = member(ev, v, node, err);
		if (found || err->code)
			return found;
	}
	const struct value *key = eval_expr(ev, node->b, err);
	if (key && key->kind == VALUE_INT && v->kind == VALUE_LIST &&
		(uint64_t)key->integer < v->count)
		return list_item(ev, v, (size_t)key->integer, err);
	return key ? get_item(ev, v, key, node, err) : NULL;
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
	AUTO(scratch_end) struct scratch text = scratch_begin(ev);

	for (size_t i = 0; i < node->list.count; i++) {
		const struct value *v = eval_defined(ev, node->list.items[i], err);
		if (!v || repr_str(ev, v, &ev->state->text, err) < 0 ||
			eval_room(ev, scratch_size(&text), err) < 0)
			return NULL;
	}
	return scratch_string(ev, &text, err);
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

	if (node->kind == NODE_CONST)
		return node->value;
	if (node->kind == NODE_NAME)
		v = eval_name(ev, node, err);
	else if (node->kind >= ARRAY_SIZE(evaluators) || !evaluators[node->kind])
		err_set(err, ERR_INPUT, "this stands where no value can be");
	else if (eval_step(ev, err) == 0 && eval_enter(ev, err) == 0) {
		v = evaluators[node->kind](ev, node, err);
		eval_leave(ev);
	}
	if (!v)
		eval_place(ev, node, err);
	return v;
}
