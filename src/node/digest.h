/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests of files that modules tell: those that people compare with (MD5 of RFC 1321, SHA-1
 * of RFC 3174, SHA-256), and XXH3-128, by which engine and node find out what differs. MD5 and
 * SHA-1 protect nothing here.
 */
#ifndef NODE_DIGEST_H
#define NODE_DIGEST_H

#include "base/err.h"
#include "node/module.h"

#define DIGEST_HEX_MAX 65 /* characters of the longest digest, and a NUL */
#define DIGEST_NAMES   "md5, sha1, sha256 or xxh128"

struct digest_algorithm;

/* The algorithm with a name ("sha1"), or NULL. */
const struct digest_algorithm *digest_find(const char *name);
/* The digest of n bytes, in hex. */
void digest_bytes(
	const struct digest_algorithm *a, const void *data, size_t n, char out[DIGEST_HEX_MAX]);
/*
 * Digests of an open file from its beginning, in one reading; `out` has room for each of the
 * `count` algorithms. Ticks for the call.
 */
int digest_fd(struct node_call *c, int fd, const struct digest_algorithm *const *algorithms,
	size_t count, char (*out)[DIGEST_HEX_MAX], struct err *err);

#endif
