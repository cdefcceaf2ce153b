/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a list's models are found: a statement made of the conditions that are asked for.
 *
 * One of them drives it: the database walks its index in order of the ids, from the cursor on,
 * and stops when the page is full; the others are looked at row by row. So the one that leaves
 * the fewest drives. Which that is, is counted first, as far as it matters (MODEL_FEW): a
 * statement over a driver that leaves few is quick whatever the others are, and where all leave
 * many, a page is full soon.
 *
 * Text is words, each the beginning of a word that the model has. The words have a table, like
 * the tags, on both databases: an index for full text (FTS5, GIN) collects all that a beginning
 * matches before it gives the first, where a page needs the next fifty.
 */
#ifndef DAEMONS_REGISTRYD_CATALOGUE_FIND_H
#define DAEMONS_REGISTRYD_CATALOGUE_FIND_H

#include "daemons/registryd/catalogue_private.h"

/* Models of a condition that are counted before it counts as leaving many. */
#define MODEL_FEW 2000
/* Models that are collected of all words that begin alike, where a driver has one word else. */
#define MODEL_COLLECTED 20000
#define MODEL_WORDS_MAX 8 /* of a text that count */
#define MODEL_ARGS_MAX  32

/* A beginning of words that is asked for. */
struct model_word {
	char *text;
	char *only;    /* the only word that begins so; NULL: there are several, or none */
	int64_t count; /* models that have one, once a word; up to a limit */
};

struct model_finder {
	struct sql *sql;
	const struct model_query *query;
	struct strbuf text; /* the statement */
	struct sql_arg args[MODEL_ARGS_MAX];
	size_t count;
	struct model_word words[MODEL_WORDS_MAX];
	size_t word_count;
};

/* Makes the statement for a page and one row more; `columns` is what it selects, of `m`. */
int model_finder_make(struct model_finder *f, const char *columns, struct err *err);
/* Frees the members. */
void model_finder_release(struct model_finder *f);

#endif
