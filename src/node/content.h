/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content of files on the node: hashing it, and bringing it from one place to another.
 */
#ifndef NODE_CONTENT_H
#define NODE_CONTENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "node/request.h"
#include "tree/manifest.h"

/* enum manifest_kind of what a stat shows, or -1 for a device and the like. */
int content_kind(const struct stat *st);
/* True if a file was modified after the mtime that its entry has. Never for a link. */
bool content_is_newer(const struct stat *st, const struct manifest_entry *e);
/*
 * Hashes the file `name` in a directory, without following links. Its stat is in *st; it
 * must be unchanged at the end (ERR_INTEGRITY otherwise: somebody writes into it).
 */
int content_hash_at(struct request *q, int dirfd, const char *name, const struct stat *st,
	uint8_t hash[TREE_HASH_SIZE], struct err *err);
/*
 * Copies the content of an open file to an open, empty one, by a reflink where the
 * filesystem has them. Returns 1 when the copy has the entry's size and hash, 0 when the
 * content is something else, -1 with err.
 */
int content_copy(
	struct request *q, int from, int to, const struct manifest_entry *e, struct err *err);
/*
 * Brings the whole of an open file to another, empty one: shared where the filesystem can,
 * else copied, with holes where zeros are. `limit`, if not NULL, is lowered by what was copied;
 * ERR_LIMIT beyond it.
 */
int content_share(int from, int to, uint64_t *limit, struct err *err);
/* Gives an open file the entry's permissions and mtime. */
int content_dress(int fd, const struct manifest_entry *e, struct err *err);

#endif
