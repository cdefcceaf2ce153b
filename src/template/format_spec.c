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

/* [[fill]align][sign][z][#][0][width][grouping][.precision][type] */
static int read_spec(const char *p, size_t n, struct format_spec *s, struct err *err)
{
	const char *end = p + n;
	size_t fill = n ? utf8_offset(p, n, 1) : 0;

	*s = format_spec_plain;
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
	s->width = format_read_number(&p, end);
	if (p < end && (*p == ',' || *p == '_'))
		s->group = *p++;
	if (p < end && *p == '.') {
		p++;
		s->precision = format_read_number(&p, end);
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
	if (read_spec(spec, n, &s, err) < 0)
		return -1;
	if (v->kind == VALUE_BOOL && !s.type) {
		const struct value *text = repr_string(ev, v, err);
		format_string(text, &s, out);
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
	format_string(v, &s, out);
	return 0;
}
