/* SPDX-License-Identifier: Apache-2.0 */
/*
 * for, and the `loop` variable.
 */
#include "template/access.h"
#include "template/args.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/stmt.h"

/* One running loop. */
struct loop {
	const struct node *node;
	const struct value
		*items; /* a list, or a range: what passed the loop's own condition */
	size_t count;
	size_t index;                /* from 0 */
	unsigned depth;              /* of recursion, from 0 */
	bool shared_scope;           /* as eval's, where the loop stands */
	struct frame *pass;          /* the scope of a pass, if one serves all */
	struct frame *outer;         /* the scope around the loop */
	const struct value *changed; /* the last arguments of loop.changed() */
};

static int run_items(struct eval *ev, const struct node *node, const struct value *items,
	unsigned depth, struct frame *outer, struct err *err);

static const struct value *loop_item(
	struct eval *ev, const struct loop *loop, size_t i, struct err *err)
{
	if (loop->items->kind == VALUE_OBJECT)
		return loop->items->class->at(ev, loop->items, i, err);
	return list_item(ev, loop->items, i, err);
}

static const struct value *loop_neighbour(
	struct eval *ev, const struct loop *loop, bool next, struct err *err)
{
	if (next ? loop->index + 1 >= loop->count : loop->index == 0)
		return undefined_new(ev, loop->node, next ? "nextitem" : "previtem",
			"there is no %s item", next ? "next" : "previous");
	return loop_item(ev, loop, next ? loop->index + 1 : loop->index - 1, err);
}

static const struct value *loop_cycle(struct args *a, struct err *err)
{
	const struct loop *loop = a->self->object;

	if (a->rest->count == 0)
		return args_fail(a, err, "no items for cycling given");
	return a->rest->items[loop->index % a->rest->count];
}

static const struct value *loop_changed(struct args *a, struct err *err)
{
	struct loop *loop = a->self->object;
	int equal = loop->changed ? op_equal(a->ev, loop->changed, a->rest, err) : 0;

	if (equal < 0)
		return NULL;
	loop->changed = a->rest;
	return value_bool(!equal);
}

static const struct callable loop_methods[] = {
	{"changed", loop_changed, "*", 0},
	{"cycle", loop_cycle, "*", 0},
};

/* The attributes of `loop`, by their names; the parser looks them up. */
enum loop_attribute {
	LOOP_NONE,
	LOOP_DEPTH,
	LOOP_DEPTH0,
	LOOP_FIRST,
	LOOP_INDEX,
	LOOP_INDEX0,
	LOOP_LAST,
	LOOP_LENGTH,
	LOOP_NEXTITEM,
	LOOP_PREVITEM,
	LOOP_REVINDEX,
	LOOP_REVINDEX0
};

uint8_t loop_attribute(const char *name)
{
	static const char *const names[] = {
		[LOOP_DEPTH] = "depth",
		[LOOP_DEPTH0] = "depth0",
		[LOOP_FIRST] = "first",
		[LOOP_INDEX] = "index",
		[LOOP_INDEX0] = "index0",
		[LOOP_LAST] = "last",
		[LOOP_LENGTH] = "length",
		[LOOP_NEXTITEM] = "nextitem",
		[LOOP_PREVITEM] = "previtem",
		[LOOP_REVINDEX] = "revindex",
		[LOOP_REVINDEX0] = "revindex0",
	};

	for (size_t i = LOOP_NONE + 1; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], name) == 0)
			return (uint8_t)i;
	}
	return LOOP_NONE;
}

const struct value *loop_member(
	struct eval *ev, const struct value *self, uint8_t attribute, struct err *err)
{
	const struct loop *loop = self->object;
	int64_t i = (int64_t)loop->index;
	int64_t count = (int64_t)loop->count;
	struct arena *arena = ev->arena;

	switch ((enum loop_attribute)attribute) {
	case LOOP_DEPTH: return value_new_int(arena, (int64_t)loop->depth + 1);
	case LOOP_DEPTH0: return value_new_int(arena, loop->depth);
	case LOOP_FIRST: return value_bool(i == 0);
	case LOOP_INDEX: return value_new_int(arena, i + 1);
	case LOOP_INDEX0: return value_new_int(arena, i);
	case LOOP_LAST: return value_bool(i + 1 == count);
	case LOOP_LENGTH: return value_new_int(arena, count);
	case LOOP_NEXTITEM: return loop_neighbour(ev, loop, true, err);
	case LOOP_PREVITEM: return loop_neighbour(ev, loop, false, err);
	case LOOP_REVINDEX: return value_new_int(arena, count - i);
	case LOOP_REVINDEX0: return value_new_int(arena, count - i - 1);
	default: return NULL;
	}
}

static const struct value *loop_get(
	struct eval *ev, const struct value *self, const char *name, struct err *err)
{
	static const struct callables methods = {loop_methods, ARRAY_SIZE(loop_methods)};
	const struct value *found = loop_member(ev, self, loop_attribute(name), err);

	if (found || err->code)
		return found;
	const struct callable *method = callables_find(&methods, name);
	return method ? function_new(ev->arena, method, self) : NULL;
}

/* loop(items) in a recursive loop: the same body over other items. */
static const struct value *loop_call(struct eval *ev, const struct value *self,
	const struct value *positional, const struct value *named, struct err *err)
{
	const struct loop *loop = self->object;
	AUTO(output_release) struct output out = output_begin(ev);
	struct output *outer = ev->out;
	bool shared_scope = ev->shared_scope;

	if (!loop->node->flag) {
		err_set(err, ERR_INPUT,
			"the loop is not recursive; write {%% for ... recursive %%}");
		return NULL;
	}
	if (!positional || positional->count != 1 || named) {
		err_set(err, ERR_INPUT, "loop() takes one argument: what to iterate");
		return NULL;
	}
	const struct value *items = need_defined(ev, positional->items[0], err);
	if (!items)
		return NULL;
	ev->out = &out;
	ev->shared_scope = loop->shared_scope;
	int rc = run_items(ev, loop->node, items, loop->depth + 1, loop->outer, err);
	ev->shared_scope = shared_scope;
	ev->out = outer;
	return rc < 0 ? NULL : output_take(&out, err);
}

static int loop_str(
	struct eval *ev, const struct value *self, struct strbuf *out, struct err *err)
{
	const struct loop *loop = self->object;

	(void)ev;
	(void)err;
	strbuf_addf(out, "<LoopContext %zu/%zu>", loop->index + 1, loop->count);
	return 0;
}

const struct value_class loop_class = {
	.name = "LoopContext", .get = loop_get, .call = loop_call, .str = loop_str};

/* The items that pass the loop's own condition. */
static const struct value *selected(
	struct eval *ev, const struct node *node, const struct value *items, struct err *err)
{
	struct frame *outer = ev->frame;
	struct value *passed = value_new_list(ev->arena);
	struct iter it;
	const struct value *item;
	int rc = iter_begin(&it, ev, items, err);

	while (rc >= 0 && (rc = iter_next(&it, &item, err)) > 0) {
		rc = 0;
		if (node->c) {
			struct frame *frame = frame_push(ev);
			rc = assign(ev, frame, node->a, item, err);
			int truth = rc < 0 ? -1 : eval_truth(ev, node->c, err);
			ev->frame = outer;
			if (truth <= 0) {
				rc = truth;
				continue;
			}
		}
		value_list_add(ev->arena, passed, item);
	}
	return rc < 0 ? NULL : passed;
}

static int run_pass(struct eval *ev, struct loop *loop, const struct value *variable,
	const struct value_key *name, struct err *err)
{
	const struct value *item = loop_item(ev, loop, loop->index, err);

	if (!item || eval_step(ev, err) < 0)
		return -1;
	struct frame *frame = loop->pass ? loop->pass : frame_push(ev);
	const struct node *target = loop->node->a;
	frame->count = 0;
	ev->frame = frame;
	if (!loop->node->context)
		loop->pass = frame;
	frame_add(ev->arena, frame, name, variable);
	if (target->kind == NODE_NAME && strcmp(target->key.text, "loop") != 0)
		frame_add(ev->arena, frame, &target->key, item);
	else if (assign(ev, frame, target, item, err) < 0)
		return -1;
	return eval_body(ev, &loop->node->list, err);
}

static int run_passes(struct eval *ev, struct loop *loop, struct err *err)
{
	const struct value *variable = object_new(ev->arena, &loop_class, loop);
	const struct value_key name = value_key("loop", 4);

	for (; loop->index < loop->count; loop->index++) {
		ev->frame = loop->outer;
		if (run_pass(ev, loop, variable, &name, err) < 0)
			return -1;
		enum flow flow = ev->flow;
		if (flow == FLOW_STOP)
			return 0;
		ev->flow = FLOW_NEXT;
		if (flow == FLOW_BREAK)
			return 0;
	}
	return 0;
}

static int run_items(struct eval *ev, const struct node *node, const struct value *items,
	unsigned depth, struct frame *outer, struct err *err)
{
	struct frame *saved = ev->frame;
	struct loop *loop = ARENA_NEW(ev->arena, struct loop);
	int rc;

	ev->frame = outer;
	loop->node = node;
	loop->depth = depth;
	loop->shared_scope = ev->shared_scope;
	loop->outer = outer;
	/* A range, or a list that nobody changes, is walked in place if nothing filters it. */
	if (!node->c &&
		(object_is(items, &range_class) || (items->kind == VALUE_LIST && !ev->copies)))
		loop->items = items;
	else
		loop->items = selected(ev, node, items, err);
	if (!loop->items || value_length(ev, loop->items, &loop->count, err) < 0)
		rc = -1;
	else if (loop->count == 0)
		rc = eval_body(ev, &node->other, err);
	else
		rc = run_passes(ev, loop, err);
	ev->frame = saved;
	return rc;
}

int run_for(struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *items = eval_defined(ev, node->b, err);

	return items ? run_items(ev, node, items, 0, ev->frame, err) : -1;
}
