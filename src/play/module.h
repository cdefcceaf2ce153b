/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules, the engine's half: one const table. The engine templates the arguments of a task,
 * checks them by the module's list, and calls `run` on the host's thread; most of them ask the
 * node's half (node/module.h) to do one coarse operation.
 */
#ifndef PLAY_MODULE_H
#define PLAY_MODULE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "value/value.h"

struct runner;
struct step;

enum argument_type {
	ARGUMENT_STRING,
	ARGUMENT_PATH, /* a string; "~" stays for the node */
	ARGUMENT_BOOL,
	ARGUMENT_INT,
	ARGUMENT_FLOAT,
	ARGUMENT_LIST, /* of strings unless `elements` says otherwise; a string is split at
			  commas */
	ARGUMENT_DICT,
	ARGUMENT_MODE, /* 0644, "0644", "u=rw,g=r": kept as a string, a number made octal text
			*/
	ARGUMENT_RAW,  /* any value as it is */
	/*
	 * As RAW, but an expression without delimiters, a boolean, or a list of these: its
	 * syntax is checked with the playbook.
	 */
	ARGUMENT_CONDITION
};

/* The name of the entry that describes a bare string: `required`, `choices`. */
#define ARGUMENT_FREE_FORM "_raw_params"

/* One argument; a list of them ends with a NULL name. */
struct argument {
	const char *name;
	enum argument_type type;
	const char *fallback;           /* the default as text; NULL: none */
	const char *const *aliases;     /* NULL-terminated; NULL: none */
	const char *const *choices;     /* NULL-terminated; NULL: any */
	enum argument_type elements;    /* of a list */
	const struct argument *members; /* of a dict, or of the dicts of a list; NULL: free */
	bool required;
	bool secret; /* never shown */
};

enum module_flag {
	MODULE_ON_ENGINE = 1 << 0,    /* needs no connection */
	MODULE_CHECKS = 1 << 1,       /* can tell in check mode; others are skipped there */
	MODULE_FREE_FORM = 1 << 2,    /* takes a bare string */
	MODULE_ANY_ARGUMENT = 1 << 3, /* argument names are the user's (set_fact) */
	MODULE_CANNOT_UNDO = 1 << 4,  /* a transaction cannot take back what it did */
	MODULE_ONCE = 1 << 7,         /* the first host of a batch does it, for all */
	MODULE_JOB = 1 << 8, /* its work is one question to the node: it can be left alone */
	MODULE_IS_HEALTH = 1 << 5,         /* run again after a transaction was undone */
	MODULE_ENDS_TRANSACTION = 1 << 11, /* refused in a play with a transaction */
	MODULE_RAW_ARGUMENTS =
		1 << 6,            /* arguments are not templated before (assert, debug var) */
	MODULE_TOGETHER = 1 << 10, /* all hosts come to it before one does it, and end it before
				     one goes on: it changes the inventory */
	MODULE_INCLUDES = 1 << 9   /* its result says what steps come next */
};

/* Why such a module is refused there; %s is its name. */
#define MODULE_NO_TRANSACTION                                                                  \
	"\"%s\" does not go with the play's transaction: a host that boots takes back what "   \
	"was not confirmed; put it into a play of its own behind this one"

/* One call: a task, or one item of its loop, on one host. */
struct module_call {
	struct runner *runner;
	const struct step *step;
	const char *free_form;    /* rendered; NULL when there is none */
	const struct value *args; /* a dict: every argument that was given or has a default, by
				     its own name, of its type */
	bool check;
	bool diff;
	deadline until;
	struct arena *arena; /* of the call */
	/*
	 * The result, a dict that the runner completes with Ansible's keys: a module sets
	 * `changed` and its own. What comes from a node is unsafe.
	 */
	struct value *result;
};

/* Where a call's questions go: a host, and which of its users answers. */
struct runner_place {
	const char *host; /* NULL: the play's own; RUNNER_HERE: this machine, be it no host */
	bool as_login;    /* not the user that the task becomes */
};
#define RUNNER_HERE ""

struct module {
	const char *name;           /* short: "template" */
	const char *const *aliases; /* other names besides ansible.builtin.NAME; may be NULL */
	const struct argument *arguments;
	unsigned flags; /* enum module_flag */
	/*
	 * Returns 0 with call->result filled in, where `failed: true` in it is a failure with
	 * its own keys; or -1 with err: failed, `msg` is the error's text.
	 */
	int (*run)(struct module_call *call, struct err *err);
};

/* The module of a name as written in a playbook (short, or with a collection), or NULL. */
const struct module *module_find(const char *name);
/* A name without "ansible.builtin." or "ansible.legacy." in front. */
const char *module_short_name(const char *name);
/* True for a module that Ansible has and we do not yet, by any of its names. */
bool module_known(const char *name);
/* Module i of the table, for documentation and tests; NULL behind the last. */
const struct module *module_at(size_t i);

/* The entry of an argument, by its name or an alias, or NULL. */
const struct argument *module_argument(const struct module *m, const char *name);
/*
 * Checks what a task writes against the module's list, as far as it can be known before the
 * templates in it are rendered: an unknown name, a missing one that is required, a literal
 * value of the wrong type or choice. Findings have the argument's place, else the task's; -1
 * if there are any. `args` may be NULL. For the parser.
 */
int module_check_arguments(const struct module *m, const struct value *args,
	const char *free_form, const struct place *place, struct diags *d);
/* The same of arguments to which others come when the task runs: what is missing is none. */
int module_check_some_arguments(
	const struct module *m, const struct value *args, struct diags *d);
/*
 * Makes typed arguments of rendered ones: aliases resolved, defaults filled in, types
 * converted as Ansible does, choices checked. NULL with ERR_INPUT naming the argument.
 */
const struct value *module_arguments(const struct module *m, const struct value *given,
	struct arena *arena, struct err *err);

/* Typed arguments, by name. */
const char *argument_text(const struct module_call *c, const char *name);
/* A boolean; false when it was not given and has no default. */
bool argument_bool(const struct module_call *c, const char *name);
/* A number, else `otherwise`. */
double argument_number(const struct module_call *c, const char *name, double otherwise);
/* Any value, or NULL when it was not given. */
const struct value *argument_value(const struct module_call *c, const char *name);

#endif
