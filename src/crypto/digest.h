/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message digests and HMACs, by libcrypto. One-shot or in pieces:
 *
 *     AUTO(digest_release) struct digest d = {0};
 *     if (digest_init(&d, DIGEST_SHA256, err) < 0) return -1;
 *     digest_update(&d, data, n);
 *     digest_final(&d, out);
 */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum digest_kind {
	DIGEST_MD5, /* for templates' filters; never for trust */
	DIGEST_SHA1,
	DIGEST_SHA224,
	DIGEST_SHA256,
	DIGEST_SHA384,
	DIGEST_SHA512,
};

#define DIGEST_MAX     64                   /* bytes of the longest digest */
#define DIGEST_HEX_MAX (2 * DIGEST_MAX + 1) /* its hex text and a NUL */

/* A digest under way. An all-zero struct is none. */
struct digest {
	enum digest_kind kind;
	void *context; /* libcrypto's */
};

/* Bytes of a digest: 16 to 64. */
size_t digest_size(enum digest_kind kind);
/* The name as Python's hashlib has it: "sha256". */
const char *digest_name(enum digest_kind kind);
/* Finds a kind by that name; false if there is none. */
bool digest_by_name(const char *name, enum digest_kind *kind);

/* Begins a digest. -1 with ERR_UNSUPPORTED where libcrypto's policy forbids the algorithm. */
int digest_init(struct digest *d, enum digest_kind kind, struct err *err);
/* Adds data. */
void digest_update(struct digest *d, const void *data, size_t n);
/* Writes digest_size bytes and ends the digest. */
void digest_final(struct digest *d, void *out);
/* Frees a digest, finished or not. */
void digest_release(struct digest *d);

/* Digest of n bytes; out has room for digest_size. */
int digest_data(enum digest_kind kind, const void *data, size_t n, void *out, struct err *err);
/* The same as lower-case hex with a NUL; out has room for DIGEST_HEX_MAX. */
int digest_hex(enum digest_kind kind, const void *data, size_t n, char *out, struct err *err);
/* Digest of what a descriptor gives from its position to its end. */
int digest_fd(enum digest_kind kind, int fd, void *out, struct err *err);

#endif
