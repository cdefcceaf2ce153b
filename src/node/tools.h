/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs of the system by which modules change what is no file of theirs: accounts, mounts,
 * values of the kernel.
 */
#ifndef NODE_TOOLS_H
#define NODE_TOOLS_H

#include "node/module.h"

/* What the programs of one call said; AUTO(tools_release), TOOLS_INIT(call). */
struct tools {
	struct node_call *call;
	bool ran; /* something was run, or in check mode would have been */
	int rc;   /* of the last one */
	struct strbuf out, err;
};
#define TOOLS_INIT(c)                                                                          \
	{                                                                                      \
		.call = (c), .out = STRBUF_INIT, .err = STRBUF_INIT                            \
	}

/*
 * Runs a program of the system, unless in check mode, and adds what it says; `input` may be
 * NULL. An open transaction notes that this cannot be taken back. -1 with err when it cannot
 * be started: its exit status is in the struct.
 */
int tools_run(struct tools *r, const struct strlist *argv, const char *input, struct err *err);
/* The same for a question, which is asked in check mode, too, and leaves no note. */
int tools_ask(struct tools *r, const struct strlist *argv, struct err *err);
/* The same with input: for a program that changes what was recorded. */
int tools_feed(struct tools *r, const struct strlist *argv, const char *input, struct err *err);
/* Frees what they said. */
void tools_release(struct tools *r);
/* Fails if a program is not on the node, neither in the PATH nor where the system has its own.
 */
int tools_need(struct node_call *c, const char *program, struct err *err);
/* Tells a failure: what the last program complained of, and its exit status if `rc`. */
void tools_tell_failure(struct tools *r, const char *name, bool rc);
/* Adds `stdout` and `stderr`, as far as there are any. */
void tools_tell_output(struct tools *r);

#endif
