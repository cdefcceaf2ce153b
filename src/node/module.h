/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper's modules: coarse operations that MODULE names, found in one const table
 * (modules.c). The engine has templated and validated the arguments; a module here looks at
 * the node, does the least that is needed, and tells what it did. It decides nothing.
 *
 * Every change of the file system goes through node/change.h, which records it in the open
 * transaction first. What cannot be undone (a command) says MODULE_NO_UNDO in the table.
 */
#ifndef NODE_MODULE_H
#define NODE_MODULE_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/mem.h"
#include "node/node.h"
#include "wire/item.h"

struct node_call {
	struct node *node;
	const struct item *args; /* the top dict */
	struct arena *arena;     /* of this call */
	struct item_writer *out; /* the result, an open dict; holds at least `changed` at the
				    end */
	bool check;              /* change nothing, say what would be */
	bool diff;
	deadline until;
	struct request *request; /* for signs of life: request_progress */
};

enum node_module_flag {
	MODULE_READS = 0,        /* changes nothing */
	MODULE_CHANGES = 1 << 0, /* goes through change.h: can be undone */
	MODULE_NO_UNDO = 1 << 1, /* changes what no transaction can take back */
	MODULE_NO_CHECK = 1 << 2 /* refused with FRAME_CHECK: cannot tell what it would do */
};

struct node_module {
	const char *name;
	unsigned flags;
	/* 0 with the result filled in; -1 with err: the module failed. */
	int (*run)(struct node_call *c, struct err *err);
};

/* The module with a name, or NULL. */
const struct node_module *node_module_find(const char *name);

/* An argument that has to be there; NULL with ERR_INPUT naming it. */
const char *call_text(struct node_call *c, const char *key, struct err *err);
/* An argument that may be missing; NULL then. */
const char *call_text_or_null(struct node_call *c, const char *key);
/*
 * Runs a program and waits for it, sending signs of life and noticing when the engine is gone.
 * `argv` is NULL-terminated; output beyond `output_max` is dropped and `cut` is set.
 */
struct call_program {
	const char *const *argv;
	const char *const *env; /* NAME=value; NULL: ours */
	const char *cwd;
	const void *input;
	size_t input_len;
	size_t output_max; /* of each stream; 0: 1 MiB */
	struct strbuf out; /* filled in */
	struct strbuf err;
	bool out_cut, err_cut;
	int status; /* exit code; 128 + signal */
};
/* Returns 0 when the program ran to its end, -1 with err (ERR_TIMEOUT: killed with its group).
 */
int call_run(struct node_call *c, struct call_program *p, struct err *err);
/* Frees what a program printed. */
void call_program_release(struct call_program *p);

/* The modules of the table; their arguments and results are in wire/MODULES.md. */
int node_stat(struct node_call *c, struct err *err);
/* file: states of a path. */
int node_file(struct node_call *c, struct err *err);
/* copy: content under a path, as Ansible writes it. */
int node_copy(struct node_call *c, struct err *err);
/* slurp: a file's content. */
int node_slurp(struct node_call *c, struct err *err);
/* command: a program or a shell's line. */
int node_command(struct node_call *c, struct err *err);
/* wait: until a port or a path is as asked. */
int node_wait(struct node_call *c, struct err *err);
/* facts: what templates ask about a node. */
int node_facts(struct node_call *c, struct err *err);
/* service: a unit's state, through a service manager. */
int node_service(struct node_call *c, struct err *err);
/* apt: packages of Debian. */
int node_apt(struct node_call *c, struct err *err);
/* pip: packages of Python. */
int node_pip(struct node_call *c, struct err *err);

#endif
