/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords for the ssh program. It takes them from a terminal or from a program named by
 * SSH_ASKPASS; ours is a script of two lines that reads one line from a named pipe, which
 * only this user can open. So a secret is never in an argument, the environment or a file.
 *
 * Private to link/.
 */
#ifndef LINK_ASKPASS_H
#define LINK_ASKPASS_H

#include "link/settings.h"

struct askpass {
	char *dir; /* temporary; NULL when there are no secrets */
	int password_fd;
	int passphrase_fd;
	struct strlist env; /* for the ssh program */
};

/*
 * Asks the options' callback for the password, and for the passphrases of keys that need
 * one, and makes them ready. Without any secret nothing is made.
 */
int askpass_open(struct askpass *a, const struct link_options *o, const struct ssh_settings *s,
	struct err *err);
/* Removes the pipes and what is left in them. */
void askpass_close(struct askpass *a);

#endif
