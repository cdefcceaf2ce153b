/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known_hosts files, as sshd(8) describes them under SSH_KNOWN_HOSTS FILE FORMAT: host
 * patterns with wildcards and negation, [host]:port, hashed names, @revoked and
 * @cert-authority. A line that cannot be read is skipped and reported, so that one bad line
 * does not lock anybody out.
 *
 * Private to link/.
 */
#ifndef LINK_KNOWN_HOSTS_H
#define LINK_KNOWN_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/str.h"

#define KNOWN_HOSTS_MAX_BYTES (32u << 20) /* of one file */

/* A key that some line has for the host. */
struct known_key {
	char *type; /* e.g. "ssh-ed25519" */
	unsigned char *blob;
	size_t len;
	char *file;
	unsigned line;
	bool revoked;
	bool other_port; /* the line names the host without its port, which is not 22 */
};

struct known_hosts {
	char *host; /* in lower case */
	unsigned port;
	struct known_key *items;
	size_t count;
	size_t cap;
	bool has_authority; /* a @cert-authority line matches: certificates have to be checked
			     */
	struct diags warnings;
};

enum known_verdict {
	KNOWN_OK,
	KNOWN_NONE,    /* no key at all for this host */
	KNOWN_OTHER,   /* only keys of other types */
	KNOWN_CHANGED, /* another key of this type */
	KNOWN_REVOKED
};

/* Starts with no keys for a host. */
void known_hosts_init(struct known_hosts *k, const char *host, unsigned port);
/* Adds what a file has for the host. A missing file is fine. */
int known_hosts_read(struct known_hosts *k, const char *file, struct err *err);
/* The same for text that was read already. */
void known_hosts_parse(struct known_hosts *k, const char *file, const char *text, size_t len);
/* Judges a key; `why` is set to the key that decided, or NULL. */
enum known_verdict known_hosts_check(const struct known_hosts *k, const char *type,
	const void *blob, size_t len, const struct known_key **why);
/* True if there is a usable key of this type. */
bool known_hosts_has_type(const struct known_hosts *k, const char *type);
/* Appends a line for a key to a file, which is made when it is not there. */
int known_hosts_add(const char *file, const char *host, unsigned port, bool hashed,
	const char *type, const void *blob, size_t len, struct err *err);
/* Frees everything. */
void known_hosts_release(struct known_hosts *k);

#endif
