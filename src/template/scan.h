/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lexer's inner side: its state, and the reading of what stands inside delimiters.
 */
#ifndef TEMPLATE_SCAN_H
#define TEMPLATE_SCAN_H

#include "base/strmap.h"
#include "base/vec.h"
#include "template/lexer.h"

/* Brackets open inside one another. */
#define LEXER_MAX_BRACKETS 200

struct lexer {
	struct arena *arena;
	const struct lexer_input *in;
	const char *source;
	size_t len;
	size_t pos;
	size_t place_pos; /* up to where line and line_start were counted */
	unsigned line;
	size_t line_start;
	struct {
		struct token *items;
		size_t count, cap;
	} tokens;
	struct strmap names; /* each name once, so that equal names are one pointer */
	char brackets[LEXER_MAX_BRACKETS]; /* the closing ones that are awaited */
	size_t bracket_count;
};

/* What ends the code that is being read. */
struct lexer_until {
	const char *end;   /* the closing delimiter; NULL: the end of line or source */
	size_t begin;      /* where its opening delimiter stands */
	bool line;         /* a line statement: the end of the line */
	bool trim_newline; /* a newline behind it goes */
	bool plus;         /* "+" may stand before it */
	enum token_kind kind;
};

/* Reads code up to its end into tokens. -1 with err. */
int scan_code(struct lexer *lx, const struct lexer_until *until, struct err *err);
/* Adds a token that begins at an offset of the source. */
void scan_push(struct lexer *lx, enum token_kind kind, size_t at, const char *text, size_t len);
/* Fills err with the place of an offset; returns -1. */
int scan_fail(struct lexer *lx, size_t at, struct err *err, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* True if the source has s at an offset. */
bool scan_at(const struct lexer *lx, size_t at, const char *s);

#endif
