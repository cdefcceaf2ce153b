/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Global functions: range, dict, namespace, cycler, joiner, now, undef.
 */
#include <time.h>

#include "template/access.h"
#include "template/args.h"
#include "template/datetime.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/tables.h"

static const struct value *global_range(struct args *a, struct err *err)
{
	struct range *range = ARENA_NEW(a->ev->arena, struct range);
	int64_t stop;

	*range = (struct range){.step = 1};
	if (arg_int(a, 0, 0, &stop, err) < 0)
		return NULL;
	if (arg_given(a, 1)) {
		range->start = stop;
		if (arg_int(a, 1, 0, &stop, err) < 0 || arg_int(a, 2, 1, &range->step, err) < 0)
			return NULL;
	}
	if (range->step == 0 || range->step == INT64_MIN)
		return args_fail(a, err, "the step must not be zero");
	int64_t from = range->step > 0 ? range->start : stop;
	int64_t to = range->step > 0 ? stop : range->start;
	int64_t distance;
	if (__builtin_sub_overflow(to, from, &distance))
		return args_fail(a, err, "the range is too long");
	int64_t stride = range->step > 0 ? range->step : -range->step;
	range->count = distance > 0 ? (size_t)((distance - 1) / stride + 1) : 0;
	return object_new(a->ev->arena, &range_class, range);
}

/* dict(pairs or mapping, name=value ...) */
static struct value *make_dict(struct args *a, struct err *err)
{
	struct value *dict = value_new_dict(a->ev->arena);
	struct iter it;
	const struct value *next;
	int rc = 0;

	if (a->v[0] && a->v[0]->kind == VALUE_DICT) {
		value_dict_foreach (pair, a->v[0])
			value_dict_set_value(a->ev->arena, dict, pair->key, pair->value);
	} else if (a->v[0]) {
		rc = iter_begin(&it, a->ev, a->v[0], err);
		while (rc >= 0 && (rc = iter_next(&it, &next, err)) > 0) {
			const struct value *pair = iter_sequence(a->ev, next, err);
			if (!pair)
				return NULL;
			if (pair->count != 2 || !value_hashable(pair->items[0])) {
				args_fail(a, err, "expected pairs of a key and a value");
				return NULL;
			}
			value_dict_set_value(
				a->ev->arena, dict, pair->items[0], pair->items[1]);
		}
	}
	value_dict_foreach (pair, a->named)
		value_dict_set_value(a->ev->arena, dict, pair->key, pair->value);
	return rc < 0 ? NULL : dict;
}

static const struct value *global_dict(struct args *a, struct err *err)
{
	return make_dict(a, err);
}

static const struct value *global_namespace(struct args *a, struct err *err)
{
	const struct value *dict = make_dict(a, err);

	return dict ? namespace_new(a->ev->arena, dict) : NULL;
}

struct cycler {
	const struct value *items;
	size_t at;
};

static const struct value *cycler_next(struct args *a, struct err *err)
{
	struct cycler *c = a->self->object;
	const struct value *item = c->items->items[c->at];

	(void)err;
	c->at = (c->at + 1) % c->items->count;
	return item;
}

static const struct value *cycler_reset(struct args *a, struct err *err)
{
	struct cycler *c = a->self->object;

	(void)err;
	c->at = 0;
	return &value_null;
}

static const struct callable cycler_entries[] = {
	{"next", cycler_next, NULL, 0},
	{"reset", cycler_reset, NULL, 0},
};

static const struct value *cycler_get(
	struct eval *ev, const struct value *self, const char *name, struct err *err)
{
	static const struct callables methods = {cycler_entries, ARRAY_SIZE(cycler_entries)};
	const struct cycler *c = self->object;

	(void)err;
	if (strcmp(name, "current") == 0)
		return c->items->items[c->at];
	const struct callable *method = callables_find(&methods, name);
	return method ? function_new(ev->arena, method, self) : NULL;
}

const struct value_class cycler_class = {.name = "Cycler", .get = cycler_get};

static const struct value *global_cycler(struct args *a, struct err *err)
{
	if (a->rest->count == 0)
		return args_fail(a, err, "at least one item has to be provided");
	struct cycler *c = ARENA_NEW(a->ev->arena, struct cycler);
	c->items = a->rest;
	return object_new(a->ev->arena, &cycler_class, c);
}

struct joiner {
	const struct value *text;
	bool used;
};

static const struct value *joiner_call(struct eval *ev, const struct value *self,
	const struct value *positional, const struct value *named, struct err *err)
{
	struct joiner *j = self->object;

	(void)positional;
	(void)named;
	(void)err;
	if (j->used)
		return j->text;
	j->used = true;
	return new_textn(ev, "", 0);
}

const struct value_class joiner_class = {.name = "Joiner", .call = joiner_call};

static const struct value *global_joiner(struct args *a, struct err *err)
{
	struct joiner *j = ARENA_NEW(a->ev->arena, struct joiner);

	j->text = arg_text(a, 0, ", ", err);
	return j->text ? object_new(a->ev->arena, &joiner_class, j) : NULL;
}

static const struct value *global_now(struct args *a, struct err *err)
{
	struct timespec ts;
	struct tm tm;
	int utc = arg_bool(a, 0, false, err);

	if (utc < 0)
		return NULL;
	clock_gettime(CLOCK_REALTIME, &ts);
	if (utc)
		gmtime_r(&ts.tv_sec, &tm);
	else
		localtime_r(&ts.tv_sec, &tm);
	if (!arg_given(a, 1))
		return datetime_new(a->ev, &tm, (unsigned)(ts.tv_nsec / 1000));
	const struct value *format = arg_string(a, 1, "", err);
	return format ? datetime_format(a->ev, format->text, &tm, err) : NULL;
}

static const struct value *global_undef(struct args *a, struct err *err)
{
	const struct value *hint =
		arg_string(a, 0, "a mandatory variable has not been overridden", err);

	return hint ? undefined_new(a->ev, NULL, NULL, "%s", hint->text) : NULL;
}

static const struct callable entries[] = {
	{"cycler", global_cycler, "*", 0},
	{"dict", global_dict, "mapping **", 0},
	{"joiner", global_joiner, "sep", 0},
	{"namespace", global_namespace, "mapping **", 0},
	{"now", global_now, "utc fmt", CALL_ANSIBLE},
	{"range", global_range, "start ! stop step", 0},
	{"undef", global_undef, "hint", CALL_ANSIBLE},
};

CALLABLES(globals_all, entries);
