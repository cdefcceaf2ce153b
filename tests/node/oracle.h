/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ansible's own modules as the measure of ours: the same arguments in two equal directories,
 * and then the same results and the same trees.
 */
#ifndef TESTS_NODE_ORACLE_H
#define TESTS_NODE_ORACLE_H

#include "node/module_call.h"

struct oracle_case {
	const char *name;
	const char *setup; /* for sh, in the directory, before */
	const char *args;  /* JSON; "@" stands for the directory */
	uint8_t flags;     /* FRAME_CHECK, FRAME_DIFF */
	/* Arguments for Ansible's module, where its names for them are others; else NULL. */
	const char *theirs;
};

/* True where Ansible is installed. */
bool oracle_is_there(void);
/* The result of one of Ansible's modules, run in a directory; NULL when it failed. */
const struct value *oracle_ask(
	struct arena *a, const char *dir, const char *module, const char *args);
/*
 * Runs a case twice; false, and it is printed how, where results (apart from the keys in
 * `ignored`, ended by NULL, at any depth) or trees differ.
 */
bool oracle_compare(struct client *c, const char *dir, const char *module,
	const char *const *ignored, const struct oracle_case *k);

#endif
