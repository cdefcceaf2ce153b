/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic. Integers have any size, floats are doubles, and what Python refuses is refused
 * with Python's words.
 */
#include "template/ops.h"

#include <math.h>

#include "template/access.h"
#include "template/bigint.h"
#include "template/datetime.h"
#include "template/repr.h"

const char *type_name(const struct value *v)
{
	static const char *const names[] = {
		[VALUE_NULL] = "NoneType",
		[VALUE_BOOL] = "bool",
		[VALUE_INT] = "int",
		[VALUE_BIGINT] = "int",
		[VALUE_FLOAT] = "float",
		[VALUE_STRING] = "str",
		[VALUE_BYTES] = "bytes",
		[VALUE_DATE] = "date",
		[VALUE_DATETIME] = "datetime",
		[VALUE_VAULT] = "EncryptedString",
		[VALUE_LIST] = "list",
		[VALUE_TUPLE] = "tuple",
		[VALUE_DICT] = "dict",
	};

	return v->kind == VALUE_OBJECT ? v->class->name : names[v->kind];
}

bool is_integer(const struct value *v)
{
	return v->kind == VALUE_INT || v->kind == VALUE_BOOL || v->kind == VALUE_BIGINT;
}

bool is_number(const struct value *v)
{
	return is_integer(v) || v->kind == VALUE_FLOAT;
}

double number_real(const struct value *v)
{
	switch (v->kind) {
	case VALUE_FLOAT: return v->real;
	case VALUE_BIGINT: return bigint_real(v);
	case VALUE_BOOL: return v->boolean;
	default: return (double)v->integer;
	}
}

bool number_int64(const struct value *v, int64_t *out)
{
	if (v->kind != VALUE_INT && v->kind != VALUE_BOOL)
		return false;
	*out = v->kind == VALUE_BOOL ? v->boolean : v->integer;
	return true;
}

static const char *op_text(enum binary_op op)
{
	static const char *const texts[] = {[OP_ADD] = "+",
		[OP_SUB] = "-",
		[OP_MUL] = "*",
		[OP_DIV] = "/",
		[OP_FLOORDIV] = "//",
		[OP_MOD] = "%",
		[OP_POW] = "** or pow()"};

	return texts[op];
}

static const struct value *fail_types(
	enum binary_op op, const struct value *a, const struct value *b, struct err *err)
{
	err_set(err, ERR_INPUT, "unsupported operand type(s) for %s: '%s' and '%s'",
		op_text(op), type_name(a), type_name(b));
	return NULL;
}

static const struct value *fail_zero(struct err *err)
{
	err_set(err, ERR_INPUT, "division by zero");
	return NULL;
}

/* The remainder with the divisor's sign. */
static double python_mod(double a, double b)
{
	double rest = fmod(a, b);

	if (rest == 0.0)
		return copysign(0.0, b);
	return (rest < 0) != (b < 0) ? rest + b : rest;
}

static double python_floordiv(double a, double b)
{
	double quotient = (a - python_mod(a, b)) / b;
	double floored = floor(quotient);

	if (quotient == 0.0)
		return copysign(0.0, a / b);
	return quotient - floored > 0.5 ? floored + 1.0 : floored;
}

static const struct value *real_power(struct eval *ev, double a, double b, struct err *err)
{
	if (a == 0.0 && b < 0.0) {
		err_set(err, ERR_INPUT, "0.0 cannot be raised to a negative power");
		return NULL;
	}
	double result = pow(a, b);
	if (isnan(result) && !isnan(a) && !isnan(b)) {
		err_set(err, ERR_UNSUPPORTED,
			"a negative number raised to a fraction is complex");
		return NULL;
	}
	if (isinf(result) && !isinf(a) && !isinf(b)) {
		err_set(err, ERR_INPUT, "the result of ** is too large for a float");
		return NULL;
	}
	return value_new_float(ev->arena, result);
}

static const struct value *real_op(
	struct eval *ev, enum binary_op op, double a, double b, struct err *err)
{
	if ((op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD) && b == 0.0)
		return fail_zero(err);
	switch (op) {
	case OP_ADD: return value_new_float(ev->arena, a + b);
	case OP_SUB: return value_new_float(ev->arena, a - b);
	case OP_MUL: return value_new_float(ev->arena, a * b);
	case OP_DIV: return value_new_float(ev->arena, a / b);
	case OP_FLOORDIV: return value_new_float(ev->arena, python_floordiv(a, b));
	case OP_MOD: return value_new_float(ev->arena, python_mod(a, b));
	default: return real_power(ev, a, b, err);
	}
}

/* False when the result does not fit. Neither divisor is 0, nor an exponent negative. */
static bool small_op(enum binary_op op, int64_t a, int64_t b, int64_t *out)
{
	switch (op) {
	case OP_ADD: return !__builtin_add_overflow(a, b, out);
	case OP_SUB: return !__builtin_sub_overflow(a, b, out);
	case OP_MUL: return !__builtin_mul_overflow(a, b, out);
	case OP_FLOORDIV:
		if (a == INT64_MIN && b == -1)
			return false;
		*out = a / b - (a % b != 0 && (a < 0) != (b < 0));
		return true;
	case OP_MOD:
		*out = b == -1 ? 0 : a % b;
		if (*out != 0 && (*out < 0) != (b < 0))
			*out += b;
		return true;
	default: return false;
	}
}

/* a / b of integers: rounded once, however large they are. */
static const struct value *divide(
	struct eval *ev, const struct value *a, const struct value *b, struct err *err)
{
	const int64_t exact = (int64_t)1 << 53;
	int64_t x, y;

	if (number_int64(b, &y) && y == 0)
		return fail_zero(err);
	if (number_int64(a, &x) && number_int64(b, &y) && x >= -exact && x <= exact &&
		y >= -exact && y <= exact)
		return value_new_float(ev->arena, (double)x / (double)y);
	double result = bigint_divide(a, b);
	if (isinf(result)) {
		err_set(err, ERR_INPUT, "integer division result too large for a float");
		return NULL;
	}
	return value_new_float(ev->arena, result);
}

static const struct value *integer_op(struct eval *ev, enum binary_op op, const struct value *a,
	const struct value *b, struct err *err)
{
	int64_t x, y, result;
	bool small = number_int64(a, &x) && number_int64(b, &y);

	if (op == OP_DIV)
		return divide(ev, a, b, err);
	if (op == OP_POW && (small ? y < 0 : b->kind == VALUE_BIGINT && b->text[0] == '-'))
		return real_op(ev, op, number_real(a), number_real(b), err);
	if (small && y == 0 && (op == OP_FLOORDIV || op == OP_MOD))
		return fail_zero(err);
	if (small && small_op(op, x, y, &result))
		return value_new_int(ev->arena, result);
	return bigint_op(ev->arena, op, a, b, err);
}

static const struct value *join_lists(
	struct eval *ev, const struct value *a, const struct value *b, struct err *err)
{
	struct value *list = value_new_list(ev->arena);

	if (eval_room(ev, (a->count + b->count) * sizeof(void *), err) < 0)
		return NULL;
	list->kind = a->kind;
	for (size_t i = 0; i < a->count; i++)
		value_list_add(ev->arena, list, a->items[i]);
	for (size_t i = 0; i < b->count; i++)
		value_list_add(ev->arena, list, b->items[i]);
	return list;
}

static const struct value *join_texts(
	struct eval *ev, const struct value *a, const struct value *b, struct err *err)
{
	if (eval_room(ev, a->len + b->len, err) < 0)
		return NULL;
	struct value *text = value_new_stringn(ev->arena, a->text, a->len);
	char *both = arena_alloc(ev->arena, a->len + b->len + 1);
	memcpy(both, a->text, a->len);
	memcpy(both + a->len, b->text, b->len);
	text->text = both;
	text->len = a->len + b->len;
	return text;
}

static bool is_list(const struct value *v)
{
	return v->kind == VALUE_LIST || v->kind == VALUE_TUPLE;
}

static const struct value *repeat_text(
	struct eval *ev, const struct value *v, size_t times, struct err *err)
{
	if (v->len && (times > SIZE_MAX / v->len || eval_room(ev, v->len * times, err) < 0)) {
		err_set(err, ERR_LIMIT, "a text repeated %zu times is too long", times);
		return NULL;
	}
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	for (size_t i = 0; v->len && i < times; i++)
		strbuf_add(&text, v->text, v->len);
	return new_textn(ev, text.data, text.len);
}

static const struct value *repeat_list(
	struct eval *ev, const struct value *v, size_t times, struct err *err)
{
	struct value *list = value_new_list(ev->arena);

	if (v->count && times > SIZE_MAX / v->count / sizeof(struct value)) {
		err_set(err, ERR_LIMIT, "a list repeated %zu times is too long", times);
		return NULL;
	}
	if (eval_room(ev, v->count * times * sizeof(void *), err) < 0)
		return NULL;
	list->kind = v->kind;
	for (size_t n = 0; v->count && n < times; n++) {
		for (size_t i = 0; i < v->count; i++)
			value_list_add(ev->arena, list, v->items[i]);
	}
	return list;
}

/* "ab" * 3, [0] * 3, either way round; NULL without err when it is neither. */
static const struct value *repeat(struct eval *ev, const struct value *a, const struct value *b,
	bool *done, struct err *err)
{
	int64_t times;

	if (number_int64(a, &times)) {
		const struct value *swap = a;
		a = b;
		b = swap;
	}
	*done = (value_is_string(a) || is_list(a)) && number_int64(b, &times);
	if (!*done)
		return NULL;
	size_t n = times > 0 ? (size_t)times : 0;
	return value_is_string(a) ? repeat_text(ev, a, n, err) : repeat_list(ev, a, n, err);
}

const struct value *op_binary(struct eval *ev, enum binary_op op, const struct value *a,
	const struct value *b, struct err *err)
{
	bool done = false;

	if (is_integer(a) && is_integer(b))
		return integer_op(ev, op, a, b, err);
	if (is_number(a) && is_number(b))
		return real_op(ev, op, number_real(a), number_real(b), err);
	if (op == OP_MOD && value_is_string(a))
		return op_format(ev, a, b, err);
	if (op == OP_ADD && value_is_string(a) && value_is_string(b))
		return join_texts(ev, a, b, err);
	if (op == OP_ADD && is_list(a) && a->kind == b->kind)
		return join_lists(ev, a, b, err);
	if (op == OP_ADD && value_is_string(a)) {
		err_set(err, ERR_INPUT, "can only concatenate str (not \"%s\") to str; use ~",
			type_name(b));
		return NULL;
	}
	if (op == OP_MUL) {
		const struct value *result = repeat(ev, a, b, &done, err);
		if (done)
			return result;
	}
	if (op == OP_SUB || op == OP_ADD) {
		const struct value *result = datetime_op(ev, op, a, b, &done, err);
		if (done)
			return result;
	}
	return fail_types(op, a, b, err);
}

const struct value *op_negate(struct eval *ev, const struct value *a, struct err *err)
{
	static const struct value zero = {.kind = VALUE_INT};

	if (a->kind == VALUE_FLOAT)
		return value_new_float(ev->arena, -a->real);
	if (is_integer(a))
		return op_binary(ev, OP_SUB, &zero, a, err);
	err_set(err, ERR_INPUT, "bad operand type for unary -: '%s'", type_name(a));
	return NULL;
}

const struct value *op_positive(struct eval *ev, const struct value *a, struct err *err)
{
	if (a->kind == VALUE_BOOL)
		return value_new_int(ev->arena, a->boolean);
	if (is_number(a))
		return a;
	err_set(err, ERR_INPUT, "bad operand type for unary +: '%s'", type_name(a));
	return NULL;
}
