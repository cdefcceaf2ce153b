/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From tokens to the tree, by recursive descent. The grammar is that of Jinja2 3.1's parser,
 * its order of precedence included.
 */
#ifndef TEMPLATE_PARSER_H
#define TEMPLATE_PARSER_H

#include "base/strmap.h"
#include "base/vec.h"
#include "template/ast.h"
#include "template/lexer.h"

/* Expressions and blocks inside one another. */
#define PARSER_MAX_DEPTH 150
/* Tags, operators, arguments and so on that one list of nodes may hold. */
#define PARSER_MAX_ITEMS 100000

struct parser {
	struct arena *arena;
	const char *file;
	const struct token *token; /* the next one */
	struct template *template; /* what is being built */
	struct macro *macro;       /* the macro that is being read, or NULL */
	unsigned depth;
	unsigned conditional; /* inside an if: unknown filters are errors only when reached */
	const char *unknown;  /* what to say of an unknown filter, unless an if follows */
	const struct token *unknown_at;
	unsigned loops;    /* for loops around; break needs one */
	unsigned captures; /* tags so far that may keep a scope for later */
	struct {
		struct block *items;
		size_t count, cap;
	} blocks;
	struct {
		struct node **items;
		size_t count, cap;
	} names;             /* all NAME nodes */
	struct strmap bound; /* names that something in the template sets */
	struct {
		const char **items;
		size_t count, cap;
	} uses; /* templates that this one names */
};

/* A list of nodes that grows on the heap while it is read. */
struct node_vec {
	const struct node **items;
	size_t count;
	size_t cap;
};

/* How far parse_tuple goes. */
enum tuple_mode {
	TUPLE_EXPRESSION, /* an expression, or a tuple of them */
	TUPLE_NO_COND,    /* the same without inline if */
	TUPLE_TARGET,     /* what may be assigned to */
};

/* Makes a node at the place of a token. */
struct node *parser_node(struct parser *p, enum node_kind kind, const struct token *at);
/* Fills err with the place of a token; returns NULL. */
void *parser_fail(struct parser *p, const struct token *at, struct err *err, const char *fmt,
	...) PRINTF_LIKE(4, 5);
/* Passes over a token of a kind; -1 with err when another one is there. */
int parser_expect(struct parser *p, enum token_kind kind, struct err *err);
/* Passes over a token if it is of a kind. */
bool parser_skip(struct parser *p, enum token_kind kind);
/* Passes over a name token if it is this one. */
bool parser_skip_name(struct parser *p, const char *name);
/* True if the next token is this name. */
bool parser_at_name(const struct parser *p, const char *name);
/* Quoted words for a message: 'a', 'b' or 'c'. The list ends with NULL. */
const char *parser_choice(struct parser *p, const char *const *words);
/* "found ...": describes a token for a message. */
const char *parser_found(struct parser *p, const struct token *token);
/* Fails for an unknown filter or test that no condition excuses; -1 with err. */
int parser_check_unknown(struct parser *p, struct err *err);
/* Goes one level deeper; -1 with err when that is too deep. parser_leave undoes it. */
int parser_enter(struct parser *p, struct err *err);
/* Comes back from parser_enter. */
void parser_leave(struct parser *p);
/* Moves a list into the arena and frees it. */
struct node_list parser_list(struct parser *p, struct node_vec *vec);
/* Frees a list whose reading failed: AUTO(node_vec_release). */
void node_vec_release(struct node_vec *vec);

/* An expression; without `cond`, no inline if. */
const struct node *parse_expression(struct parser *p, bool cond, struct err *err);
/*
 * An expression or a tuple without parentheses. `end_name` ends it (may be NULL); `parens`
 * says that parentheses were opened, so that it may be empty.
 */
const struct node *parse_tuple(struct parser *p, enum tuple_mode mode, const char *end_name,
	bool parens, struct err *err);
/* One name, or name.attribute, that can be assigned to. */
const struct node *parse_target(struct parser *p, struct err *err);
/* Filters behind an expression, from the first "|" on; with `first`, at the name itself. */
const struct node *parse_filters(
	struct parser *p, const struct node *on, bool first, struct err *err);
/* Names and attributes, items, calls behind an expression. */
const struct node *parse_postfix(struct parser *p, const struct node *on, struct err *err);
/* A name, a constant, something in brackets. */
const struct node *parse_primary(struct parser *p, struct err *err);
/* The arguments of a call, from its "(". */
const struct call *parse_call(struct parser *p, struct err *err);
/* A name token's node. */
const struct node *parse_name(struct parser *p, const struct token *token);

/* Statements and text up to the end or to a tag of these names (NULL-terminated; or NULL). */
int parse_body(
	struct parser *p, const char *const *ends, struct node_list *out, struct err *err);

#endif
