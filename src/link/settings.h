/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's ssh configuration for one host, as `ssh -G` prints it: lines of a keyword in
 * lower case, a blank and a value. What it says is cached by the digest of the files that it
 * was made from, because asking costs more CPU time than the rest of a warm connect.
 *
 * Private to link/.
 */
#ifndef LINK_SETTINGS_H
#define LINK_SETTINGS_H

#include <stdbool.h>

#include "base/str.h"
#include "link/link.h"

#define SSH_SETTINGS_MAX_BYTES 65536u /* of ssh -G's output */

struct ssh_settings {
	char *host; /* where to connect to */
	char *user;
	unsigned port;
	int family;           /* AF_UNSPEC, AF_INET or AF_INET6 */
	char *host_key_alias; /* name to look for in known_hosts, or NULL */
	char *identity_agent; /* a socket's path, "none", or NULL for $SSH_AUTH_SOCK */
	bool identities_only;
	bool hash_known_hosts;
	bool public_key; /* which ways to authenticate are allowed */
	bool password;
	bool keyboard_interactive;
	enum link_host_key_checking checking; /* never LINK_HOST_KEY_CONFIGURED */
	struct strlist identity_files;
	struct strlist user_known_hosts;
	struct strlist global_known_hosts;
	struct strlist words; /* the common and extra arguments for the ssh program */
	char *needs_program;  /* the keyword that only the ssh program can do, or NULL */
};

/* Finds out what applies to the host of the options. */
int ssh_settings_load(struct ssh_settings *s, const struct link_options *o, deadline until,
	const struct cancel *cancel, struct err *err);
/*
 * Reads what ssh -G printed into settings that hold defaults. Unknown keywords are skipped;
 * a value that cannot be meant is an error.
 */
int ssh_settings_parse(struct ssh_settings *s, const char *text, size_t len, struct err *err);
/* Sets what ssh does without any configuration. */
void ssh_settings_defaults(struct ssh_settings *s, const char *host);
/* Frees everything. */
void ssh_settings_release(struct ssh_settings *s);

/*
 * Splits a line into words as a POSIX shell does, without expanding anything: blanks, single
 * and double quotes, backslash. -1 with ERR_INPUT for a quote that does not end.
 */
int shell_split(struct strlist *out, const char *line, struct err *err);

#endif
