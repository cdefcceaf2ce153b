/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flags that a file system keeps of a file (chattr(1)), as letters in lsattr's order.
 */
#ifndef NODE_FLAGS_H
#define NODE_FLAGS_H

#include "node/module.h"

#define FLAGS_MAX 40 /* letters and a NUL */

/* The flags of a file or a directory; false where it is another thing, or has none. */
bool flags_read(const char *path, char letters[FLAGS_MAX], unsigned *version);
/* Adds the names that Ansible has for the letters to an open list. */
void flags_tell_names(struct item_writer *out, const char *letters);
/*
 * What an argument asks for, as an operation and letters: "+LETTERS", "-LETTERS", and for
 * letters alone "=LETTERS", these and no others.
 */
const char *flags_wish(struct arena *a, const char *given);
/* Whether a file's flags are others than a wish says, as Ansible compares them. */
bool flags_differ(const char *now, const char *wish);
/*
 * Sets them. *changed becomes true if they differ; in check mode nothing is done. No
 * transaction takes that back; it has a note of it.
 */
int flags_apply(struct node_call *c, const char *path, const char *wish, bool *changed,
	struct err *err);

#endif
