/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python's "{:>5} {0.name!r}".format(values).
 */
#include "template/access.h"
#include "template/format.h"
#include "template/object.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/strings.h"
#include "value/number.h"

/* Whether fields are numbered by their order, {}, or by themselves, {0}: not by both. */
enum numbering { NUMBERING_OPEN, NUMBERING_AUTOMATIC, NUMBERING_MANUAL };

/* What a str.format() is working with. */
struct fields {
	struct eval *ev;
	const struct value *positional;
	const struct value *named;
	size_t next;
	enum numbering numbering;
	unsigned depth;
};

static const struct value *numbered(
	struct fields *f, enum numbering how, int64_t index, struct err *err)
{
	if (f->numbering != NUMBERING_OPEN && f->numbering != how) {
		err_set(err, ERR_INPUT, "the format has {} and {0}, which exclude each other");
		return NULL;
	}
	f->numbering = how;
	if (f->positional && (size_t)index < f->positional->count)
		return list_item(f->ev, f->positional, (size_t)index, err);
	err_set(err, ERR_INPUT, "replacement index %lld out of range for positional args tuple",
		(long long)index);
	return NULL;
}

static const struct value *first_of(
	struct fields *f, const char *name, size_t n, struct err *err)
{
	const char *text = arena_strndup(f->ev->arena, name, n);
	int64_t index;

	if (n == 0)
		return numbered(f, NUMBERING_AUTOMATIC, (int64_t)f->next++, err);
	if (parse_int(text, 0, INT32_MAX, &index))
		return numbered(f, NUMBERING_MANUAL, index, err);
	const struct value *v = f->named ? dict_lookup(f->ev, f->named, text, err) : NULL;
	if (!v && !err->code)
		err_set(err, ERR_INPUT, "the format names '%.60s', which is not given", text);
	return v;
}

/* What is not there is no undefined value, for which there could be a default: Python fails. */
static const struct value *must_be_there(
	struct fields *f, const struct value *v, struct err *err)
{
	if (!v || !is_undefined(v))
		return v;
	undefined_fail(f->ev, v, err);
	err->code = ERR_INPUT;
	return NULL;
}

/* The .attribute or [index] at p[*at], of which *at comes to stand behind. */
static const struct value *field_part(struct fields *f, const struct value *v, const char *p,
	size_t n, size_t *at, struct err *err)
{
	bool item = p[*at] == '[';
	size_t from = *at + 1;
	size_t to = from;
	int64_t index;

	while (to < n && (item ? p[to] != ']' : p[to] != '.' && p[to] != '['))
		to++;
	*at = to + item;
	if ((!item && p[from - 1] != '.') || *at > n || to == from) {
		err_set(err, ERR_INPUT, "the field '%.*s' is neither .NAME nor [KEY]",
			(int)(to - from > 60 ? 60 : to - from + 1), p + from - 1);
		return NULL;
	}
	const char *name = arena_strndup(f->ev->arena, p + from, to - from);
	if (!item)
		return must_be_there(f, get_attribute(f->ev, v, name, NULL, err), err);
	const struct value *key = parse_int(name, 0, INT32_MAX, &index)
					  ? value_new_int(f->ev->arena, index)
					  : value_new_string(f->ev->arena, name);
	return must_be_there(f, get_item(f->ev, v, key, NULL, err), err);
}

/* name(.attribute | [index])* */
static const struct value *field_value(
	struct fields *f, const char *p, size_t n, struct err *err)
{
	size_t at = 0;

	while (at < n && p[at] != '.' && p[at] != '[')
		at++;
	const struct value *v = first_of(f, p, at, err);
	while (v && at < n)
		v = field_part(f, v, p, n, &at, err);
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
		if (format_shown(f->ev, v, conversion, &shown, err) < 0)
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
