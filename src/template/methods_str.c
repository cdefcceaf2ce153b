/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Methods of str.
 */
#include "template/access.h"
#include "template/args.h"
#include "template/methods.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/strings.h"
#include "template/tables.h"
#include "template/utf8.h"

static const struct value *change_case(struct args *a, enum text_case how, struct err *err)
{
	return text_in_case(a->ev, a->self, how, err);
}

static const struct value *str_upper(struct args *a, struct err *err)
{
	return change_case(a, CASE_UPPER, err);
}

static const struct value *str_lower(struct args *a, struct err *err)
{
	return change_case(a, CASE_LOWER, err);
}

static const struct value *str_title(struct args *a, struct err *err)
{
	return change_case(a, CASE_TITLE, err);
}

static const struct value *str_capitalize(struct args *a, struct err *err)
{
	return change_case(a, CASE_CAPITALIZE, err);
}

static const struct value *str_swapcase(struct args *a, struct err *err)
{
	return change_case(a, CASE_SWAP, err);
}

static const struct value *strip(struct args *a, enum text_ends ends, struct err *err)
{
	const struct value *chars = arg_given(a, 0) ? arg_string(a, 0, NULL, err) : NULL;
	const char *s = a->self->text;
	size_t n = a->self->len;

	if (arg_given(a, 0) && !chars)
		return NULL;
	text_strip(&s, &n, chars, ends);
	return new_textn(a->ev, s, n);
}

static const struct value *str_strip(struct args *a, struct err *err)
{
	return strip(a, ENDS_BOTH, err);
}

static const struct value *str_lstrip(struct args *a, struct err *err)
{
	return strip(a, ENDS_LEFT, err);
}

static const struct value *str_rstrip(struct args *a, struct err *err)
{
	return strip(a, ENDS_RIGHT, err);
}

static const struct value *str_replace(struct args *a, struct err *err)
{
	AUTO(scratch_end) struct scratch text = scratch_begin(a->ev);
	const struct value *old = arg_string(a, 0, "", err);
	const struct value *new = old ? arg_string(a, 1, "", err) : NULL;
	int64_t max;

	if (!new || arg_int(a, 2, -1, &max, err) < 0)
		return NULL;
	text_replace(a->self, old, new, max, &a->ev->state->text);
	return scratch_string(a->ev, &text, err);
}

static const struct value *split(struct args *a, bool right, struct err *err)
{
	const struct value *sep = arg_given(a, 0) ? arg_string(a, 0, NULL, err) : NULL;
	int64_t max;

	if ((arg_given(a, 0) && !sep) || arg_int(a, 1, -1, &max, err) < 0)
		return NULL;
	if (sep && sep->len == 0)
		return args_fail(a, err, "empty separator");
	return right ? text_rsplit(a->ev, a->self, sep, max)
		     : text_split(a->ev, a->self, sep, max);
}

static const struct value *str_split(struct args *a, struct err *err)
{
	return split(a, false, err);
}

static const struct value *str_rsplit(struct args *a, struct err *err)
{
	return split(a, true, err);
}

static const struct value *str_splitlines(struct args *a, struct err *err)
{
	int keep = arg_bool(a, 0, false, err);

	return keep < 0 ? NULL : text_lines(a->ev, a->self, keep);
}

static const struct value *str_join(struct args *a, struct err *err)
{
	AUTO(scratch_end) struct scratch text = scratch_begin(a->ev);
	struct strbuf *out = &a->ev->state->text;
	struct iter it;
	const struct value *next;
	int rc = iter_begin(&it, a->ev, a->v[0], err);

	for (size_t i = 0; rc >= 0 && (rc = iter_next(&it, &next, err)) > 0; i++) {
		if (!value_is_string(next))
			return args_fail(a, err, "sequence item %zu: expected str, %s found", i,
				type_name(next));
		if (i > 0)
			strbuf_add(out, a->self->text, a->self->len);
		strbuf_add(out, next->text, next->len);
		if (eval_room(a->ev, scratch_size(&text), err) < 0)
			return NULL;
	}
	return rc < 0 ? NULL : scratch_string(a->ev, &text, err);
}

/* The stretch of the text between the arguments i and i + 1, in bytes; false if it is none. */
static int window(struct args *a, size_t i, size_t *from, size_t *to, struct err *err)
{
	size_t length = utf8_count(a->self->text, a->self->len);
	int64_t start, end;

	if (arg_int(a, i, 0, &start, err) < 0 || arg_int(a, i + 1, INT64_MAX, &end, err) < 0)
		return -1;
	size_t first = clamp_index(start, length);
	size_t last = clamp_index(end, length);
	if (start > 0 && (uint64_t)start > length)
		return 0;
	*from = utf8_offset(a->self->text, a->self->len, first);
	*to = utf8_offset(a->self->text, a->self->len, last);
	return *from <= *to;
}

static int64_t find(struct args *a, bool last, struct err *err)
{
	const struct value *what = arg_string(a, 0, "", err);
	size_t from = 0;
	size_t to = 0;
	const char *found = NULL;

	if (!what)
		return -2;
	int rc = window(a, 1, &from, &to, err);
	if (rc <= 0)
		return rc < 0 ? -2 : -1;
	const char *s = a->self->text;
	for (size_t at = from; at + what->len <= to; at++) {
		if (memcmp(s + at, what->text, what->len) == 0) {
			found = s + at;
			if (!last)
				break;
		}
	}
	return found ? (int64_t)utf8_count(s, (size_t)(found - s)) : -1;
}

static const struct value *found_at(struct args *a, bool last, bool must, struct err *err)
{
	int64_t at = find(a, last, err);

	if (at == -2)
		return NULL;
	if (at < 0 && must)
		return args_fail(a, err, "substring not found");
	return value_new_int(a->ev->arena, at);
}

static const struct value *str_find(struct args *a, struct err *err)
{
	return found_at(a, false, false, err);
}

static const struct value *str_rfind(struct args *a, struct err *err)
{
	return found_at(a, true, false, err);
}

static const struct value *str_index(struct args *a, struct err *err)
{
	return found_at(a, false, true, err);
}

static const struct value *str_rindex(struct args *a, struct err *err)
{
	return found_at(a, true, true, err);
}

static const struct value *str_count(struct args *a, struct err *err)
{
	const struct value *what = arg_string(a, 0, "", err);
	size_t from = 0;
	size_t to = 0;
	int64_t count = 0;
	int rc = what ? window(a, 1, &from, &to, err) : -1;

	if (rc < 0)
		return NULL;
	if (rc && what->len == 0)
		count = (int64_t)utf8_count(a->self->text + from, to - from) + 1;
	while (rc && what->len && from + what->len <= to) {
		const char *s = a->self->text + from;
		const char *at = memmem(s, to - from, what->text, what->len);
		if (!at)
			break;
		count++;
		from += (size_t)(at - s) + what->len;
	}
	return value_new_int(a->ev->arena, count);
}

static bool at_end(
	const struct value *text, size_t from, size_t to, const struct value *affix, bool end)
{
	if (to - from < affix->len)
		return false;
	const char *at = end ? text->text + to - affix->len : text->text + from;
	return memcmp(at, affix->text, affix->len) == 0;
}

static const struct value *starts_or_ends(struct args *a, bool end, struct err *err)
{
	const struct value *affix = a->v[0];
	struct value one = {.kind = VALUE_TUPLE, .items = &affix, .count = 1};
	const struct value *all = affix->kind == VALUE_TUPLE ? affix : &one;
	size_t from = 0;
	size_t to = 0;
	int rc = window(a, 1, &from, &to, err);

	if (rc < 0)
		return NULL;
	for (size_t i = 0; i < all->count; i++) {
		if (!value_is_string(all->items[i]))
			return args_fail(a, err,
				"the argument must be a string or a tuple of strings, not '%s'",
				type_name(all->items[i]));
		if (rc && at_end(a->self, from, to, all->items[i], end))
			return &value_true;
	}
	return &value_false;
}

static const struct value *str_startswith(struct args *a, struct err *err)
{
	return starts_or_ends(a, false, err);
}

static const struct value *str_endswith(struct args *a, struct err *err)
{
	return starts_or_ends(a, true, err);
}

static const struct value *str_removeprefix(struct args *a, struct err *err)
{
	const struct value *affix = arg_string(a, 0, "", err);

	if (!affix)
		return NULL;
	bool there = at_end(a->self, 0, a->self->len, affix, false);
	size_t n = there ? affix->len : 0;
	return new_textn(a->ev, a->self->text + n, a->self->len - n);
}

static const struct value *str_removesuffix(struct args *a, struct err *err)
{
	const struct value *affix = arg_string(a, 0, "", err);

	if (!affix)
		return NULL;
	bool there = at_end(a->self, 0, a->self->len, affix, true);
	return new_textn(a->ev, a->self->text, a->self->len - (there ? affix->len : 0));
}

static const struct value *partition(struct args *a, bool last, struct err *err)
{
	const struct value *sep = arg_string(a, 0, "", err);
	const struct value *s = a->self;
	struct value *parts = value_new_list(a->ev->arena);

	if (!sep)
		return NULL;
	if (sep->len == 0)
		return args_fail(a, err, "empty separator");
	const struct value *pieces =
		last ? text_rsplit(a->ev, s, sep, 1) : text_split(a->ev, s, sep, 1);
	const struct value *empty = new_textn(a->ev, "", 0);
	bool found = pieces->count == 2;
	parts->kind = VALUE_TUPLE;
	value_list_add(a->ev->arena, parts, found ? pieces->items[0] : last ? empty : s);
	value_list_add(a->ev->arena, parts, found ? sep : empty);
	value_list_add(a->ev->arena, parts, found ? pieces->items[1] : last ? s : empty);
	return parts;
}

static const struct value *str_partition(struct args *a, struct err *err)
{
	return partition(a, false, err);
}

static const struct value *str_rpartition(struct args *a, struct err *err)
{
	return partition(a, true, err);
}

static const struct value *pad(struct args *a, char side, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *fill = arg_string(a, 1, " ", err);
	int64_t width;

	if (!fill || arg_int(a, 0, 0, &width, err) < 0)
		return NULL;
	if (utf8_count(fill->text, fill->len) != 1)
		return args_fail(
			a, err, "the fill character must be exactly one character long");
	size_t n = width > 0 ? (size_t)width : 0;
	if (eval_room(a->ev, n, err) < 0)
		return NULL;
	text_pad(a->self, n, fill->text, side, &text);
	return new_text(a->ev, &text, err);
}

static const struct value *str_ljust(struct args *a, struct err *err)
{
	return pad(a, 'l', err);
}

static const struct value *str_rjust(struct args *a, struct err *err)
{
	return pad(a, 'r', err);
}

static const struct value *str_center(struct args *a, struct err *err)
{
	return pad(a, 'c', err);
}

static const struct value *str_zfill(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *s = a->self;
	size_t length = utf8_count(s->text, s->len);
	int64_t width;

	if (arg_int(a, 0, 0, &width, err) < 0)
		return NULL;
	size_t sign = s->len > 0 && (*s->text == '-' || *s->text == '+');
	size_t zeros = width > 0 && (uint64_t)width > length ? (size_t)width - length : 0;
	if (eval_room(a->ev, zeros, err) < 0)
		return NULL;
	strbuf_add(&text, s->text, sign);
	for (size_t i = 0; i < zeros; i++)
		strbuf_addch(&text, '0');
	strbuf_add(&text, s->text + sign, s->len - sign);
	return new_text(a->ev, &text, err);
}

static const struct value *str_expandtabs(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	int64_t size;
	size_t column = 0;

	if (arg_int(a, 0, 8, &size, err) < 0 || eval_room(a->ev, (size_t)size, err) < 0)
		return NULL;
	for (size_t i = 0; i < a->self->len; i++) {
		char c = a->self->text[i];
		if (c != '\t') {
			strbuf_addch(&text, c);
			column = c == '\n' || c == '\r' ? 0 : column + ((c & 0xc0) != 0x80);
			continue;
		}
		size_t spaces = size > 0 ? (size_t)size - column % (size_t)size : 0;
		column += spaces;
		for (; spaces > 0; spaces--)
			strbuf_addch(&text, ' ');
		if (eval_room(a->ev, text.len, err) < 0)
			return NULL;
	}
	return new_text(a->ev, &text, err);
}

static const struct value *str_format(struct args *a, struct err *err)
{
	return text_format(a->ev, a->self, a->rest, a->named, err);
}

static const struct value *str_format_map(struct args *a, struct err *err)
{
	return text_format(a->ev, a->self, NULL, a->v[0], err);
}

static const struct value *str_encode(struct args *a, struct err *err)
{
	(void)err;
	return value_new_text(a->ev->arena, VALUE_BYTES, a->self->text, a->self->len);
}

/* True if there is a character, and all have one of two properties. */
static const struct value *all_are(
	const struct args *a, enum utf8_class first, enum utf8_class second)
{
	const struct value *s = a->self;
	size_t taken;

	for (size_t i = 0; i < s->len; i += taken) {
		uint32_t code = utf8_next(s->text + i, s->len - i, &taken);
		if (!utf8_is(code, first) && !utf8_is(code, second))
			return &value_false;
	}
	return value_bool(s->len > 0);
}

static const struct value *str_isalpha(struct args *a, struct err *err)
{
	(void)err;
	return all_are(a, UTF8_ALPHA, UTF8_ALPHA);
}

static const struct value *str_isdigit(struct args *a, struct err *err)
{
	(void)err;
	return all_are(a, UTF8_DIGIT, UTF8_DIGIT);
}

static const struct value *str_isalnum(struct args *a, struct err *err)
{
	(void)err;
	return all_are(a, UTF8_ALPHA, UTF8_DIGIT);
}

static const struct value *str_isspace(struct args *a, struct err *err)
{
	(void)err;
	return all_are(a, UTF8_SPACE, UTF8_SPACE);
}

static const struct value *str_isprintable(struct args *a, struct err *err)
{
	(void)err;
	return a->self->len == 0 ? &value_true : all_are(a, UTF8_PRINTABLE, UTF8_PRINTABLE);
}

static const struct value *str_isascii(struct args *a, struct err *err)
{
	(void)err;
	return value_bool(utf8_is_ascii(a->self->text, a->self->len));
}

/* True if there are letters with a case, and all of them have this one. */
static const struct value *has_case(
	const struct args *a, enum utf8_class want, enum utf8_class other)
{
	const struct value *s = a->self;
	bool seen = false;
	size_t taken;

	for (size_t i = 0; i < s->len; i += taken) {
		uint32_t code = utf8_next(s->text + i, s->len - i, &taken);
		if (utf8_is(code, other))
			return &value_false;
		seen |= utf8_is(code, want);
	}
	return value_bool(seen);
}

static const struct value *str_isupper(struct args *a, struct err *err)
{
	(void)err;
	return has_case(a, UTF8_UPPER, UTF8_LOWER);
}

static const struct value *str_islower(struct args *a, struct err *err)
{
	(void)err;
	return has_case(a, UTF8_LOWER, UTF8_UPPER);
}

static const struct value *str_istitle(struct args *a, struct err *err)
{
	const struct value *s = a->self;
	bool inside = false;
	bool seen = false;
	size_t taken;

	(void)err;
	for (size_t i = 0; i < s->len; i += taken) {
		uint32_t code = utf8_next(s->text + i, s->len - i, &taken);
		bool upper = utf8_is(code, UTF8_UPPER);
		bool lower = utf8_is(code, UTF8_LOWER);
		if ((upper && inside) || (lower && !inside))
			return &value_false;
		inside = upper || lower;
		seen |= inside;
	}
	return value_bool(seen);
}

static const struct value *str_isidentifier(struct args *a, struct err *err)
{
	const struct value *s = a->self;
	size_t taken;

	(void)err;
	for (size_t i = 0; i < s->len; i += taken) {
		uint32_t code = utf8_next(s->text + i, s->len - i, &taken);
		bool digit = utf8_is(code, UTF8_DIGIT);
		if (code != '_' && !utf8_is(code, UTF8_ALPHA) && !(digit && i > 0))
			return &value_false;
	}
	return value_bool(s->len > 0);
}

static const struct callable entries[] = {
	{"capitalize", str_capitalize, NULL, 0},
	{"casefold", str_lower, NULL, 0},
	{"center", str_center, "width ! fillchar", 0},
	{"count", str_count, "sub ! start end", 0},
	{"encode", str_encode, "encoding errors", 0},
	{"endswith", str_endswith, "suffix ! start end", 0},
	{"expandtabs", str_expandtabs, "tabsize", 0},
	{"find", str_find, "sub ! start end", 0},
	{"format", str_format, "* **", 0},
	{"format_map", str_format_map, "mapping !", 0},
	{"index", str_index, "sub ! start end", 0},
	{"isalnum", str_isalnum, NULL, 0},
	{"isalpha", str_isalpha, NULL, 0},
	{"isascii", str_isascii, NULL, 0},
	{"isdecimal", str_isdigit, NULL, 0},
	{"isdigit", str_isdigit, NULL, 0},
	{"isidentifier", str_isidentifier, NULL, 0},
	{"islower", str_islower, NULL, 0},
	{"isnumeric", str_isdigit, NULL, 0},
	{"isprintable", str_isprintable, NULL, 0},
	{"isspace", str_isspace, NULL, 0},
	{"istitle", str_istitle, NULL, 0},
	{"isupper", str_isupper, NULL, 0},
	{"join", str_join, "iterable !", 0},
	{"ljust", str_ljust, "width ! fillchar", 0},
	{"lower", str_lower, NULL, 0},
	{"lstrip", str_lstrip, "chars", 0},
	{"partition", str_partition, "sep !", 0},
	{"removeprefix", str_removeprefix, "prefix !", 0},
	{"removesuffix", str_removesuffix, "suffix !", 0},
	{"replace", str_replace, "old new ! count", 0},
	{"rfind", str_rfind, "sub ! start end", 0},
	{"rindex", str_rindex, "sub ! start end", 0},
	{"rjust", str_rjust, "width ! fillchar", 0},
	{"rpartition", str_rpartition, "sep !", 0},
	{"rsplit", str_rsplit, "sep maxsplit", 0},
	{"rstrip", str_rstrip, "chars", 0},
	{"split", str_split, "sep maxsplit", 0},
	{"splitlines", str_splitlines, "keepends", 0},
	{"startswith", str_startswith, "prefix ! start end", 0},
	{"strip", str_strip, "chars", 0},
	{"swapcase", str_swapcase, NULL, 0},
	{"title", str_title, NULL, 0},
	{"upper", str_upper, NULL, 0},
	{"zfill", str_zfill, "width !", 0},
};

CALLABLES(methods_str, entries);
