/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of auth.h. */
#ifndef REGISTRYD_AUTH_PRIVATE_H
#define REGISTRYD_AUTH_PRIVATE_H

#include <pthread.h>

#include "base/clock.h"
#include "crypto/jwt.h"
#include "daemons/registryd/auth.h"

struct api_key {
	char *name;
	unsigned char digest[32];
	enum role role;
};

/* What is asked for: replaced as a whole by a reload. */
struct auth_rules {
	struct api_key *keys;
	size_t count;
	struct jwt_keys secrets;
	char *jwks, *issuer, *audience, *roles_claim;
	int64_t leeway, refresh;
};

struct auth {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct auth_rules rules;
	struct jwt_keys publics; /* of rules.jwks */
	bool wanted;             /* a token named a key that is not known */
	deadline eager;          /* before which that is no reason to ask */
	struct cancel cancel;
	bool end, started;
	pthread_t thread;
};

/* Reads the key set of a file or URL. */
int auth_read_jwks(const char *source, const struct cancel *cancel, struct jwt_keys *keys,
	struct err *err);
/* Starts the thread that reads it again, once. */
int auth_keep_fresh(struct auth *auth, struct err *err);

#endif
