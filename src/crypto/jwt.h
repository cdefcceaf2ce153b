/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Web Tokens that are checked, never made: RFC 7519 (claims) over RFC 7515 (signatures),
 * with HS256, RS256 and ES256 (RFC 7518). Keys are a secret, or a set of public keys (JWKS, RFC
 * 7517).
 *
 * What decides is what is configured, not what a token says of itself (RFC 8725): a token's
 * algorithm must be that of a key at hand, and its key must be one for that algorithm. "none",
 * extensions that must be understood ("crit"), and tokens that never expire are refused.
 */
#ifndef CRYPTO_JWT_H
#define CRYPTO_JWT_H

#include <time.h>

#include "base/err.h"
#include "value/value.h"

#define JWT_MAX        8192u      /* bytes of a token */
#define JWT_JWKS_MAX   (1u << 20) /* bytes of a key set */
#define JWT_KEYS_MAX   100u       /* keys of a set */
#define JWT_SECRET_MIN 32u        /* bytes: RFC 7518, section 3.2 */

struct jwt_key;

/* Keys by which tokens are checked. An all-zero struct has none. */
struct jwt_keys {
	struct jwt_key *items;
	size_t count, cap;
};

/* Adds the secret of HS256, which is copied; ERR_INPUT if it is shorter than JWT_SECRET_MIN. */
int jwt_keys_add_secret(struct jwt_keys *keys, const char *secret, struct err *err);
/*
 * Adds the keys of a set that are for signatures by RS256 (RSA of 2048 bits or more) and ES256
 * (P-256); others are left out, and secrets in it too. ERR_INPUT when it is no key set or none
 * is left; nothing is added then. `file` is its name for messages.
 */
int jwt_keys_add_jwks(
	struct jwt_keys *keys, const char *text, size_t n, const char *file, struct err *err);
/* Forgets all keys. */
void jwt_keys_release(struct jwt_keys *keys);

/* What a token has to say. */
struct jwt_rules {
	const char *issuer, *audience; /* NULL: any */
	int64_t leeway;                /* seconds that clocks may differ */
	time_t now;
};

/*
 * Checks a token and gives its claims, in the arena. NULL with err: ERR_NOTFOUND when no key
 * has the token's id (kid), so that asking for newer keys may help; ERR_AUTH for all else, with
 * a text that tells the token's owner what is wrong and holds nothing of the token.
 */
const struct value *jwt_check(struct arena *a, const char *token, const struct jwt_keys *keys,
	const struct jwt_rules *rules, struct err *err);

#endif
