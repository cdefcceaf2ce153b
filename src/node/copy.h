/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the module copy share.
 */
#ifndef NODE_COPY_H
#define NODE_COPY_H

#include "base/str.h"
#include "node/attributes.h"

#define COPY_BEFORE_MAX (256u << 10) /* bytes of former content in a result */

/* Copies a directory of the node, and tells the result: what is in it when `src` ends with a
 * slash, else the directory itself below `path`. */
int copy_tree(struct node_call *c, const char *src, const char *path,
	const struct attributes *a, struct err *err);

/*
 * Copies what is in a directory of the node to another, which is made when it is missing; links
 * stay links. `owner` says whose all of it becomes.
 */
int copy_tree_content(struct node_call *c, const char *from, const char *to,
	const struct attributes *owner, struct err *err);

#endif
