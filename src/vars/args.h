/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "k=v k2='v 2'" as -e takes it: words between white space, held together by quotes and by the
 * delimiters of templates; backslash escapes resolved; quotes around a value removed.
 */
#ifndef VARS_ARGS_H
#define VARS_ARGS_H

#include "base/err.h"
#include "base/str.h"
#include "value/value.h"

#define ARGS_MAX (1u << 20) /* bytes of one argument */

/* One word of such a text. */
struct args_word {
	const char *text; /* as written, in the text that was split; `len` bytes */
	size_t len;
	size_t gap;          /* spaces and line ends behind it */
	const char *decoded; /* with its escapes resolved, in the arena */
	const char *name;    /* of a pair, else NULL: then there is no value either */
	const char *value;
};

/*
 * Takes the next word from *text, which moves behind its gap. 1; 0 at the end; -1 with err when
 * quotes or template delimiters are not closed.
 */
int args_word_next(
	struct arena *arena, const char **text, struct args_word *word, struct err *err);

/*
 * Sets each pair in `dict` (values are strings placed at `at`). -1 with err for a word without
 * "=", and when quotes or template delimiters are not closed.
 */
int args_parse(struct arena *arena, const char *text, const struct place *at,
	struct value *dict, struct err *err);

#endif
