/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python's "%-5s|%05.1f" % values.
 */
#include "template/access.h"
#include "template/bigint.h"
#include "template/format.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/utf8.h"
#include "value/number.h"

/* The flags of a conversion. */
static void read_flags(const char **p, const char *end, struct format_spec *s)
{
	bool zero = false;

	for (; *p < end && **p && strchr("-+ #0", **p); ++*p) {
		switch (**p) {
		case '-': s->align = '<'; break;
		case '#': s->alternate = true; break;
		case '0': zero = true; break;
		default: s->sign = s->sign == '+' ? '+' : **p; break;
		}
	}
	if (zero && !s->align) {
		s->align = '=';
		s->fill[0] = '0';
	}
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
		*out = format_read_number(p, end);
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

static int format_number_percent(struct eval *ev, const struct value *v, struct format_spec *s,
	struct strbuf *out, struct err *err)
{
	if (s->type == 'c' && value_is_string(v)) {
		if (utf8_count(v->text, v->len) != 1)
			return err_set(err, ERR_INPUT, "%%c requires int or char");
		format_string(v, s, out);
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
		v = bigint_from_real(ev->arena, v->real, err);
	return v ? format_integer(ev, v, s, out, err) : -1;
}

static int format_percent(struct eval *ev, const struct value *v, struct format_spec *s,
	struct strbuf *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (strchr("csra", s->type)) { /* text is never filled by zeros */
		s->align = s->align == '<' ? '<' : '>';
		s->fill[0] = ' ';
	}
	if (!strchr("sra", s->type))
		return format_number_percent(ev, v, s, out, err);
	if (format_shown(ev, v, s->type, &text, err) < 0)
		return -1;
	struct value shown = {.kind = VALUE_STRING, .text = text.data, .len = text.len};
	format_string(&shown, s, out);
	return 0;
}

/* Flags, width, precision, length and type of a conversion. */
static int read_conversion(struct percent *f, const char **p, const char *end,
	struct format_spec *s, struct err *err)
{
	*s = format_spec_plain;
	read_flags(p, end, s);
	if (read_star(f, p, end, &s->width, err) < 0)
		return -1;
	if (s->width < 0) {
		s->align = '<';
		s->width = -s->width;
	}
	if (*p < end && **p == '.') {
		++*p;
		if (read_star(f, p, end, &s->precision, err) < 0)
			return -1;
	}
	while (*p < end && **p && strchr("hlL", **p))
		++*p;
	if (*p == end)
		return err_set(err, ERR_INPUT, "incomplete format");
	s->type = *(*p)++;
	return 0;
}

/* One conversion, from behind its "%". */
static int convert_percent(
	struct percent *f, const char **p, const char *end, struct strbuf *out, struct err *err)
{
	const struct value *v = NULL;
	struct format_spec s;

	if (*p < end && **p == '%') {
		strbuf_addch(out, *(*p)++);
		return 0;
	}
	if (*p < end && **p == '(') {
		v = named_value(f, p, end, err);
		if (!v)
			return -1;
	}
	if (read_conversion(f, p, end, &s, err) < 0)
		return -1;
	v = v ? v : next_value(f, err);
	if (!v || !need_defined(f->ev, v, err))
		return -1;
	if (!s.type || !strchr("diuxXoceEfFgGsra", s.type))
		return err_set(err, ERR_INPUT, "unsupported format character '%c'", s.type);
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
