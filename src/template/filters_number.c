/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters that make numbers and booleans, and that compute.
 */
#include <math.h>

#include "template/args.h"
#include "template/bigint.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/strings.h"
#include "template/tables.h"
#include "value/number.h"

/* Digits of a number text without the underscores between them; false if misplaced. */
static bool clean_digits(const char *s, size_t n, struct strbuf *out)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] != '_')
			strbuf_addch(out, s[i]);
		else if (i == 0 || i + 1 == n || s[i + 1] == '_')
			return false;
	}
	return out->len > 0;
}

/* int(text, base) of Python; NULL if the text is no integer. */
static const struct value *parse_integer(
	struct eval *ev, const struct value *text, unsigned base)
{
	AUTO(strbuf_release) struct strbuf digits = STRBUF_INIT;
	static const struct {
		char letter;
		unsigned base;
	} prefixes[] = {{'x', 16}, {'o', 8}, {'b', 2}};
	const char *s = text->text;
	size_t n = text->len;

	text_strip(&s, &n, NULL, ENDS_BOTH);
	bool negative = n > 0 && *s == '-';
	if (n > 0 && (*s == '-' || *s == '+')) {
		s++;
		n--;
	}
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (n > 2 && s[0] == '0' && (s[1] | 0x20) == prefixes[i].letter &&
			(base == prefixes[i].base || base == 0)) {
			base = prefixes[i].base;
			s += 2;
			n -= 2;
			break;
		}
	}
	if (!clean_digits(s, n, &digits))
		return NULL;
	return number_new_integer(
		ev->arena, negative, digits.data, digits.len, base ? base : 10);
}

/* float(text) of Python. */
static bool parse_real(const struct value *text, double *out)
{
	AUTO(strbuf_release) struct strbuf digits = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf lower = STRBUF_INIT;
	const char *s = text->text;
	size_t n = text->len;

	text_strip(&s, &n, NULL, ENDS_BOTH);
	text_change_case(s, n, CASE_LOWER, &lower);
	bool negative = lower.len > 0 && lower.data[0] == '-';
	const char *word = lower.data + (negative || lower.data[0] == '+');
	if (strcmp(word, "inf") == 0 || strcmp(word, "infinity") == 0) {
		*out = negative ? -INFINITY : INFINITY;
		return true;
	}
	if (strcmp(word, "nan") == 0) {
		*out = NAN;
		return true;
	}
	return clean_digits(s, n, &digits) && number_parse_float(digits.data, digits.len, out);
}

static const struct value *integer_of_text(struct args *a, const struct value *text,
	unsigned base, const struct value *fallback, struct err *err)
{
	double d;
	const struct value *v = parse_integer(a->ev, text, base);

	if (v)
		return v;
	if (parse_real(text, &d) && isfinite(d))
		return bigint_from_real(a->ev->arena, d, err);
	return fallback;
}

static const struct value *filter_int(struct args *a, struct err *err)
{
	static const struct value zero = {.kind = VALUE_INT};
	const struct value *fallback = a->v[0] ? a->v[0] : &zero;
	int64_t base;

	if (arg_int(a, 1, 10, &base, err) < 0)
		return NULL;
	if (base < 0 || base > 36 || base == 1)
		return args_fail(a, err, "the base must be 0, or from 2 to 36");
	switch (a->self->kind) {
	case VALUE_STRING: return integer_of_text(a, a->self, (unsigned)base, fallback, err);
	case VALUE_FLOAT:
		return isfinite(a->self->real)
			       ? bigint_from_real(a->ev->arena, a->self->real, err)
			       : fallback;
	case VALUE_BOOL: return value_new_int(a->ev->arena, a->self->boolean);
	case VALUE_INT:
	case VALUE_BIGINT: return a->self;
	default: return fallback;
	}
}

static const struct value *filter_float(struct args *a, struct err *err)
{
	const struct value *fallback = a->v[0] ? a->v[0] : value_new_float(a->ev->arena, 0);
	double d;

	(void)err;
	if (is_number(a->self))
		return value_new_float(a->ev->arena, number_real(a->self));
	if (value_is_string(a->self) && parse_real(a->self, &d))
		return value_new_float(a->ev->arena, d);
	return fallback;
}

static const struct value *filter_bool(struct args *a, struct err *err)
{
	static const char *const yes[] = {"yes", "on", "true", "1"};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	(void)err;
	if (a->self->kind == VALUE_BOOL)
		return a->self;
	if (is_number(a->self))
		return value_bool(number_real(a->self) == 1);
	if (!value_is_string(a->self))
		return &value_false;
	text_change_case(a->self->text, a->self->len, CASE_LOWER, &text);
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcmp(yes[i], text.data) == 0)
			return &value_true;
	}
	return &value_false;
}

static const struct value *filter_abs(struct args *a, struct err *err)
{
	static const struct value zero = {.kind = VALUE_INT};
	int order;

	if (!is_number(a->self))
		return args_fail(
			a, err, "bad operand type for abs(): '%s'", type_name(a->self));
	if (a->self->kind == VALUE_FLOAT)
		return value_new_float(a->ev->arena, fabs(a->self->real));
	if (op_order(a->ev, a->self, &zero, &order, err) < 0)
		return NULL;
	return order < 0 ? op_negate(a->ev, a->self, err) : op_positive(a->ev, a->self, err);
}

/* round() to digits, halves to even, by the shortest text of the exact value. */
static double round_common(double d, int digits)
{
	char text[400];

	if (digits > 300 || !isfinite(d))
		return d;
	if (digits < 0) {
		double factor = pow(10, -digits);
		return nearbyint(d / factor) * factor;
	}
	if (digits == 0)
		return nearbyint(d);
	snprintf(text, sizeof(text), "%.*f", digits, d);
	return strtod(text, NULL);
}

static const struct value *filter_round(struct args *a, struct err *err)
{
	const struct value *method = arg_string(a, 1, "common", err);
	int64_t precision;

	if (!method || arg_int(a, 0, 0, &precision, err) < 0)
		return NULL;
	if (!is_number(a->self))
		return args_fail(a, err, "a number is needed, not '%s'", type_name(a->self));
	if (precision > 300 || precision < -300)
		return args_fail(a, err, "the precision must be from -300 to 300");
	double d = number_real(a->self);
	double factor = pow(10, (double)precision);
	if (strcmp(method->text, "common") == 0) {
		if (is_integer(a->self) && precision >= 0)
			return op_positive(a->ev, a->self, err);
		double rounded = round_common(d, (int)precision);
		return is_integer(a->self) ? bigint_from_real(a->ev->arena, rounded, err)
					   : value_new_float(a->ev->arena, rounded);
	}
	if (strcmp(method->text, "ceil") == 0)
		return value_new_float(a->ev->arena, ceil(d * factor) / factor);
	if (strcmp(method->text, "floor") == 0)
		return value_new_float(a->ev->arena, floor(d * factor) / factor);
	return args_fail(a, err, "method must be common, ceil or floor");
}

static int need_numbers(struct args *a, struct err *err)
{
	if (is_number(a->self) && (!arg_given(a, 0) || is_number(a->v[0])))
		return 0;
	args_fail(a, err, "can only be used on numbers");
	return -1;
}

static const struct value *filter_log(struct args *a, struct err *err)
{
	if (need_numbers(a, err) < 0)
		return NULL;
	double d = number_real(a->self);
	double base = arg_given(a, 0) ? number_real(a->v[0]) : 0;
	if (d <= 0 || (arg_given(a, 0) && (base <= 0 || base == 1)))
		return args_fail(a, err, "math domain error");
	if (base == 10)
		return value_new_float(a->ev->arena, log10(d));
	return value_new_float(a->ev->arena, arg_given(a, 0) ? log(d) / log(base) : log(d));
}

static const struct value *filter_pow(struct args *a, struct err *err)
{
	if (need_numbers(a, err) < 0)
		return NULL;
	double result = pow(number_real(a->self), number_real(a->v[0]));
	if (!isfinite(result))
		return args_fail(a, err, "the result is out of range");
	return value_new_float(a->ev->arena, result);
}

static const struct value *filter_root(struct args *a, struct err *err)
{
	if (need_numbers(a, err) < 0)
		return NULL;
	double d = number_real(a->self);
	double base = arg_given(a, 0) ? number_real(a->v[0]) : 2;
	if (base == 0 || (d < 0 && base == 2))
		return args_fail(a, err, "can only be used on numbers that have this root");
	double result = base == 2 ? sqrt(d) : pow(d, 1.0 / base);
	if (!isfinite(result))
		return args_fail(a, err, "the result is out of range");
	return value_new_float(a->ev->arena, result);
}

static const struct value *filter_filesizeformat(struct args *a, struct err *err)
{
	static const char *const decimal[] = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
	static const char *const binary[] = {
		"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
	int is_binary = arg_bool(a, 0, false, err);
	double d;

	if (is_binary < 0)
		return NULL;
	if (value_is_string(a->self) ? !parse_real(a->self, &d) : !is_number(a->self))
		return args_fail(a, err, "a number is needed, not '%s'", type_name(a->self));
	if (!value_is_string(a->self))
		d = number_real(a->self);
	double base = is_binary ? 1024 : 1000;
	if (d == 1)
		return value_new_string(a->ev->arena, "1 Byte");
	if (d < base)
		return value_new_stringf(a->ev->arena, "%.0f Bytes", trunc(d));
	double unit = base;
	size_t i = 0;
	while (i < 7 && d >= unit * base) {
		unit *= base;
		i++;
	}
	return value_new_stringf(
		a->ev->arena, "%.1f %s", d / unit, is_binary ? binary[i] : decimal[i]);
}

static const struct callable entries[] = {
	{"abs", filter_abs, NULL, 0},
	{"bool", filter_bool, NULL, 0},
	{"filesizeformat", filter_filesizeformat, "binary", 0},
	{"float", filter_float, "default", 0},
	{"int", filter_int, "default base", 0},
	{"log", filter_log, "base", 0},
	{"pow", filter_pow, "y !", 0},
	{"root", filter_root, "base", 0},
	{"round", filter_round, "precision method", 0},
};

CALLABLES(filters_number, entries);
