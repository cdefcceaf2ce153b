/* SPDX-License-Identifier: Apache-2.0 */
#include "node/request.h"

#include <stdio.h>

#define EVENT_INTERVAL_NS 1000000000LL

void request_about(struct request *q, const char *path)
{
	snprintf(q->path, sizeof(q->path), "%s", path);
}

int request_flush(struct request *q, struct err *err)
{
	struct frame f = {.id = q->frame->id,
		.kind = WIRE_REPLY,
		.flags = FRAME_MORE,
		.data = q->reply.data,
		.len = q->reply.len};

	if (channel_send(&q->node->engine, &f, err) < 0)
		return -1;
	msg_begin(&q->reply, q->buffer, sizeof(q->buffer));
	return 0;
}

int request_room(struct request *q, size_t n, struct err *err)
{
	return msg_room(&q->reply) < n ? request_flush(q, err) : 0;
}

int request_bytes(struct request *q, const void *data, size_t n, struct err *err)
{
	const uint8_t *p = data;

	while (n > 0) {
		size_t room = msg_room(&q->reply);
		size_t take = n < room ? n : room;
		msg_put_raw(&q->reply, p, take);
		p += take;
		n -= take;
		if (n > 0 && request_flush(q, err) < 0)
			return -1;
	}
	return 0;
}

int request_progress(void *arg, uint64_t bytes, struct err *err)
{
	struct request *q = arg;
	uint8_t payload[16];
	struct msg_writer w;
	int64_t now = clock_ns();

	q->done += bytes;
	if (q->event_at == 0)
		q->event_at = now + EVENT_INTERVAL_NS;
	if (now < q->event_at)
		return 0;
	q->event_at = now + EVENT_INTERVAL_NS;
	/* An engine that has gone is noticed when the work is done: half of it is no better. */
	node_heard(q->node, NULL);
	msg_begin(&w, payload, sizeof(payload));
	wire_put_progress(&w, &(struct wire_progress){.done = q->done, .total = q->total});
	struct frame f = {
		.id = q->frame->id, .kind = WIRE_EVENT, .data = payload, .len = w.len};
	if (channel_send(&q->node->engine, &f, err) < 0)
		return -1;
	return channel_flush(&q->node->engine, err);
}

int request_only_root(const struct request *q, const char *what, struct err *err)
{
	struct msg_reader r;

	msg_read(&r, q->frame->data, q->frame->len);
	msg_u8(&r);
	return msg_end(&r, what, err);
}
