/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters that make text of text.
 */
#include "template/access.h"
#include "template/args.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/strings.h"
#include "template/tables.h"
#include "template/utf8.h"

static const struct value *change_case(struct args *a, enum text_case how, struct err *err)
{
	const struct value *self = self_text(a, err);

	return self ? text_in_case(a->ev, self, how, err) : NULL;
}

static const struct value *filter_upper(struct args *a, struct err *err)
{
	return change_case(a, CASE_UPPER, err);
}

static const struct value *filter_lower(struct args *a, struct err *err)
{
	return change_case(a, CASE_LOWER, err);
}

static const struct value *filter_capitalize(struct args *a, struct err *err)
{
	return change_case(a, CASE_CAPITALIZE, err);
}

/* Words begin behind white space, dashes and opening brackets. */
static const struct value *filter_title(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *self = self_text(a, err);
	size_t from = 0;

	if (!self)
		return NULL;
	for (size_t i = 0; i < self->len; i++) {
		if (strchr("-({[< \t\n\r\v\f", self->text[i]) && self->text[i]) {
			text_change_case(
				self->text + from, i + 1 - from, CASE_CAPITALIZE, &text);
			from = i + 1;
		}
	}
	text_change_case(self->text + from, self->len - from, CASE_CAPITALIZE, &text);
	return new_text(a->ev, &text, err);
}

static const struct value *filter_string(struct args *a, struct err *err)
{
	return self_text(a, err);
}

static const struct value *filter_trim(struct args *a, struct err *err)
{
	const struct value *self = self_text(a, err);
	const struct value *chars = arg_given(a, 0) ? arg_string(a, 0, NULL, err) : NULL;

	if (!self || (arg_given(a, 0) && !chars))
		return NULL;
	const char *s = self->text;
	size_t n = self->len;
	text_strip(&s, &n, chars, ENDS_BOTH);
	return new_textn(a->ev, s, n);
}

static const struct value *filter_replace(struct args *a, struct err *err)
{
	AUTO(scratch_end) struct scratch text = scratch_begin(a->ev);
	const struct value *self = self_text(a, err);
	const struct value *old = self ? arg_text(a, 0, "", err) : NULL;
	const struct value *new = old ? arg_text(a, 1, "", err) : NULL;
	int64_t count;

	if (!new || arg_int(a, 2, -1, &count, err) < 0)
		return NULL;
	text_replace(self, old, new, count, &a->ev->state->text);
	return scratch_string(a->ev, &text, err);
}

static const struct value *filter_split(struct args *a, struct err *err)
{
	const struct value *sep = arg_given(a, 0) ? arg_string(a, 0, NULL, err) : NULL;
	int64_t max;

	if (!value_is_string(a->self))
		return args_fail(a, err, "a string is needed, not '%s'", type_name(a->self));
	if ((arg_given(a, 0) && !sep) || arg_int(a, 1, -1, &max, err) < 0)
		return NULL;
	if (sep && sep->len == 0)
		return args_fail(a, err, "empty separator");
	return text_split(a->ev, a->self, sep, max);
}

static const struct value *filter_center(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *self = self_text(a, err);
	int64_t width;

	if (!self || arg_int(a, 0, 80, &width, err) < 0 ||
		eval_room(a->ev, width > 0 ? (size_t)width : 0, err) < 0)
		return NULL;
	text_pad(self, width > 0 ? (size_t)width : 0, " ", 'c', &text);
	return new_text(a->ev, &text, err);
}

static const struct value *filter_indent(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *self = self_text(a, err);
	int64_t width = 4;
	int first = arg_bool(a, 1, false, err);
	int blank = arg_bool(a, 2, false, err);

	if (!self || first < 0 || blank < 0)
		return NULL;
	const char *margin = a->v[0] ? value_text(a->v[0]) : NULL;
	if (!margin) {
		if (arg_int(a, 0, 4, &width, err) < 0 ||
			eval_room(a->ev, width > 0 ? (size_t)width : 0, err) < 0)
			return NULL;
		margin = arena_printf(a->ev->arena, "%*s", width > 0 ? (int)width : 0, "");
	}
	const struct value *lines = text_lines(a->ev, self, false);
	bool newline = self->len > 0 && self->text[self->len - 1] == '\n';
	for (size_t i = 0; i < lines->count || (i == 0 && self->len == 0); i++) {
		const struct value *line = lines->count ? lines->items[i] : self;
		if (i > 0)
			strbuf_addch(&text, '\n');
		if (i == 0 ? first : (blank || line->len > 0))
			strbuf_addstr(&text, margin);
		strbuf_add(&text, line->text, line->len);
		if (eval_room(a->ev, text.len, err) < 0)
			return NULL;
	}
	if (newline)
		strbuf_addstr(&text, "\n");
	if (newline && blank)
		strbuf_addstr(&text, margin);
	return new_text(a->ev, &text, err);
}

static void escape(const struct value *s, struct strbuf *out)
{
	for (size_t i = 0; i < s->len; i++) {
		switch (s->text[i]) {
		case '&': strbuf_addstr(out, "&amp;"); break;
		case '<': strbuf_addstr(out, "&lt;"); break;
		case '>': strbuf_addstr(out, "&gt;"); break;
		case '"': strbuf_addstr(out, "&#34;"); break;
		case '\'': strbuf_addstr(out, "&#39;"); break;
		default: strbuf_addch(out, s->text[i]); break;
		}
	}
}

static const struct value *filter_escape(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *self = self_text(a, err);

	if (!self)
		return NULL;
	escape(self, &text);
	return new_text(a->ev, &text, err);
}

static const struct value *filter_quote(struct args *a, struct err *err)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789@%+=:,./-_";
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *self =
		a->self->kind == VALUE_NULL ? new_textn(a->ev, "", 0) : self_text(a, err);

	if (!self)
		return NULL;
	if (self->len > 0 && strspn(self->text, plain) == self->len)
		return self;
	strbuf_addch(&text, '\'');
	for (size_t i = 0; i < self->len; i++) {
		if (self->text[i] == '\'')
			strbuf_addstr(&text, "'\"'\"'");
		else
			strbuf_addch(&text, self->text[i]);
	}
	strbuf_addch(&text, '\'');
	return new_text(a->ev, &text, err);
}

static const struct value *filter_format(struct args *a, struct err *err)
{
	const struct value *self = self_text(a, err);

	if (!self)
		return NULL;
	if (a->named->pair_count && a->rest->count)
		return args_fail(a, err, "takes positional or named arguments, not both");
	if (a->named->pair_count)
		return op_format(a->ev, self, a->named, err);
	a->rest->kind = VALUE_TUPLE;
	return op_format(a->ev, self, a->rest, err);
}

static const struct value *filter_wordcount(struct args *a, struct err *err)
{
	const struct value *self = self_text(a, err);
	int64_t count = 0;
	bool inside = false;
	size_t taken;

	if (!self)
		return NULL;
	for (size_t i = 0; i < self->len; i += taken) {
		uint32_t code = utf8_next(self->text + i, self->len - i, &taken);
		bool word =
			code == '_' || utf8_is(code, UTF8_ALPHA) || utf8_is(code, UTF8_DIGIT);
		count += word && !inside;
		inside = word;
	}
	return value_new_int(a->ev->arena, count);
}

static const struct value *filter_truncate(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *self = self_text(a, err);
	const struct value *end = self ? arg_string(a, 2, "...", err) : NULL;
	int kill = arg_bool(a, 1, false, err);
	int64_t length, leeway;

	if (!end || kill < 0 || arg_int(a, 0, 255, &length, err) < 0 ||
		arg_int(a, 3, 5, &leeway, err) < 0)
		return NULL;
	int64_t tail = (int64_t)utf8_count(end->text, end->len);
	if (length < tail)
		return args_fail(a, err, "expected length >= %lld, got %lld", (long long)tail,
			(long long)length);
	if (leeway < 0)
		return args_fail(a, err, "expected leeway >= 0, got %lld", (long long)leeway);
	if ((int64_t)utf8_count(self->text, self->len) <= length + leeway)
		return self;
	size_t cut = utf8_offset(self->text, self->len, (size_t)(length - tail));
	for (size_t i = cut; !kill && i > 0; i--) {
		if (self->text[i - 1] == ' ') {
			cut = i - 1;
			break;
		}
	}
	strbuf_add(&text, self->text, cut);
	strbuf_add(&text, end->text, end->len);
	return new_text(a->ev, &text, err);
}

static bool is_url_safe(char c, const char *safe)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c && strchr(safe, c));
}

static void url_quote(const struct value *s, const char *safe, bool plus, struct strbuf *out)
{
	for (size_t i = 0; i < s->len; i++) {
		if (is_url_safe(s->text[i], safe))
			strbuf_addch(out, s->text[i]);
		else if (plus && s->text[i] == ' ')
			strbuf_addch(out, '+');
		else
			strbuf_addf(out, "%%%02X", (unsigned char)s->text[i]);
	}
}

static int add_query(
	struct args *a, const struct value *pair, struct strbuf *out, struct err *err)
{
	const struct value *seq = iter_sequence(a->ev, pair, err);

	if (!seq)
		return -1;
	if (seq->count != 2) {
		args_fail(a, err, "expected pairs of a name and a value");
		return -1;
	}
	const struct value *name = repr_string(a->ev, seq->items[0], err);
	const struct value *value = name ? repr_string(a->ev, seq->items[1], err) : NULL;
	if (!value)
		return -1;
	if (out->len > 0)
		strbuf_addch(out, '&');
	url_quote(name, "_.-~", true, out);
	strbuf_addch(out, '=');
	url_quote(value, "_.-~", true, out);
	return 0;
}

static const struct value *filter_urlencode(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct iter it;
	const struct value *next;
	int rc;

	if (a->self->kind != VALUE_LIST && a->self->kind != VALUE_TUPLE &&
		a->self->kind != VALUE_DICT) {
		const struct value *self = self_text(a, err);
		if (!self)
			return NULL;
		url_quote(self, "_.-~/", false, &text);
		return new_text(a->ev, &text, err);
	}
	rc = iter_begin(&it, a->ev, a->self, err);
	while (rc >= 0 && (rc = iter_next(&it, &next, err)) > 0) {
		if (a->self->kind == VALUE_DICT) {
			const struct value *item = dict_item(a->ev, a->self, it.i - 1, err);
			struct value pair = {.kind = VALUE_TUPLE,
				.count = 2,
				.items = (const struct value *[]){next, item}};
			rc = item ? add_query(a, &pair, &text, err) : -1;
		} else {
			rc = add_query(a, next, &text, err);
		}
	}
	return rc < 0 ? NULL : new_text(a->ev, &text, err);
}

static const struct callable entries[] = {
	{"capitalize", filter_capitalize, NULL, 0},
	{"center", filter_center, "width", 0},
	{"e", filter_escape, NULL, 0},
	{"escape", filter_escape, NULL, 0},
	{"forceescape", filter_escape, NULL, 0},
	{"format", filter_format, "* **", 0},
	{"indent", filter_indent, "width first blank", 0},
	{"lower", filter_lower, NULL, 0},
	{"quote", filter_quote, NULL, 0},
	{"replace", filter_replace, "old new ! count", 0},
	{"safe", filter_string, NULL, 0},
	{"split", filter_split, "sep maxsplit", 0},
	{"string", filter_string, NULL, 0},
	{"title", filter_title, NULL, 0},
	{"trim", filter_trim, "chars", 0},
	{"truncate", filter_truncate, "length killwords end leeway", 0},
	{"upper", filter_upper, NULL, 0},
	{"urlencode", filter_urlencode, NULL, 0},
	{"wordcount", filter_wordcount, NULL, 0},
};

CALLABLES(filters_text, entries);
