/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which methods a value has, and those of numbers and bytes.
 */
#include "template/methods.h"

#include <math.h>

#include "template/args.h"
#include "template/bigint.h"
#include "template/datetime.h"
#include "template/ops.h"
#include "template/tables.h"

static const struct value *int_bit_length(struct args *a, struct err *err)
{
	int64_t i;
	int64_t bits = 0;

	if (!number_int64(a->self, &i))
		return args_fail(a, err, "the integer is too large");
	for (uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i; u; u >>= 1)
		bits++;
	return value_new_int(a->ev->arena, bits);
}

static const struct value *bitwise(struct args *a, char op, struct err *err)
{
	int64_t x, y;

	if (!number_int64(a->self, &x) || !number_int64(a->v[0], &y))
		return args_fail(a, err, "takes integers of 64 bits");
	switch (op) {
	case '&': return value_new_int(a->ev->arena, x & y);
	case '|': return value_new_int(a->ev->arena, x | y);
	default: return value_new_int(a->ev->arena, x ^ y);
	}
}

static const struct value *int_and(struct args *a, struct err *err)
{
	return bitwise(a, '&', err);
}

static const struct value *int_or(struct args *a, struct err *err)
{
	return bitwise(a, '|', err);
}

static const struct value *int_xor(struct args *a, struct err *err)
{
	return bitwise(a, '^', err);
}

/* Shifts are products and quotients with a power of two, so that no bit is lost. */
static const struct value *shift(struct args *a, enum binary_op op, struct err *err)
{
	struct value two = {.kind = VALUE_INT, .integer = 2};
	int64_t n;

	if (!number_int64(a->v[0], &n) || n < 0)
		return args_fail(a, err, "takes a shift count that is not negative");
	const struct value *factor = op_binary(a->ev, OP_POW, &two, a->v[0], err);
	return factor ? op_binary(a->ev, op, a->self, factor, err) : NULL;
}

static const struct value *int_lshift(struct args *a, struct err *err)
{
	return shift(a, OP_MUL, err);
}

static const struct value *int_rshift(struct args *a, struct err *err)
{
	return shift(a, OP_FLOORDIV, err);
}

static const struct callable int_entries[] = {
	{"__and__", int_and, "other !", 0},
	{"__lshift__", int_lshift, "other !", 0},
	{"__or__", int_or, "other !", 0},
	{"__rshift__", int_rshift, "other !", 0},
	{"__xor__", int_xor, "other !", 0},
	{"bit_length", int_bit_length, NULL, 0},
};

CALLABLES(methods_int, int_entries);

static const struct value *float_is_integer(struct args *a, struct err *err)
{
	(void)err;
	return value_bool(isfinite(a->self->real) && trunc(a->self->real) == a->self->real);
}

static const struct callable float_entries[] = {
	{"is_integer", float_is_integer, NULL, 0},
};

CALLABLES(methods_float, float_entries);

static const struct value *bytes_decode(struct args *a, struct err *err)
{
	for (size_t i = 0, n; i < a->self->len; i += n) {
		n = utf8_len(a->self->text + i, a->self->len - i);
		if (n == 0)
			return args_fail(a, err, "byte %zu is not UTF-8", i);
	}
	return value_new_stringn(a->ev->arena, a->self->text, a->self->len);
}

static const struct callable bytes_entries[] = {
	{"decode", bytes_decode, "encoding errors", 0},
};

CALLABLES(methods_bytes, bytes_entries);

const struct callable *methods_named(const struct value *v, const char *name)
{
	static const struct callables *const tables[] = {
		[VALUE_BOOL] = &methods_int,
		[VALUE_INT] = &methods_int,
		[VALUE_BIGINT] = &methods_int,
		[VALUE_FLOAT] = &methods_float,
		[VALUE_STRING] = &methods_str,
		[VALUE_BYTES] = &methods_bytes,
		[VALUE_LIST] = &methods_list,
		[VALUE_TUPLE] = &methods_tuple,
		[VALUE_DICT] = &methods_dict,
		[VALUE_OBJECT] = NULL,
	};
	const struct callables *table = tables[v->kind];

	return table ? callables_find(table, name) : NULL;
}

const struct value *methods_find(struct eval *ev, const struct value *v, const char *name)
{
	if (v->kind == VALUE_DATE || v->kind == VALUE_DATETIME)
		return datetime_attribute(ev, v, name);
	const struct callable *method = methods_named(v, name);
	return method ? function_new(ev->arena, method, v) : NULL;
}

bool methods_know(const char *name)
{
	return callables_find(&methods_dict, name) != NULL;
}
