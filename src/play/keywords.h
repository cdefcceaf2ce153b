/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keywords of playbooks: one const table that says where each may stand and how it is
 * read. A keyword that Ansible has and we do not is in it without a reader, so that it is
 * refused by its name.
 */
#ifndef PLAY_KEYWORDS_H
#define PLAY_KEYWORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "value/value.h"

struct parser;
struct target;

/* Where a keyword may stand. */
enum keyword_where {
	KEYWORD_PLAY = 1 << 0,
	KEYWORD_BLOCK = 1 << 1,
	KEYWORD_TASK = 1 << 2,
	KEYWORD_HANDLER = 1 << 3,
	KEYWORD_IMPORT = 1 << 4, /* beside import_playbook */
	KEYWORD_TASK_IMPORT =
		1 << 5, /* beside import_tasks: what else a task has is lost there */
	KEYWORD_LOOP_CONTROL = 1 << 6,
	KEYWORD_TRANSACTION = 1 << 7,
	KEYWORD_ROLE = 1 << 8 /* beside a role in `roles` or among the dependencies of one */
};

/* What a value must be that is written without a template. */
enum keyword_type {
	KEYWORD_ANY,
	KEYWORD_TEXT, /* a scalar */
	KEYWORD_BOOL, /* true, false, or a word for them */
	KEYWORD_INT,
	KEYWORD_NUMBER,
	KEYWORD_NAME,        /* of a variable; no template */
	KEYWORD_TEXTS,       /* a text or a list of them */
	KEYWORD_CONDITIONS,  /* a boolean, an expression, or a list of them */
	KEYWORD_PERCENT,     /* a number, or one with "%" */
	KEYWORD_PERCENTS,    /* the same, or a list of them */
	KEYWORD_ENVIRONMENT, /* a mapping, or a list of them */
	KEYWORD_TAGS,        /* read when the variables are known that may be in them */
	KEYWORD_STEPS        /* a list of steps; read when all other keywords have been */
};

struct keyword {
	const char *name;
	unsigned where; /* enum keyword_where */
	enum keyword_type type;
	/*
	 * Stores a value that has the type (null is passed on, too). NULL: not supported yet.
	 */
	void (*read)(struct parser *p, struct target *t, const struct keyword *k,
		const struct value *v);
	size_t detail; /* for the reader: an attribute or an offset */
};

/* The keyword of a name that may stand at one of the places, or NULL. */
const struct keyword *keyword_find(const char *name, unsigned where);
/* Where a keyword belongs, for messages about one that stands elsewhere: "a play". */
const char *keyword_home(const struct keyword *k);
/* Keyword i of the table; NULL behind the last. */
const struct keyword *keyword_at(size_t i);
/*
 * Reads all keywords of the target's mapping into it. Names that are no keyword there are
 * errors, except those for which `other` (may be NULL) is true.
 */
void keywords_read(
	struct parser *p, struct target *t, bool (*other)(struct target *t, const char *name));
/* True for a name that a variable can have: Python's identifiers, without its keywords. */
bool variable_name_valid(const char *name);

#endif
