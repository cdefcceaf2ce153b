/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls, filters and tests. What tables define gets its arguments straight from the expressions
 * (args_apply), macros likewise; everything else gets a list and a dict of them.
 */
#include "template/access.h"
#include "template/args.h"
#include "template/methods.h"
#include "template/ops.h"
#include "template/stmt.h"

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

int eval_arguments(struct eval *ev, const struct call *call, struct value **positional,
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

static const struct value *call_object(
	struct eval *ev, const struct value *v, const struct node *node, struct err *err)
{
	struct value *positional, *named;

	if (eval_arguments(ev, node->call, &positional, &named, err) < 0)
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

/* What a method is called on, if the node calls one of a plain value; else NULL. */
static const struct callable *find_method(const struct value *on, const struct node *attribute)
{
	return on->kind == VALUE_OBJECT ? NULL : methods_named(on, attribute->key.text);
}

static const struct value *call_entry(struct eval *ev, const struct callable *callable,
	const struct value *self, const struct call *call, struct err *err)
{
	const struct shape shape = callable_shape(callable);

	return args_apply(ev, callable, &shape, self, call, err);
}

const struct value *eval_call(struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *v;

	if (node->a->kind == NODE_GETATTR) {
		v = eval_expr(ev, node->a->a, err);
		if (!v)
			return NULL;
		const struct callable *method = find_method(v, node->a);
		if (method)
			return call_entry(ev, method, v, node->call, err);
		v = get_attribute(ev, v, node->a->key.text, node->a, err);
	} else {
		v = eval_expr(ev, node->a, err);
	}
	if (!v)
		return NULL;
	if (object_is(v, &function_class) && !node->flag) {
		const struct function *f = v->object;
		return call_entry(ev, f->callable, f->self, node->call, err);
	}
	if (object_is(v, &macro_class) && macro_takes(v, node->call))
		return macro_apply(ev, v, node->call, err);
	return call_object(ev, v, node, err);
}

static const struct value *fail_unknown(
	const struct node *node, const char *kind, struct err *err)
{
	err_set(err, ERR_INPUT, "there is no %s '%s'", kind, node->key.text);
	return NULL;
}

const struct value *eval_filter(struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *self = node->a ? eval_expr(ev, node->a, err)
					   : frame_find(ev->frame, &stmt_captured)->value;

	if (!self)
		return NULL;
	if (!node->callable)
		return fail_unknown(node, "filter", err);
	return args_apply(ev, node->callable, &node->shape, self, node->call, err);
}

const struct value *eval_test(struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *self = eval_expr(ev, node->a, err);

	if (!self)
		return NULL;
	if (!node->callable)
		return fail_unknown(node, "test", err);
	const struct value *result =
		args_apply(ev, node->callable, &node->shape, self, node->call, err);
	if (!result || is_undefined(result))
		return result;
	int truth = op_truth(ev, result, err);
	return truth < 0 ? NULL : value_bool((truth != 0) != node->flag);
}
