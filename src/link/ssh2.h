/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The libssh2 transport, in three files: transport_libssh2.c connects and moves bytes,
 * ssh2_host_key.c decides whether the host is the right one, ssh2_auth.c gets us let in.
 *
 * Private to link/.
 */
#ifndef LINK_SSH2_H
#define LINK_SSH2_H

#include <libssh2.h>

#include "link/known_hosts.h"
#include "link/transport.h"

struct ssh2_transport {
	struct transport base;
	const struct ssh_settings *settings;
	const struct link_options *options;
	const struct cancel *cancel;
	int fd;
	LIBSSH2_SESSION *session;
	struct strbuf out;        /* sent by libssh2, not yet taken by the socket */
	size_t out_at;            /* bytes of it that the socket has taken */
	bool wait_failed;         /* the last wait ended by its deadline or an interrupt */
	LIBSSH2_CHANNEL *channel; /* of the process that runs, or NULL */
	bool ended;               /* its output has ended */
	unsigned started;         /* processes so far */
	deadline until;           /* of the call under way, for callbacks */
	struct err callback_err;  /* why a callback gave up */
	int agent_fd;
	const struct agent_key *signing_key; /* that the callback is to use */
	struct strbuf *password;             /* that a callback answers with */
};

/*
 * Runs a libssh2 call again and again until it no longer says EAGAIN, waiting in between for
 * what it waits for. Gives its last result; LIBSSH2_ERROR_EAGAIN when the wait failed, and
 * then err says why.
 */
#define SSH2_CALL(t, until, err, call)                                                         \
	__extension__({                                                                        \
		long ssh2_result_;                                                             \
		while ((ssh2_result_ = (long)(call)) == LIBSSH2_ERROR_EAGAIN)                  \
			if (ssh2_wait((t), (until), (err)) < 0)                                \
				break;                                                         \
		(int)ssh2_result_;                                                             \
	})

/* Waits for the socket as libssh2 wants it. */
int ssh2_wait(struct ssh2_transport *t, deadline until, struct err *err);
/* Turns libssh2's last error into err: "what: text". Keeps an err that a wait has set. */
int ssh2_fail(struct ssh2_transport *t, enum err_code code, const char *what, struct err *err);

/* Reads the known keys of the host and sets which key types are asked for. */
int ssh2_prefer_host_keys(
	struct ssh2_transport *t, struct known_hosts *known, bool *fall_back, struct err *err);
/* Compares the host's key with the known ones; adds it, if it is new and that is wanted. */
int ssh2_check_host_key(struct ssh2_transport *t, const struct known_hosts *known,
	bool *fall_back, struct err *err);
/* Logs in. */
int ssh2_authenticate(
	struct ssh2_transport *t, bool *fall_back, deadline until, struct err *err);

#endif
