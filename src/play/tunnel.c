/* SPDX-License-Identifier: Apache-2.0 */
#include "play/tunnel.h"

#include "link/link.h"
#include "play/runner.h"
#include "wire/op.h"

#define NUMBER        0       /* of the tunnel: a call has one at a time */
#define READ_MAX      262144u /* bytes asked for at once */
#define CONNECT_MS    30000u  /* where the caller sets no earlier deadline */
#define ANSWER_MARGIN 30.0    /* seconds for an answer beyond what the node waits */

/* Milliseconds of the node's that are left until a deadline. */
static uint32_t milliseconds(deadline until, uint32_t max)
{
	int ms = deadline_poll_ms(until);

	return ms < 0 || (uint32_t)ms > max ? max : (uint32_t)ms;
}

static deadline answer_by(uint32_t ms)
{
	return deadline_in((double)ms / 1000.0 + ANSWER_MARGIN);
}

/* Sends a request whose fields lie in w; its id, or 0 with err. */
static uint32_t request(
	struct tunnel *t, uint8_t kind, const struct msg_writer *w, struct err *err)
{
	const struct frame f = {.kind = kind, .ctx = t->ctx, .data = w->data, .len = w->len};

	if (w->overflow) {
		err_set(err, ERR_LIMIT, "the host's name is too long");
		return 0;
	}
	return link_send(t->link, &f, err);
}

/* The next frame of an answer; signs of life are skipped. */
static int next(struct tunnel *t, uint32_t id, struct frame *f, deadline until, struct err *err)
{
	do {
		if (link_next_of(t->link, id, f, until, err) < 0) {
			t->failed = true;
			return -1;
		}
	} while (f->kind == WIRE_EVENT);
	return 0;
}

static void *tunnel_open(
	void *data, const char *host, unsigned port, deadline until, struct err *err)
{
	struct tunnel *t = data;
	uint8_t buffer[512];
	struct msg_writer w;
	struct frame f;
	const struct wire_tunnel_open o = {.tunnel = NUMBER,
		.host = host,
		.port = (uint16_t)port,
		.milliseconds = milliseconds(until, CONNECT_MS)};

	if (runner_link(t->call, &t->link, &t->ctx, err) < 0)
		return NULL;
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_tunnel_open(&w, &o);
	uint32_t id = request(t, WIRE_TUNNEL_OPEN, &w, err);
	if (!id || next(t, id, &f, answer_by(o.milliseconds), err) < 0)
		return NULL;
	return t;
}

/* Takes the pieces of an answer: one byte that says whether the peer has ended, then bytes. */
static int take(struct tunnel *t, uint32_t id, deadline until, struct strbuf *in, bool *ended,
	struct err *err)
{
	bool first = true;
	struct frame f;

	do {
		if (next(t, id, &f, until, err) < 0)
			return -1;
		if (first && f.len == 0)
			return err_set(err, ERR_PROTOCOL, "an empty TUNNEL_EXCHANGE answer");
		if (first)
			*ended = f.data[0] != 0;
		strbuf_add(in, f.data + first, f.len - first);
		first = false;
	} while (f.flags & FRAME_MORE);
	return 0;
}

static int tunnel_exchange(void *connection, const void *bytes, size_t n, unsigned ms,
	struct strbuf *in, bool *ended, struct err *err)
{
	struct tunnel *t = connection;
	uint8_t buffer[FRAME_PAYLOAD_MAX];
	struct msg_writer w;
	const struct wire_tunnel_exchange x = {.tunnel = NUMBER,
		.milliseconds = ms,
		.read_max = READ_MAX,
		.data = bytes,
		.data_len = n};

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_tunnel_exchange(&w, &x);
	uint32_t id = request(t, WIRE_TUNNEL_EXCHANGE, &w, err);
	return id ? take(t, id, answer_by(ms), in, ended, err) : -1;
}

/* Lets the connection go; whether the node minds is of no interest any more. */
static void tunnel_close(void *connection)
{
	struct tunnel *t = connection;
	uint8_t buffer[1];
	struct msg_writer w;
	struct frame f;

	msg_begin(&w, buffer, sizeof(buffer));
	msg_put_u8(&w, NUMBER);
	uint32_t id = request(t, WIRE_TUNNEL_CLOSE, &w, NULL);
	if (id)
		next(t, id, &f, answer_by(0), NULL);
}

const struct http_connector tunnel_connector = {
	.open = tunnel_open,
	.exchange = tunnel_exchange,
	.close = tunnel_close,
};

bool tunnel_is_broken(struct tunnel *t)
{
	struct err why = {0};

	return t->failed && t->link && link_flush(t->link, deadline_in(1), &why) < 0 &&
	       why.code != ERR_TIMEOUT && why.code != ERR_CANCELLED;
}
