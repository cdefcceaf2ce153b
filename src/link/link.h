/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link: the connection to the node helper on one host.
 *
 * A link belongs to one thread at a time. Its calls read as if they blocked; inside, every
 * wait has a deadline and a cancel token, and whoever waits pumps: the link reads while it
 * writes, so that two full pipes can never wait for each other. There are two queues:
 * control frames overtake bulk frames, and within a queue the order is kept.
 *
 *     struct link *link;
 *     if (link_open(&link, &options, deadline_in(10), cancel, err) < 0)
 *             return -1;
 *     uint32_t id = link_send(link, &(struct frame){.kind = K, .data = p, .len = n},
 * err); struct frame reply; if (!id || link_next(link, &reply, deadline_in(60), err) < 0)
 * ... link_close(link, deadline_in(2));
 *
 * Errors of link_open: ERR_UNREACHABLE (no connection), ERR_TIMEOUT, ERR_AUTH (not let in, or
 * the host key is wrong), ERR_UNSUPPORTED (no helper for its machine, or none can run there),
 * ERR_PROTOCOL, ERR_CANCELLED. Errors later on: ERR_UNREACHABLE when the connection ends
 * without BYE, ERR_TIMEOUT, ERR_CANCELLED, ERR_PROTOCOL. After any of them except ERR_TIMEOUT
 * and ERR_CANCELLED the link is broken: every call fails with the first error, and it can
 * only be closed. No text names the host: the caller knows it and wraps.
 */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "link/helpers.h"
#include "link/limiter.h"
#include "wire/frame.h"
#include "wire/op.h"

struct link;

enum link_transport {
	LINK_AUTO,    /* libssh2, and the ssh program for what libssh2 cannot do */
	LINK_LIBSSH2, /* libssh2 or nothing */
	LINK_SSH,     /* the OpenSSH program */
	LINK_LOCAL    /* a process on this machine */
};

enum link_host_key_checking {
	LINK_HOST_KEY_CONFIGURED, /* as the ssh configuration says; its "ask" means strict */
	LINK_HOST_KEY_STRICT,     /* an unknown or changed key is an error */
	LINK_HOST_KEY_ACCEPT_NEW, /* an unknown key is added to known_hosts */
	LINK_HOST_KEY_OFF         /* not checked; a revoked key is refused nevertheless */
};

enum link_secret {
	LINK_SECRET_PASSWORD,   /* subject: user@host */
	LINK_SECRET_PASSPHRASE, /* subject: the key file */
	LINK_SECRET_BECOME      /* subject: the user to become */
};

/*
 * Asked for a secret when one is needed, on the link's thread: fills `out` and returns 1,
 * returns 0 when there is none, -1 with err to give up. The link wipes what it got. May be
 * called from several threads at once for several links.
 */
typedef int (*link_secret_fn)(void *data, enum link_secret kind, const char *subject,
	struct strbuf *out, struct err *err);

struct link_options {
	const char *name;             /* the host's name in the inventory */
	const char *address;          /* ansible_host; NULL: name */
	unsigned port;                /* 0: the ssh configuration's, else 22 */
	const char *user;             /* NULL: the ssh configuration's, else this user */
	const char *const *key_files; /* NULL-terminated; NULL: the ssh configuration's */
	link_secret_fn secret;        /* NULL: no secrets, no prompts */
	void *secret_data;

	enum link_transport transport;
	const char *ssh_program;     /* NULL: "ssh" */
	const char *ssh_config_file; /* NULL: ssh's own; else as `ssh -F FILE` */
	const char *ssh_common_args; /* words as a shell splits them, for every ssh call */
	const char *ssh_extra_args;  /* the same, put behind the common ones */

	enum link_host_key_checking host_key_checking;
	const char *const *known_hosts; /* NULL-terminated; NULL: the ssh configuration's */

	const struct link_helpers *helpers; /* what to run on the node; shared, read only */
	const char *const *remote_dirs; /* NULL-terminated; where helpers are kept there, tried
					   in order; NULL: link_default_remote_dirs */
	const char
		*cache_dir; /* what was learnt about hosts; NULL: the user's cache; "": none */

	struct link_limiter *limiter; /* shared by all links; NULL: no limit */

	const char *become_method; /* for link_become; NULL: "sudo" */
	const char *become_flags;  /* words; NULL: the method's default */
	const char *become_exe;    /* words instead of the method's program; NULL: that one */
};

/*
 * "~/.cache/modelfleet", then places for homes that cannot run programs; NULL-terminated. In
 * such a name a leading "~/" is the login user's home, and UID stands for the user's number.
 */
extern const char *const link_default_remote_dirs[];

/*
 * Connects, starts the helper (installing it first where it is missing), and shakes hands.
 * On success *out is the caller's, to be closed with link_close. `cancel` is kept and used by
 * all later calls; it may be NULL. The options are copied as far as they are needed later.
 */
int link_open(struct link **out, const struct link_options *o, deadline until,
	const struct cancel *cancel, struct err *err);

/* What the helper said of itself; lives as long as the link. */
const struct wire_hello *link_hello(const struct link *link);

/*
 * Frames are wire/frame.h's. On sending, id 0 asks for a new request's id, and the payload is
 * copied; a payload is at most FRAME_PAYLOAD_MAX.
 */

/*
 * Queues a control frame (the payload is copied) and returns its id; 0 with err when the
 * link is broken or more than 1 MiB of control frames wait. Does not wait itself: the frame
 * leaves with the next call that pumps (link_flush, link_next, link_send_bulk).
 */
uint32_t link_send(struct link *link, const struct frame *f, struct err *err);
/*
 * Sends a bulk frame: pumps until less than 64 kB of bulk wait, then queues a copy and
 * returns its id (0 with err). Control frames overtake it, so what ends a stream of bulk
 * frames is sent as bulk, too. Frames that arrive meanwhile are kept for link_next; more
 * than 8 MiB of them is an error of protocol. The bandwidth limit applies to bulk frames.
 */
uint32_t link_send_bulk(
	struct link *link, const struct frame *f, deadline until, struct err *err);
/*
 * Replaces the cancel token of link_open, e.g. by NULL for what has to be finished or undone
 * after an interrupt.
 */
void link_set_cancel(struct link *link, const struct cancel *cancel);
/* Pumps until all that was queued is written to the transport. */
int link_flush(struct link *link, deadline until, struct err *err);

/*
 * Waits until a point of time while the node is told that the engine is there: for a worker
 * that waits for something else than this node. Frames that arrive are kept for link_next.
 * Without it a helper takes its engine for gone after a while (wire/PROTOCOL.md), and its
 * watchdog takes back what was not confirmed. -1 when cancelled or when the link is broken.
 */
int link_idle(struct link *link, deadline until, struct err *err);

/*
 * Gives the next frame that arrived, of any request. The payload is valid until the next
 * call for this link. ERROR frames are given as they are.
 */
int link_next(struct link *link, struct frame *out, deadline until, struct err *err);
/* Like link_next without waiting: 1 when there was a frame, 0 when not, -1 with err. */
int link_poll(struct link *link, struct frame *out, struct err *err);
/*
 * The next frame of one request; others are kept for link_next. An ERROR frame becomes err,
 * with the node's own text and code.
 */
int link_next_of(
	struct link *link, uint32_t id, struct frame *out, deadline until, struct err *err);
/* Sends a control frame and waits for its one reply, with ERROR turned into err. */
int link_call(struct link *link, const struct frame *request, struct frame *reply,
	deadline until, struct err *err);
/* Turns an ERROR frame into err: the node's text and code; always returns -1. */
int link_error(const struct frame *f, struct err *err);

/*
 * Starts a helper as another user through the link's become_method. The secret callback is
 * asked for a password first; it is sent to the node's method only if that asks. Returns the
 * ctx for frames: 0 when the login user is that user, the same one for the same user again.
 * -1 with err when the user cannot be become.
 */
int link_become(struct link *link, const char *user, deadline until, struct err *err);

struct link_stats {
	enum link_transport transport; /* which one is in use; never LINK_AUTO */
	uint64_t bytes_in;             /* on the channel, frame headers included */
	uint64_t bytes_out;
	uint64_t frames_in;
	uint64_t frames_out;
	uint64_t wire_in; /* on the socket, as far as the transport knows; else 0 */
	uint64_t wire_out;
	uint64_t bulk_rate; /* bytes a second, of the fastest 4 MiB of bulk; 0: not known yet */
	bool installed;     /* the helper was uploaded by this link */
	int64_t connect_ns; /* from link_open to a session that is let in */
	int64_t start_ns;   /* from there to the helper's HELLO */
};
/* Fills in what this link did so far. */
void link_stats(const struct link *link, struct link_stats *out);

/*
 * Sends BYE and waits for the helper's, up to the deadline; then closes everything and frees
 * the link. Returns 0 when the helper said BYE, else -1: what was asked may be unfinished.
 * NULL is fine.
 */
int link_close(struct link *link, deadline until);
/* Closes at once, without BYE; for broken or cancelled links. NULL is fine. */
void link_abort(struct link *link);

/* The name of the i-th become method, from 0; NULL behind the last (become.c). */
const char *link_become_method(size_t i);

#endif
