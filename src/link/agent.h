/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of the ssh agent (draft-ietf-sshm-ssh-agent): lists keys and has data signed,
 * within a deadline, because an agent may wait for its user or for ever.
 *
 * Private to link/.
 */
#ifndef LINK_AGENT_H
#define LINK_AGENT_H

#include <stddef.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

#define AGENT_MESSAGE_MAX (256u * 1024)
#define AGENT_KEYS_MAX    1024u

struct agent_key {
	unsigned char *blob; /* the public key */
	size_t len;
	char *type;    /* the blob's first string, e.g. "ssh-ed25519" */
	char *comment; /* control characters replaced */
};

struct agent_keys {
	struct agent_key *items;
	size_t count;
	size_t cap;
};

/* Connects to an agent's socket; returns a descriptor. */
int agent_connect(const char *path, struct err *err);
/* Asks for the keys that it holds. */
int agent_list(int fd, struct agent_keys *keys, deadline until, const struct cancel *cancel,
	struct err *err);
/* Has data signed by a key; appends the signature proper, without the name of its algorithm. */
int agent_sign(int fd, const struct agent_key *key, const void *data, size_t len,
	struct strbuf *signature, deadline until, const struct cancel *cancel, struct err *err);
/* Reads the body of an answer to a list request. */
int agent_parse_keys(const void *body, size_t len, struct agent_keys *keys, struct err *err);
/* Reads the body of an answer to a sign request. */
int agent_parse_signature(
	const void *body, size_t len, struct strbuf *signature, struct err *err);
/* Frees the keys. */
void agent_keys_release(struct agent_keys *keys);

#endif
