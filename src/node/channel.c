/* SPDX-License-Identifier: Apache-2.0 */
#include "node/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/fd.h"

#define PIPE_SIZE      (1 << 20)
#define CHANNEL_ABSORB 65536u

void channel_init(struct channel *c, int in, int out)
{
	*c = (struct channel){.in = in,
		.out = out,
		.pending = STRBUF_INIT,
		.ahead = STRBUF_INIT,
		.taken = STRBUF_INIT};
	/* What the pipe cannot take gathers in sshd, whose buffer grows by copying itself. Not
	 * every input is a pipe, and the limit may be lower: then it stays as it is. */
	fcntl(in, F_SETPIPE_SZ, PIPE_SIZE);
	c->chunk = xmalloc(CHANNEL_CHUNK);
	c->at = c->chunk;
}

void channel_release(struct channel *c)
{
	frame_decoder_release(&c->decoder);
	strbuf_release(&c->pending);
	strbuf_release(&c->ahead);
	strbuf_release(&c->taken);
	free(c->chunk);
	c->chunk = NULL;
}

/* The engine's magic stands at the very beginning: nothing prints on our input. */
static int skip_magic(struct channel *c, struct err *err)
{
	for (; c->magic_seen < WIRE_MAGIC_SIZE && c->left > 0; c->magic_seen++) {
		if (*c->at != wire_magic[c->magic_seen])
			return err_set(err, ERR_PROTOCOL,
				"the input does not begin with the magic of protocol version "
				"%d",
				WIRE_VERSION);
		c->at++;
		c->left--;
	}
	return c->magic_seen == WIRE_MAGIC_SIZE;
}

int channel_next(struct channel *c, struct frame *out, struct err *err)
{
	int ready = skip_magic(c, err);

	if (ready <= 0)
		return ready;
	return frame_decode(&c->decoder, &c->at, &c->left, out, err);
}

/* Hands out what was absorbed; the frames before it were all worked, so their bytes may go. */
static void take_ahead(struct channel *c)
{
	struct strbuf taken = c->taken;

	c->taken = c->ahead;
	c->ahead = taken;
	strbuf_clear(&c->ahead);
	c->at = (const uint8_t *)c->taken.data;
	c->left = c->taken.len;
}

int channel_fill(struct channel *c, struct err *err)
{
	ssize_t got;

	if (c->ahead.len > 0) {
		take_ahead(c);
		return 0;
	}
	do
		got = read(c->in, c->chunk, CHANNEL_CHUNK);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(err, "read requests");
	c->ended = got == 0;
	c->at = c->chunk;
	c->left = (size_t)got;
	return 0;
}

size_t channel_absorb(struct channel *c, struct err *err)
{
	struct pollfd fd = {.fd = c->in, .events = POLLIN};
	ssize_t got;

	if (c->ended || c->ahead.len >= CHANNEL_AHEAD_MAX || poll(&fd, 1, 0) <= 0)
		return 0;
	strbuf_reserve(&c->ahead, CHANNEL_ABSORB);
	do
		got = read(c->in, c->ahead.data + c->ahead.len, CHANNEL_ABSORB);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		err_sys(err, "read requests");
	c->ended = got <= 0;
	if (got > 0)
		strbuf_truncate(&c->ahead, c->ahead.len + (size_t)got);
	return got > 0 ? (size_t)got : 0;
}

int channel_send(struct channel *c, const struct frame *f, struct err *err)
{
	frame_append(f, &c->pending);
	return c->pending.len >= FRAME_MAX ? channel_flush(c, err) : 0;
}

void channel_send_magic(struct channel *c)
{
	strbuf_add(&c->pending, wire_magic, WIRE_MAGIC_SIZE);
}

int channel_flush(struct channel *c, struct err *err)
{
	if (c->pending.len > 0 && fd_write_all(c->out, c->pending.data, c->pending.len) < 0)
		return err_sys(err, "write answers");
	strbuf_clear(&c->pending);
	return 0;
}
