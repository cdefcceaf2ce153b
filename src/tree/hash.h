/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two digests of this project: XXH3-128 for the content of files (fast, for finding
 * out what differs), and SHA-256 for the whole of a manifest (which can be signed).
 */
#ifndef TREE_HASH_H
#define TREE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TREE_HASH_SIZE   16
#define TREE_SHA256_SIZE 32

/* A running XXH3-128 over a file's bytes. */
struct tree_hash;
/* Starts a hash; to be freed. */
struct tree_hash *tree_hash_new(void);
/* Starts over. */
void tree_hash_reset(struct tree_hash *h);
/* Adds bytes. */
void tree_hash_add(struct tree_hash *h, const void *data, size_t n);
/* Adds n zero bytes: the content of a hole. */
void tree_hash_add_zeros(struct tree_hash *h, uint64_t n);
/* The hash of all bytes so far, in canonical (big-endian) form. */
void tree_hash_get(const struct tree_hash *h, uint8_t out[TREE_HASH_SIZE]);
/* Frees a hash; NULL is fine. */
void tree_hash_free(struct tree_hash *h);

/* Called now and then with the number of further bytes done; not 0 stops the work. */
typedef int (*tree_progress)(void *arg, uint64_t bytes, struct err *err);

/*
 * Hashes the first `length` bytes of a descriptor, from offset 0, without moving its own
 * offset and skipping holes. ERR_INTEGRITY when the file ends before. progress may be NULL.
 */
int tree_hash_fd(int fd, uint64_t length, struct tree_hash *h, tree_progress progress,
	void *arg, struct err *err);

/* SHA-256 (FIPS 180-4). Our own, because the static helper has no libcrypto. */
struct sha256 {
	uint32_t state[8];
	uint64_t length; /* bytes so far */
	uint8_t block[64];
};
/* Starts a digest. */
void sha256_init(struct sha256 *s);
/* Adds bytes. */
void sha256_add(struct sha256 *s, const void *data, size_t n);
/* Ends the digest. */
void sha256_end(struct sha256 *s, uint8_t out[TREE_SHA256_SIZE]);

#endif
