/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs: content that the engine sends once and modules use by its number. Each is a file
 * without a name, in memory when it is small, so that nothing is left whatever ends the
 * helper.
 */
#ifndef NODE_BLOB_H
#define NODE_BLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define BLOB_MEMORY_MAX (1u << 20)    /* bytes; a larger one lies on a disk */
#define BLOB_SIZE_MAX   (64ull << 30) /* bytes */

struct node;
struct blobs;

/* The descriptor of a blob, readable by pread; it stays the node's. -1 with ERR_NOTFOUND. */
int blob_fd(const struct node *n, int64_t number, struct err *err);
/* True if a descriptor is a blob's. */
bool blob_has(const struct node *n, int fd);
/* Frees all blobs, also one that is being received; NULL is fine. */
void blobs_free(struct blobs *b);

#endif
