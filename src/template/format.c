/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python's two ways of formatting: "%-5s|%05.1f" % values, and "{:>5}".format(values).
 */
#include <math.h>

#include "template/access.h"
#include "template/bigint.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/strings.h"
#include "template/utf8.h"
#include "value/number.h"

/* Wider or more precise than this is refused. */
#define FORMAT_MAX 10000

/* One conversion: how a value is shown. */
struct spec {
	char fill[5];
	char align; /* '<' '>' '^' '=' or 0 */
	char sign;  /* '+' ' ' or 0 */
	bool alternate;
	bool zero;
	char group; /* ',' '_' or 0 */
	int width;
	int precision; /* -1: not given */
	char type;     /* 0: not given */
};

static const struct spec plain = {.fill = " ", .precision = -1};

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
static void add_padded(const struct spec *s, const char *sign, const char *digits,
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

static void add_number(struct eval *ev, const struct spec *s, bool negative, const char *prefix,
	const char *digits, int group_size, struct strbuf *out)
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

static int format_integer(struct eval *ev, const struct value *v, const struct spec *s,
	struct strbuf *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf digits = STRBUF_INIT;
	char prefix[3] = "";
	int64_t i = 0;

	if (!s->type || strchr("diun", s->type)) {
		if (v->kind == VALUE_BIGINT)
			strbuf_addstr(&digits, v->text + (v->text[0] == '-'));
		else if (number_int64(v, &i))
			strbuf_addf(&digits, "%llu",
				i < 0 ? 0ULL - (unsigned long long)i : (unsigned long long)i);
		bool negative = v->kind == VALUE_BIGINT ? v->text[0] == '-' : i < 0;
		while (s->precision > 0 && digits.len < (size_t)s->precision) {
			AUTO(strbuf_release) struct strbuf longer = STRBUF_INIT;
			strbuf_addf(&longer, "0%s", digits.data);
			strbuf_clear(&digits);
			strbuf_add(&digits, longer.data, longer.len);
		}
		add_number(ev, s, negative, "", digits.data, 3, out);
		return 0;
	}
	if (s->type == 'c') {
		if (!number_int64(v, &i) || i < 0 || i > 0x10ffff)
			return err_set(err, ERR_INPUT, "%%c arg not in range(0x110000)");
		utf8_add(&digits, (uint32_t)i);
		add_padded(s, "", digits.data, '>', out);
		return 0;
	}
	bool negative = v->kind == VALUE_BIGINT ? v->text[0] == '-' : false;
	if (v->kind == VALUE_BIGINT) {
		if (large_digits(ev, v, s->type, &digits, err) < 0)
			return -1;
	} else {
		number_int64(v, &i);
		negative = i < 0;
		binary_digits(i < 0 ? 0 - (uint64_t)i : (uint64_t)i, s->type, &digits);
	}
	if (s->alternate)
		snprintf(prefix, sizeof(prefix), "0%c", s->type);
	add_number(ev, s, negative, prefix, digits.data, 4, out);
	return 0;
}

/* repr-like digits for "{}" and "{:10}" of a float. */
static void shortest(struct eval *ev, double d, struct strbuf *out)
{
	struct value v = {.kind = VALUE_FLOAT, .real = d};

	repr_str(ev, &v, out, NULL);
}

/* What C's own formats give for a number that is not negative. */
static void add_real(double d, const struct spec *s, char type, struct strbuf *out)
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

static void format_real(
	struct eval *ev, const struct value *v, const struct spec *s, struct strbuf *out)
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

static void format_text(const struct value *text, const struct spec *s, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf cut = STRBUF_INIT;
	size_t n = text->len;

	if (s->precision >= 0)
		n = utf8_offset(text->text, text->len, (size_t)s->precision);
	strbuf_add(&cut, text->text, n);
	add_padded(s, "", cut.data, '<', out);
}

/* A decimal number at *p, at most FORMAT_MAX; -1 if it is larger. */
static int read_number(const char **p, const char *end)
{
	int n = 0;

	while (*p < end && **p >= '0' && **p <= '9') {
		n = n * 10 + (*(*p)++ - '0');
		if (n > FORMAT_MAX)
			return -1;
	}
	return n;
}

/* [[fill]align][sign][z][#][0][width][grouping][.precision][type] */
static int read_spec(const char *p, size_t n, struct spec *s, struct err *err)
{
	const char *end = p + n;
	size_t fill = n ? utf8_offset(p, n, 1) : 0;

	*s = plain;
	if (fill < n && p[fill] && strchr("<>=^", p[fill])) {
		memcpy(s->fill, p, fill);
		s->fill[fill] = '\0';
		s->align = p[fill];
		p += fill + 1;
	} else if (n && *p && strchr("<>=^", *p)) {
		s->align = *p++;
	}
	if (p < end && *p && strchr("+- ", *p)) {
		s->sign = *p == '-' ? 0 : *p;
		p++;
	}
	if (p < end && *p == '#') {
		s->alternate = true;
		p++;
	}
	if (p < end && *p == '0') {
		s->zero = true;
		p++;
	}
	s->width = read_number(&p, end);
	if (p < end && (*p == ',' || *p == '_'))
		s->group = *p++;
	if (p < end && *p == '.') {
		p++;
		s->precision = read_number(&p, end);
		if (s->precision < 0)
			s->width = -1;
	}
	if (p < end)
		s->type = *p++;
	if (s->width < 0)
		return err_set(err, ERR_LIMIT, "a width or precision above %d", FORMAT_MAX);
	if (p != end)
		return err_set(err, ERR_INPUT, "invalid format specifier");
	return 0;
}

static int fail_code(const struct spec *s, const struct value *v, struct err *err)
{
	return err_set(err, ERR_INPUT, "unknown format code '%c' for object of type '%s'",
		s->type, type_name(v));
}

int text_format_spec(struct eval *ev, const struct value *v, const char *spec, size_t n,
	struct strbuf *out, struct err *err)
{
	struct spec s;

	if (n == 0)
		return repr_str(ev, v, out, err);
	if (read_spec(spec, n, &s, err) < 0)
		return -1;
	if (v->kind == VALUE_BOOL && !s.type) {
		const struct value *text = repr_string(ev, v, err);
		format_text(text, &s, out);
		return 0;
	}
	if (is_integer(v) && (!s.type || strchr("bcdoxXn", s.type))) {
		if (s.precision >= 0)
			return err_set(err, ERR_INPUT,
				"precision not allowed in integer format specifier");
		return format_integer(ev, v, &s, out, err);
	}
	if (is_number(v)) {
		if (s.type && !strchr("eEfFgGn%", s.type))
			return fail_code(&s, v, err);
		format_real(ev, v, &s, out);
		return 0;
	}
	if (v->kind != VALUE_STRING)
		return err_set(err, ERR_INPUT,
			"unsupported format string passed to %s.__format__", type_name(v));
	if (s.type && s.type != 's')
		return fail_code(&s, v, err);
	if (s.sign || s.align == '=' || s.alternate || s.group)
		return err_set(
			err, ERR_INPUT, "a sign, '=', '#', ',' or '_' is for numbers only");
	format_text(v, &s, out);
	return 0;
}

/* The conversion behind a "%" of format % values. */
static int read_percent(const char **p, const char *end, struct spec *s, struct err *err)
{
	*s = plain;
	for (; *p < end && **p && strchr("-+ #0", **p); ++*p) {
		switch (**p) {
		case '-': s->align = '<'; break;
		case '#': s->alternate = true; break;
		case '0': s->zero = true; break;
		default: s->sign = s->sign == '+' ? '+' : **p; break;
		}
	}
	return 0;
	(void)err;
}

/* Values that % takes one after the other, or by name. */
struct percent {
	struct eval *ev;
	const struct value *values;
	size_t next;
};

static const struct value *next_value(struct percent *f, struct err *err)
{
	if (f->values->kind != VALUE_TUPLE) {
		if (f->next++ == 0)
			return f->values;
	} else if (f->next < f->values->count) {
		return list_item(f->ev, f->values, f->next++, err);
	}
	err_set(err, ERR_INPUT, "not enough arguments for format string");
	return NULL;
}

static const struct value *named_value(
	struct percent *f, const char **p, const char *end, struct err *err)
{
	const char *close = memchr(*p, ')', (size_t)(end - *p));

	if (!close || f->values->kind != VALUE_DICT) {
		err_set(err, ERR_INPUT,
			close ? "format requires a mapping" : "incomplete format key");
		return NULL;
	}
	const char *name = arena_strndup(f->ev->arena, *p + 1, (size_t)(close - *p) - 1);
	*p = close + 1;
	f->next = 1;
	const struct value *v = dict_lookup(f->ev, f->values, name, err);
	if (!v && !err->code)
		err_set(err, ERR_INPUT, "format key '%.60s' is not there", name);
	return v;
}

static int read_star(
	struct percent *f, const char **p, const char *end, int *out, struct err *err)
{
	int64_t n;

	if (*p == end || **p != '*') {
		*out = read_number(p, end);
		return *out < 0 ? err_set(err, ERR_LIMIT, "a width above %d", FORMAT_MAX) : 0;
	}
	++*p;
	const struct value *v = next_value(f, err);
	if (!v)
		return -1;
	if (!number_int64(v, &n) || n > FORMAT_MAX || n < -FORMAT_MAX)
		return err_set(err, ERR_INPUT, "* wants int");
	*out = (int)n;
	return 0;
}

static int format_number_percent(struct eval *ev, const struct value *v, struct spec *s,
	struct strbuf *out, struct err *err)
{
	if (s->type == 'c' && value_is_string(v)) {
		if (utf8_count(v->text, v->len) != 1)
			return err_set(err, ERR_INPUT, "%%c requires int or char");
		format_text(v, s, out);
		return 0;
	}
	if (!is_number(v))
		return err_set(err, ERR_INPUT, "%%%c format: a real number is required, not %s",
			s->type, type_name(v));
	if (strchr("eEfFgG", s->type)) {
		format_real(ev, v, s, out);
		return 0;
	}
	if (v->kind == VALUE_FLOAT && strchr("xXoc", s->type))
		return err_set(err, ERR_INPUT, "%%%c format: an integer is required, not float",
			s->type);
	if (v->kind == VALUE_FLOAT)
		v = bigint_from_real(ev->arena, v->real);
	return format_integer(ev, v, s, out, err);
}

static int format_percent(struct eval *ev, const struct value *v, struct spec *s,
	struct strbuf *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (strchr("diuxXoceEfFgG", s->type))
		return format_number_percent(ev, v, s, out, err);
	int rc = s->type == 's' ? repr_str(ev, v, &text, err) : repr_repr(ev, v, &text, err);
	if (rc < 0)
		return -1;
	s->zero = false;
	if (!s->align)
		s->align = '>';
	struct value shown = {.kind = VALUE_STRING, .text = text.data, .len = text.len};
	format_text(&shown, s, out);
	return 0;
}

/* One conversion, from behind its "%". */
static int convert_percent(
	struct percent *f, const char **p, const char *end, struct strbuf *out, struct err *err)
{
	const struct value *v = NULL;
	struct spec s;

	if (*p < end && **p == '(') {
		v = named_value(f, p, end, err);
		if (!v)
			return -1;
	}
	read_percent(p, end, &s, err);
	if (read_star(f, p, end, &s.width, err) < 0)
		return -1;
	if (s.width < 0) {
		s.align = '<';
		s.width = -s.width;
	}
	if (*p < end && **p == '.') {
		++*p;
		if (read_star(f, p, end, &s.precision, err) < 0)
			return -1;
	}
	while (*p < end && **p && strchr("hlL", **p))
		++*p;
	if (*p == end)
		return err_set(err, ERR_INPUT, "incomplete format");
	s.type = *(*p)++;
	if (s.type == '%') {
		strbuf_addch(out, '%');
		return 0;
	}
	if (!s.type || !strchr("diuxXoceEfFgGsra", s.type))
		return err_set(err, ERR_INPUT, "unsupported format character '%c'", s.type);
	v = v ? v : next_value(f, err);
	if (!v || !need_defined(f->ev, v, err))
		return -1;
	return format_percent(f->ev, v, &s, out, err);
}

const struct value *op_format(struct eval *ev, const struct value *format,
	const struct value *values, struct err *err)
{
	AUTO(scratch_end) struct scratch text = scratch_begin(ev);
	struct strbuf *out = &ev->state->text;
	struct percent f = {.ev = ev, .values = values};
	const char *p = format->text;
	const char *end = p + format->len;

	while (p < end) {
		if (*p != '%') {
			strbuf_addch(out, *p++);
			continue;
		}
		p++;
		if (convert_percent(&f, &p, end, out, err) < 0 ||
			eval_room(ev, scratch_size(&text), err) < 0)
			return NULL;
	}
	bool all = values->kind == VALUE_TUPLE ? f.next >= values->count
					       : f.next > 0 || values->kind == VALUE_DICT;
	if (!all) {
		err_set(err, ERR_INPUT, "not all arguments converted during string formatting");
		return NULL;
	}
	return scratch_string(ev, &text, err);
}

/* What a str.format() is working with. */
struct fields {
	struct eval *ev;
	const struct value *positional;
	const struct value *named;
	size_t next;
	unsigned depth;
};

static const struct value *first_of(
	struct fields *f, const char *name, size_t n, struct err *err)
{
	const char *text = arena_strndup(f->ev->arena, name, n);
	int64_t index = (int64_t)f->next;

	if (n == 0)
		f->next++;
	if (n == 0 || parse_int(text, 0, INT32_MAX, &index)) {
		if (f->positional && (size_t)index < f->positional->count)
			return list_item(f->ev, f->positional, (size_t)index, err);
		err_set(err, ERR_INPUT,
			"replacement index %lld out of range for positional args tuple",
			(long long)index);
		return NULL;
	}
	const struct value *v = f->named ? dict_lookup(f->ev, f->named, text, err) : NULL;
	if (!v && !err->code)
		err_set(err, ERR_INPUT, "the format names '%.60s', which is not given", text);
	return v;
}

/* name(.attribute | [index])* */
static const struct value *field_value(
	struct fields *f, const char *p, size_t n, struct err *err)
{
	size_t at = 0;

	while (at < n && p[at] != '.' && p[at] != '[')
		at++;
	const struct value *v = first_of(f, p, at, err);
	while (v && at < n) {
		bool item = p[at] == '[';
		size_t from = ++at;
		while (at < n && (item ? p[at] != ']' : p[at] != '.' && p[at] != '['))
			at++;
		const char *name = arena_strndup(f->ev->arena, p + from, at - from);
		int64_t index;
		if (!item)
			v = get_attribute(f->ev, v, name, NULL, err);
		else if (parse_int(name, 0, INT32_MAX, &index))
			v = get_item(f->ev, v, value_new_int(f->ev->arena, index), NULL, err);
		else
			v = get_item(f->ev, v, value_new_string(f->ev->arena, name), NULL, err);
		v = v ? need_defined(f->ev, v, err) : NULL;
		at += item && at < n;
	}
	return v;
}

static int format_fields(
	struct fields *f, const char *p, size_t n, struct strbuf *out, struct err *err);

/* The inside of one pair of braces: field!conversion:spec */
static int format_field(
	struct fields *f, const char *p, size_t n, struct strbuf *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf spec = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf shown = STRBUF_INIT;
	size_t name = 0;
	char conversion = 0;

	while (name < n && p[name] != ':' && p[name] != '!')
		name += p[name] == '[' ? strcspn(p + name, "]") : 1;
	name = name < n ? name : n;
	size_t at = name;
	if (at < n && p[at] == '!') {
		conversion = at + 1 < n ? p[at + 1] : 0;
		at += 2;
	}
	if (at > n || (at < n && p[at] != ':') || (conversion && !strchr("sra", conversion)))
		return err_set(err, ERR_INPUT, "expected ':' after conversion specifier");
	const struct value *v = field_value(f, p, name, err);
	if (!v || !need_defined(f->ev, v, err))
		return -1;
	if (at < n && format_fields(f, p + at + 1, n - at - 1, &spec, err) < 0)
		return -1;
	if (conversion) {
		int rc = conversion == 's' ? repr_str(f->ev, v, &shown, err)
					   : repr_repr(f->ev, v, &shown, err);
		if (rc < 0)
			return -1;
		v = new_textn(f->ev, shown.data, shown.len);
	}
	return text_format_spec(f->ev, v, spec.data, spec.len, out, err);
}

static int format_fields(
	struct fields *f, const char *p, size_t n, struct strbuf *out, struct err *err)
{
	if (++f->depth > 2)
		return err_set(err, ERR_INPUT, "max string recursion exceeded");
	for (size_t i = 0; i < n; i++) {
		if ((p[i] == '{' || p[i] == '}') && i + 1 < n && p[i + 1] == p[i] &&
			f->depth == 1) {
			strbuf_addch(out, p[i++]);
			continue;
		}
		if (p[i] == '}')
			return err_set(
				err, ERR_INPUT, "single '}' encountered in format string");
		if (p[i] != '{') {
			strbuf_addch(out, p[i]);
			continue;
		}
		size_t from = ++i;
		for (unsigned open = 1; i < n; i++) {
			open += p[i] == '{';
			if (p[i] == '}' && --open == 0)
				break;
		}
		if (i >= n)
			return err_set(err, ERR_INPUT, "expected '}' before end of string");
		if (format_field(f, p + from, i - from, out, err) < 0 ||
			eval_room(f->ev, out->len, err) < 0)
			return -1;
	}
	f->depth--;
	return 0;
}

const struct value *text_format(struct eval *ev, const struct value *format,
	const struct value *positional, const struct value *named, struct err *err)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct fields f = {.ev = ev, .positional = positional, .named = named};

	if (format_fields(&f, format->text, format->len, &out, err) < 0)
		return NULL;
	return new_text(ev, &out, err);
}
