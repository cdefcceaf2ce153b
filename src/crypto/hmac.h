/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keyed digests (RFC 2104), keys from passwords, and comparison that does not tell where two
 * secrets differ.
 */
#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/digest.h"

/* HMAC of n bytes; out has room for digest_size(kind). */
int hmac_data(enum digest_kind kind, const void *key, size_t key_len, const void *data,
	size_t n, void *out, struct err *err);
/* PBKDF2 (RFC 8018) with HMAC of a kind; writes out_len bytes. */
int pbkdf2(enum digest_kind kind, const void *password, size_t password_len, const void *salt,
	size_t salt_len, unsigned iterations, void *out, size_t out_len, struct err *err);
/* True if n bytes are equal; takes the same time wherever they differ. */
bool crypto_equal(const void *a, const void *b, size_t n);
/* Fills out with random bytes fit for keys and salts. */
int crypto_random(void *out, size_t n, struct err *err);

#endif
