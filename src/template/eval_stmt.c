/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements: one function a kind of node, chosen by a table.
 */
#include "template/access.h"
#include "template/args.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/stmt.h"

const struct value_key stmt_captured = {.text = " captured", .len = 9};

typedef int (*run_fn)(struct eval *ev, const struct node *node, struct err *err);

static int assign_items(struct eval *ev, struct frame *frame, const struct node *target,
	const struct value *value, struct err *err)
{
	const struct value *items = iter_sequence(ev, value, err);

	if (!items)
		return -1;
	if (items->count < target->list.count)
		return err_set(err, ERR_INPUT,
			"not enough values to unpack (expected %zu, got %zu)",
			target->list.count, items->count);
	if (items->count > target->list.count)
		return err_set(err, ERR_INPUT, "too many values to unpack (expected %zu)",
			target->list.count);
	for (size_t i = 0; i < items->count; i++) {
		const struct value *item = list_item(ev, items, i, err);
		if (!item || assign(ev, frame, target->list.items[i], item, err) < 0)
			return -1;
	}
	return 0;
}

int assign(struct eval *ev, struct frame *frame, const struct node *target,
	const struct value *value, struct err *err)
{
	switch (target->kind) {
	case NODE_NAME: frame_set(ev->arena, frame, &target->key, value); return 0;
	case NODE_NSREF: {
		const struct value *ns = eval_name(ev, target, err);
		if (!ns || !need_defined(ev, ns, err))
			return -1;
		return namespace_set(ev, ns, target->attribute, value, err);
	}
	default:
		if (!need_defined(ev, value, err))
			return -1;
		return assign_items(ev, frame, target, value, err);
	}
}

const struct value *capture(struct eval *ev, const struct node_list *body, struct err *err)
{
	AUTO(output_release) struct output out = output_begin(ev);
	struct output *outer = ev->out;

	ev->out = &out;
	int rc = eval_body(ev, body, err);
	ev->out = outer;
	return rc < 0 ? NULL : output_take(&out, err);
}

static int run_print(struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *v = eval_expr(ev, node->a, err);

	if (!v || (!ev->native && !need_defined(ev, v, err)) || output_add(ev->out, v, err) < 0)
		return -1;
	return node->value ? output_add(ev->out, node->value, err) : 0;
}

static int run_if(struct eval *ev, const struct node *node, struct err *err)
{
	int truth = eval_truth(ev, node->a, err);

	if (truth < 0)
		return -1;
	return eval_body(ev, truth ? &node->list : &node->other, err);
}

static int run_set(struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *v = eval_expr(ev, node->b, err);

	return v ? assign(ev, ev->frame, node->a, v, err) : -1;
}

/* Runs a body in a scope of its own and gives its text, through filters if there are any. */
static const struct value *filtered(struct eval *ev, const struct node_list *body,
	const struct node *filters, struct err *err)
{
	struct frame *outer = ev->frame;
	struct frame *frame = frame_push(ev);
	const struct value *v = capture(ev, body, err);

	if (v && filters) {
		frame_set(ev->arena, frame, &stmt_captured, v);
		v = eval_expr(ev, filters, err);
	}
	ev->frame = outer;
	return v;
}

static int run_set_text(struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *v = filtered(ev, &node->list, node->b, err);

	return v ? assign(ev, ev->frame, node->a, v, err) : -1;
}

static int run_filter_block(struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *v = filtered(ev, &node->list, node->a, err);

	return v ? output_add(ev->out, v, err) : -1;
}

/* The values see the scope outside: with a=1, b=a means the outer a. */
static int run_with(struct eval *ev, const struct node *node, struct err *err)
{
	struct frame *outer = ev->frame;
	struct frame *frame = ARENA_NEW(ev->arena, struct frame);

	frame->parent = outer;
	for (size_t i = 0; i < node->other.count; i += 2) {
		const struct value *v = eval_expr(ev, node->other.items[i + 1], err);
		if (!v || assign(ev, frame, node->other.items[i], v, err) < 0)
			return -1;
	}
	ev->frame = frame;
	int rc = eval_body(ev, &node->list, err);
	ev->frame = outer;
	return rc;
}

static int run_do(struct eval *ev, const struct node *node, struct err *err)
{
	return eval_expr(ev, node->a, err) ? 0 : -1;
}

static int run_group(struct eval *ev, const struct node *node, struct err *err)
{
	return eval_body(ev, &node->list, err);
}

static int run_break(struct eval *ev, const struct node *node, struct err *err)
{
	(void)err;
	ev->flow = node->kind == NODE_BREAK ? FLOW_BREAK : FLOW_CONTINUE;
	return 0;
}

static const run_fn runners[] = {
	[NODE_FOR] = run_for,
	[NODE_IF] = run_if,
	[NODE_SET] = run_set,
	[NODE_SET_TEXT] = run_set_text,
	[NODE_WITH] = run_with,
	[NODE_MACRO] = run_macro,
	[NODE_CALL_BLOCK] = run_call_block,
	[NODE_FILTER_BLOCK] = run_filter_block,
	[NODE_BLOCK] = run_block,
	[NODE_EXTENDS] = run_extends,
	[NODE_INCLUDE] = run_include,
	[NODE_IMPORT] = run_import,
	[NODE_FROM] = run_from,
	[NODE_DO] = run_do,
	[NODE_GROUP] = run_group,
	[NODE_BREAK] = run_break,
	[NODE_CONTINUE] = run_break,
};

/* In a template that extends another, only definitions count at the outermost level. */
static bool counts(const struct eval *ev, const struct node *node)
{
	if (ev->frame != ev->top)
		return true;
	return node->kind != NODE_DATA && node->kind != NODE_PRINT &&
	       node->kind != NODE_BLOCK && node->kind != NODE_INCLUDE &&
	       node->kind != NODE_CALL_BLOCK && node->kind != NODE_FILTER_BLOCK;
}

static int run_one(struct eval *ev, const struct node *node, struct err *err)
{
	if (node->kind == NODE_DATA)
		return output_add(ev->out, node->value, err);
	if (eval_step(ev, err) < 0)
		return -1;
	return node->kind == NODE_PRINT ? run_print(ev, node, err)
					: runners[node->kind](ev, node, err);
}

int eval_body(struct eval *ev, const struct node_list *body, struct err *err)
{
	int rc = 0;

	if (eval_enter(ev, err) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < body->count && ev->flow == FLOW_NEXT; i++) {
		const struct node *node = body->items[i];
		if (ev->parent && !counts(ev, node))
			continue;
		rc = run_one(ev, node, err);
		if (rc < 0)
			eval_place(ev, node, err);
	}
	eval_leave(ev);
	return rc;
}
