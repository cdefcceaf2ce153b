/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python's format(value, "08.3f"), also the part behind the colon of "{:>5}".
 */
#include "template/access.h"
#include "template/format.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/strings.h"
#include "template/utf8.h"

const struct format_spec format_spec_plain = {.fill = " ", .precision = -1};

int format_read_number(const char **p, const char *end)
{
	int n = 0;

	while (*p < end && **p >= '0' && **p <= '9') {
		n = n * 10 + (*(*p)++ - '0');
		if (n > FORMAT_MAX)
			return -1;
	}
	return n;
}

/* [[fill]align], of which p points behind. */
static const char *read_align(const char *p, const char *end, struct format_spec *s)
{
	size_t n = (size_t)(end - p);
	size_t fill = n ? utf8_offset(p, n, 1) : 0;

	if (fill < n && p[fill] && strchr("<>=^", p[fill])) {
		memcpy(s->fill, p, fill);
		s->fill[fill] = '\0';
		s->align = p[fill];
		return p + fill + 1;
	}
	if (n && *p && strchr("<>=^", *p))
		s->align = *p++;
	/* A zero further on is a fill, too. */
	s->fill[0] = '\0';
	return p;
}

/* True, and one further, if this character is next. */
static bool skip(const char **p, const char *end, char c)
{
	bool there = *p < end && **p == c;

	*p += there;
	return there;
}

/* [sign][z][#][0], where the zero fills if nothing else does, and `number` between sign and
 * digits. */
static const char *read_flags(
	const char *p, const char *end, bool number, struct format_spec *s)
{
	if (p < end && *p && strchr("+- ", *p))
		s->sign = *p++;
	s->unsigned_zero = skip(&p, end, 'z');
	s->alternate = skip(&p, end, '#');
	if (!s->fill[0]) {
		bool zero = skip(&p, end, '0');
		s->fill[0] = zero ? '0' : ' ';
		if (zero && number && !s->align)
			s->align = '=';
	}
	return p;
}

/* Which separators go with a type: "," with decimal ones, "_" with those of bases of two, too.
 */
static bool group_fits(const struct format_spec *s)
{
	return !s->group || !s->type || strchr("deEfFgG%", s->type) ||
	       (s->group == '_' && strchr("boxX", s->type));
}

/* [[fill]align][sign][z][#][0][width][grouping][.precision][type] */
static int read_spec(
	const char *p, size_t n, bool number, struct format_spec *s, struct err *err)
{
	const char *end = p + n;

	*s = format_spec_plain;
	p = read_align(p, end, s);
	p = read_flags(p, end, number, s);
	s->width = format_read_number(&p, end);
	if (p < end && (*p == ',' || *p == '_'))
		s->group = *p++;
	if (skip(&p, end, '.')) {
		if (p == end || *p < '0' || *p > '9')
			return err_set(err, ERR_INPUT, "format specifier missing precision");
		s->precision = format_read_number(&p, end);
		if (s->precision < 0)
			s->width = -1;
	}
	if (s->width < 0)
		return err_set(err, ERR_LIMIT, "a width or precision above %d", FORMAT_MAX);
	if (p < end)
		s->type = *p++;
	if (p != end)
		return err_set(err, ERR_INPUT, "invalid format specifier");
	if (!group_fits(s))
		return err_set(
			err, ERR_INPUT, "cannot specify '%c' with '%c'", s->group, s->type);
	return 0;
}

static int format_whole(struct eval *ev, const struct value *v, const struct format_spec *s,
	struct strbuf *out, struct err *err)
{
	if (s->precision >= 0)
		return err_set(
			err, ERR_INPUT, "precision not allowed in integer format specifier");
	if (s->unsigned_zero)
		return err_set(err, ERR_INPUT, "'z' is for real numbers only");
	if (s->type == 'c' && (s->sign || s->alternate))
		return err_set(err, ERR_INPUT, "sign and '#' do not go with 'c'");
	return format_integer(ev, v, s, out, err);
}

static int fail_code(const struct format_spec *s, const struct value *v, struct err *err)
{
	return err_set(err, ERR_INPUT, "unknown format code '%c' for object of type '%s'",
		s->type, type_name(v));
}

int text_format_spec(struct eval *ev, const struct value *v, const char *spec, size_t n,
	struct strbuf *out, struct err *err)
{
	struct format_spec s;

	if (n == 0)
		return repr_str(ev, v, out, err);
	if (read_spec(spec, n, is_number(v), &s, err) < 0)
		return -1;
	if (is_integer(v) && (!s.type || strchr("bcdoxXn", s.type)))
		return format_whole(ev, v, &s, out, err);
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
	if (s.sign || s.unsigned_zero || s.align == '=' || s.alternate || s.group)
		return err_set(err, ERR_INPUT,
			"a sign, '=', 'z', '#', ',' or '_' is for numbers only");
	format_string(v, &s, out);
	return 0;
}
