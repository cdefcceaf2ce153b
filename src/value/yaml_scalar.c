/* SPDX-License-Identifier: Apache-2.0 */
#include "value/yaml_scalar.h"

#include <math.h>

#include "base/base64.h"
#include "value/number.h"
#include "value/yaml.h"

#define DIGITS "0123456789"

static bool is_one_of(const char *s, size_t n, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == n && !memcmp(*words, s, n))
			return true;
	return false;
}

static bool is_null(const char *s, size_t n)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};

	return is_one_of(s, n, words);
}

static bool is_true(const char *s, size_t n)
{
	static const char *const words[] = {
		"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", NULL};

	return is_one_of(s, n, words);
}

static bool is_false(const char *s, size_t n)
{
	static const char *const words[] = {
		"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF", NULL};

	return is_one_of(s, n, words);
}

static const char *skip_sign(const char *p)
{
	return *p == '+' || *p == '-' ? p + 1 : p;
}

/* Behind the parts ":59" of a number to the base 60; p itself if there are none. */
static const char *skip_sexagesimal(const char *p)
{
	while (*p == ':') {
		size_t digits = strspn(p + 1, DIGITS);

		if (digits < 1 || digits > 2 || (digits == 2 && p[1] > '5'))
			break;
		p += 1 + digits;
	}
	return p;
}

static bool is_int(const char *s, const char *end)
{
	const char *p = skip_sign(s);

	if (p[0] == '0' && p[1] == 'b')
		return end - p > 2 && p + 2 + strspn(p + 2, "01_") == end;
	if (p[0] == '0' && p[1] == 'x')
		return end - p > 2 && p + 2 + strspn(p + 2, DIGITS "abcdefABCDEF_") == end;
	if (p[0] == '0')
		return p + 1 + strspn(p + 1, "01234567_") == end;
	if (*p < '1' || *p > '9')
		return false;
	return skip_sexagesimal(p + strspn(p, DIGITS "_")) == end;
}

/* Behind an exponent, whose sign must be there; p itself if there is none. */
static const char *skip_exponent(const char *p)
{
	if ((*p != 'e' && *p != 'E') || (p[1] != '+' && p[1] != '-'))
		return p;
	size_t digits = strspn(p + 2, DIGITS);
	return digits ? p + 2 + digits : p;
}

static bool is_special_float(const char *s, size_t n)
{
	static const char *const names[] = {".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF",
		"+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", NULL};

	return is_one_of(s, n, names);
}

static bool is_float(const char *s, const char *end)
{
	if (is_special_float(s, (size_t)(end - s)))
		return true;
	if (s[0] == '.' && s[1] >= '0' && s[1] <= '9')
		return skip_exponent(s + 1 + strspn(s + 1, DIGITS "_")) == end;
	const char *p = skip_sign(s);
	if (*p < '0' || *p > '9')
		return false;
	p += strspn(p, DIGITS "_");
	const char *parts = skip_sexagesimal(p);
	if (*parts != '.')
		return false;
	const char *fraction = parts + 1 + strspn(parts + 1, DIGITS "_");
	return (parts == p ? skip_exponent(fraction) : fraction) == end;
}

static bool is_timestamp(const char *s, size_t n)
{
	struct yaml_time t;

	return yaml_time_parse(s, n, &t) && (t.has_time || !t.short_date);
}

enum yaml_tag yaml_resolve(const char *s, size_t n)
{
	if (is_null(s, n))
		return YAML_TAG_NULL;
	if (n == 1 && *s == '=')
		return YAML_TAG_VALUE;
	if (n == 2 && !memcmp(s, "<<", 2))
		return YAML_TAG_MERGE;
	if (is_true(s, n) || is_false(s, n))
		return YAML_TAG_BOOL;
	if (!strchr("+-." DIGITS, *s))
		return YAML_TAG_STR;
	if (is_float(s, s + n))
		return YAML_TAG_FLOAT;
	if (is_int(s, s + n))
		return YAML_TAG_INT;
	return is_timestamp(s, n) ? YAML_TAG_TIMESTAMP : YAML_TAG_STR;
}

static const struct value *construct_bool(const char *s, size_t n)
{
	autofree char *lower = xstrndup(s, n);

	for (char *p = lower; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	if (is_true(lower, n))
		return &value_true;
	return is_false(lower, n) ? &value_false : NULL;
}

/* The sum of parts to the base 60: "1:30:00" is 5400. */
static struct value *construct_sexagesimal(struct arena *a, bool negative, const char *digits)
{
	int64_t sum = 0;

	for (const char *p = digits;; p++) {
		size_t n = strspn(p, DIGITS);
		struct value *part = number_new_integer(a, false, p, n, 10);

		if (!part || part->kind != VALUE_INT ||
			__builtin_mul_overflow(sum, (int64_t)60, &sum) ||
			__builtin_add_overflow(sum, part->integer, &sum))
			return NULL;
		p += n;
		if (*p != ':')
			return *p ? NULL : value_new_int(a, negative ? -sum : sum);
	}
}

static struct value *construct_int(struct arena *a, const char *digits, bool negative)
{
	unsigned base = 10;

	if (strchr(digits, ':') && *digits != '0')
		return construct_sexagesimal(a, negative, digits);
	if (str_starts(digits, "0b"))
		base = 2;
	else if (str_starts(digits, "0x"))
		base = 16;
	else if (*digits == '0' && digits[1])
		base = 8;
	if (base == 2 || base == 16)
		digits += 2;
	return number_new_integer(a, negative, digits, strlen(digits), base);
}

/* Adds the parts from the last to the first, as PyYAML does: the order shows in the result. */
static bool sexagesimal_float(const char *digits, double *out)
{
	double sum = 0, base = 1;

	for (size_t end = strlen(digits), start;; end = start - 1, base *= 60) {
		double part;

		for (start = end; start && digits[start - 1] != ':';)
			start--;
		if (!number_parse_float(digits + start, end - start, &part))
			return false;
		sum += part * base;
		if (!start)
			break;
	}
	*out = sum;
	return true;
}

static bool is_nan_or_infinity(const char *digits, double *out)
{
	static const char *const infinities[] = {".inf", ".Inf", ".INF", NULL};

	if (!is_special_float(digits, strlen(digits)))
		return false;
	*out = is_one_of(digits, strlen(digits), infinities) ? (double)INFINITY : (double)NAN;
	return true;
}

static struct value *construct_float(struct arena *a, const char *digits, bool negative)
{
	double d;

	if (!is_nan_or_infinity(digits, &d) && !sexagesimal_float(digits, &d))
		return NULL;
	return value_new_float(a, negative ? -d : d);
}

/* Both kinds of number, with the sign and the underscores taken off. */
static struct value *construct_number(
	struct arena *a, enum yaml_tag tag, const char *s, size_t n)
{
	autofree char *digits = xmalloc(n + 1);
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (s[i] != '_')
			digits[count++] = s[i];
	digits[count] = '\0';
	bool negative = digits[0] == '-';
	const char *first = skip_sign(digits);
	if (strlen(digits) != count || !*first)
		return NULL;
	return tag == YAML_TAG_INT ? construct_int(a, first, negative)
				   : construct_float(a, first, negative);
}

static struct value *construct_timestamp(struct arena *a, const char *s, size_t n)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct yaml_time t;

	if (!yaml_time_parse(s, n, &t) || !yaml_time_valid(&t))
		return NULL;
	yaml_time_format(&t, &text);
	return value_new_text(a, t.has_time ? VALUE_DATETIME : VALUE_DATE, text.data, text.len);
}

static struct value *construct_binary(struct arena *a, const char *s, size_t n)
{
	AUTO(strbuf_release) struct strbuf bytes = STRBUF_INIT;

	if (!base64_decode(BASE64_STANDARD, s, n, &bytes))
		return NULL;
	return value_new_text(a, VALUE_BYTES, bytes.data, bytes.len);
}

struct value *yaml_construct(
	struct arena *a, enum yaml_tag tag, const char *s, size_t n, const char **expected)
{
	const struct value *boolean;

	switch (tag) {
	case YAML_TAG_NULL: return arena_memdup(a, &value_null, sizeof(value_null));
	case YAML_TAG_BOOL:
		*expected = "yes, no, true, false, on or off";
		boolean = construct_bool(s, n);
		return boolean ? arena_memdup(a, boolean, sizeof(*boolean)) : NULL;
	case YAML_TAG_INT:
		*expected = "an integer of at most 4300 digits";
		return construct_number(a, tag, s, n);
	case YAML_TAG_FLOAT: *expected = "a number"; return construct_number(a, tag, s, n);
	case YAML_TAG_TIMESTAMP:
		*expected = "a real date as YYYY-MM-DD, with or without a time";
		return construct_timestamp(a, s, n);
	case YAML_TAG_BINARY: *expected = "base64"; return construct_binary(a, s, n);
	case YAML_TAG_VAULT: return value_new_text(a, VALUE_VAULT, s, n);
	default: return value_new_stringn(a, s, n);
	}
}

struct value *yaml_scalar(struct arena *a, const char *text, size_t len)
{
	const char *expected;
	autofree char *copy = xstrndup(text, len);
	struct value *v = yaml_construct(a, yaml_resolve(copy, len), copy, len, &expected);

	return v ? v : value_new_stringn(a, text, len);
}
