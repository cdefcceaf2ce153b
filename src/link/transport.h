/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transports: how bytes get to a process on a host and back. A transport is connected once,
 * then starts processes, one after the other; each has an input, an output and a stream for
 * errors, and all three never block. Only one thread uses a transport.
 *
 * Private to link/.
 */
#ifndef LINK_TRANSPORT_H
#define LINK_TRANSPORT_H

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

#include "link/link.h"
#include "link/settings.h"

/* Results of read and write beside a number of bytes. */
#define TRANSPORT_AGAIN 0    /* nothing can be moved now */
#define TRANSPORT_END   (-2) /* the process closed the stream */
#define TRANSPORT_FDS   3    /* descriptors that poll may name */

/* Every read offers this many bytes: libssh2 must not be given changing sizes. */
#define TRANSPORT_CHUNK 32768u

/* What a transport is told. All of it outlives the transport. */
struct transport_target {
	const struct link_options *options;
	const struct ssh_settings *settings; /* NULL for LINK_LOCAL */
	const struct cancel *cancel;
	bool fall_back; /* set by a connect that failed where another transport may do better */
};

struct transport {
	const struct transport_ops *ops;
	uint64_t wire_in; /* bytes on the socket, where the transport sees it */
	uint64_t wire_out;
};

struct transport_ops {
	enum link_transport kind;
	const char *name; /* for messages */
	int exit_lost;    /* exit code that means a lost connection; -2 for none */

	/* Connects and authenticates, as far as that can be done before a process is started.
	 */
	int (*connect)(struct transport **out, struct transport_target *target, deadline until,
		struct err *err);
	/* Starts a process by a command of the login shell. The one before must be stopped. */
	int (*start)(struct transport *t, const char *command, deadline until, struct err *err);
	/* Reads TRANSPORT_CHUNK at most: bytes, TRANSPORT_AGAIN, TRANSPORT_END, -1 with err. */
	ssize_t (*read)(struct transport *t, void *chunk, struct err *err);
	/* The same for its stream of errors. */
	ssize_t (*read_errors)(struct transport *t, void *chunk, struct err *err);
	/* Writes to the process: bytes, TRANSPORT_AGAIN, TRANSPORT_END, or -1 with err. */
	ssize_t (*write)(struct transport *t, const void *data, size_t n, struct err *err);
	/* True if a read would give bytes that no descriptor tells of. */
	bool (*has_input)(struct transport *t);
	/* Names what to wait for after reads and writes gave AGAIN; returns how many. */
	unsigned (*poll)(struct transport *t, bool writing, struct pollfd fds[TRANSPORT_FDS]);
	/* Ends the process's input: AGAIN (0) while that is under way, 1 when done, -1. */
	int (*end_input)(struct transport *t, struct err *err);
	/* Ends the process; gives its exit code, or -1 when that is not known. */
	int (*stop)(struct transport *t, deadline until);
	/* The error that a connection lost, given what the process's error stream said. */
	int (*lost)(struct transport *t, int exit_code, const char *said, struct err *err);
	/* Closes and frees. Never waits beyond the deadline. */
	void (*close)(struct transport *t, deadline until);
};

extern const struct transport_ops transport_libssh2, transport_ssh, transport_local;

/* What a process did, as transport_run saw it. */
struct transport_result {
	struct strbuf out;
	struct strbuf errors;
	int exit_code; /* -1 when not known */
};
/*
 * Runs a command to its end, feeding it n bytes of input and gathering at most 64 kB of each
 * of its outputs. 0 when it ran, whatever its exit code.
 */
int transport_run(struct transport *t, const char *command, const void *input, size_t n,
	deadline until, const struct cancel *cancel, struct transport_result *result,
	struct err *err);
/* Frees what a process said. */
void transport_result_release(struct transport_result *r);
/* Waits until the transport may move something again. */
int transport_wait(struct transport *t, bool writing, deadline until,
	const struct cancel *cancel, struct err *err);
/*
 * Appends what a process said as one line for an error message: control characters become
 * blanks, and at most 300 bytes of the end are taken.
 */
void transport_quote(const struct strbuf *said, struct strbuf *out);

#endif
