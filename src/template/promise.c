/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Promises: values inside variables, evaluated when someone looks at them, once.
 */
#include "template/access.h"

struct promise {
	const struct value *raw;
	const struct value *kept; /* the result, once there is one */
	bool running;
};

const struct value_class promise_class = {.name = "promise"};

const struct value *promise_new(struct eval *ev, const struct value *raw)
{
	struct promise *p = ARENA_NEW(ev->arena, struct promise);

	p->raw = raw;
	return object_new(ev->arena, &promise_class, p);
}

const struct value *promise_copy(struct eval *ev, const struct value *v)
{
	const struct promise *p = v->object;

	return promise_new(ev, p->raw);
}

static int fail_loop(const struct eval *ev, struct err *err)
{
	const struct running *r = ev->state->running;
	const char *name = r ? r->name : "a value";

	return err_set(err, ERR_INPUT, "recursive loop detected: '%s' refers to itself", name);
}

const struct value *promise_resolve(struct eval *ev, const struct value *v, struct err *err)
{
	if (!object_is(v, &promise_class))
		return v;
	struct promise *p = v->object;
	if (p->kept)
		return p->kept;
	if (p->running) {
		fail_loop(ev, err);
		return NULL;
	}
	if (eval_enter(ev, err) < 0)
		return NULL;
	p->running = true;
	p->kept = eval_raw(ev, p->raw, err);
	p->running = false;
	eval_leave(ev);
	return p->kept;
}

static const struct value *resolve_list(struct eval *ev, const struct value *v, struct err *err)
{
	for (size_t i = 0; i < v->count; i++) {
		const struct value *item = list_item(ev, v, i, err);
		if (!item || !resolve_all(ev, item, err))
			return NULL;
	}
	return v;
}

static const struct value *resolve_dict(struct eval *ev, const struct value *v, struct err *err)
{
	for (size_t i = 0; i < v->pair_count; i++) {
		const struct value *item = dict_item(ev, v, i, err);
		if (!item || !resolve_all(ev, item, err))
			return NULL;
	}
	return v;
}

const struct value *resolve_all(struct eval *ev, const struct value *v, struct err *err)
{
	v = need_defined(ev, promise_resolve(ev, v, err), err);
	if (!v || (v->kind != VALUE_LIST && v->kind != VALUE_TUPLE && v->kind != VALUE_DICT))
		return v;
	if (eval_enter(ev, err) < 0)
		return NULL;
	v = v->kind == VALUE_DICT ? resolve_dict(ev, v, err) : resolve_list(ev, v, err);
	eval_leave(ev);
	return v;
}

static const struct value *copy_items(struct eval *ev, const struct value *v, struct err *err)
{
	struct value *copy = value_new_list(ev->arena);

	copy->kind = v->kind;
	for (size_t i = 0; i < v->count; i++) {
		const struct value *item = mutable_copy(ev, v->items[i], err);
		if (!item)
			return NULL;
		value_list_add(ev->arena, copy, item);
	}
	return copy;
}

static const struct value *copy_pairs(struct eval *ev, const struct value *v, struct err *err)
{
	struct value *copy = value_new_dict(ev->arena);

	value_dict_foreach (pair, v) {
		const struct value *item = mutable_copy(ev, pair->value, err);
		if (!item)
			return NULL;
		value_dict_set_value(ev->arena, copy, pair->key, item);
	}
	return copy;
}

const struct value *mutable_copy(struct eval *ev, const struct value *v, struct err *err)
{
	if (object_is(v, &promise_class))
		return promise_copy(ev, v);
	if (v->kind != VALUE_LIST && v->kind != VALUE_TUPLE && v->kind != VALUE_DICT)
		return v;
	if (eval_step(ev, err) < 0 || eval_enter(ev, err) < 0)
		return NULL;
	v = v->kind == VALUE_DICT ? copy_pairs(ev, v, err) : copy_items(ev, v, err);
	eval_leave(ev);
	return v;
}
