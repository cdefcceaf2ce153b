/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splitting a line into words as a POSIX shell would read them, by the rules of Python's
 * shlex.split with comments: quotes group, a backslash escapes outside quotes and before
 * `"` or `\` inside double quotes, `#` outside quotes ends the line.
 */
#ifndef INVENTORY_WORDS_H
#define INVENTORY_WORDS_H

#include "base/err.h"
#include "base/str.h"

/* One word, and where it begins in the line (from 0). */
struct word {
	char *text;
	size_t offset;
};

struct words {
	struct word *items;
	size_t count;
	size_t cap;
};

/* Splits n bytes. -1 with err for a quote that is not closed or a backslash at the end. */
int words_split(struct words *words, const char *line, size_t n, struct err *err);
/* The same without comments, as shlex.split does it by itself: '#' is a character like others.
 */
int words_split_all(struct words *words, const char *line, size_t n, struct err *err);
/* Frees all words. */
void words_release(struct words *words);

#endif
