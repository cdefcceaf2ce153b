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
	mode_t login_umask; /* as it was before the helper set its own */
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

/* Queues an ERROR for a request, or, with id 0, for a whole ctx. */
int node_send_error(struct node *n, uint16_t ctx, uint32_t id, const struct err *e,
	const char *path, struct err *err);

#endif
