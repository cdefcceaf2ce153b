/* SPDX-License-Identifier: Apache-2.0 */
#include "template/strings.h"

#include "template/repr.h"
#include "template/utf8.h"

/* Letters whose upper-case form is longer than one character. */
static bool add_special_upper(uint32_t code, bool title, struct strbuf *out)
{
	if (code != 0xdf)
		return false;
	strbuf_addstr(out, title ? "Ss" : "SS");
	return true;
}

/* Whether a letter becomes a capital one; else it becomes a small one. */
static bool wants_upper(enum text_case how, bool inside_word, bool first, bool is_lower)
{
	switch (how) {
	case CASE_UPPER: return true;
	case CASE_TITLE: return !inside_word;
	case CASE_CAPITALIZE: return first;
	case CASE_SWAP: return is_lower;
	default: return false;
	}
}

/* The same for a letter beyond ASCII. True if it was one. */
static bool add_letter(
	uint32_t code, enum text_case how, bool inside_word, bool first, struct strbuf *out)
{
	bool lower = utf8_is(code, UTF8_LOWER);
	bool upper = wants_upper(how, inside_word, first, lower);

	if (!upper || !add_special_upper(code, how != CASE_UPPER && how != CASE_SWAP, out))
		utf8_add(out, upper ? utf8_upper(code) : utf8_lower(code));
	return lower || utf8_is(code, UTF8_UPPER);
}

static char ascii_case(char c, bool letter, bool upper)
{
	return (char)(!letter ? c : upper ? c & ~0x20 : c | 0x20);
}

/* All in one case, as far as it is ASCII: how many bytes that are. */
static size_t add_ascii(const char *s, size_t n, enum text_case how, struct strbuf *out)
{
	const char first = how == CASE_UPPER ? 'a' : 'A';
	size_t i = 0;

	strbuf_reserve(out, n);
	char *to = out->data + out->len;
	for (; i < n && !(s[i] & 0x80); i++)
		to[i] = (uint8_t)(s[i] - first) < 26 ? (char)(s[i] ^ 0x20) : s[i];
	to[i] = '\0';
	out->len += i;
	return i;
}

void text_change_case(const char *s, size_t n, enum text_case how, struct strbuf *out)
{
	bool inside_word = false;
	size_t taken;
	size_t plain = how == CASE_UPPER || how == CASE_LOWER ? add_ascii(s, n, how, out) : 0;

	for (size_t i = plain; i < n; i += taken) {
		bool lower = s[i] >= 'a' && s[i] <= 'z';
		taken = 1;
		if (!(s[i] & 0x80)) {
			bool upper = wants_upper(how, inside_word, i == 0, lower);
			inside_word = lower || (s[i] >= 'A' && s[i] <= 'Z');
			strbuf_addch(out, ascii_case(s[i], inside_word, upper));
		} else if (utf8_len(s + i, n - i) == 0) {
			strbuf_addch(out, s[i]);
		} else {
			uint32_t code = utf8_next(s + i, n - i, &taken);
			inside_word = add_letter(code, how, inside_word, i == 0, out);
		}
	}
}

const struct value *text_in_case(
	struct eval *ev, const struct value *text, enum text_case how, struct err *err)
{
	AUTO(scratch_end) struct scratch changed = scratch_begin(ev);

	text_change_case(text->text, text->len, how, &ev->state->text);
	return scratch_string(ev, &changed, err);
}

static bool in_set(const char *s, size_t n, const struct value *chars)
{
	size_t taken;

	if (!chars)
		return utf8_is(utf8_next(s, n, &taken), UTF8_SPACE);
	return memmem(chars->text, chars->len, s, n) != NULL;
}

void text_strip(const char **s, size_t *n, const struct value *chars, enum text_ends ends)
{
	while ((ends & ENDS_LEFT) && *n > 0) {
		size_t taken = utf8_offset(*s, *n, 1);
		if (!in_set(*s, taken, chars))
			break;
		*s += taken;
		*n -= taken;
	}
	while ((ends & ENDS_RIGHT) && *n > 0) {
		size_t at = *n - 1;
		while (at > 0 && ((*s)[at] & 0xc0) == 0x80)
			at--;
		if (!in_set(*s + at, *n - at, chars))
			break;
		*n = at;
	}
}

/* "abc".replace("", "-") puts one before every character and at the end. */
static void replace_empty(
	const struct value *text, const struct value *new, int64_t max, struct strbuf *out)
{
	size_t at = 0;

	while (max != 0) {
		strbuf_add(out, new->text, new->len);
		if (at >= text->len)
			return;
		size_t n = utf8_offset(text->text + at, text->len - at, 1);
		strbuf_add(out, text->text + at, n);
		at += n;
		max--;
	}
	strbuf_add(out, text->text + at, text->len - at);
}

void text_replace(const struct value *text, const struct value *old, const struct value *new,
	int64_t max, struct strbuf *out)
{
	const char *at = text->text;
	const char *end = text->text + text->len;

	if (old->len == 0) {
		replace_empty(text, new, max, out);
		return;
	}
	for (; max != 0; max--) {
		const char *found = memmem(at, (size_t)(end - at), old->text, old->len);
		if (!found)
			break;
		strbuf_add(out, at, (size_t)(found - at));
		strbuf_add(out, new->text, new->len);
		at = found + old->len;
	}
	strbuf_add(out, at, (size_t)(end - at));
}

static void add_piece(struct eval *ev, struct value *list, const char *from, const char *to)
{
	value_list_add(ev->arena, list, new_textn(ev, from, (size_t)(to - from)));
}

static struct value *split_space(struct eval *ev, const struct value *text, int64_t max)
{
	struct value *list = value_new_list(ev->arena);
	const char *s = text->text;
	size_t n = text->len;

	for (text_strip(&s, &n, NULL, ENDS_LEFT); n > 0; text_strip(&s, &n, NULL, ENDS_LEFT)) {
		const char *from = s;
		if (max-- == 0) { /* the rest, with the white space behind it */
			add_piece(ev, list, from, s + n);
			break;
		}
		while (n > 0 && !in_set(s, utf8_offset(s, n, 1), NULL)) {
			size_t taken = utf8_offset(s, n, 1);
			s += taken;
			n -= taken;
		}
		add_piece(ev, list, from, s);
	}
	return list;
}

struct value *text_split(
	struct eval *ev, const struct value *text, const struct value *sep, int64_t max)
{
	if (!sep)
		return split_space(ev, text, max);
	struct value *list = value_new_list(ev->arena);
	const char *at = text->text;
	const char *end = at + text->len;
	for (; max != 0; max--) {
		const char *found = memmem(at, (size_t)(end - at), sep->text, sep->len);
		if (!found)
			break;
		add_piece(ev, list, at, found);
		at = found + sep->len;
	}
	add_piece(ev, list, at, end);
	return list;
}

static void reverse(struct value *list)
{
	for (size_t i = 0; i < list->count / 2; i++) {
		const struct value *swap = list->items[i];
		list->items[i] = list->items[list->count - 1 - i];
		list->items[list->count - 1 - i] = swap;
	}
}

static const char *find_last(const char *from, const char *end, const struct value *what)
{
	for (const char *at = end - what->len; at >= from; at--) {
		if (memcmp(at, what->text, what->len) == 0)
			return at;
	}
	return NULL;
}

static struct value *rsplit_space(struct eval *ev, const struct value *text, int64_t max)
{
	struct value *list = value_new_list(ev->arena);
	const char *s = text->text;
	size_t n = text->len;

	for (text_strip(&s, &n, NULL, ENDS_RIGHT); n > 0;
		text_strip(&s, &n, NULL, ENDS_RIGHT)) {
		size_t end = n;
		if (max-- == 0) { /* the rest, with the white space before it */
			add_piece(ev, list, s, s + n);
			break;
		}
		while (n > 0) {
			size_t at = n - 1;
			while (at > 0 && (s[at] & 0xc0) == 0x80)
				at--;
			if (in_set(s + at, n - at, NULL))
				break;
			n = at;
		}
		add_piece(ev, list, s + n, s + end);
	}
	reverse(list);
	return list;
}

struct value *text_rsplit(
	struct eval *ev, const struct value *text, const struct value *sep, int64_t max)
{
	if (!sep)
		return rsplit_space(ev, text, max);
	struct value *list = value_new_list(ev->arena);
	const char *end = text->text + text->len;
	for (; max != 0 && (size_t)(end - text->text) >= sep->len; max--) {
		const char *found = find_last(text->text, end, sep);
		if (!found)
			break;
		add_piece(ev, list, found + sep->len, end);
		end = found;
	}
	add_piece(ev, list, text->text, end);
	reverse(list);
	return list;
}

static bool is_line_end(uint32_t code)
{
	return (code >= '\n' && code <= '\r') || (code >= 0x1c && code <= 0x1e) ||
	       code == 0x85 || code == 0x2028 || code == 0x2029;
}

struct value *text_lines(struct eval *ev, const struct value *text, bool keep_ends)
{
	struct value *list = value_new_list(ev->arena);
	const char *end = text->text + text->len;
	const char *from = text->text;
	size_t taken;

	for (const char *at = from; at < end; at += taken) {
		uint32_t code = utf8_next(at, (size_t)(end - at), &taken);
		if (!is_line_end(code))
			continue;
		if (code == '\r' && at + 1 < end && at[1] == '\n')
			taken = 2;
		add_piece(ev, list, from, keep_ends ? at + taken : at);
		from = at + taken;
	}
	if (from < end)
		add_piece(ev, list, from, end);
	return list;
}

void text_pad(
	const struct value *text, size_t width, const char *fill, char side, struct strbuf *out)
{
	size_t length = utf8_count(text->text, text->len);
	size_t missing = width > length ? width - length : 0;
	size_t left = side == 'r' ? missing : side == 'l' ? 0 : missing / 2;

	if (side == 'c' && (missing & 1) && (width & 1))
		left++;
	for (size_t i = 0; i < left; i++)
		strbuf_addstr(out, fill);
	strbuf_add(out, text->text, text->len);
	for (size_t i = left; i < missing; i++)
		strbuf_addstr(out, fill);
}
