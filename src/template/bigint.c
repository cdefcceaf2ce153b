/* SPDX-License-Identifier: Apache-2.0 */
#include "template/bigint.h"

#include <math.h>

#include "value/number.h"

#define LIMB_BASE   1000000000u
#define LIMB_DIGITS 9
/* No result may be longer; one limb more than the digits that are accepted at the end. */
#define LIMBS_MAX (NUMBER_MAX_DIGITS / LIMB_DIGITS + 2)

/* A number: sign and limbs, the lowest first, without zero limbs on top. */
struct big {
	bool negative;
	size_t count;
	uint32_t limbs[2 * LIMBS_MAX];
};

static void trim(struct big *b)
{
	while (b->count > 0 && b->limbs[b->count - 1] == 0)
		b->count--;
	if (b->count == 0)
		b->negative = false;
}

static void from_text(struct big *b, const char *s)
{
	size_t n = strlen(s);

	*b = (struct big){.negative = *s == '-'};
	size_t first = b->negative ? 1 : 0;
	for (size_t end = n; end > first && b->count < LIMBS_MAX; b->count++) {
		size_t begin = end - first > LIMB_DIGITS ? end - LIMB_DIGITS : first;
		uint32_t limb = 0;
		for (size_t i = begin; i < end; i++)
			limb = limb * 10 + (uint32_t)(s[i] - '0');
		b->limbs[b->count] = limb;
		end = begin;
	}
	trim(b);
}

static void from_value(struct big *b, const struct value *v)
{
	char text[24];

	if (v->kind == VALUE_BIGINT) {
		from_text(b, v->text);
		return;
	}
	int64_t i = v->kind == VALUE_BOOL ? v->boolean : v->integer;
	snprintf(text, sizeof(text), "%lld", (long long)i);
	from_text(b, text);
}

static const struct value *to_value(struct arena *arena, const struct big *b, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (size_t i = b->count; i > 0; i--)
		strbuf_addf(&text, i == b->count ? "%u" : "%09u", b->limbs[i - 1]);
	if (b->count == 0)
		strbuf_addch(&text, '0');
	const struct value *v = number_new_integer(arena, b->negative, text.data, text.len, 10);
	if (!v)
		err_set(err, ERR_LIMIT, "an integer of %zu digits; at most %d are accepted",
			text.len, NUMBER_MAX_DIGITS);
	return v;
}

static int compare_magnitude(const struct big *a, const struct big *b)
{
	if (a->count != b->count)
		return a->count < b->count ? -1 : 1;
	for (size_t i = a->count; i > 0; i--) {
		if (a->limbs[i - 1] != b->limbs[i - 1])
			return a->limbs[i - 1] < b->limbs[i - 1] ? -1 : 1;
	}
	return 0;
}

static void add_magnitude(struct big *out, const struct big *a, const struct big *b)
{
	uint32_t carry = 0;
	size_t n = a->count > b->count ? a->count : b->count;

	for (size_t i = 0; i < n; i++) {
		uint32_t sum = carry + (i < a->count ? a->limbs[i] : 0) +
			       (i < b->count ? b->limbs[i] : 0);
		out->limbs[i] = sum % LIMB_BASE;
		carry = sum / LIMB_BASE;
	}
	out->limbs[n] = carry;
	out->count = n + 1;
	trim(out);
}

/* |a| - |b|, where |a| is not smaller. */
static void sub_magnitude(struct big *out, const struct big *a, const struct big *b)
{
	uint32_t borrow = 0;

	for (size_t i = 0; i < a->count; i++) {
		uint32_t minus = borrow + (i < b->count ? b->limbs[i] : 0);
		borrow = a->limbs[i] < minus;
		out->limbs[i] = a->limbs[i] + (borrow ? LIMB_BASE : 0) - minus;
	}
	out->count = a->count;
	trim(out);
}

static void add(struct big *out, const struct big *a, const struct big *b, bool subtract)
{
	bool b_negative = b->negative != subtract;
	struct big result = {.negative = a->negative};

	if (a->negative == b_negative) {
		add_magnitude(&result, a, b);
	} else if (compare_magnitude(a, b) >= 0) {
		sub_magnitude(&result, a, b);
	} else {
		result.negative = b_negative;
		sub_magnitude(&result, b, a);
	}
	trim(&result);
	*out = result;
}

static int multiply(struct big *out, const struct big *a, const struct big *b, struct err *err)
{
	struct big result = {.negative = a->negative != b->negative};

	if (a->count + b->count > LIMBS_MAX + 1)
		return err_set(
			err, ERR_LIMIT, "an integer of more than %d digits", NUMBER_MAX_DIGITS);
	for (size_t i = 0; i < a->count; i++) {
		uint64_t carry = 0;
		for (size_t j = 0; j < b->count || carry; j++) {
			uint64_t sum = result.limbs[i + j] + carry;
			if (j < b->count)
				sum += (uint64_t)a->limbs[i] * b->limbs[j];
			result.limbs[i + j] = (uint32_t)(sum % LIMB_BASE);
			carry = sum / LIMB_BASE;
		}
	}
	result.count = a->count + b->count;
	trim(&result);
	*out = result;
	return 0;
}

static void shift_in(struct big *b, uint32_t limb)
{
	memmove(b->limbs + 1, b->limbs, b->count * sizeof(*b->limbs));
	b->limbs[0] = limb;
	b->count++;
	trim(b);
}

static void multiply_small(struct big *out, const struct big *a, uint32_t m)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < a->count; i++) {
		uint64_t sum = (uint64_t)a->limbs[i] * m + carry;
		out->limbs[i] = (uint32_t)(sum % LIMB_BASE);
		carry = sum / LIMB_BASE;
	}
	out->limbs[a->count] = (uint32_t)carry;
	out->count = a->count + 1;
	out->negative = false;
	trim(out);
}

/* The largest q with q * b <= a, for magnitudes with a < b * LIMB_BASE: by bisection. */
static uint32_t quotient_limb(const struct big *a, const struct big *b)
{
	struct big product;
	uint32_t low = 0;
	uint32_t high = LIMB_BASE - 1;

	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;
		multiply_small(&product, b, middle);
		if (compare_magnitude(&product, a) <= 0)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Division that rounds down, with a remainder of b's sign, as Python's // and %. */
static void divide(
	const struct big *a, const struct big *b, struct big *quotient, struct big *rest)
{
	struct big product;
	static const struct big one = {.count = 1, .limbs = {1}};

	*quotient = (struct big){.count = a->count, .negative = a->negative != b->negative};
	*rest = (struct big){0};
	for (size_t i = a->count; i > 0; i--) {
		shift_in(rest, a->limbs[i - 1]);
		uint32_t q = quotient_limb(rest, b);
		multiply_small(&product, b, q);
		sub_magnitude(rest, rest, &product);
		quotient->limbs[i - 1] = q;
	}
	trim(quotient);
	rest->negative = a->negative && rest->count > 0;
	if (rest->count > 0 && a->negative != b->negative) {
		quotient->negative = true;
		add(quotient, quotient, &one, true);
		add(rest, rest, b, false);
	}
}

static int power(
	struct big *out, const struct big *base, const struct big *exponent, struct err *err)
{
	struct big square = *base;
	uint64_t n = 0;

	*out = (struct big){.count = 1, .limbs = {1}};
	for (size_t i = exponent->count; i > 0; i--) {
		if (n > UINT64_MAX / LIMB_BASE / 2)
			n = UINT64_MAX / LIMB_BASE / 2;
		n = n * LIMB_BASE + exponent->limbs[i - 1];
	}
	for (; n > 0; n >>= 1) {
		if ((n & 1) && multiply(out, out, &square, err) < 0)
			return -1;
		if (n > 1 && multiply(&square, &square, &square, err) < 0)
			return -1;
	}
	return 0;
}

const struct value *bigint_op(struct arena *arena, enum binary_op op, const struct value *a,
	const struct value *b, struct err *err)
{
	struct big left, right, result, other;
	int rc = 0;

	from_value(&left, a);
	from_value(&right, b);
	if ((op == OP_FLOORDIV || op == OP_MOD) && right.count == 0) {
		err_set(err, ERR_INPUT, "division by zero");
		return NULL;
	}
	switch (op) {
	case OP_ADD: add(&result, &left, &right, false); break;
	case OP_SUB: add(&result, &left, &right, true); break;
	case OP_MUL: rc = multiply(&result, &left, &right, err); break;
	case OP_FLOORDIV: divide(&left, &right, &result, &other); break;
	case OP_MOD: divide(&left, &right, &other, &result); break;
	default: rc = power(&result, &left, &right, err); break;
	}
	return rc < 0 ? NULL : to_value(arena, &result, err);
}

double bigint_real(const struct value *v)
{
	return strtod(v->text, NULL);
}

/* Decimal digits of a magnitude, about. */
static size_t digit_count(const struct big *b)
{
	return b->count * LIMB_DIGITS;
}

/* Multiplies a magnitude by ten to the power of LIMB_DIGITS * n. */
static void shift_up(struct big *b, size_t n)
{
	memmove(b->limbs + n, b->limbs, b->count * sizeof(*b->limbs));
	memset(b->limbs, 0, n * sizeof(*b->limbs));
	b->count += n;
}

/*
 * More digits of the quotient than a double holds, and one behind them that tells whether
 * there is a rest: then strtod rounds as if it saw all.
 */
double bigint_divide(const struct value *a, const struct value *b)
{
	struct big left, right, quotient, rest;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t shift = 6;

	from_value(&left, a);
	from_value(&right, b);
	bool negative = left.negative != right.negative;
	left.negative = right.negative = false;
	if (digit_count(&right) > digit_count(&left))
		shift += right.count - left.count;
	shift_up(&left, shift);
	divide(&left, &right, &quotient, &rest);
	strbuf_addstr(&text, negative ? "-" : "");
	for (size_t i = quotient.count; i > 0; i--)
		strbuf_addf(&text, "%09u", quotient.limbs[i - 1]);
	strbuf_addf(&text, "%de-%zu", rest.count > 0, shift * LIMB_DIGITS + 1);
	return strtod(text.data, NULL);
}

const struct value *bigint_from_real(struct arena *arena, double d, struct err *err)
{
	char text[400];

	if (d >= -0x1p63 && d < 0x1p63)
		return value_new_int(arena, (int64_t)d);
	if (!isfinite(d)) {
		err_set(err, ERR_INPUT, "%s cannot be an integer",
			isnan(d) ? "NaN" : "infinity");
		return NULL;
	}
	int n = snprintf(text, sizeof(text), "%.0f", trunc(fabs(d)));
	return number_new_integer(arena, d < 0, text, (size_t)n, 10);
}
