/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiled template: a tree of nodes in the arena that it was compiled into. Nothing of it
 * but guesses changes after parsing, so threads share it.
 */
#ifndef TEMPLATE_AST_H
#define TEMPLATE_AST_H

#include "template/callable.h"
#include "template/template.h"

/* What a node's members mean. Those not named are zero. */
enum node_kind {
	/* Expressions */
	NODE_CONST,   /* value */
	NODE_NAME,    /* key; flag: nothing in the template sets it; callable: the global */
	NODE_LIST,    /* list */
	NODE_TUPLE,   /* list */
	NODE_DICT,    /* list: keys, other: values */
	NODE_GETATTR, /* a.key; flag: it may be a method of a dict; guess */
	NODE_GETITEM, /* a[b]; key, guess: of b, if it is a constant text */
	NODE_SLICE,   /* a:b:c, each may be NULL; only as b of GETITEM */
	NODE_CALL,    /* a(call); flag: a lookup, whose constant terms may be templates */
	NODE_FILTER,  /* a | name(call); callable; a NULL: the text of a filter block */
	NODE_TEST,    /* a is name(call); callable; flag: "is not" */
	NODE_NOT,     /* not a */
	NODE_NEG,     /* -a */
	NODE_POS,     /* +a */
	NODE_BINARY,  /* a op b */
	NODE_AND,     /* a and b */
	NODE_OR,      /* a or b */
	NODE_COMPARE, /* list: operands, ops: what stands between them */
	NODE_CONCAT,  /* list ~ list ~ ... */
	NODE_COND,    /* a if b else c; c may be NULL */
	NODE_NSREF,   /* key.attribute as a target of set */
	/* Statements */
	NODE_DATA,         /* value: text */
	NODE_PRINT,        /* a; value: text that follows, or NULL */
	NODE_FOR,          /* for a in b if c: list, other: else; flag: recursive;
			  context: something may keep the scope of a pass */
	NODE_IF,           /* if a: list, other: else */
	NODE_SET,          /* a = b */
	NODE_SET_TEXT,     /* a = text of list, through filter b (or NULL) */
	NODE_WITH,         /* list: body; other: targets, values in pairs */
	NODE_MACRO,        /* macro */
	NODE_CALL_BLOCK,   /* macro: the caller; a: the call */
	NODE_FILTER_BLOCK, /* a: filters, list */
	NODE_BLOCK,        /* key, list; flag: scoped */
	NODE_EXTENDS,      /* a */
	NODE_INCLUDE,      /* a; flag: ignore missing; context */
	NODE_IMPORT,       /* a as key; context */
	NODE_FROM,         /* from a import list (CONST name, NAME alias in pairs); context */
	NODE_DO,           /* a */
	NODE_GROUP,        /* list: statements without a scope of their own */
	NODE_BREAK,
	NODE_CONTINUE
};

enum binary_op { OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_FLOORDIV, OP_MOD, OP_POW };
enum compare_op { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE, CMP_IN, CMP_NOT_IN };

struct node_list {
	const struct node **items;
	size_t count;
};

/* Arguments of a call as written: f(a, b, name=c, *d, **e). */
struct call {
	struct node_list positional;
	struct node_list named;     /* values */
	const char **names;         /* of the named ones */
	const struct node *rest;    /* *d, or NULL */
	const struct node *mapping; /* **e, or NULL */
};

/* A macro, or the body of a call block. */
struct macro {
	const char *name;            /* NULL for a call block */
	struct node_list parameters; /* NAME nodes */
	struct node_list defaults;   /* of the last parameters */
	struct node_list body;
	bool uses_varargs;
	bool uses_kwargs;
	bool uses_caller;
};

/* The members that evaluation looks at most come first. */
struct node {
	uint8_t kind; /* enum node_kind */
	uint8_t op;   /* enum binary_op; of GETATTR: what it is of a loop */
	bool flag;
	bool context; /* with context */
	/*
	 * Where in a dict the key was found last: the one member that evaluation changes. It is
	 * only a guess, so threads may write over each other's.
	 */
	uint8_t guess;
	unsigned line;
	unsigned column;
	struct value_key key; /* a name; equal names of a template are one pointer */
	const struct node *a, *b, *c;
	const struct value *value;
	const struct callable *callable; /* NULL: unknown, an error when reached */
	struct shape shape;              /* of a filter's or test's callable */
	const char *attribute;
	struct node_list list, other;
	const struct call *call;
	const struct macro *macro;
	const uint8_t *ops; /* enum compare_op */
};

/* A block of a template, by name. */
struct block {
	struct value_key key;
	const struct node *node;
	bool required;
};

struct template
{
	const char *file; /* NULL: a string */
	const struct template_syntax *syntax;
	struct node_list body; /* of an expression: the one node */
	struct block *blocks;
	size_t block_count;
	bool expression;
	bool extends;      /* has an extends statement */
	bool mutates;      /* may change lists and dicts: variables are copied first */
	const char **uses; /* names of templates that it includes, imports or extends */
	size_t use_count;
	size_t newlines; /* at the end of the source */
};

#endif
