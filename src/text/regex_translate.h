/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From Python's pattern language to PCRE2's. Private to text/.
 *
 * One walk over the pattern emits what PCRE2 takes for the same thing. Names of groups are
 * kept here and become numbers there; the verbose flag is resolved, white space and comments
 * are dropped. What PCRE2 refuses just as Python does (an unbalanced parenthesis, a
 * lookbehind without fixed width) is left to it; `origin` tells where it came from.
 */
#ifndef TEXT_REGEX_TRANSLATE_H
#define TEXT_REGEX_TRANSLATE_H

#include "base/err.h"
#include "base/str.h"
#include "text/regex.h"

/* What "(" opened. */
struct regex_frame {
	bool verbose;   /* inside it */
	unsigned group; /* its number, 0 when it does not capture */
};

/* What a quantifier would repeat. */
enum regex_item { ITEM_NONE, ITEM_POSITION, ITEM_ATOM, ITEM_REPEAT };

#define REGEX_MAX_NESTING 250

struct regex_translation {
	const char *pattern;
	size_t len;
	size_t at; /* the next byte to read */
	unsigned flags;
	struct strbuf out;
	size_t *origin; /* for each byte of out, where in the pattern it came from */
	size_t origin_cap;
	char *names[REGEX_MAX_GROUPS + 1]; /* by number; NULL for a group without one */
	bool open[REGEX_MAX_GROUPS + 1];
	unsigned groups;
	struct regex_frame frames[REGEX_MAX_NESTING];
	size_t depth;
	bool verbose;
	bool started; /* something was emitted: no global flags any more */
	enum regex_item item;
	struct err *err;
};

/* Translates; -1 with err. Release it in either case. */
int regex_translate(struct regex_translation *t, const char *pattern, size_t len,
	unsigned flags, struct err *err);
/* Frees what the translation holds. */
void regex_translation_release(struct regex_translation *t);
/* The group with a name, or 0. */
unsigned regex_find_name(char *const *names, unsigned groups, const char *name, size_t len);
/* True if a text can name a group: a letter or _, then letters, digits or _; UTF-8 is taken. */
bool regex_is_name(const char *s, size_t n);

/* For the files of the translator: */

/* Appends text that stands for what begins at `from` in the pattern. */
void regex_emit(struct regex_translation *t, size_t from, const char *text);
/* Appends a character that stands for itself, inside and outside of a set. */
void regex_emit_literal(struct regex_translation *t, size_t from, uint32_t c);
/* Fails with the offset `from`; always -1. */
int regex_fail(struct regex_translation *t, size_t from, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* Reads an escape that means one character: \n, \x41, \u00e9, \. ...; t->at is behind the "\".
 */
int regex_read_char_escape(struct regex_translation *t, uint32_t *c);
/* Reads an octal escape of up to max digits. */
int regex_read_octal(struct regex_translation *t, int max, uint32_t *c);
/* Translates a set; t->at is behind the "[". */
int regex_translate_set(struct regex_translation *t);

#endif
