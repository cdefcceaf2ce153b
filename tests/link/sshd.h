/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real sshd for tests: unprivileged if need be, on loopback, on a port of its own, with
 * keys made on the spot. What it is given as a home lies in a scratch directory, so that
 * login shells read nothing of the user's.
 */
#ifndef TESTS_LINK_SSHD_H
#define TESTS_LINK_SSHD_H

#include <stdbool.h>

#include "link/fixture.h"

struct sshd {
	struct scratch scratch;
	pid_t pid;
	unsigned port;
	bool namespaced;     /* runs with /etc/shadow of its own */
	char *home;          /* of its sessions */
	char *client_key;    /* ed25519, authorized */
	char *known_hosts;   /* holds the host's ed25519 and ecdsa keys */
	char *client_config; /* for ssh -F: known_hosts, the client's key, no agent */
};

struct sshd_options {
	const char *config;       /* lines that stand in front of the defaults */
	const char *host_keys;    /* types, separated by blanks; NULL: "ed25519 ecdsa" */
	const char *client_lines; /* added in front of the client's configuration */
	const char *password;     /* root only: what this user's password is taken to be */
};

/* Starts it and waits until it listens. */
void sshd_start(struct sshd *s, const struct sshd_options *o);
/* Starts it anew with more lines in its configuration, in which DIR is its directory. */
void sshd_restart(struct sshd *s, const char *config);
/* Kills it, waits for it and removes its directory. */
void sshd_stop(struct sshd *s);
/* Points link options at it. */
void sshd_options_for(const struct sshd *s, struct link_options *o);
/* Kills one of the sessions with SIGKILL; false when there is none. */
bool sshd_kill_session(const struct sshd *s);
/* The name of the user who runs the tests, and as whom links log in. */
const char *current_user(void);
/* False where there is no sshd program; the tests then have nothing to test with. */
bool sshd_available(void);
/* A TCP port of loopback that nobody uses. */
unsigned free_port(void);

#endif
