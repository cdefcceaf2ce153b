/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of tokens; private to crypto/. */
#ifndef CRYPTO_JWT_PRIVATE_H
#define CRYPTO_JWT_PRIVATE_H

#include <openssl/evp.h>

#include "crypto/jwt.h"

enum jwt_algorithm { JWT_HS256, JWT_RS256, JWT_ES256, JWT_UNKNOWN };

struct jwt_key {
	enum jwt_algorithm algorithm;
	char *id;       /* NULL: for tokens of any */
	char *secret;   /* of HS256 */
	EVP_PKEY *pkey; /* of the others */
};

/* The algorithm of a name; JWT_UNKNOWN for all that are not done here. */
enum jwt_algorithm jwt_algorithm(const char *name);
/* Appends the bytes of an unpadded base64url text; false for anything else. */
bool jwt_decode(const char *text, size_t n, struct strbuf *out);

#endif
