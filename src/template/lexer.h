/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a template's text to tokens. Text between the delimiters becomes DATA tokens, with
 * white-space control and comments already dealt with; raw blocks are DATA too, and line
 * statements look like blocks. The grammar is that of Jinja2 3.1's lexer.
 */
#ifndef TEMPLATE_LEXER_H
#define TEMPLATE_LEXER_H

#include "base/diag.h"
#include "base/err.h"
#include "template/template.h"

enum token_kind {
	TOKEN_END,
	TOKEN_DATA,
	TOKEN_VARIABLE_BEGIN,
	TOKEN_VARIABLE_END,
	TOKEN_BLOCK_BEGIN,
	TOKEN_BLOCK_END,
	TOKEN_NAME,
	TOKEN_STRING,
	TOKEN_INTEGER,
	TOKEN_FLOAT,
	TOKEN_ADD,
	TOKEN_SUB,
	TOKEN_MUL,
	TOKEN_DIV,
	TOKEN_FLOORDIV,
	TOKEN_MOD,
	TOKEN_POW,
	TOKEN_TILDE,
	TOKEN_LBRACKET,
	TOKEN_RBRACKET,
	TOKEN_LPAREN,
	TOKEN_RPAREN,
	TOKEN_LBRACE,
	TOKEN_RBRACE,
	TOKEN_EQ,
	TOKEN_NE,
	TOKEN_GT,
	TOKEN_GE,
	TOKEN_LT,
	TOKEN_LE,
	TOKEN_ASSIGN,
	TOKEN_DOT,
	TOKEN_COLON,
	TOKEN_PIPE,
	TOKEN_COMMA,
	TOKEN_SEMICOLON
};

/*
 * One token. `text` is in the arena and ends with NUL: the data, the name, the string with its
 * escapes decoded, or the digits as written.
 */
struct token {
	enum token_kind kind;
	unsigned line;   /* in the file */
	unsigned column; /* in bytes */
	const char *text;
	size_t len;
};

struct tokens {
	struct token *items; /* in the arena; the last is TOKEN_END */
	size_t count;
};

/* What a source is, as the lexer needs it. */
struct lexer_input {
	const char *source; /* line ends are "\n" only */
	size_t len;
	struct place at; /* where the source begins */
	const struct template_syntax *syntax;
	bool expression; /* all of it is one expression, without delimiters */
};

/* Cuts a source into tokens. -1 with err: what cannot be a token, or is not closed. */
int lexer_run(
	struct arena *arena, const struct lexer_input *in, struct tokens *out, struct err *err);
/* The name of a kind for messages: "end of print statement", "','" ... */
const char *token_kind_name(enum token_kind kind);

#endif
