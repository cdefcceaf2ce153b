/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory/literal.h"

#include <ctype.h>

#include "base/str.h"
#include "value/number.h"

/* Where the parser is. A function that returns NULL has found that this is no literal. */
struct literal {
	struct arena *arena;
	const char *at;
	const char *end;
	const struct place *place;
	int depth;
};

static struct value *parse_value(struct literal *l);

static void skip_space(struct literal *l)
{
	while (l->at < l->end && (*l->at == ' ' || *l->at == '\t' || *l->at == '\f'))
		l->at++;
	if (l->at < l->end && *l->at == '#')
		l->at = l->end;
}

static int peek(const struct literal *l, size_t ahead)
{
	return (size_t)(l->end - l->at) > ahead ? (unsigned char)l->at[ahead] : -1;
}

static bool take(struct literal *l, char c)
{
	skip_space(l);
	if (peek(l, 0) != c)
		return false;
	l->at++;
	return true;
}

static struct value *placed(const struct literal *l, struct value *value)
{
	if (value)
		value->place = *l->place;
	return value;
}

static struct value *keyword(struct literal *l)
{
	static const struct {
		const char *word;
		uint8_t kind;
		bool boolean;
	} words[] = {
		{"None", VALUE_NULL, false},
		{"True", VALUE_BOOL, true},
		{"False", VALUE_BOOL, false},
	};
	size_t len = 0;

	while (peek(l, len) == '_' || isalnum(peek(l, len)) || peek(l, len) >= 0x80)
		len++;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i].word) != len || memcmp(l->at, words[i].word, len) != 0)
			continue;
		struct value *value = ARENA_NEW(l->arena, struct value);
		value->kind = words[i].kind;
		value->boolean = words[i].boolean;
		l->at += len;
		return value;
	}
	return NULL;
}

/*
 * Appends digits of a base (16 for hex ...), with single underscores between them. False if
 * there is none, or an underscore stands elsewhere.
 */
static bool digits(struct literal *l, int base, struct strbuf *out)
{
	size_t before = out->len;
	bool underscore = false;

	for (;; l->at++) {
		int c = peek(l, 0);
		int digit = isdigit(c) ? c - '0' : isalpha(c) ? tolower(c) - 'a' + 10 : 99;
		if (c == '_' && out->len > before && !underscore) {
			underscore = true;
			continue;
		}
		if (digit >= base)
			break;
		underscore = false;
		strbuf_addch(out, (char)c);
	}
	return out->len > before && !underscore;
}

static struct value *based_integer(struct literal *l, bool negative)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	int letter = tolower(peek(l, 1));
	int base = letter == 'x' ? 16 : letter == 'o' ? 8 : 2;

	l->at += 2;
	if (peek(l, 0) == '_')
		l->at++;
	if (!digits(l, base, &text))
		return NULL;
	return number_new_integer(l->arena, negative, text.data, text.len, (unsigned)base);
}

/* Fraction and exponent behind the whole part, which is in `text`. */
static bool float_rest(struct literal *l, struct strbuf *text, bool *is_float)
{
	if (peek(l, 0) == '.') {
		*is_float = true;
		strbuf_addch(text, '.');
		l->at++;
		if (isdigit(peek(l, 0)) && !digits(l, 10, text))
			return false;
	}
	if (tolower(peek(l, 0)) == 'e') {
		*is_float = true;
		strbuf_addch(text, 'e');
		l->at++;
		if (peek(l, 0) == '+' || peek(l, 0) == '-')
			strbuf_addch(text, *l->at++);
		if (!digits(l, 10, text))
			return false;
	}
	return true;
}

static struct value *decimal(struct literal *l, bool negative)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	bool is_float = false;
	double real;

	if (peek(l, 0) != '.' && !digits(l, 10, &text))
		return NULL;
	size_t whole = text.len;
	if (!float_rest(l, &text, &is_float) || !strcmp(text.data, "."))
		return NULL;
	if (!is_float) {
		if (whole > 1 && text.data[0] == '0' && strspn(text.data, "0") != whole)
			return NULL; /* 0123 is an error in Python 3, 00 is not */
		return number_new_integer(l->arena, negative, text.data, text.len, 10);
	}
	if (!number_parse_float(text.data, text.len, &real))
		return NULL;
	return value_new_float(l->arena, negative ? -real : real);
}

static struct value *number(struct literal *l, bool negative)
{
	struct value *value;

	if (peek(l, 0) == '0' && peek(l, 1) > 0 && strchr("xXoObB", peek(l, 1)))
		value = based_integer(l, negative);
	else if (isdigit(peek(l, 0)) || (peek(l, 0) == '.' && isdigit(peek(l, 1))))
		value = decimal(l, negative);
	else
		return NULL;
	if (isalnum(peek(l, 0)) || peek(l, 0) == '_' || peek(l, 0) >= 0x80)
		return NULL;
	return value;
}

static struct value *signed_number(struct literal *l)
{
	bool negative = *l->at == '-';

	l->at++;
	skip_space(l);
	return number(l, negative);
}

struct string_kind {
	bool raw;
	bool bytes;
	char quote;
	bool triple;
};

/* Reads r, b, u, rb, br before a quote; false if this does not begin a string. */
static bool string_open(struct literal *l, struct string_kind *kind)
{
	size_t n = 0;
	bool unicode = false;

	*kind = (struct string_kind){0};
	for (; n < 3 && isalpha(peek(l, n)); n++) {
		int c = tolower(peek(l, n));
		if (c == 'r' && !kind->raw)
			kind->raw = true;
		else if (c == 'b' && !kind->bytes)
			kind->bytes = true;
		else if (c == 'u' && !unicode)
			unicode = true;
		else
			return false;
	}
	if (n > 2 || (unicode && n > 1) || (peek(l, n) != '\'' && peek(l, n) != '"'))
		return false;
	kind->quote = l->at[n];
	kind->triple = peek(l, n + 1) == kind->quote && peek(l, n + 2) == kind->quote;
	l->at += n + (kind->triple ? 3 : 1);
	return true;
}

static bool string_closes(struct literal *l, const struct string_kind *kind)
{
	if (peek(l, 0) != kind->quote)
		return false;
	if (!kind->triple) {
		l->at++;
		return true;
	}
	if (peek(l, 1) != kind->quote || peek(l, 2) != kind->quote)
		return false;
	l->at += 3;
	return true;
}

/* Exactly n hex digits (\x, \u, \U). */
static bool hex_escape(struct literal *l, size_t n, unsigned long *out)
{
	*out = 0;
	for (size_t i = 0; i < n; i++, l->at++) {
		int c = peek(l, 0);
		if (!isxdigit(c))
			return false;
		*out = *out * 16 +
		       (unsigned long)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
	}
	return *out <= 0x10ffff && !(*out >= 0xd800 && *out < 0xe000);
}

static unsigned long octal_escape(struct literal *l)
{
	unsigned long c = 0;

	for (int i = 0; i < 3 && peek(l, 0) >= '0' && peek(l, 0) <= '7'; i++)
		c = c * 8 + (unsigned long)(*l->at++ - '0');
	return c;
}

static void add_character(struct strbuf *out, const struct string_kind *kind, unsigned long c)
{
	if (kind->bytes)
		strbuf_addch(out, (char)(c & 0xff));
	else
		strbuf_addutf8(out, (uint32_t)c);
}

/* One escape, behind its backslash. An unknown letter keeps the backslash. */
static bool escape(struct literal *l, const struct string_kind *kind, struct strbuf *out)
{
	static const char letters[] = "\\'\"abfnrtv";
	static const char meant[] = "\\'\"\a\b\f\n\r\t\v";
	int c = peek(l, 0);
	unsigned long code;

	if (c >= '0' && c <= '7') {
		add_character(out, kind, octal_escape(l));
		return true;
	}
	l->at++;
	if (c == 'x' || (!kind->bytes && (c == 'u' || c == 'U'))) {
		if (!hex_escape(l, c == 'x' ? 2 : c == 'u' ? 4 : 8, &code))
			return false;
		add_character(out, kind, code);
		return true;
	}
	if (c == 'N' && !kind->bytes)
		return false;
	const char *known = strchr(letters, c);
	if (known)
		strbuf_addch(out, meant[known - letters]);
	else {
		strbuf_addch(out, '\\');
		strbuf_addch(out, (char)c);
	}
	return true;
}

/* True for what may stand between quotes: no NUL, and of bytes only ASCII. */
static bool may_stand(int c, const struct string_kind *kind)
{
	return c > 0 && !(kind->bytes && c >= 0x80);
}

static bool string_body(struct literal *l, const struct string_kind *kind, struct strbuf *out)
{
	while (!string_closes(l, kind)) {
		int c = peek(l, 0);
		if (!may_stand(c, kind))
			return false;
		l->at++;
		if (c != '\\') {
			strbuf_addch(out, (char)c);
		} else if (!may_stand(peek(l, 0), kind)) {
			return false;
		} else if (kind->raw) {
			strbuf_addch(out, '\\');
			strbuf_addch(out, *l->at++);
		} else if (!escape(l, kind, out)) {
			return false;
		}
	}
	return true;
}

/* One or more strings side by side, which make one. */
static struct value *string(struct literal *l)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct string_kind kind, next;
	const char *before;

	if (!string_open(l, &kind))
		return NULL;
	next = kind;
	do {
		if (next.bytes != kind.bytes || !string_body(l, &next, &text))
			return NULL;
		skip_space(l);
		before = l->at;
	} while (string_open(l, &next));
	l->at = before;
	return value_new_text(
		l->arena, kind.bytes ? VALUE_BYTES : VALUE_STRING, text.data, text.len);
}

static bool hashable(const struct value *value)
{
	if (value->kind == VALUE_LIST || value->kind == VALUE_DICT)
		return false;
	if (value->kind == VALUE_TUPLE)
		for (size_t i = 0; i < value->count; i++)
			if (!hashable(value->items[i]))
				return false;
	return true;
}

/* Members up to `close`; *commas says if there was any. */
static struct value *sequence(struct literal *l, uint8_t kind, char close, bool *commas)
{
	struct value *list = value_new_list(l->arena);

	list->kind = kind;
	*commas = false;
	while (!take(l, close)) {
		struct value *item = parse_value(l);
		if (!item)
			return NULL;
		value_list_add(l->arena, list, item);
		if (!take(l, ','))
			return take(l, close) ? list : NULL;
		*commas = true;
	}
	return list;
}

static struct value *parenthesis(struct literal *l)
{
	bool commas;
	struct value *tuple = sequence(l, VALUE_TUPLE, ')', &commas);

	if (tuple && tuple->count == 1 && !commas) {
		struct value *only = ARENA_NEW(l->arena, struct value);
		*only = *tuple->items[0];
		return only;
	}
	return tuple;
}

/* The rest of a set whose first member is there. */
static struct value *set(struct literal *l, const struct value *first)
{
	struct value *list = value_new_list(l->arena);

	for (const struct value *item = first;;) {
		bool seen = false;
		if (!item || !hashable(item))
			return NULL;
		for (size_t i = 0; i < list->count; i++)
			seen = seen || value_equal(list->items[i], item);
		if (!seen)
			value_list_add(l->arena, list, item);
		bool comma = take(l, ',');
		if (take(l, '}'))
			return list;
		if (!comma)
			return NULL;
		item = parse_value(l);
	}
}

static struct value *braces(struct literal *l)
{
	struct value *dict = value_new_dict(l->arena);

	if (take(l, '}'))
		return dict;
	for (;;) {
		struct value *key = parse_value(l);
		if (!key)
			return NULL;
		if (!take(l, ':'))
			return dict->pair_count == 0 ? set(l, key) : NULL;
		struct value *value = parse_value(l);
		if (!value || !hashable(key))
			return NULL;
		value_dict_set_value(l->arena, dict, key, value);
		bool comma = take(l, ',');
		if (take(l, '}'))
			return dict;
		if (!comma)
			return NULL;
	}
}

static struct value *bracketed(struct literal *l)
{
	bool commas;
	char open = *l->at++;

	if (open == '[')
		return sequence(l, VALUE_LIST, ']', &commas);
	return open == '(' ? parenthesis(l) : braces(l);
}

/* What begins with a letter, a digit or a quote. */
static struct value *word(struct literal *l)
{
	const char *before = l->at;
	struct value *value;

	if (isdigit(peek(l, 0)) || peek(l, 0) == '.')
		return number(l, false);
	value = string(l);
	return value || l->at != before ? value : keyword(l);
}

static struct value *parse_value(struct literal *l)
{
	struct value *value;

	skip_space(l);
	if (++l->depth > LITERAL_MAX_DEPTH)
		return NULL;
	switch (peek(l, 0)) {
	case -1: return NULL;
	case '[':
	case '(':
	case '{': value = bracketed(l); break;
	case '-':
	case '+': value = signed_number(l); break;
	default: value = word(l);
	}
	l->depth--;
	return placed(l, value);
}

/* Values with commas between them but no parentheses make a tuple, too. */
static struct value *bare_tuple(struct literal *l, struct value *first)
{
	struct value *tuple = value_new_list(l->arena);

	tuple->kind = VALUE_TUPLE;
	value_list_add(l->arena, tuple, first);
	while (skip_space(l), l->at < l->end) {
		struct value *item = parse_value(l);
		if (!item)
			return NULL;
		value_list_add(l->arena, tuple, item);
		if (!take(l, ',') && l->at < l->end)
			return NULL;
	}
	return placed(l, tuple);
}

const struct value *literal_parse(
	struct arena *arena, const char *text, size_t len, const struct place *at)
{
	struct literal l = {.arena = arena, .at = text, .end = text + len, .place = at};
	struct value *value = parse_value(&l);

	if (!value)
		return NULL;
	skip_space(&l);
	if (take(&l, ','))
		value = bare_tuple(&l, value);
	if (!value || l.at < l.end)
		return NULL;
	return value;
}
