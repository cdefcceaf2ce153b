/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node.h"

#include <sys/stat.h>

#include "node/blob.h"
#include "node/child.h"
#include "node/helper_file.h"
#include "node/pty.h"
#include "node/request.h"
#include "node/stage.h"
#include "node/transaction.h"
#include "node/tunnel.h"

#define TELL_SECONDS 1.0

void node_init(struct node *n, int in, int out)
{
	*n = (struct node){.login_umask = umask(022), .silence_seconds = NODE_SILENCE_SECONDS};
	n->silent_at = deadline_in(n->silence_seconds);
	channel_init(&n->engine, in, out);
}

void node_release(struct node *n)
{
	module_stream_free(n->module);
	note_stream_free(n->note);
	blobs_free(n->blobs);
	tunnels_free(n->tunnels);
	pty_free(n->pty);
	for (unsigned i = 0; i < ARRAY_SIZE(n->stages); i++)
		stage_free(n->stages[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(n->roots); i++)
		root_close(n->roots[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(n->children); i++)
		child_free(n->children[i]);
	transaction_free(n->transaction);
	node_drop_copy(n);
	channel_release(&n->engine);
	*n = (struct node){0};
}

int node_send_error(struct node *n, uint16_t ctx, uint32_t id, const struct err *e,
	const char *path, struct err *err)
{
	uint8_t payload[ERR_TEXT_MAX + WIRE_PATH_MAX + 64];
	struct msg_writer w;

	msg_begin(&w, payload, sizeof(payload));
	wire_put_error(
		&w, &(struct wire_error){
			    .code = e->code, .sys = e->sys, .text = e->text, .path = path});
	struct frame f = {
		.id = id, .ctx = ctx, .kind = WIRE_ERROR, .data = payload, .len = w.len};
	return channel_send(&n->engine, &f, err);
}

void node_drop_copy(struct node *n)
{
	if (n->copy)
		helper_remove_copy(n->copy);
	free(n->copy);
	n->copy = NULL;
}

void node_note_heard(struct node *n)
{
	n->silent_at = deadline_in(n->silence_seconds);
	if (!deadline_passed(n->told_at))
		return;
	n->told_at = deadline_in(TELL_SECONDS);
	if (n->transaction)
		transaction_heard(n->transaction);
	children_heard(n);
}

int node_heard(struct node *n, struct err *err)
{
	if (channel_absorb(&n->engine, err) > 0)
		node_note_heard(n);
	if (n->engine.ended)
		return err_set(err, ERR_UNREACHABLE, "the engine is gone");
	if (deadline_passed(n->silent_at))
		return err_set(err, ERR_UNREACHABLE, "the engine was silent for %.0f seconds",
			n->silence_seconds);
	return 0;
}

int node_input_fd(const struct node *n)
{
	bool full = n->engine.ahead.len >= CHANNEL_AHEAD_MAX;

	return full || n->engine.ended ? -1 : n->engine.in;
}

/* Finds what the request's first byte names, and whether the operation may touch it. */
static int resolve_root(struct request *q, uint8_t number, bool writes, struct err *err)
{
	q->root = number < WIRE_ROOTS_MAX ? q->node->roots[number] : NULL;
	if (!q->root)
		return err_set(err, ERR_NOTFOUND, "root %u is not open", number);
	if (writes && q->root->lock_fd < 0 && !(q->frame->flags & FRAME_CHECK))
		return err_set(err, ERR_DENIED, "%s was opened without its lease: read only",
			q->root->path);
	return 0;
}

static int resolve_scope(struct request *q, const struct op *op, struct err *err)
{
	struct node *n = q->node;

	if (op->scope == OP_ANYWHERE)
		return 0;
	if (q->frame->len == 0)
		return err_set(
			err, ERR_PROTOCOL, "a %s request is empty", wire_kind_name(op->kind));
	uint8_t number = q->frame->data[0];
	if (op->scope == OP_STAGE) {
		q->stage = number < WIRE_STAGES_MAX ? n->stages[number] : NULL;
		if (!q->stage)
			return err_set(err, ERR_NOTFOUND, "stage %u is not open", number);
		if (n->stream.id != 0 && n->streaming == q->stage)
			return err_set(err, ERR_BUSY, "a stream of stage %u is open", number);
		return 0;
	}
	return resolve_root(q, number, op->scope == OP_ROOT_WRITE, err);
}

/* Checks a request against its operation's line in the table. */
static int admit(struct request *q, const struct op *op, struct err *err)
{
	const struct frame *f = q->frame;

	if (!op)
		return err_set(err, ERR_UNSUPPORTED, "unknown request kind %u", f->kind);
	if (f->flags & ~op->frame_flags)
		return err_set(err, ERR_UNSUPPORTED, "%s does not know the flags 0x%02x",
			wire_kind_name(f->kind), f->flags & ~op->frame_flags);
	if (f->len > op->payload_max)
		return err_set(err, ERR_LIMIT, "a %s request of %zu bytes; at most %zu",
			wire_kind_name(f->kind), f->len, op->payload_max);
	if (op->piece && q->node->stream.id != 0)
		return err_set(err, ERR_PROTOCOL, "the stream of request %u is still open",
			q->node->stream.id);
	return resolve_scope(q, op, err);
}

static void start_request(struct request *q, struct node *n, const struct frame *f)
{
	q->node = n;
	q->frame = f;
	q->root = NULL;
	q->stage = NULL;
	q->path[0] = '\0';
	q->event_at = 0;
	q->done = q->total = 0;
	msg_begin(&q->reply, q->buffer, sizeof(q->buffer));
}

/* Sends the last frame of the answer: the reply, or the error. */
static int answer(struct request *q, int result, struct err *failure, struct err *err)
{
	struct frame f = {.id = q->frame->id,
		.kind = WIRE_REPLY,
		.data = q->reply.data,
		.len = q->reply.len};

	if (result == 0 && q->reply.overflow)
		result = err_set(failure, ERR_LIMIT, "the answer does not fit a frame");
	if (result < 0)
		return node_send_error(q->node, 0, q->frame->id, failure, q->path, err);
	return channel_send(&q->node->engine, &f, err);
}

/* Ends the open stream by its operation's end, or, when it has failed, without. */
static int end_stream(struct request *q, struct err *err)
{
	struct stream *s = &q->node->stream;
	const struct op *op = s->op;
	bool dropped = s->dropped;
	struct err failure = {0};

	*s = (struct stream){0};
	if (dropped)
		return 0;
	if (q->frame->flags & FRAME_ABORT) {
		op->lose(q->node);
		return answer(q, err_set(&failure, ERR_CANCELLED, "the stream was given up"),
			&failure, err);
	}
	int result = op->end(q, &failure);
	if (result < 0)
		op->lose(q->node);
	return answer(q, result, &failure, err);
}

/* A DATA frame: a piece for the open stream. */
static int take_data(struct request *q, struct err *err)
{
	struct stream *s = &q->node->stream;
	const struct frame *f = q->frame;
	struct err failure = {0};

	if (s->id == 0 || f->id != s->id)
		return err_set(err, ERR_PROTOCOL,
			"DATA for request %u, whose stream is not open", f->id);
	if (!s->dropped && f->len > 0 && !(f->flags & FRAME_ABORT) &&
		s->op->piece(q, f->data, f->len, &failure) < 0) {
		s->op->lose(q->node);
		s->dropped = true;
		if (answer(q, -1, &failure, err) < 0 ||
			channel_flush(&q->node->engine, err) < 0)
			return -1;
	}
	return f->flags & FRAME_LAST ? end_stream(q, err) : 0;
}

static int take_request(struct request *q, struct err *err)
{
	const struct frame *f = q->frame;
	struct stream *s = &q->node->stream;
	const struct op *op = op_find(f->kind);
	struct err failure = {0};
	int result = admit(q, op, &failure);
	bool streams = op && op->piece;

	if (streams && s->id != 0)
		return err_set(err, ERR_PROTOCOL, "%s", failure.text);
	if (op && result == 0)
		result = op->handle(q, &failure);
	if (!streams || result < 0) {
		if (streams && !(f->flags & FRAME_LAST))
			*s = (struct stream){.id = f->id, .op = op, .dropped = true};
		return answer(q, result, &failure, err);
	}
	*s = (struct stream){.id = f->id, .flags = f->flags, .op = op};
	return f->flags & FRAME_LAST ? end_stream(q, err) : 0;
}

static int say_bye(struct node *n, const struct frame *f, struct err *err)
{
	n->said_bye = true;
	if (channel_send(&n->engine, &(struct frame){.id = f->id, .kind = WIRE_BYE}, err) < 0)
		return -1;
	return channel_flush(&n->engine, err);
}

int node_dispatch(struct node *n, const struct frame *f, struct err *err)
{
	struct request q;

	if (f->id == 0)
		return err_set(err, ERR_PROTOCOL, "a frame with request id 0");
	if (f->kind == WIRE_BYE)
		return say_bye(n, f, err);
	start_request(&q, n, f);
	return f->kind == WIRE_DATA ? take_data(&q, err) : take_request(&q, err);
}

/* Works all frames that lie whole in the input; 1 when a child has to take one first. */
static int work_input(struct node *n, struct err *err)
{
	struct frame f;
	int got = 0;

	while (!n->said_bye && !children_block(n)) {
		got = channel_next(&n->engine, &f, err);
		if (got <= 0)
			return got;
		if ((f.ctx ? children_send(n, &f, err) : node_dispatch(n, &f, err)) < 0)
			return -1;
		/* While it worked it could not hear: only now silence begins to count. */
		n->silent_at = deadline_in(n->silence_seconds);
	}
	return 0;
}

static int serve(struct node *n, struct err *err)
{
	channel_send_magic(&n->engine);
	while (!n->said_bye) {
		if (work_input(n, err) < 0 || channel_flush(&n->engine, err) < 0)
			return -1;
		if (n->said_bye)
			break;
		if (n->engine.ended && n->engine.ahead.len == 0 && !children_block(n))
			return err_set(err, ERR_UNREACHABLE, "the engine is gone");
		if (children_wait(n, err) < 0)
			return -1;
	}
	return 0;
}

int node_serve(struct node *n, struct err *err)
{
	struct err local = {0};

	err = err ? err : &local;
	if (serve(n, err) == 0)
		return 0;
	/* The engine may be gone: then this fails too, and nobody is left to care. */
	if (err->code != ERR_UNREACHABLE && node_send_error(n, 0, 0, err, "", NULL) == 0)
		channel_flush(&n->engine, NULL);
	return -1;
}
