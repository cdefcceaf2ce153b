/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hmac.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "crypto/evp.h"

int hmac_data(enum digest_kind kind, const void *key, size_t key_len, const void *data,
	size_t n, void *out, struct err *err)
{
	unsigned len;

	if (key_len > INT_MAX)
		return err_set(err, ERR_LIMIT, "a key of %zu bytes", key_len);
	/* An empty key is allowed; libcrypto takes NULL for "the key before". */
	if (!HMAC(digest_evp(kind), key ? key : "", (int)key_len, data, n, out, &len))
		return err_set(err, ERR_UNSUPPORTED, "libcrypto refuses HMAC with %s",
			digest_name(kind));
	return 0;
}

int pbkdf2(enum digest_kind kind, const void *password, size_t password_len, const void *salt,
	size_t salt_len, unsigned iterations, void *out, size_t out_len, struct err *err)
{
	if (password_len > INT_MAX || salt_len > INT_MAX || out_len > INT_MAX ||
		iterations > INT_MAX)
		return err_set(err, ERR_LIMIT, "too much data to derive a key from");
	if (!PKCS5_PBKDF2_HMAC(password, (int)password_len, salt, (int)salt_len,
		    (int)iterations, digest_evp(kind), (int)out_len, out))
		return err_set(err, ERR_UNSUPPORTED, "libcrypto refuses PBKDF2 with %s",
			digest_name(kind));
	return 0;
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

int crypto_random(void *out, size_t n, struct err *err)
{
	if (n > INT_MAX || RAND_bytes(out, (int)n) != 1)
		return err_set(err, ERR_SYSTEM, "no random bytes from libcrypto");
	return 0;
}
