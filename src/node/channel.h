/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper's side of a connection to an engine (or to a helper that it started): frames
 * read from one descriptor and written to another. Answers gather in a buffer that is
 * written when it is full or when the helper is about to wait, so that many small answers
 * make one packet. Blocking descriptors are expected.
 */
#ifndef NODE_CHANNEL_H
#define NODE_CHANNEL_H

#include <stdbool.h>

#include "base/err.h"
#include "wire/frame.h"

#define CHANNEL_CHUNK     262144u
#define CHANNEL_AHEAD_MAX (1u << 20) /* bytes that channel_absorb holds at most */

struct channel {
	int in;
	int out;
	struct frame_decoder decoder;
	uint8_t *chunk; /* CHANNEL_CHUNK bytes */
	const uint8_t *at;
	size_t left;
	size_t magic_seen;
	bool ended;          /* the input has ended */
	struct strbuf ahead; /* absorbed, not yet given to channel_next */
	struct strbuf taken; /* what `at` points into after a fill from `ahead` */
	struct strbuf pending;
};

/* Opens a channel over two descriptors that stay the caller's. */
void channel_init(struct channel *c, int in, int out);
/* Frees the buffers. */
void channel_release(struct channel *c);
/*
 * The next frame of what was read: 1 with a frame, 0 when the channel must be filled first,
 * -1 with ERR_PROTOCOL. The other side's magic is checked and skipped here.
 */
int channel_next(struct channel *c, struct frame *out, struct err *err);
/* Reads what is there, waiting for the first byte; `ended` is set at the end. */
int channel_fill(struct channel *c, struct err *err);
/*
 * Reads what is there without waiting and keeps it for channel_fill; frames that were given
 * stay valid. Returns the number of bytes, 0 for none (or when as much is held as may be).
 */
size_t channel_absorb(struct channel *c, struct err *err);
/* Queues a frame; writes when much has gathered. */
int channel_send(struct channel *c, const struct frame *f, struct err *err);
/* Queues our magic. */
void channel_send_magic(struct channel *c);
/* Writes all that is queued. */
int channel_flush(struct channel *c, struct err *err);

#endif
