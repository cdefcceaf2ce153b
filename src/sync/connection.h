/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a host is reached: Ansible's connection variables, settings and the command line, made
 * into what a link needs.
 *
 * The command line beats the settings, and a host's variables beat both, as in Ansible. Read
 * before any host is touched, so that a bad port or an unknown connection is an error with its
 * place.
 */
#ifndef SYNC_CONNECTION_H
#define SYNC_CONNECTION_H

#include "link/link.h"
#include "vars/vars.h"

/* What the command line and the site say for all hosts; members NULL or 0 where nothing. */
struct connection_defaults {
	const struct config *config; /* may be NULL */
	const char *user;            /* -u */
	const char *private_key;     /* --private-key */
	const char *password;        /* -k: asked once */
	const char *become_password; /* -K: asked once */
	const char *become_user;
	const char *become_method;
	const char *connection;        /* -c: "ssh", "local" ...; a host's own word beats it */
	const char *ssh_common_args;   /* --ssh-common-args */
	const char *ssh_extra_args;    /* --ssh-extra-args */
	bool become;                   /* -b */
	enum link_transport transport; /* --transport; LINK_AUTO: what the host needs */
	enum link_host_key_checking host_key_checking; /* --host-key-checking */
	const struct link_helpers *helpers;
	struct link_limiter *limiter;
	/* Asks a person, for a key file's passphrase; may be called from any thread. */
	link_secret_fn ask;
	void *ask_data;
};

#define CONNECTION_ARGS_MAX 2048

/* One host's way to be reached. Strings live with the view that they were read from. */
struct connection {
	struct link_options link;
	const char *key_files[2];
	const char *remote_dirs[8]; /* modelfleet_remote_dirs; NULL-terminated */
	bool become;
	const char *become_user;
	const char *password;
	const char *become_password;
	const struct connection_defaults *defaults;
	char ssh_args[CONNECTION_ARGS_MAX]; /* where ssh's arguments come from two places */
};

/*
 * Reads a host's connection. The connection must stay where it is while a link uses it; `view`
 * and `defaults` outlive it. ERR_INPUT names variable and place; ERR_UNSUPPORTED a connection
 * that is not ssh or local.
 */
int connection_read(struct connection *c, struct vars_view *view,
	const struct connection_defaults *defaults, struct err *err);
/*
 * Opens the link, and a second helper where the host is worked on as another user; *ctx is
 * then that helper's, else 0. The link is closed by the caller.
 */
int connection_open(struct connection *c, struct link **link, uint16_t *ctx, deadline until,
	const struct cancel *cancel, struct err *err);

#endif
