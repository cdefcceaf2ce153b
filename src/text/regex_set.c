/* SPDX-License-Identifier: Apache-2.0 */
#include "text/regex_translate.h"

/* An element of a set: a character, or a category such as \d. */
struct element {
	char category; /* 0 for a character */
	uint32_t c;
	size_t from;
};

static int unterminated(struct regex_translation *t, size_t start)
{
	return regex_fail(t, start, "unterminated character set");
}

static int read_escape(struct regex_translation *t, struct element *e)
{
	char letter = t->pattern[t->at];

	if (letter && strchr("dDsSwW", letter)) {
		e->category = letter;
		t->at++;
		return 0;
	}
	if (letter >= '0' && letter <= '7')
		return regex_read_octal(t, 3, &e->c);
	return regex_read_char_escape(t, &e->c);
}

static int read_element(struct regex_translation *t, size_t start, struct element *e)
{
	size_t len;

	*e = (struct element){.from = t->at};
	if (t->at == t->len)
		return unterminated(t, start);
	if (t->pattern[t->at] == '\\') {
		t->at++;
		return t->at == t->len ? unterminated(t, start) : read_escape(t, e);
	}
	e->c = utf8_decode(t->pattern + t->at, t->len - t->at, &len);
	t->at += len;
	return 0;
}

static void emit_element(struct regex_translation *t, const struct element *e)
{
	char text[3] = {'\\', e->category, '\0'};

	if (e->category)
		regex_emit(t, e->from, text);
	else
		regex_emit_literal(t, e->from, e->c);
}

/* An element, and the range that it may begin. */
static int translate_element(struct regex_translation *t, size_t start)
{
	struct element first, last;

	if (read_element(t, start, &first) < 0)
		return -1;
	emit_element(t, &first);
	if (t->at == t->len || t->pattern[t->at] != '-')
		return 0;
	if (t->at + 1 == t->len)
		return unterminated(t, start);
	if (t->pattern[t->at + 1] == ']')
		return 0; /* a minus at the end stands for itself */
	t->at++;
	if (read_element(t, start, &last) < 0)
		return -1;
	if (first.category || last.category || last.c < first.c)
		return regex_fail(t, first.from, "bad character range");
	regex_emit(t, first.from, "-");
	emit_element(t, &last);
	return 0;
}

int regex_translate_set(struct regex_translation *t)
{
	size_t start = t->at - 1;

	regex_emit(t, start, "[");
	if (t->at < t->len && t->pattern[t->at] == '^') {
		regex_emit(t, t->at, "^");
		t->at++;
	}
	do {
		if (translate_element(t, start) < 0)
			return -1;
		if (t->at == t->len)
			return unterminated(t, start);
	} while (t->pattern[t->at] != ']');
	regex_emit(t, t->at++, "]");
	t->item = ITEM_ATOM;
	return 0;
}
