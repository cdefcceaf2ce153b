/* SPDX-License-Identifier: Apache-2.0 */
#include "template/finish.h"

#include "template/access.h"
#include "template/ops.h"
#include "template/repr.h"

static const struct value *finish_string(struct eval *ev, const struct value *v)
{
	bool unsafe = v->unsafe || ev->state->unsafe || template_is_in(v->text, v->len);

	if (unsafe == v->unsafe)
		return v;
	struct value *copy = arena_memdup(ev->arena, v, sizeof(*v));
	copy->unsafe = unsafe;
	return copy;
}

static const struct value *finish_list(
	struct eval *ev, const struct value *v, bool top, struct err *err)
{
	struct value *copy = NULL;

	for (size_t i = 0; i < v->count; i++) {
		const struct value *before = v->items[i];
		const struct value *item = list_item(ev, v, i, err);
		const struct value *done = item ? finish(ev, item, top, err) : NULL;
		if (!done)
			return NULL;
		bool omitted = template_is_omit(done);
		if (!copy && (done != before || omitted || v->kind == VALUE_TUPLE)) {
			copy = value_new_list(ev->arena);
			copy->place = v->place;
			for (size_t j = 0; j < i; j++)
				value_list_add(ev->arena, copy, v->items[j]);
		}
		if (copy && !omitted)
			value_list_add(ev->arena, copy, done);
	}
	return copy || v->kind == VALUE_LIST ? (copy ? copy : v) : value_new_list(ev->arena);
}

static const struct value *finish_dict(
	struct eval *ev, const struct value *v, bool top, struct err *err)
{
	struct value *copy = NULL;

	for (size_t i = 0; i < v->pair_count; i++) {
		const struct value *before = v->pairs[i].value;
		const struct value *item = dict_item(ev, v, i, err);
		const struct value *done = item ? finish(ev, item, top, err) : NULL;
		if (!done)
			return NULL;
		if (!copy && (done != before || template_is_omit(done))) {
			copy = value_new_dict(ev->arena);
			copy->place = v->place;
			for (size_t j = 0; j < i; j++)
				value_dict_set_value(
					ev->arena, copy, v->pairs[j].key, v->pairs[j].value);
		}
		if (copy && !template_is_omit(done))
			value_dict_set_value(ev->arena, copy, v->pairs[i].key, done);
	}
	return copy ? copy : v;
}

static const struct value *finish_mapping(
	struct eval *ev, const struct value *v, struct err *err)
{
	struct value *dict = value_new_dict(ev->arena);
	struct iter it;
	const struct value *key;
	int rc = iter_begin(&it, ev, v, err);

	while (rc >= 0 && (rc = iter_next(&it, &key, err)) > 0) {
		const struct value *item = get_item(ev, v, key, NULL, err);
		if (!item || !need_defined(ev, item, err))
			return NULL;
		value_dict_set_value(ev->arena, dict, key, item);
	}
	return rc < 0 ? NULL : dict;
}

static const struct value *finish_object(
	struct eval *ev, const struct value *v, bool top, struct err *err)
{
	if (is_undefined(v))
		return undefined_fail(ev, v, err);
	if (template_is_omit(v) || !top)
		return v;
	if (v->class->mapping)
		return finish_mapping(ev, v, err);
	err_set(err, ERR_INPUT, "a value of type '%s' cannot be the result of a template",
		type_name(v));
	return NULL;
}

const struct value *finish(struct eval *ev, const struct value *v, bool top, struct err *err)
{
	if (eval_enter(ev, err) < 0)
		return NULL;
	switch (v->kind) {
	case VALUE_STRING: v = finish_string(ev, v); break;
	case VALUE_LIST:
	case VALUE_TUPLE: v = finish_list(ev, v, top, err); break;
	case VALUE_DICT: v = finish_dict(ev, v, top, err); break;
	case VALUE_VAULT: v = eval_vault(ev, v, err); break;
	case VALUE_OBJECT: v = finish_object(ev, v, top, err); break;
	default: break;
	}
	eval_leave(ev);
	return v;
}
