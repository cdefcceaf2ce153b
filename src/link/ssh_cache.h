/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking `ssh -G`, and remembering its answers.
 *
 * Private to link/.
 */
#ifndef LINK_SSH_CACHE_H
#define LINK_SSH_CACHE_H

#include "link/settings.h"

/*
 * Appends what ssh -G prints for the host: 1, or 0 when there is no ssh program. The answer
 * is taken from the cache when no file that it depends on has changed.
 */
int ssh_configuration(const struct ssh_settings *s, const struct link_options *o,
	const char *home, deadline until, const struct cancel *cancel, struct strbuf *out,
	struct err *err);

/*
 * Appends the arguments that every call of the ssh program for this host has: configuration
 * file, the user's words, keys, port, user.
 */
void ssh_arguments(
	const struct ssh_settings *s, const struct link_options *o, struct strlist *argv);

/*
 * The digest of all files that an ssh configuration is made of, in hex, following Include;
 * user_file as for `ssh -F`, or NULL. False when the answer of ssh -G also depends on other
 * things (Match exec, canonical names).
 */
bool ssh_config_digest(const char *home, const char *user_file, char out[17]);

#endif
