/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who calls, and what they may do: API keys ("X-API-Key: KEY" or "Authorization: Bearer KEY")
 * and JSON Web Tokens ("Authorization: Bearer TOKEN"). Where neither is configured, everybody
 * may do everything, and the daemon listens on this machine only.
 *
 * Of keys only the SHA-256 is known here: they are long and random, so that nothing slower is
 * needed. Tokens' public keys are read again now and then, and when a token names a key that is
 * not known, by a thread.
 */
#ifndef REGISTRYD_AUTH_H
#define REGISTRYD_AUTH_H

#include "daemons/registryd/config.h"
#include "http/serve.h"

/* Seconds between two readings of a key set because of a key that is not known. */
#define AUTH_EAGER 10

/* Who makes a request. */
struct caller {
	char *name; /* a key's name, a token's subject, "local", or "anonymous" */
	enum role role;
	char client[HTTP_CLIENT_TEXT]; /* where from */
	bool audited;                  /* what it does is in the audit log already */
};

/* Makes a caller who calls from where a request comes from. */
struct caller *caller_new(const char *name, enum role role, const struct http_call *call);
/* Frees a caller. NULL is fine. */
void caller_free(struct caller *caller);

struct auth;

/*
 * Reads keys, secrets and key sets; a set's URL that does not answer is asked again later. NULL
 * with err, after findings were logged.
 */
struct auth *auth_new(const struct registryd_config *config, struct err *err);
/* Reads them again; where that fails, the former stay. The config outlives it. */
int auth_reload(struct auth *auth, const struct registryd_config *config, struct err *err);
/* True if there is any key or token to ask for. */
bool auth_is_configured(struct auth *auth);
/*
 * Tells who makes a request; freed by the caller. NULL with err: ERR_AUTH for credentials that
 * are not right; ERR_BUSY when the key of a token is being asked for.
 */
struct caller *auth_caller(struct auth *auth, const struct http_call *call, struct err *err);
/* Ends its thread and frees it. NULL is fine. */
void auth_free(struct auth *auth);

#endif
