/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value as a conversion of Python shows it: digits, sign, prefix, groups, padding.
 */
#include <math.h>

#include "template/bigint.h"
#include "template/format.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/utf8.h"
#include "value/number.h"

/* Adds digits with separators between groups of three (of four for bases of two). */
static void add_grouped(const char *digits, char group, int size, struct strbuf *out)
{
	size_t n = strspn(digits, "0123456789abcdefABCDEF");

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && group && (n - i) % (size_t)size == 0)
			strbuf_addch(out, group);
		strbuf_addch(out, digits[i]);
	}
	strbuf_addstr(out, digits + n);
}

/* Puts sign, prefix and digits together and pads them. */
static void add_padded(const struct format_spec *s, const char *sign, const char *digits,
	char default_align, struct strbuf *out)
{
	size_t used = utf8_count(sign, strlen(sign)) + utf8_count(digits, strlen(digits));
	size_t missing = (size_t)s->width > used ? (size_t)s->width - used : 0;
	char align = s->align ? s->align : s->zero ? '=' : default_align;
	const char *fill = s->zero && !s->align ? "0" : s->fill;
	size_t left = align == '>' || align == '=' ? missing : align == '^' ? missing / 2 : 0;

	if (align == '=')
		strbuf_addstr(out, sign);
	for (size_t i = 0; i < left; i++)
		strbuf_addstr(out, fill);
	if (align != '=')
		strbuf_addstr(out, sign);
	strbuf_addstr(out, digits);
	for (size_t i = left; i < missing; i++)
		strbuf_addstr(out, fill);
}

static void add_number(struct eval *ev, const struct format_spec *s, bool negative,
	const char *prefix, const char *digits, int group_size, struct strbuf *out)
{
	if (s->width <= 0 && !s->group) {
		if (negative || s->sign)
			strbuf_addch(out, negative ? '-' : s->sign);
		strbuf_addstr(out, prefix);
		strbuf_addstr(out, digits);
		return;
	}
	AUTO(strbuf_release) struct strbuf sign = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf grouped = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf longer = STRBUF_INIT;

	if (negative)
		strbuf_addch(&sign, '-');
	else if (s->sign)
		strbuf_addch(&sign, s->sign);
	strbuf_addstr(&sign, prefix);
	add_grouped(digits, s->group, group_size, &grouped);
	/* Zeros that fill up are grouped too. */
	while (s->group && s->zero && !s->align && sign.len + grouped.len < (size_t)s->width) {
		strbuf_clear(&longer);
		strbuf_addf(&longer, "0%s", digits);
		digits = arena_strdup(ev->arena, longer.data);
		strbuf_clear(&grouped);
		add_grouped(digits, s->group, group_size, &grouped);
	}
	add_padded(s, sign.data, grouped.data, '>', out);
}

/* Digits of an integer's magnitude in a base that is a power of two. */
static void binary_digits(uint64_t u, char type, struct strbuf *out)
{
	char text[65];
	size_t at = sizeof(text) - 1;
	unsigned base = type == 'b' ? 2 : type == 'o' ? 8 : 16;

	text[at] = '\0';
	do {
		text[--at] = (type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef")[u % base];
		u /= base;
	} while (u);
	strbuf_addstr(out, text + at);
}

/* The same of a BIGINT, some bits at a time. */
static int large_digits(
	struct eval *ev, const struct value *v, char type, struct strbuf *out, struct err *err)
{
	const struct value step = {.kind = VALUE_INT, .integer = 1 << 24};
	const size_t width = type == 'b' ? 24 : type == 'o' ? 8 : 6;
	struct value magnitude = *v;
	AUTO(strbuf_release) struct strbuf piece = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf all = STRBUF_INIT;

	magnitude.text += v->text[0] == '-';
	v = &magnitude;
	for (int64_t low; !number_int64(v, &low) || low > 0;) {
		const struct value *rest = bigint_op(ev->arena, OP_MOD, v, &step, err);
		v = rest ? bigint_op(ev->arena, OP_FLOORDIV, v, &step, err) : NULL;
		if (!v || eval_step(ev, err) < 0)
			return -1;
		strbuf_clear(&piece);
		binary_digits((uint64_t)rest->integer, type, &piece);
		for (size_t i = 0; i < width; i++)
			strbuf_addch(&all, i < piece.len ? piece.data[piece.len - 1 - i] : '0');
	}
	while (all.len > 1 && all.data[all.len - 1] == '0')
		all.len--;
	for (size_t i = all.len; i > 0; i--)
		strbuf_addch(out, all.data[i - 1]);
	return 0;
}

static bool is_negative(const struct value *v)
{
	int64_t i = 0;

	return v->kind == VALUE_BIGINT ? v->text[0] == '-' : number_int64(v, &i) && i < 0;
}

/* An INT's magnitude. */
static uint64_t magnitude_of(const struct value *v)
{
	int64_t i = 0;

	number_int64(v, &i);
	return i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
}

static void format_decimal(
	struct eval *ev, const struct value *v, const struct format_spec *s, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf digits = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf longer = STRBUF_INIT;
	bool negative = is_negative(v);

	if (v->kind == VALUE_BIGINT)
		strbuf_addstr(&digits, v->text + negative);
	else
		strbuf_addf(&digits, "%llu", (unsigned long long)magnitude_of(v));
	for (size_t n = digits.len; s->precision > 0 && n < (size_t)s->precision; n++)
		strbuf_addch(&longer, '0');
	strbuf_add(&longer, digits.data, digits.len);
	add_number(ev, s, negative, "", longer.data, 3, out);
}

static int format_character(
	const struct value *v, const struct format_spec *s, struct strbuf *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf character = STRBUF_INIT;
	int64_t i = 0;

	if (!number_int64(v, &i) || i < 0 || i > 0x10ffff)
		return err_set(err, ERR_INPUT, "%%c arg not in range(0x110000)");
	utf8_add(&character, (uint32_t)i);
	add_padded(s, "", character.data, '>', out);
	return 0;
}

int format_integer(struct eval *ev, const struct value *v, const struct format_spec *s,
	struct strbuf *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf digits = STRBUF_INIT;
	char prefix[3] = "";

	if (s->type == 'c')
		return format_character(v, s, out, err);
	if (!s->type || strchr("diun", s->type)) {
		format_decimal(ev, v, s, out);
		return 0;
	}
	if (v->kind != VALUE_BIGINT)
		binary_digits(magnitude_of(v), s->type, &digits);
	else if (large_digits(ev, v, s->type, &digits, err) < 0)
		return -1;
	if (s->alternate)
		snprintf(prefix, sizeof(prefix), "0%c", s->type);
	add_number(ev, s, is_negative(v), prefix, digits.data, 4, out);
	return 0;
}

/* repr-like digits for "{}" and "{:10}" of a float. */
static void shortest(struct eval *ev, double d, struct strbuf *out)
{
	struct value v = {.kind = VALUE_FLOAT, .real = d};

	repr_str(ev, &v, out, NULL);
}

/* What C's own formats give for a number that is not negative. */
static void add_real(double d, const struct format_spec *s, char type, struct strbuf *out)
{
	int precision = s->precision < 0 ? 6 : s->precision;
	char format[] = "%#.*f";

	if (type == 'f' && !s->alternate && isfinite(d)) {
		number_add_fixed(out, d, (unsigned)precision);
		return;
	}
	format[4] = type;
	if (!s->alternate)
		memmove(format + 1, format + 2, sizeof(format) - 2);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	strbuf_addf(out, format, precision, d);
#pragma GCC diagnostic pop
}

void format_real(
	struct eval *ev, const struct value *v, const struct format_spec *s, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf digits = STRBUF_INIT;
	double d = number_real(v);
	bool negative = signbit(d) && !isnan(d);
	char type = s->type == 'n' ? 'g' : s->type;

	d = fabs(d);
	if (!type && s->precision < 0) {
		shortest(ev, d, &digits);
	} else if (type == '%') {
		add_real(d * 100, s, 'f', &digits);
		strbuf_addch(&digits, '%');
	} else {
		add_real(d, s, type ? type : 'g', &digits);
		if (!type && isfinite(d) && !strpbrk(digits.data, ".e"))
			strbuf_addstr(&digits, ".0");
	}
	add_number(ev, s, negative, "", digits.data, 3, out);
}

void format_string(const struct value *text, const struct format_spec *s, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf cut = STRBUF_INIT;
	size_t n = text->len;

	if (s->precision >= 0)
		n = utf8_offset(text->text, text->len, (size_t)s->precision);
	strbuf_add(&cut, text->text, n);
	add_padded(s, "", cut.data, '<', out);
}
