/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text as a list of its lines, each with what ends it: what lineinfile and blockinfile work
 * on. Lines point into the text, or into an arena.
 */
#ifndef PLAY_MODULES_TEXT_LINES_H
#define PLAY_MODULES_TEXT_LINES_H

#include "base/mem.h"
#include "base/str.h"

struct text_line {
	const char *text;
	size_t len;
};

/* An all-zero struct is an empty list. */
struct text_lines {
	struct text_line *items;
	size_t count, cap;
};

/* Appends the lines of a text that ends each with "\n". With `carriage` "\r" and "\r\n" end
 * one, too, as Python's splitlines has it for bytes. */
void text_lines_split(struct text_lines *l, const char *text, size_t len, bool carriage);
/* Puts a line in front of line `at` (count: behind all). */
void text_lines_insert(struct text_lines *l, size_t at, struct text_line line);
/* Takes lines from `from` up to, but not including, `to` out. */
void text_lines_remove(struct text_lines *l, size_t from, size_t to);
/* Appends all lines to a buffer. */
void text_lines_join(const struct text_lines *l, struct strbuf *out);
/* Frees the list, not the texts. */
void text_lines_release(struct text_lines *l);
/* A line of a text with "\n" behind it, unless it ends with one; in the arena. */
struct text_line text_line_ended(struct arena *a, const char *text, size_t len);
/* True when a line without the "\r" and "\n" at its end is this text. */
bool text_line_is(const struct text_line *line, const char *text, size_t len);
/* True when a line ends with "\n". */
bool text_line_has_end(const struct text_line *line);

#endif
