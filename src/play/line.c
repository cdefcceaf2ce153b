/* SPDX-License-Identifier: Apache-2.0 */
#include "play/line_inside.h"

#define DEFAULT_STALL 300.0
#define CLOSE_SECONDS 2
#define SMALL_ANSWER  8192u
#define IDLE_SECONDS  5 /* between signs of life while nothing is asked */

void line_init(struct line *l, struct connection *connection, double stall)
{
	*l = (struct line){
		.connection = connection, .stall = stall > 0 ? stall : DEFAULT_STALL};
}

/* Forgets what was known of the helpers of a link that ends. */
static void forget_helpers(struct line *l)
{
	for (size_t i = 0; i < LINE_USERS; i++) {
		free(l->users[i].name);
		free(l->users[i].blobs);
		free(l->users[i].gap);
		l->users[i] = (struct line_user){0};
	}
	l->pending_count = 0;
	l->bulk = false;
}

static void add_stats(struct link_stats *sum, const struct link *link)
{
	struct link_stats s;

	link_stats(link, &s);
	s.bytes_in += sum->bytes_in;
	s.bytes_out += sum->bytes_out;
	s.frames_in += sum->frames_in;
	s.frames_out += sum->frames_out;
	s.wire_in += sum->wire_in;
	s.wire_out += sum->wire_out;
	s.installed = s.installed || sum->installed;
	*sum = s;
}

void line_stats(const struct line *l, struct link_stats *out)
{
	*out = l->stats;
	if (l->link)
		add_stats(out, l->link);
}

void line_abort(struct line *l)
{
	if (!l->link)
		return;
	add_stats(&l->stats, l->link);
	link_abort(l->link);
	l->link = NULL;
	forget_helpers(l);
}

void line_close(struct line *l)
{
	if (!l->link)
		return;
	add_stats(&l->stats, l->link);
	link_close(l->link, deadline_in(CLOSE_SECONDS));
	l->link = NULL;
	forget_helpers(l);
}

bool line_works(struct line *l)
{
	struct err why = {0};

	return l->link && (link_flush(l->link, deadline_in(1), &why) == 0 ||
				  why.code == ERR_TIMEOUT || why.code == ERR_CANCELLED);
}

void line_release(struct line *l)
{
	line_close(l);
	strlist_release(&l->begun);
	strlist_release(&l->notes);
	free(l->gap);
	l->gap = NULL;
}

int line_broken(struct line *l, struct err *err)
{
	l->lost = err->code != ERR_CANCELLED && err->code != ERR_TIMEOUT;
	line_abort(l);
	return -1;
}

int line_open(struct line *l, deadline until, const struct cancel *cancel, struct err *err)
{
	if (l->link)
		return 0;
	l->lost = false;
	if (link_open(&l->link, &l->connection->link, until, cancel, err) < 0) {
		l->link = NULL;
		l->lost = err->code != ERR_CANCELLED;
		return -1;
	}
	return 0;
}

int line_note(struct line *l, uint32_t id, struct err *err)
{
	if (id == 0)
		return l->link ? line_broken(l, err) : -1;
	l->pending[l->pending_count].begins = false;
	l->pending[l->pending_count++].id = id;
	return 0;
}

/* Waits for a frame of a request as long as the node shows signs of life. */
static int next_frame(
	struct line *l, uint32_t id, struct frame *f, deadline until, struct err *err)
{
	deadline stalled = deadline_in(l->stall);

	*f = (struct frame){0};
	if (link_next_of(l->link, id, f, deadline_min(until, stalled), err) == 0)
		return 0;
	if (f->kind == WIRE_ERROR)
		return -1;
	bool silent = err->code == ERR_TIMEOUT && stalled <= until;
	if (silent)
		err_set(err, ERR_UNREACHABLE, "no sign of life for %.0f seconds", l->stall);
	return line_broken(l, err);
}

int line_take_answer(struct line *l, uint32_t id, struct strbuf *answer, size_t max,
	deadline until, struct err *err)
{
	struct frame f;

	do {
		if (next_frame(l, id, &f, until, err) < 0)
			return -1;
		if (f.kind == WIRE_EVENT)
			continue;
		if (answer && f.len > max - answer->len) {
			err_set(err, ERR_LIMIT, "the node's answer is larger than %zu bytes",
				max);
			return line_broken(l, err);
		}
		if (answer)
			strbuf_add(answer, f.data, f.len);
	} while (f.kind == WIRE_EVENT || f.flags & FRAME_MORE);
	return 0;
}

int line_settle(struct line *l, deadline until, struct err *err)
{
	unsigned count = l->pending_count;
	int result = 0;

	for (unsigned i = 0; i < count; i++) {
		struct err why = {0};
		AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;
		if (line_take_answer(l, l->pending[i].id, &answer, SMALL_ANSWER, until, &why) ==
			0) {
			if (l->pending[i].begins)
				line_keep_gap(&l->users[l->pending[i].ctx], &answer);
			continue;
		}
		if (result == 0)
			err_set(err, why.code, "%s", why.text);
		result = -1;
		if (!l->link)
			return -1;
	}
	l->pending_count = 0;
	return result;
}

/*
 * What an earlier run has changed as root and not confirmed goes back before anything is
 * compared: beginning as root does it.
 */
static int settle_root(
	struct line *l, const struct line_transaction *t, deadline until, struct err *err)
{
	uint16_t ctx;

	if (!t || !t->id || l->root_settled || !link_hello(l->link)->root_pending)
		return 0;
	l->root_settled = true;
	if (line_user(l, "root", t, until, &ctx, err) == 0 && line_settle(l, until, err) == 0)
		return 0;
	return err_wrap(err,
		"an earlier run has changed this node as root and not confirmed it, which only "
		"root can take back");
}

int line_user(struct line *l, const char *user, const struct line_transaction *t,
	deadline until, uint16_t *ctx, struct err *err)
{
	int got = 0;

	if (settle_root(l, t, until, err) < 0)
		return -1;
	if (user) {
		got = link_become(l->link, user, until, err);
		if (got < 0 && (err->code == ERR_UNREACHABLE || err->code == ERR_PROTOCOL))
			return line_broken(l, err);
		if (got < 0 && err->code == ERR_AUTH) /* the host itself let us in */
			err->code = ERR_DENIED;
		if (got < 0)
			return -1;
	}
	if (got >= LINE_USERS)
		return err_set(err, ERR_LIMIT, "more than %d users on one host", WIRE_CTX_MAX);
	*ctx = (uint16_t)got;
	if (got > 0 && !l->users[got].name)
		l->users[got].name = xstrdup(user);
	if (!t || !t->id || l->users[got].begun)
		return 0;
	const char *name = got == 0 ? "" : user;
	if (!strlist_has(&l->begun, name))
		strlist_add(&l->begun, name);
	return line_begin(l, *ctx, t, err);
}

bool line_has_user(const struct line *l, const char *user)
{
	if (!user || strcmp(user, link_hello(l->link)->user) == 0)
		return true;
	for (size_t i = 1; i < LINE_USERS; i++)
		if (l->users[i].name && strcmp(l->users[i].name, user) == 0)
			return true;
	return false;
}

uint32_t line_send(struct line *l, const struct frame *f, deadline until, struct err *err)
{
	return l->bulk ? link_send_bulk(l->link, f, until, err) : link_send(l->link, f, err);
}

/* Sends a request's stream that lies in memory. */
static int send_stream(struct line *l, uint32_t id, uint16_t ctx, const char *data, size_t n,
	deadline until, struct err *err)
{
	size_t at = 0;

	do {
		size_t len = n - at < FRAME_PAYLOAD_MAX ? n - at : FRAME_PAYLOAD_MAX;
		struct frame f = {.id = id,
			.kind = WIRE_DATA,
			.flags = at + len == n ? FRAME_LAST : 0,
			.ctx = ctx,
			.data = (const uint8_t *)data + at,
			.len = len};
		if (line_send(l, &f, until, err) == 0)
			return line_broken(l, err);
		at += len;
	} while (at < n);
	return 0;
}

/* Sends MODULE with its arguments; the request's id, or 0. */
static uint32_t send_module(struct line *l, const struct line_call *c, struct err *err)
{
	uint8_t buffer[WIRE_MODULE_NAME_MAX + 64];
	struct msg_writer w;
	struct wire_module m = {
		.name = c->module, .args_len = (uint32_t)c->args->len, .timeout = c->timeout};

	if (c->args->len > WIRE_MODULE_ARGS_MAX) {
		err_set(err, ERR_LIMIT, "the arguments are %zu bytes, more than %u",
			c->args->len, WIRE_MODULE_ARGS_MAX);
		return 0;
	}
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_module(&w, &m);
	struct frame f = {.kind = WIRE_MODULE,
		.flags = c->flags,
		.ctx = c->ctx,
		.data = buffer,
		.len = w.len};
	uint32_t id = line_send(l, &f, c->until, err);
	if (id == 0)
		line_broken(l, err);
	else if (send_stream(l, id, c->ctx, c->args->data, c->args->len, c->until, err) < 0)
		id = 0;
	return id;
}

int line_module(
	struct line *l, const struct line_call *c, struct strbuf *answer, struct err *err)
{
	uint32_t id = send_module(l, c, err);
	struct err why = {0};

	if (id == 0)
		return -1;
	int settled = line_settle(l, c->until, &why);
	if (!l->link)
		return err_set(err, why.code, "%s", why.text);
	int result = line_take_answer(l, id, answer, WIRE_MODULE_RESULT_MAX, c->until, err);
	if (l->link)
		l->bulk = false;
	return settled < 0 ? err_set(err, why.code, "%s", why.text) : result;
}

/* ---- blobs ---- */

/* The number under which content lies in a helper, or -1. */
static int find_blob(const struct line_user *u, const struct line_content *c)
{
	for (int i = 0; u->blobs && i < WIRE_BLOBS_MAX; i++) {
		const struct line_blob *b = &u->blobs[i];
		if (b->used && b->size == c->size &&
			memcmp(b->hash, c->hash, WIRE_HASH_SIZE) == 0)
			return i;
	}
	return -1;
}

static int drop_blob(struct line *l, uint16_t ctx, unsigned number, struct err *err)
{
	uint8_t buffer[2];
	struct msg_writer w;

	msg_begin(&w, buffer, sizeof(buffer));
	msg_put_u16(&w, (uint16_t)number);
	struct frame f = {.kind = WIRE_BLOB_DROP, .ctx = ctx, .data = buffer, .len = w.len};
	l->users[ctx].blobs[number].used = false;
	return line_note(l, line_send(l, &f, DEADLINE_NEVER, err), err);
}

/* Sends what the content's reader gives. */
static int send_content(struct line *l, uint32_t id, uint16_t ctx, const struct line_content *c,
	deadline until, struct err *err)
{
	uint8_t buffer[FRAME_PAYLOAD_MAX];
	uint64_t at = 0;
	ssize_t n;

	do {
		n = c->read(c->data, buffer, sizeof(buffer), at, err);
		struct frame f = {.id = id,
			.kind = WIRE_DATA,
			.flags = n > 0 ? 0 : FRAME_LAST | (n < 0 ? FRAME_ABORT : 0),
			.ctx = ctx,
			.data = buffer,
			.len = n > 0 ? (size_t)n : 0};
		struct err why = {0};
		if (link_send_bulk(l->link, &f, until, &why) == 0) {
			err_set(err, why.code, "%s", why.text);
			return line_broken(l, err);
		}
		at += n > 0 ? (uint64_t)n : 0;
	} while (n > 0);
	return n < 0 ? -1 : 0;
}

/* A free number; the oldest one is dropped where all are taken. -1 with err. */
static int free_number(struct line *l, uint16_t ctx, struct err *err)
{
	struct line_user *u = &l->users[ctx];

	if (!u->blobs)
		u->blobs = xcalloc(WIRE_BLOBS_MAX, sizeof(*u->blobs));
	unsigned number = u->next_blob++ % WIRE_BLOBS_MAX;
	if (u->blobs[number].used && drop_blob(l, ctx, number, err) < 0)
		return -1;
	return (int)number;
}

int line_put(struct line *l, uint16_t ctx, const struct line_content *content, deadline until,
	unsigned *number, struct err *err)
{
	uint8_t buffer[64];
	struct msg_writer w;
	int at = find_blob(&l->users[ctx], content);

	*number = (unsigned)at;
	if (at >= 0)
		return 0;
	if (l->pending_count + 2 > LINE_PENDING && line_settle(l, until, err) < 0)
		return -1;
	at = free_number(l, ctx, err);
	if (at < 0)
		return -1;
	struct wire_blob_put put = {.blob = (uint16_t)at,
		.encoding = content->compressed ? WIRE_PUT_ZSTD : WIRE_PUT_RAW,
		.size = content->size};
	memcpy(put.hash, content->hash, WIRE_HASH_SIZE);
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_blob_put(&w, &put);
	struct frame f = {.kind = WIRE_BLOB_PUT, .ctx = ctx, .data = buffer, .len = w.len};
	l->bulk = true;
	uint32_t id = link_send_bulk(l->link, &f, until, err);
	if (id == 0)
		return line_broken(l, err);
	if (send_content(l, id, ctx, content, until, err) < 0)
		return -1;
	struct line_blob *b = &l->users[ctx].blobs[at];
	*b = (struct line_blob){.used = true, .size = content->size};
	memcpy(b->hash, content->hash, WIRE_HASH_SIZE);
	*number = (unsigned)at;
	return line_note(l, id, err);
}

/* Lets every helper hear from us. */
static int ping(struct line *l, struct err *err)
{
	for (uint16_t ctx = 0; ctx < LINE_USERS; ctx++) {
		struct frame f = {.kind = WIRE_PING, .ctx = ctx};
		if (ctx > 0 && !l->users[ctx].begun)
			continue;
		uint32_t id = link_send(l->link, &f, err);
		if (id == 0)
			return line_broken(l, err);
		if (line_take_answer(l, id, NULL, 0, deadline_in(l->stall), err) < 0)
			return -1;
	}
	return 0;
}

int line_idle(struct line *l, deadline until, const struct cancel *cancel, struct err *err)
{
	while (!deadline_passed(until)) {
		if (l->link && ping(l, err) < 0)
			return -1;
		deadline next = deadline_min(until, deadline_in(IDLE_SECONDS));
		if (wait_until(next, cancel, err) < 0)
			return -1;
	}
	return 0;
}
