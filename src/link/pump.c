/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation.
 *
 * A link has one channel, and each side of it can fill up. If the engine waited until a write
 * is done, and the helper until its answer is read, both would wait for ever. So there is one
 * loop only, pump_step, and everything that waits runs it: it reads what is there, writes
 * what goes, and waits only when both gave "not now".
 *
 * The order in a turn matters: first read, then write, then ask whether the transport holds
 * input that no descriptor announces, and only then poll. Under libssh2 a read can swallow
 * the packet that opens the window for writing, and a write can swallow data for reading:
 * both are then in memory, and a poll would wait for something that has already come. With
 * this order a write always follows the last read, and has_input tells what the last write
 * has swallowed.
 *
 * What is written goes in units: all control frames that wait, or bulk frames of at most one
 * packet. A unit that was begun is finished before another one, since frames must not be cut
 * by others; between units control frames come first. The bandwidth limit is asked once for
 * each unit of bulk; until its time has come, control frames still go.
 *
 * What is received is decoded at once and kept in the inbox until somebody takes it. The
 * helper answers only what it was asked, and bulk answers are asked for in ranges, so that
 * the inbox stays small; its limit is there for a helper that is not ours.
 *
 * The helper takes an engine that it does not hear for gone, so whenever the loop runs and
 * nothing was sent for a while, a PING goes, whose answer is dropped. A worker that waits for
 * something else runs the loop meanwhile (link_idle).
 *
 * The first error that concerns the connection is kept, and repeated to every later call.
 * Timeouts and interrupts are not kept: nothing is lost by them.
 */
#include "link/pump.h"

#define READS_A_TURN 8

void pump_init(struct pump *p, struct transport *t, struct link_limiter *limiter,
	const struct cancel *cancel)
{
	*p = (struct pump){
		.transport = t,
		.cancel = cancel,
		.limiter = limiter,
		.control.bytes = STRBUF_INIT,
		.bulk.bytes = STRBUF_INIT,
		.scanner = MAGIC_SCANNER_INIT,
		.errors = STRBUF_INIT,
		.exit_code = -1,
	};
	p->last = &p->first;
	p->quiet_until = deadline_in(PUMP_QUIET_MAX);
	strbuf_add(&p->control.bytes, wire_magic, WIRE_MAGIC_SIZE);
}

void pump_release(struct pump *p)
{
	for (struct pump_frame *f = p->first, *next; f; f = next) {
		next = f->next;
		free(f);
	}
	free(p->held);
	strbuf_release(&p->control.bytes);
	strbuf_release(&p->bulk.bytes);
	strbuf_release(&p->errors);
	magic_scanner_release(&p->scanner);
	frame_decoder_release(&p->decoder);
}

/* Repeats the error that broke the link. */
static int fail_broken(const struct pump *p, struct err *err)
{
	return err_set(err, p->broken.code, "%s", p->broken.text);
}

static size_t queue_len(const struct pump_queue *q)
{
	return q->bytes.len - q->at;
}

/* Forgets n bytes that were written, and now and then moves the rest to the front. */
static void queue_advance(struct pump_queue *q, size_t n)
{
	q->at += n;
	size_t left = queue_len(q);
	if (left > 0 && q->at < PUMP_BULK_MAX)
		return;
	memmove(q->bytes.data, q->bytes.data + q->at, left);
	strbuf_truncate(&q->bytes, left);
	q->at = 0;
}

/* Length of the frame that begins at an offset of a queue, by its header. */
static size_t frame_len_at(const struct pump_queue *q, size_t at)
{
	const uint8_t *h = (const uint8_t *)q->bytes.data + at;

	return FRAME_HEADER_SIZE +
	       ((size_t)h[0] | (size_t)h[1] << 8 | (size_t)h[2] << 16 | (size_t)h[3] << 24);
}

/* Length of the whole frames at the front of a queue that fit into one packet; 0 for none. */
static size_t queue_unit_len(const struct pump_queue *q)
{
	size_t at = q->at;

	while (at < q->bytes.len) {
		size_t next = at + frame_len_at(q, at);
		if (next - q->at > FRAME_MAX)
			break;
		at = next;
	}
	return at - q->at;
}

/* True when the limiter lets the next unit of bulk go; it is asked once for each. */
static bool bulk_may_go(struct pump *p)
{
	if (p->charged == 0) {
		p->charged = queue_unit_len(&p->bulk);
		p->bulk_after = link_limiter_take(p->limiter, p->charged);
	}
	return p->bulk_after == 0 || deadline_passed(p->bulk_after);
}

/* Chooses what is written next; false when nothing may be written now. */
static bool choose_unit(struct pump *p)
{
	if (p->current_left > 0)
		return true;
	if (queue_len(&p->control) > 0) {
		p->current = &p->control;
		p->current_left = queue_len(&p->control);
		return true;
	}
	if (queue_len(&p->bulk) == 0 || !bulk_may_go(p))
		return false;
	p->current = &p->bulk;
	p->current_left = p->charged;
	p->charged = 0;
	return true;
}

/*
 * Takes the time of every PUMP_RATE_SPAN of bulk. What a link can do shows in its fastest span:
 * in others the engine itself may have been slow. At most 2 MiB are under way in a channel of
 * OpenSSH, whatever buffers lie in between, so that a rate is at most twice the true one.
 */
static void note_rate(struct pump *p, size_t n)
{
	if (p->span == 0)
		p->span_began = clock_ns();
	p->span += n;
	if (p->span < PUMP_RATE_SPAN)
		return;
	int64_t took = clock_ns() - p->span_began;
	uint64_t rate = p->span * 1000000000u / (uint64_t)(took > 0 ? took : 1);
	if (rate > p->bulk_rate)
		p->bulk_rate = rate;
	p->span = 0;
}

/* Writes until the transport takes no more. Returns 1 if something moved, 0, or -1. */
static int pump_write(struct pump *p, struct err *err)
{
	int moved = 0;

	while (!p->output_ended && choose_unit(p)) {
		const struct pump_queue *q = p->current;
		ssize_t n = p->transport->ops->write(
			p->transport, q->bytes.data + q->at, p->current_left, err);
		if (n == -1)
			return -1;
		if (n == TRANSPORT_AGAIN)
			break;
		moved = 1;
		if (n == TRANSPORT_END) {
			p->output_ended = true;
			break;
		}
		p->bytes_out += (uint64_t)n;
		p->quiet_until = deadline_in(PUMP_QUIET_MAX);
		if (p->current == &p->bulk)
			note_rate(p, (size_t)n);
		p->current_left -= (size_t)n;
		queue_advance(p->current, (size_t)n);
	}
	return moved;
}

/* An error without a request: the helper, or one behind it, has ended or will. */
static int fail_helper(const struct frame *f, struct err *err)
{
	struct wire_error e;

	if (wire_get_error(f, &e, err) < 0)
		return -1;
	return err_set(err, ERR_PROTOCOL, "the node helper gave up%s: %s",
		f->ctx ? " as the other user" : "", e.text);
}

/* Keeps a copy of a received frame. */
static int inbox_add(struct pump *p, const struct frame *f, struct err *err)
{
	if (f->id == 0 && f->kind == WIRE_ERROR)
		return fail_helper(f, err);
	if (f->id == WIRE_ALIVE_ID)
		return 0;
	if (p->inbox_bytes + f->len > PUMP_INBOX_MAX)
		return err_set(err, ERR_PROTOCOL, "the node sent more than %u bytes unasked",
			PUMP_INBOX_MAX);
	struct pump_frame *copy = xmalloc(sizeof(*copy) + f->len);
	copy->frame = *f;
	copy->frame.data = copy->payload;
	copy->next = NULL;
	memcpy(copy->payload, f->data, f->len);
	*p->last = copy;
	p->last = &copy->next;
	p->inbox_bytes += f->len;
	p->frames_in++;
	return 0;
}

/* Takes received bytes apart: noise, magic, frames. */
static int digest_bytes(struct pump *p, const uint8_t *data, size_t n, struct err *err)
{
	struct frame f;
	int got;

	p->bytes_in += n;
	if (!p->greeted) {
		int found = magic_scan(&p->scanner, &data, &n, err);
		if (found <= 0)
			return found;
		p->greeted = true;
	}
	while ((got = frame_decode(&p->decoder, &data, &n, &f, err)) > 0)
		if (inbox_add(p, &f, err) < 0)
			return -1;
	return got;
}

/* Keeps the end of what the process writes as errors. */
static int read_errors(struct pump *p, struct err *err)
{
	ssize_t n;

	while ((n = p->transport->ops->read_errors(p->transport, p->chunk, err)) > 0) {
		strbuf_add(&p->errors, p->chunk, (size_t)n);
		if (p->errors.len > PUMP_ERRORS_MAX) {
			size_t excess = p->errors.len - PUMP_ERRORS_MAX;
			memmove(p->errors.data, p->errors.data + excess, PUMP_ERRORS_MAX);
			strbuf_truncate(&p->errors, PUMP_ERRORS_MAX);
		}
	}
	return n == -1 ? -1 : 0;
}

/* Reads what is there. Returns 1 if something moved, 0, or -1. */
static int pump_read(struct pump *p, struct err *err)
{
	int moved = 0;

	if (read_errors(p, err) < 0)
		return -1;
	for (int i = 0; i < READS_A_TURN && !p->input_ended; i++) {
		ssize_t n = p->transport->ops->read(p->transport, p->chunk, err);
		if (n == -1)
			return -1;
		if (n == TRANSPORT_AGAIN)
			break;
		moved = 1;
		if (n == TRANSPORT_END)
			p->input_ended = true;
		else if (digest_bytes(p, p->chunk, (size_t)n, err) < 0)
			return -1;
	}
	return moved;
}

/* The stream ended where frames were expected: says why as far as the transport knows. */
static int fail_ended(struct pump *p, struct err *err)
{
	AUTO(strbuf_release) struct strbuf said = STRBUF_INIT;

	read_errors(p, NULL);
	transport_quote(&p->errors, &said);
	p->exit_code = p->transport->ops->stop(p->transport, deadline_in(1));
	return p->transport->ops->lost(p->transport, p->exit_code, said.data, err);
}

/* Lets the helper know that we are here, when nothing else did for a while. */
static void keep_alive(struct pump *p)
{
	struct frame ping = {.id = WIRE_ALIVE_ID, .kind = WIRE_PING};

	if (!p->greeted || !deadline_passed(p->quiet_until))
		return;
	p->quiet_until = deadline_in(PUMP_QUIET_MAX);
	/* When the queue is full, what waits in it is as good. */
	pump_control(p, &ping, NULL);
}

/* One turn without waiting. Returns 1 if something moved, 0, or -1 with the link broken. */
static int pump_turn(struct pump *p, struct err *err)
{
	if (p->broken.code)
		return fail_broken(p, err);
	keep_alive(p);
	int a = pump_read(p, &p->broken);
	int b = a < 0 ? -1 : pump_write(p, &p->broken);
	if (b < 0)
		return fail_broken(p, err);
	if (p->input_ended && !a) {
		fail_ended(p, &p->broken);
		return fail_broken(p, err);
	}
	return a || b;
}

/* Waits for the transport, until the limiter lets a bulk frame go, or it is time for a PING.
 */
static int pump_wait(struct pump *p, deadline until, struct err *err)
{
	struct err why = {0};
	bool limited = p->current_left == 0 && queue_len(&p->bulk) > 0 && p->charged > 0;
	bool writing = !p->output_ended && (p->current_left > 0 || queue_len(&p->control) > 0);
	deadline d = limited ? deadline_min(until, p->bulk_after) : until;

	if (p->greeted)
		d = deadline_min(d, p->quiet_until);
	if (transport_wait(p->transport, writing, d, p->cancel, &why) == 0)
		return 0;
	if (why.code == ERR_TIMEOUT && !deadline_passed(until))
		return 0;
	return err_set(err, why.code, "%s", why.text);
}

int pump_try(struct pump *p, struct err *err)
{
	return pump_turn(p, err) < 0 ? -1 : 0;
}

int pump_step(struct pump *p, deadline until, struct err *err)
{
	if (cancel_level(p->cancel))
		return err_set(err, ERR_CANCELLED, "interrupted");
	int moved = pump_turn(p, err);
	if (moved < 0)
		return -1;
	if (moved || p->transport->ops->has_input(p->transport))
		return deadline_passed(until) ? err_set(err, ERR_TIMEOUT, "timed out") : 0;
	return pump_wait(p, until, err);
}

int pump_control(struct pump *p, const struct frame *f, struct err *err)
{
	if (p->broken.code)
		return fail_broken(p, err);
	if (queue_len(&p->control) + FRAME_HEADER_SIZE + f->len > PUMP_CONTROL_MAX)
		return err_set(err, ERR_LIMIT, "more than %u bytes of requests wait to be sent",
			PUMP_CONTROL_MAX);
	frame_append(f, &p->control.bytes);
	p->frames_out++;
	return 0;
}

int pump_bulk(struct pump *p, const struct frame *f, deadline until, struct err *err)
{
	if (p->broken.code)
		return fail_broken(p, err);
	while (queue_len(&p->bulk) >= PUMP_BULK_MAX)
		if (pump_step(p, until, err) < 0)
			return -1;
	frame_append(f, &p->bulk.bytes);
	p->frames_out++;
	return 0;
}

int pump_flush(struct pump *p, deadline until, struct err *err)
{
	while (queue_len(&p->control) + queue_len(&p->bulk) > 0)
		if (pump_step(p, until, err) < 0)
			return -1;
	return 0;
}

const struct frame *pump_take(struct pump *p, uint32_t id, bool any)
{
	struct pump_frame **at = &p->first;

	free(p->held);
	p->held = NULL;
	while (*at && !any && (*at)->frame.id != id)
		at = &(*at)->next;
	if (!*at)
		return NULL;
	p->held = *at;
	*at = p->held->next;
	if (!*at)
		p->last = at;
	p->inbox_bytes -= p->held->frame.len;
	return &p->held->frame;
}

int pump_next(struct pump *p, uint32_t id, bool any, struct frame *out, deadline until,
	struct err *err)
{
	const struct frame *f;

	while (!(f = pump_take(p, id, any)))
		if (pump_step(p, until, err) < 0)
			return -1;
	*out = *f;
	return 0;
}
