/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Package files of this machine, as apt and pip send them: the node is told their names first,
 * and gets the content only when it says that it needs it.
 */
#ifndef PLAY_MODULES_PACKAGES_H
#define PLAY_MODULES_PACKAGES_H

#include "play/module.h"

struct packages {
	struct value *files; /* a list of dicts with `name`, for the node */
	const char **paths;  /* where each of them is on this machine */
};

/* Adds to a file's dict what the node has to know besides its name. */
typedef int (*packages_describe)(
	struct module_call *c, struct value *file, const char *path, struct err *err);

/* Finds the files that an argument lists, as `src` of copy is found. */
int packages_find(struct module_call *c, const char *argument, packages_describe describe,
	struct packages *p, struct err *err);
/* Adds one more file of this machine by its path; there is room for one. */
int packages_add(struct module_call *c, struct packages *p, const char *path,
	packages_describe describe, struct err *err);
/*
 * Runs a node's module; where it answers `need`, the files' content is sent, and it is run
 * again. The result is the call's.
 */
int packages_run(struct module_call *c, const char *node_module, const struct value *args,
	const struct packages *p, struct err *err);

#endif
