/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node helper: one engine, one thread, one request after the other. wire/PROTOCOL.md
 * describes the conversation.
 *
 * Theory of operation. node_serve reads frames and gives each to the operation that its
 * kind names in a const table (ops.c). The table says what a request may do; the operation
 * is called only after that was checked. Nothing here decides anything: which file is sent,
 * kept or repaired is the engine's policy.
 *
 * Memory: one chunk of input, one frame of output, the manifests of the open stages (bounded
 * together), and what one stream needs (a window of zstd, a patch). Nothing grows with a
 * file.
 */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/clock.h"
#include "node/channel.h"
#include "node/root.h"
#include "wire/op.h"

struct op;
struct stage;
struct child;
struct blobs;
struct module_stream;
struct pty;
struct note_stream;
struct transaction;
struct tunnels;

/* After so long without a byte from the engine a waiting helper takes it for gone. */
#define NODE_SILENCE_SECONDS 900

/* The request whose DATA frames are being received. */
struct stream {
	uint32_t id; /* 0: none is open */
	uint8_t flags;
	const struct op *op;
	bool dropped; /* it has failed: what still comes is thrown away */
};

struct node {
	struct channel engine;
	struct root *roots[WIRE_ROOTS_MAX];
	struct stage *stages[WIRE_STAGES_MAX];
	struct stage *streaming; /* the stage that the open stream belongs to */
	struct child *children[WIRE_CTX_MAX + 1]; /* by ctx; 0 is ourselves */
	struct stream stream;
	struct transaction *transaction; /* what modules record in, or NULL */
	char *copy; /* of this program for another user, until that has started it */
	double silence_seconds;       /* NODE_SILENCE_SECONDS, except in tests */
	deadline silent_at;           /* the engine is gone if nothing comes until then */
	deadline told_at;             /* children and transaction have heard of it until then */
	struct module_stream *module; /* the MODULE whose arguments are coming, or NULL */
	struct note_stream *note;     /* the NOTE_WRITE whose content is coming, or NULL */
	struct blobs *blobs;          /* content for modules; NULL before the first */
	struct tunnels *tunnels;      /* NULL before the first */
	struct pty *pty;              /* a program that the engine talks with, or NULL */
	mode_t login_umask;           /* as it was before the helper set its own */
	bool said_bye;
};

/*
 * Makes a helper that talks over two descriptors. Sets the process's umask to 022: modes are
 * the manifest's, whatever the login's umask is.
 */
void node_init(struct node *n, int in, int out);
/* Ends all: stages are closed (staging stays), leases released, children ended. */
void node_release(struct node *n);
/*
 * Serves until BYE (0), or until the input ends or cannot be understood (-1 with err;
 * the engine was told as far as possible).
 */
int node_serve(struct node *n, struct err *err);
/* Works one frame of ctx 0. -1 only when the connection cannot go on. */
int node_dispatch(struct node *n, const struct frame *f, struct err *err);

/* Removes the copy of this program that COPY_SELF made, if there is one. */
void node_drop_copy(struct node *n);
/* Notes that bytes came from the engine, for the transaction and for the children. */
void node_note_heard(struct node *n);
/*
 * Takes in what the engine has sent, without working it, while an operation goes on: a sign
 * of life that puts off the watchdog. To be called whenever node_input_fd is readable and at
 * least every few seconds. -1 with ERR_UNREACHABLE when the engine is gone: the operation
 * should end what it started, and fail.
 */
int node_heard(struct node *n, struct err *err);
/* The descriptor to poll for node_heard, or -1 while no more can be taken in. */
int node_input_fd(const struct node *n);

/* Queues an ERROR for a request, or, with id 0, for a whole ctx. */
int node_send_error(struct node *n, uint16_t ctx, uint32_t id, const struct err *e,
	const char *path, struct err *err);

#endif
