/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters, tests, global functions and methods: one shape for all, gathered in const tables
 * sorted by name. A table's entry declares the parameters as Python would, and arguments are
 * bound to them before the function runs: it finds them by position in args->v.
 */
#ifndef TEMPLATE_CALLABLE_H
#define TEMPLATE_CALLABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "template/template.h"
#include "value/value.h"

struct eval;
struct args;

typedef const struct value *(*callable_fn)(struct args *args, struct err *err);

enum callable_flags {
	CALL_UNDEFINED = 1, /* takes undefined arguments; others never see one */
	CALL_MUTATES = 2,   /* changes its object: variables are copied first */
	CALL_ANSIBLE = 4,   /* a name that only Ansible defines: not in Jinja2 mode */
};

/* Parameters that one callable can declare. */
#define CALL_MAX_PARAMETERS 12

struct callable {
	const char *name;
	callable_fn fn;
	/*
	 * Names of the parameters behind the object, separated by spaces. "!" ends those that
	 * must be given; "*" takes further positional arguments, "**" further named ones.
	 */
	const char *parameters;
	unsigned flags; /* enum callable_flags */
};

/* What a declaration of parameters says, but for their names. */
struct shape {
	uint8_t count;
	uint8_t required;
	bool rest;
	bool named;
};

/* Reads a callable's declaration. */
struct shape callable_shape(const struct callable *callable);

/* A table: sorted by name. */
struct callables {
	const struct callable *items;
	size_t count;
};

/* The arguments of one call, bound. */
struct args {
	struct eval *ev;
	const struct callable *callee;
	const struct value *self; /* what is filtered or tested; a method's object; else NULL */
	const struct value *v[CALL_MAX_PARAMETERS]; /* NULL where not given */
	struct value *rest;                         /* a list: what "*" took */
	struct value *named;                        /* a dict: what "**" took */
};

/* The entry of a name in one table, or NULL. */
const struct callable *callables_find(const struct callables *table, const char *name);
/* The entry of a name among all tables of a kind, or NULL; "ansible.builtin." may precede. */
const struct callable *callable_find(enum template_kind kind, const char *name);

#endif
