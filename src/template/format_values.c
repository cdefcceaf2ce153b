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

/* How many characters digits take with a separator between groups. */
static size_t grouped_size(size_t digits, size_t size)
{
	return digits + (digits > 0 ? (digits - 1) / size : 0);
}

/*
 * Adds digits with separators between groups of three (of four for bases of two), and as many
 * zeros before them, which are grouped too, as it takes to be at least so wide.
 */
static void add_grouped(
	const char *digits, char group, size_t size, size_t width, struct strbuf *out)
{
	size_t n = strspn(digits, size == 4 ? "0123456789abcdefABCDEF" : "0123456789");
	size_t rest = strlen(digits + n);
	size_t all = n;

	while (n > 0 && grouped_size(all, size) + rest < width)
		all++;
	for (size_t i = 0; i < all; i++) {
		if (i > 0 && (all - i) % size == 0)
			strbuf_addch(out, group);
		strbuf_addch(out, i < all - n ? '0' : digits[i - (all - n)]);
	}
	strbuf_addstr(out, digits + n);
}

/* Puts sign, prefix and digits together and pads them. */
static void add_padded(const struct format_spec *s, const char *sign, const char *digits,
	char default_align, struct strbuf *out)
{
	size_t used = utf8_count(sign, strlen(sign)) + utf8_count(digits, strlen(digits));
	size_t missing = (size_t)s->width > used ? (size_t)s->width - used : 0;
	char align = s->align ? s->align : default_align;
	size_t left = align == '>' || align == '=' ? missing : align == '^' ? missing / 2 : 0;

	if (align == '=')
		strbuf_addstr(out, sign);
	for (size_t i = 0; i < left; i++)
		strbuf_addstr(out, s->fill);
	if (align != '=')
		strbuf_addstr(out, sign);
	strbuf_addstr(out, digits);
	for (size_t i = left; i < missing; i++)
		strbuf_addstr(out, s->fill);
}

/* Adds a number's sign, prefix and digits. */
static void add_number(const struct format_spec *s, bool negative, const char *prefix,
	const char *digits, size_t group_size, struct strbuf *out)
{
	const char mark = negative ? '-' : s->sign == '-' ? '\0' : s->sign;
	AUTO(strbuf_release) struct strbuf sign = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf grouped = STRBUF_INIT;

	if (s->width <= 0 && !s->group) {
		if (mark)
			strbuf_addch(out, mark);
		strbuf_addstr(out, prefix);
		strbuf_addstr(out, digits);
		return;
	}
	if (mark)
		strbuf_addch(&sign, mark);
	strbuf_addstr(&sign, prefix);
	if (s->group) {
		bool fill = s->align == '=' && strcmp(s->fill, "0") == 0;
		size_t width = (size_t)s->width;
		add_grouped(digits, s->group, group_size,
			fill && width > sign.len ? width - sign.len : 0, &grouped);
		digits = grouped.data;
	}
	add_padded(s, sign.data, digits, '>', out);
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

/* An integer's magnitude in the base of a type. */
static int integer_digits(
	struct eval *ev, const struct value *v, char type, struct strbuf *out, struct err *err)
{
	bool decimal = !type || strchr("diun", type);

	if (v->kind == VALUE_BIGINT && !decimal)
		return large_digits(ev, v, type, out, err);
	if (v->kind == VALUE_BIGINT)
		strbuf_addstr(out, v->text + is_negative(v));
	else if (decimal)
		strbuf_addf(out, "%llu", (unsigned long long)magnitude_of(v));
	else
		binary_digits(magnitude_of(v), type, out);
	return 0;
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
	AUTO(strbuf_release) struct strbuf longer = STRBUF_INIT;
	bool binary = s->type && strchr("boxX", s->type);
	char prefix[3] = "";

	if (s->type == 'c')
		return format_character(v, s, out, err);
	if (integer_digits(ev, v, s->type, &digits, err) < 0)
		return -1;
	for (size_t n = digits.len; s->precision > 0 && n < (size_t)s->precision; n++)
		strbuf_addch(&longer, '0');
	strbuf_add(&longer, digits.data, digits.len);
	if (s->alternate && binary)
		snprintf(prefix, sizeof(prefix), "0%c", s->type);
	add_number(s, is_negative(v), prefix, longer.data, binary ? 4 : 3, out);
	return 0;
}

/* repr-like digits for "{}" and "{:10}" of a float; "{:#}" has a point in any case. */
static void shortest(struct eval *ev, double d, bool point, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct value v = {.kind = VALUE_FLOAT, .real = d};

	repr_str(ev, &v, &text, NULL);
	size_t n = strcspn(text.data, ".e");
	strbuf_add(out, text.data, n);
	if (point && text.data[n] == 'e')
		strbuf_addch(out, '.');
	strbuf_addstr(out, text.data + n);
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

/* Cuts zeros at the end of a fraction, and a point without one. */
static void cut_zeros(struct strbuf *mantissa)
{
	if (!memchr(mantissa->data, '.', mantissa->len))
		return;
	while (mantissa->data[mantissa->len - 1] == '0')
		strbuf_truncate(mantissa, mantissa->len - 1);
	if (mantissa->data[mantissa->len - 1] == '.')
		strbuf_truncate(mantissa, mantissa->len - 1);
}

/* A precision without a type: as 'g', but with an exponent one digit earlier, or with ".0". */
static void add_typeless(double d, const struct format_spec *s, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct format_spec narrow = *s;

	narrow.precision = s->precision > 0 ? s->precision - 1 : 0;
	add_real(d, &narrow, 'e', &text);
	const char *e = strchr(text.data, 'e');
	if (!isfinite(d) || !e || strtol(e + 1, NULL, 10) != narrow.precision) {
		size_t start = out->len;
		add_real(d, s, 'g', out);
		if (isfinite(d) && !strpbrk(out->data + start, ".e"))
			strbuf_addstr(out, ".0");
		return;
	}
	AUTO(strbuf_release) struct strbuf mantissa = STRBUF_INIT;
	strbuf_add(&mantissa, text.data, (size_t)(e - text.data));
	if (!s->alternate)
		cut_zeros(&mantissa);
	strbuf_add(out, mantissa.data, mantissa.len);
	strbuf_addstr(out, e);
}

/* A number that is not negative. */
static void real_digits(
	struct eval *ev, double d, const struct format_spec *s, struct strbuf *out)
{
	if (!s->type && s->precision < 0) {
		shortest(ev, d, s->alternate, out);
	} else if (!s->type) {
		add_typeless(d, s, out);
	} else if (s->type == '%') {
		add_real(d * 100, s, 'f', out);
		strbuf_addch(out, '%');
	} else {
		add_real(d, s, s->type == 'n' ? 'g' : s->type, out);
	}
}

void format_real(
	struct eval *ev, const struct value *v, const struct format_spec *s, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf digits = STRBUF_INIT;
	double d = number_real(v);
	bool negative = signbit(d) && !isnan(d);

	real_digits(ev, fabs(d), s, &digits);
	if (s->unsigned_zero && strtod(digits.data, NULL) == 0)
		negative = false;
	add_number(s, negative, "", digits.data, 3, out);
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

/* What ascii() makes of repr()'s text. */
static void add_ascii(const struct strbuf *text, struct strbuf *out)
{
	size_t taken;

	for (size_t i = 0; i < text->len; i += taken) {
		uint32_t c = utf8_next(text->data + i, text->len - i, &taken);
		if (c < 0x80)
			strbuf_addch(out, (char)c);
		else
			strbuf_addf(out,
				c > 0xffff ? "\\U%08x"
				: c > 0xff ? "\\u%04x"
					   : "\\x%02x",
				c);
	}
}

int format_shown(struct eval *ev, const struct value *v, char conversion, struct strbuf *out,
	struct err *err)
{
	AUTO(strbuf_release) struct strbuf shown = STRBUF_INIT;

	if (conversion == 's')
		return repr_str(ev, v, out, err);
	if (conversion == 'r')
		return repr_repr(ev, v, out, err);
	if (repr_repr(ev, v, &shown, err) < 0)
		return -1;
	add_ascii(&shown, out);
	return 0;
}
