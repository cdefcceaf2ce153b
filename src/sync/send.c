/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending the files of one version: each as a delta, compressed, or raw, one stream behind the
 * other, then the commit. Nothing here waits for an answer, except for a signature that only
 * the node has.
 */
#include "sync/conversation.h"
#include "tree/delta.h"

#define PIECE_MAX (FRAME_PAYLOAD_MAX - WIRE_FILE_PUT_SIZE)
#define SLOW_LINK 1 /* a rate, in bytes a second, at which everything is worth compressing */

static int pull_range(struct conversation *c, const struct wire_range *range,
	struct strbuf *out, struct err *err)
{
	uint8_t buffer[WIRE_VERSION_MAX + WIRE_PATH_MAX + 64];
	struct msg_writer w;
	struct frame f;

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_range(&w, range);
	uint32_t id = link_send(c->link,
		&(struct frame){
			.kind = WIRE_SIGNATURE, .ctx = c->o->ctx, .data = w.data, .len = w.len},
		err);
	if (!id)
		return -1;
	do {
		if (link_next_of(c->link, id, &f, conversation_deadline(c), err) < 0)
			return -1;
		if (f.kind == WIRE_REPLY)
			strbuf_add(out, f.data, f.len);
	} while (f.kind == WIRE_EVENT || (f.flags & FRAME_MORE));
	return 0;
}

int pull_signature(
	void *conversation, const struct wire_plan *basis, struct strbuf *out, struct err *err)
{
	struct conversation *c = conversation;
	uint32_t block = delta_block_len(basis->basis_size);
	uint64_t step = (uint64_t)block * (WIRE_READ_MAX / (4 + DELTA_STRONG_LEN));
	uint8_t head[SIGNATURE_HEAD_SIZE];

	if (signature_size(basis->basis_size, block) > DELTA_SIGNATURE_MAX)
		return err_set(err, ERR_UNSUPPORTED, "the basis is too large for a signature");
	signature_head(block, head);
	strbuf_add(out, head, sizeof(head));
	for (uint64_t at = 0; at < basis->basis_size; at += step) {
		struct wire_range range = {
			.root = 0,
			.version = basis->basis_version,
			.path = basis->basis_path,
			.offset = at,
			.length = basis->basis_size - at < step ? basis->basis_size - at : step,
			.block_len = block,
			.strong_len = DELTA_STRONG_LEN,
		};
		if (pull_range(c, &range, out, err) < 0)
			return err_wrap(err, "signature of %s", basis->basis_path);
	}
	return 0;
}

/* Bytes a second that the link does, as far as that is known. */
static uint64_t link_rate(const struct conversation *c)
{
	struct link_stats stats;

	link_stats(c->link, &stats);
	return stats.bulk_rate;
}

/* The bytes of a file in the form that takes least time on a link of this rate. */
static int open_stream(struct conversation *c, struct task *t, const struct wire_plan *p,
	uint64_t rate, struct content_stream *s, struct err *err)
{
	const struct manifest_entry *e = &t->version->manifest.entries[p->index];

	if (p->state == WIRE_PLAN_BASIS && p->offset == 0 && !t->raw) {
		int delta = content_delta(
			c->content, t->version, e, p, pull_signature, c, c->o->cancel, s, err);
		if (delta != 0)
			return delta < 0 ? -1 : 0;
	}
	return content_whole(c->content, t->version, e, p->offset, t->raw ? CONTENT_RAW : rate,
		c->o->cancel, s, err);
}

int measure_stream(struct conversation *c, struct task *t, const struct wire_plan *p,
	uint64_t *bytes, bool *delta, struct err *err)
{
	const struct manifest_entry *e = &t->version->manifest.entries[p->index];
	AUTO(content_stream_release) struct content_stream s = CONTENT_STREAM_INIT;

	if (open_stream(c, t, p, SLOW_LINK, &s, err) < 0)
		return -1;
	*delta = s.form == WIRE_PUT_DELTA;
	*bytes = e->size - s.offset;
	if (!s.item)
		return 0;
	int64_t size = spool_wait(s.item, c->o->cancel, err);
	*bytes = (uint64_t)size;
	return size < 0 ? -1 : 0;
}

static int file_answered(
	struct conversation *c, struct request *r, const struct frame *f, struct err *err)
{
	(void)c;
	(void)f;
	(void)err;
	if (r->given_up && r->err.code == ERR_CANCELLED)
		err_clear(&r->err);
	if (r->err.code)
		err_wrap(&r->err, "%s", r->task->version->manifest.entries[r->index].path);
	return 0;
}

/*
 * Content that cannot be read, or made, fails its version and not the host. A second attempt
 * sends it raw: that needs no room in the cache.
 */
static int content_failed(struct task *t, const struct err *why, struct err *err)
{
	bool again = !t->raw && t->result->outcome != SYNC_FAILED;

	task_fail(t, why);
	if (why->code == ERR_CANCELLED)
		return err_set(err, why->code, "%s", why->text);
	t->damaged = t->damaged || again;
	return 0;
}

static int abort_stream(struct conversation *c, uint32_t id, struct err *err)
{
	return conversation_data(c, id, FRAME_LAST | FRAME_ABORT, NULL, 0, err);
}

/*
 * All of a trial but its last piece is sent, so the link's rate is known. 0: the stream goes on
 * raw. 1: it ends with this piece, and the node keeps what it has; the rest goes compressed.
 */
static int end_trial(struct conversation *c, struct task *t, uint32_t id,
	struct content_stream *s, const struct strbuf *piece, struct err *err)
{
	if (!content_compresses(s->trial, link_rate(c))) {
		s->trial = 0;
		return 0;
	}
	if (conversation_data(c, id, 0, piece->data, piece->len, err) < 0)
		return -1;
	t->result->bytes_sent += piece->len;
	conversation_request(c, id)->given_up = true;
	return abort_stream(c, id, err) < 0 ? -1 : 1;
}

/*
 * Streams what is left. Two pieces are read ahead, because the last frame has to say that it
 * is the last. Stops early, with an aborting frame, when the node answered already, and gives 1
 * when the rest is to be sent compressed.
 */
static int stream_rest(struct conversation *c, struct task *t, uint32_t id,
	struct content_stream *s, struct strbuf *piece, struct err *err)
{
	autofree uint8_t *next = xmalloc(PIECE_MAX);
	struct err why = {0};

	for (;;) {
		if (s->trial && s->at == CONTENT_TRIAL_SIZE) {
			int ended = end_trial(c, t, id, s, piece, err);
			if (ended != 0)
				return ended;
		}
		ssize_t n = content_stream_read(s, next, PIECE_MAX, c->o->cancel, &why);
		if (n < 0) {
			if (content_failed(t, &why, err) < 0)
				return -1;
			return abort_stream(c, id, err);
		}
		if (conversation_data(
			    c, id, n == 0 ? FRAME_LAST : 0, piece->data, piece->len, err) < 0)
			return -1;
		t->result->bytes_sent += piece->len;
		if (n == 0)
			return 0;
		strbuf_clear(piece);
		strbuf_add(piece, next, (size_t)n);
		if (conversation_drain(c, err) < 0)
			return -1;
		struct request *r = conversation_request(c, id);
		if (!r || r->done)
			return abort_stream(c, id, err);
	}
}

/* Reads the first piece, and the second into `next`; the length of the first, or -1. */
static ssize_t read_two(struct conversation *c, struct content_stream *s, uint8_t *first,
	struct strbuf *next, struct err *err)
{
	ssize_t n = content_stream_read(s, first, PIECE_MAX, c->o->cancel, err);
	if (n < 0)
		return -1;
	strbuf_reserve(next, PIECE_MAX);
	ssize_t second = content_stream_read(s, next->data, PIECE_MAX, c->o->cancel, err);
	if (second < 0)
		return -1;
	strbuf_truncate(next, (size_t)second);
	return n;
}

/* The request with the first piece; `more` tells that the stream goes on behind it. */
static int put_request(struct conversation *c, struct task *t, const struct wire_plan *p,
	const struct content_stream *s, const uint8_t *first, size_t first_len, bool more,
	uint32_t *id, struct err *err)
{
	uint8_t buffer[FRAME_PAYLOAD_MAX];
	struct msg_writer w;
	struct wire_file_put put = {
		.stage = t->stage,
		.form = s->form,
		.encoding = s->encoding,
		.index = p->index,
		.offset = s->offset,
	};

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_file_put(&w, &put);
	memcpy(buffer + w.len, first, first_len);
	w.len += first_len;
	t->result->bytes_sent += first_len;
	if (conversation_ask_bulk(
		    c, WIRE_FILE_PUT, more ? 0 : FRAME_LAST, &w, t, file_answered, id, err) < 0)
		return -1;
	conversation_request(c, *id)->index = p->index;
	return 0;
}

/* Sends a file from an offset on. 1: the node has it up to the end of the trial. */
static int send_stream(
	struct conversation *c, struct task *t, const struct wire_plan *p, struct err *err)
{
	AUTO(content_stream_release) struct content_stream s = CONTENT_STREAM_INIT;
	AUTO(strbuf_release) struct strbuf piece = STRBUF_INIT;
	struct err why = {0};
	autofree uint8_t *first = xmalloc(PIECE_MAX);
	ssize_t first_len = -1;
	int rest = 0;
	uint32_t id;

	if (open_stream(c, t, p, link_rate(c), &s, &why) == 0)
		first_len = read_two(c, &s, first, &piece, &why);
	if (first_len < 0)
		return content_failed(t, &why, err);
	bool more = piece.len > 0;
	if (put_request(c, t, p, &s, first, (size_t)first_len, more, &id, err) < 0)
		return -1;
	if (more && (rest = stream_rest(c, t, id, &s, &piece, err)) < 0)
		return -1;
	if (s.item)
		conversation_keep(c, id, STEAL(s.item));
	t->result->files_delta += s.form == WIRE_PUT_DELTA;
	return rest;
}

static int send_file(
	struct conversation *c, struct task *t, const struct wire_plan *p, struct err *err)
{
	const struct manifest_entry *e = &t->version->manifest.entries[p->index];
	uint64_t before = t->result->bytes_sent;
	struct wire_plan rest = *p;

	int left = send_stream(c, t, p, err);
	rest.offset = CONTENT_TRIAL_SIZE;
	if (left == 1 && t->state == TASK_SEND)
		left = send_stream(c, t, &rest, err);
	if (left < 0 || t->state != TASK_SEND)
		return left < 0 ? -1 : 0;
	uint64_t sent = t->result->bytes_sent - before;
	t->result->files_sent++;
	t->result->bytes_saved += e->size > sent ? e->size - sent : 0;
	conversation_progress(c, e->size - p->offset);
	return 0;
}

static int committed(
	struct conversation *c, struct request *r, const struct frame *f, struct err *err)
{
	struct wire_committed done;

	if (f->kind == WIRE_ERROR) {
		c->left_open[r->task->stage] = true;
		return 0;
	}
	if (wire_get_committed(f, &done, err) < 0)
		return -1;
	struct sync_result *result = r->task->result;
	r->task->finished = true;
	bool drifted = result->drift > 0;
	if (result->outcome != SYNC_FAILED)
		result->outcome = drifted         ? SYNC_DRIFTED
				  : done.repaired ? SYNC_REPAIRED
						  : SYNC_SENT;
	return 0;
}

int send_files(struct conversation *c, struct task *t, struct err *err)
{
	for (size_t i = 0; i < t->plan.count && t->state == TASK_SEND; i++) {
		const struct wire_plan *p = &t->plan.items[i];
		if ((p->state == WIRE_PLAN_SEND || p->state == WIRE_PLAN_BASIS) &&
			send_file(c, t, p, err) < 0)
			return -1;
	}
	return 0;
}

int send_commit(struct conversation *c, struct task *t, struct err *err)
{
	uint8_t buffer[16];
	struct msg_writer w;
	uint32_t id;
	bool failed = t->state != TASK_SEND;

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_version_end(&w, &(struct wire_version_end){.stage = t->stage});
	t->state = TASK_DONE;
	return conversation_ask_bulk(c, failed ? WIRE_VERSION_ABORT : WIRE_VERSION_COMMIT, 0,
		&w, t, failed ? NULL : committed, &id, err);
}
