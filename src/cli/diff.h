/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines in which two texts differ, as `diff -u` shows them: three lines of context, and a
 * note where a text does not end with a newline.
 *
 * Source of the algorithm: E. W. Myers, "An O(ND) Difference Algorithm and Its Variations",
 * Algorithmica 1 (1986): the shortest edit script. Texts that have more than DIFF_EDITS_MAX
 * edits between them are shown as replaced whole, save for the lines at both ends that are
 * equal.
 */
#ifndef CLI_DIFF_H
#define CLI_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define DIFF_EDITS_MAX 1000
#define DIFF_CONTEXT   3

struct diff_text {
	const char *name; /* in the head: "before: /etc/motd" */
	const char *text;
	size_t len;
};

/* Appends the difference, coloured on request; nothing, and false, when the texts are equal. */
bool diff_unified(const struct diff_text *before, const struct diff_text *after, bool color,
	struct strbuf *out);

#endif
