/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command's line cut into words as a POSIX shell would, without any expansion.
 */
#ifndef NODE_WORDS_H
#define NODE_WORDS_H

#include "base/err.h"
#include "base/mem.h"

#define WORDS_MAX 4096 /* in one line */

/*
 * The words, NULL-terminated, in the arena; quotes and backslashes are taken away. `file`, if
 * not NULL, takes the place of every "%s", and "%" that of "%%". NULL with ERR_INPUT for a
 * line without words or with an open quote.
 */
const char *const *words_split(
	struct arena *a, const char *line, const char *file, struct err *err);

/*
 * A word with $NAME and ${NAME} replaced by what an environment ("NAME=value", NULL-terminated)
 * has for them, in the arena; names that it has not stay as they are written (Python's
 * os.path.expandvars).
 */
const char *words_expand(struct arena *a, const char *word, char *const *env);

#endif
