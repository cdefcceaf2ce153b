/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python's operations on text that methods and filters share.
 */
#ifndef TEMPLATE_STRINGS_H
#define TEMPLATE_STRINGS_H

#include "template/object.h"

enum text_case { CASE_UPPER, CASE_LOWER, CASE_TITLE, CASE_CAPITALIZE, CASE_SWAP };
/* Appends text with its case changed as str.upper() and its sisters do. */
void text_change_case(const char *s, size_t n, enum text_case how, struct strbuf *out);

/* A text with its case changed, as a new string. */
const struct value *text_in_case(
	struct eval *ev, const struct value *text, enum text_case how, struct err *err);

/* Which ends of a text. */
enum text_ends { ENDS_LEFT = 1, ENDS_RIGHT = 2, ENDS_BOTH = 3 };
/* Narrows *s, *n by the characters in `chars` (NULL: white space). */
void text_strip(const char **s, size_t *n, const struct value *chars, enum text_ends ends);

/* Appends text with up to max (negative: all) occurrences replaced. */
void text_replace(const struct value *text, const struct value *old, const struct value *new,
	int64_t max, struct strbuf *out);
/* Splits at a separator (NULL: runs of white space) at most max times (negative: all). */
struct value *text_split(
	struct eval *ev, const struct value *text, const struct value *sep, int64_t max);
/* The same from the right. */
struct value *text_rsplit(
	struct eval *ev, const struct value *text, const struct value *sep, int64_t max);
/* Lines, as str.splitlines() cuts them. */
struct value *text_lines(struct eval *ev, const struct value *text, bool keep_ends);
/* Appends text padded to width characters: left, right or both sides, as 'r' 'l' 'c' says. */
void text_pad(const struct value *text, size_t width, const char *fill, char side,
	struct strbuf *out);
/* str.format(): replacement fields filled from positional (a list) and named (a dict). */
const struct value *text_format(struct eval *ev, const struct value *format,
	const struct value *positional, const struct value *named, struct err *err);
/* format(value, spec): "{:08.3f}" and the like. */
int text_format_spec(struct eval *ev, const struct value *v, const char *spec, size_t n,
	struct strbuf *out, struct err *err);

#endif
