/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are made of what was there: their signature goes to the engine, and a delta comes.
 */
#ifndef NODE_BASIS_H
#define NODE_BASIS_H

#include "node/module.h"

/*
 * Makes the content that a delta means for the file at a path, in a file without a name in the
 * same directory, which lies there as long as *fd is open. `hash` is the content's:
 * ERR_INTEGRITY when something else came out, because the file has changed meanwhile.
 */
int basis_patch(struct node_call *c, const char *path, const struct change_content *delta,
	uint64_t size, const uint8_t *hash, int *fd, struct err *err);

#endif
