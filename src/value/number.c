/* SPDX-License-Identifier: Apache-2.0 */
#include "value/number.h"

#include <errno.h>
#include <math.h>

#define SHORTEST_MAX 17 /* digits that tell any two doubles apart */

/* Decimal digits d.ddd times ten to the power of exponent. */
struct decimal {
	char digits[SHORTEST_MAX + 1];
	int count;
	int exponent;
};

static double decimal_value(const struct decimal *d)
{
	char text[48];

	snprintf(text, sizeof(text), "%.1s.%se%d", d->digits, d->digits + 1, d->exponent);
	return strtod(text, NULL);
}

/* The nearest decimal of `count` digits. */
static void decimal_round(struct decimal *d, double value, int count)
{
	char text[48];

	snprintf(text, sizeof(text), "%.*e", count - 1, value);
	d->count = 0;
	for (const char *p = text; *p != 'e'; p++)
		if (*p != '.')
			d->digits[d->count++] = *p;
	d->digits[d->count] = '\0';
	d->exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
}

/* Adds one to the last digit; a carry out of the first one moves the exponent. */
static void decimal_increment(struct decimal *d)
{
	int i = d->count - 1;

	for (; i >= 0 && d->digits[i] == '9'; i--)
		d->digits[i] = '0';
	if (i >= 0) {
		d->digits[i]++;
		return;
	}
	d->digits[0] = '1';
	d->exponent++;
}

/*
 * The shortest decimal that reads back as a positive value. Next to a power of two doubles
 * lie closer below than above: there the nearest decimal may fail where the one above it
 * reads back.
 */
static struct decimal decimal_shortest(double value)
{
	struct decimal d;

	for (int count = 1; count < SHORTEST_MAX; count++) {
		decimal_round(&d, value, count);
		if (decimal_value(&d) == value)
			return d;
		decimal_increment(&d);
		if (decimal_value(&d) == value)
			return d;
	}
	decimal_round(&d, value, SHORTEST_MAX);
	return d;
}

static void add_fixed(struct strbuf *out, const struct decimal *d)
{
	if (d->exponent < 0) {
		strbuf_addstr(out, "0.");
		for (int i = -1; i > d->exponent; i--)
			strbuf_addch(out, '0');
		strbuf_addstr(out, d->digits);
		return;
	}
	for (int i = 0; i <= d->exponent || i < d->count; i++) {
		if (i == d->exponent + 1)
			strbuf_addch(out, '.');
		strbuf_addch(out, i < d->count ? d->digits[i] : '0');
	}
	if (d->count <= d->exponent + 1)
		strbuf_addstr(out, ".0");
}

static void add_exponent(struct strbuf *out, const struct decimal *d)
{
	strbuf_addch(out, d->digits[0]);
	if (d->count > 1)
		strbuf_addf(out, ".%s", d->digits + 1);
	strbuf_addf(out, "e%c%02d", d->exponent < 0 ? '-' : '+', abs(d->exponent));
}

void number_add_float(struct strbuf *out, double value)
{
	if (isnan(value)) {
		strbuf_addstr(out, "nan");
		return;
	}
	if (signbit(value))
		strbuf_addch(out, '-');
	value = fabs(value);
	if (isinf(value)) {
		strbuf_addstr(out, "inf");
		return;
	}
	if (value == 0) {
		strbuf_addstr(out, "0.0");
		return;
	}
	struct decimal d = decimal_shortest(value);
	while (d.count > 1 && d.digits[d.count - 1] == '0')
		d.digits[--d.count] = '\0';
	if (d.exponent < -4 || d.exponent >= 16)
		add_exponent(out, &d);
	else
		add_fixed(out, &d);
}

static size_t skip_digits(const char *s, size_t n, size_t at)
{
	while (at < n && s[at] >= '0' && s[at] <= '9')
		at++;
	return at;
}

/* The length of the exponent at s[at], 0 for none; -1 for an "e" without digits. */
static int exponent_length(const char *s, size_t n, size_t at)
{
	size_t digits = at + 1;

	if (at == n || (s[at] != 'e' && s[at] != 'E'))
		return 0;
	if (digits < n && (s[digits] == '+' || s[digits] == '-'))
		digits++;
	size_t end = skip_digits(s, n, digits);
	return end == digits ? -1 : (int)(end - at);
}

bool number_parse_float(const char *s, size_t n, double *out)
{
	size_t start = n && (s[0] == '+' || s[0] == '-');
	size_t whole = skip_digits(s, n, start), end = whole;

	if (end < n && s[end] == '.')
		end = skip_digits(s, n, end + 1);
	size_t digits = end - start - (end > whole);
	int exponent = exponent_length(s, n, end);
	if (!digits || exponent < 0 || end + (size_t)exponent != n)
		return false;
	autofree char *text = xstrndup(s, n);
	*out = strtod(text, NULL);
	return true;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return 99;
}

/* limbs = limbs * base + digit, in base 1e9, the lowest limb first; returns their number. */
static size_t limbs_push(uint32_t *limbs, size_t count, unsigned base, unsigned digit)
{
	uint64_t carry = digit;

	for (size_t i = 0; i < count; i++) {
		carry += (uint64_t)limbs[i] * base;
		limbs[i] = (uint32_t)(carry % 1000000000);
		carry /= 1000000000;
	}
	if (carry)
		limbs[count++] = (uint32_t)carry;
	return count;
}

static struct value *new_bigint(
	struct arena *a, bool negative, const char *digits, size_t n, unsigned base)
{
	/* A digit of base 36 takes 1.56 decimal ones, a limb holds nine. */
	autofree uint32_t *limbs = xcalloc(n / 5 + 2, sizeof(*limbs));
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count = limbs_push(limbs, count, base, (unsigned)digit_value(digits[i]));
	strbuf_addf(&text, "%s%u", negative ? "-" : "", limbs[count - 1]);
	while (--count)
		strbuf_addf(&text, "%09u", limbs[count - 1]);
	return value_new_text(a, VALUE_BIGINT, text.data, text.len);
}

struct value *number_new_integer(
	struct arena *a, bool negative, const char *digits, size_t n, unsigned base)
{
	int64_t sum = 0;
	bool fits = true;

	if (!n || n > NUMBER_MAX_DIGITS)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		int digit = digit_value(digits[i]);

		if (digit >= (int)base)
			return NULL;
		/* Counting downwards reaches INT64_MIN as well. */
		fits = fits && !__builtin_mul_overflow(sum, (int64_t)base, &sum) &&
		       !__builtin_sub_overflow(sum, (int64_t)digit, &sum);
	}
	if (fits && (negative || sum != INT64_MIN))
		return value_new_int(a, negative ? sum : -sum);
	return new_bigint(a, negative, digits, n, base);
}

void number_add_int(struct strbuf *out, int64_t i)
{
	char text[24];
	size_t at = sizeof(text);
	uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;

	do {
		text[--at] = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (i < 0)
		text[--at] = '-';
	strbuf_add(out, text + at, sizeof(text) - at);
}

#define FIXED_MAX_DIGITS 3 /* for which 53 bits times ten to their power fit in 64 bits */

/*
 * A fraction times ten to the power of digits, rounded: a double below 1 is an integer of 53
 * bits, shifted by at least as many. `odd` says how a half is rounded when there are no digits.
 */
static uint64_t scaled_fraction(double fraction, uint64_t scale, bool odd)
{
	int exponent;
	uint64_t bits = (uint64_t)ldexp(frexp(fraction, &exponent), 53) * scale;
	int shift = 53 - exponent;

	if (shift >= 64)
		return 0;
	uint64_t whole = bits >> shift;
	uint64_t rest = bits & (((uint64_t)1 << shift) - 1);
	uint64_t half = (uint64_t)1 << (shift - 1);
	odd = scale == 1 ? odd : whole & 1;
	return whole + (rest > half || (rest == half && odd));
}

/* Values of an ordinary size, which is nearly all of them, need no long arithmetic. */
void number_add_fixed(struct strbuf *out, double d, unsigned digits)
{
	static const uint64_t scales[FIXED_MAX_DIGITS + 1] = {1, 10, 100, 1000};

	if (digits > FIXED_MAX_DIGITS || !(fabs(d) < 1e15)) {
		strbuf_addf(out, "%.*f", (int)digits, d);
		return;
	}
	double whole = trunc(fabs(d));
	uint64_t integer = (uint64_t)whole;
	uint64_t scale = scales[digits];
	uint64_t fraction = scaled_fraction(fabs(d) - whole, scale, integer & 1);
	if (signbit(d))
		strbuf_addch(out, '-');
	number_add_int(out, (int64_t)(integer + fraction / scale));
	fraction %= scale;
	if (digits > 0)
		strbuf_addch(out, '.');
	for (scale /= 10; scale > 0; scale /= 10)
		strbuf_addch(out, (char)('0' + fraction / scale % 10));
}
