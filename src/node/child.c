/* SPDX-License-Identifier: Apache-2.0 */
#include "node/child.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/spawn.h"
#include "node/request.h"

#define COMPLAINT_MAX 2048 /* of a child's standard error, for error messages */
#define STOP_SECONDS  5.0

struct child {
	struct spawn_child process;
	struct magic_scanner scanner;
	struct frame_decoder decoder;
	struct strbuf towards; /* what of a frame (or the magic) it has not taken yet */
	struct strbuf complaint;
	size_t marks; /* prompts for a password seen so far */
	bool said_bye;
};

void child_free(struct child *c)
{
	if (!c)
		return;
	spawn_stop(&c->process, deadline_in(STOP_SECONDS));
	magic_scanner_release(&c->scanner);
	frame_decoder_release(&c->decoder);
	strbuf_release(&c->towards);
	strbuf_release(&c->complaint);
	free(c);
}

/* Reads what a child's pipe holds: its length, 0 at the end; the chunk is static to save
 * memory, and used up before the next call. */
static ssize_t read_pipe(int fd, const uint8_t **data)
{
	static uint8_t chunk[FRAME_MAX];
	ssize_t got;

	do
		got = read(fd, chunk, sizeof(chunk));
	while (got < 0 && errno == EINTR);
	*data = chunk;
	return got;
}

/* Keeps the end of what a child says on standard error. */
static void listen(struct child *c)
{
	const uint8_t *data;
	ssize_t got = read_pipe(c->process.err, &data);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		fd_close(&c->process.err);
		return;
	}
	strbuf_add(&c->complaint, data, (size_t)got);
	if (c->complaint.len > COMPLAINT_MAX) {
		size_t cut = c->complaint.len - COMPLAINT_MAX;
		memmove(c->complaint.data, c->complaint.data + cut, COMPLAINT_MAX);
		strbuf_truncate(&c->complaint, COMPLAINT_MAX);
	}
}

/* Writes as much as the child takes now. */
static void push(struct child *c)
{
	ssize_t done = write(c->process.in, c->towards.data, c->towards.len);

	if (done < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (done < 0) {
		/* It is gone; its output's end will tell. */
		strbuf_clear(&c->towards);
		return;
	}
	memmove(c->towards.data, c->towards.data + done, c->towards.len - (size_t)done);
	strbuf_truncate(&c->towards, c->towards.len - (size_t)done);
}

/* Answers a prompt, once; a second prompt says that the password is wrong. */
static int answer_prompt(struct child *c, const struct wire_become *b, struct err *err)
{
	char *prompt = *b->mark ? strstr(c->complaint.data, b->mark) : NULL;

	if (!prompt)
		return 0;
	size_t end = (size_t)(prompt - c->complaint.data) + strlen(b->mark);
	memmove(c->complaint.data, c->complaint.data + end, c->complaint.len - end);
	strbuf_truncate(&c->complaint, c->complaint.len - end);
	if (!*b->password)
		return err_set(err, ERR_AUTH, "%s asks for a password, and none was given",
			b->argv[0]);
	if (c->marks++ > 0)
		return err_set(err, ERR_AUTH, "%s does not accept the password", b->argv[0]);
	if (fd_write_all(c->process.in, b->password, strlen(b->password)) < 0 ||
		fd_write_all(c->process.in, "\n", 1) < 0)
		return err_sys(err, "write to %s", b->argv[0]);
	return 0;
}

static int ended_early(struct child *c, const struct wire_become *b, struct err *err)
{
	if (c->process.err >= 0 && c->complaint.len == 0)
		listen(c);
	strbuf_rtrim(&c->complaint);
	return err_set(err, ERR_AUTH, "%s ended before a helper spoke: %s", b->argv[0],
		c->complaint.len ? c->complaint.data : "it gave no reason");
}

/* One step towards the child's magic: 1 when it is there, 0 to go on, -1 with err. */
static int greet_step(
	struct child *c, const struct wire_become *b, deadline until, struct err *err)
{
	struct pollfd fds[] = {{.fd = c->process.out, .events = POLLIN},
		{.fd = c->process.err, .events = POLLIN}};
	const uint8_t *data;

	if (wait_fds(fds, 2, until, NULL, err) < 0)
		return err_wrap(err, "wait for the helper under %s", b->argv[0]);
	if (fds[1].revents) {
		listen(c);
		if (answer_prompt(c, b, err) < 0)
			return -1;
	}
	if (!fds[0].revents)
		return 0;
	ssize_t got = read_pipe(c->process.out, &data);
	if (got <= 0)
		return ended_early(c, b, err);
	/* Behind its magic a helper is silent until it is asked, so nothing is left over. */
	size_t n = (size_t)got;
	return magic_scan(&c->scanner, &data, &n, err);
}

static int greet(struct child *c, const struct wire_become *b, struct err *err)
{
	deadline until = deadline_in(b->seconds ? b->seconds : 30);
	int met;

	while ((met = greet_step(c, b, until, err)) == 0)
		;
	if (met < 0)
		return -1;
	if (fd_write_all(c->process.in, wire_magic, WIRE_MAGIC_SIZE) < 0 ||
		fd_set_nonblock(c->process.in, true) < 0 ||
		fd_set_nonblock(c->process.out, true) < 0 ||
		fd_set_nonblock(c->process.err, true) < 0)
		return err_sys(err, "set up the helper under %s", b->argv[0]);
	return 0;
}

int op_become(struct request *q, struct err *err)
{
	struct wire_become b;
	struct node *n = q->node;

	if (wire_get_become(q->frame, &b, err) < 0)
		return -1;
	if (b.ctx == 0 || b.ctx > WIRE_CTX_MAX)
		return err_set(
			err, ERR_INPUT, "ctx %u is not within 1 and %d", b.ctx, WIRE_CTX_MAX);
	if (n->children[b.ctx])
		return err_set(err, ERR_EXISTS, "ctx %u is in use", b.ctx);
	struct spawn_options options = {.argv = b.argv};
	struct child *c = xcalloc(1, sizeof(*c));
	c->scanner = (struct magic_scanner)MAGIC_SCANNER_INIT;
	strbuf_init(&c->towards);
	strbuf_init(&c->complaint);
	if (spawn_start(&options, &c->process, err) < 0) {
		free(c);
		return -1;
	}
	int met = greet(c, &b, err);
	node_drop_copy(n); /* it runs, or will not */
	/* The request's payload is ours until the next frame; the secret need not stay in it.
	 */
	mem_wipe((void *)(uintptr_t)b.password, strlen(b.password));
	if (met < 0) {
		child_free(c);
		return -1;
	}
	n->children[b.ctx] = c;
	return 0;
}

bool children_block(const struct node *n)
{
	for (unsigned i = 1; i <= WIRE_CTX_MAX; i++) {
		if (n->children[i] && n->children[i]->towards.len > 0)
			return true;
	}
	return false;
}

int children_send(struct node *n, const struct frame *f, struct err *err)
{
	struct child *c = f->ctx <= WIRE_CTX_MAX ? n->children[f->ctx] : NULL;
	struct frame copy = *f;

	if (!c) {
		struct err failure = {0};
		err_set(&failure, ERR_NOTFOUND, "no helper runs as ctx %u", f->ctx);
		return node_send_error(n, f->ctx, f->id, &failure, "", err);
	}
	copy.ctx = 0;
	frame_append(&copy, &c->towards);
	push(c);
	return 0;
}

void children_heard(struct node *n)
{
	struct frame ping = {.id = WIRE_HEARD_ID, .kind = WIRE_PING};

	for (unsigned i = 1; i <= WIRE_CTX_MAX; i++) {
		struct child *c = n->children[i];
		if (!c || c->towards.len > 0)
			continue;
		frame_append(&ping, &c->towards);
		push(c);
	}
}

/* Passes on what a child answers; 0 while it lives, 1 at its end, -1 with err. */
static int relay(struct node *n, unsigned ctx, struct err *err)
{
	struct child *c = n->children[ctx];
	const uint8_t *data;
	struct frame f;
	ssize_t got = read_pipe(c->process.out, &data);
	int more;

	if (got < 0 && errno == EAGAIN)
		return 0;
	if (got <= 0)
		return 1;
	size_t left = (size_t)got;
	while ((more = frame_decode(&c->decoder, &data, &left, &f, err)) > 0) {
		if (f.id == WIRE_HEARD_ID)
			continue;
		c->said_bye |= f.kind == WIRE_BYE;
		f.ctx = (uint16_t)ctx;
		if (channel_send(&n->engine, &f, err) < 0)
			return -1;
	}
	return more;
}

/* Takes leave of a child; the engine is told unless it said BYE. */
static int bury(struct node *n, unsigned ctx, struct err *err)
{
	struct child *c = n->children[ctx];
	struct err failure = {0};

	n->children[ctx] = NULL;
	if (!c->said_bye) {
		strbuf_rtrim(&c->complaint);
		err_set(&failure, ERR_UNREACHABLE, "the helper of ctx %u ended: %s", ctx,
			c->complaint.len ? c->complaint.data : "it gave no reason");
	}
	bool told = c->said_bye;
	child_free(c);
	return told ? 0 : node_send_error(n, (uint16_t)ctx, 0, &failure, "", err);
}

/* Moves what a child's three pipes are ready for. */
static int serve_child(
	struct node *n, unsigned ctx, const struct pollfd fds[3], struct err *err)
{
	struct child *c = n->children[ctx];

	if (fds[0].revents)
		push(c);
	if (fds[2].revents)
		listen(c);
	if (!fds[1].revents)
		return 0;
	int ended = relay(n, ctx, err);
	return ended > 0 ? bury(n, ctx, err) : ended;
}

/* Names what the children wait for; returns how many children there are. */
static unsigned poll_children(const struct node *n, struct pollfd *at, unsigned *of)
{
	unsigned children = 0;

	for (unsigned i = 1; i <= WIRE_CTX_MAX; i++) {
		struct child *c = n->children[i];
		if (!c)
			continue;
		at[0] = (struct pollfd){
			.fd = c->towards.len ? c->process.in : -1, .events = POLLOUT};
		at[1] = (struct pollfd){.fd = c->process.out, .events = POLLIN};
		at[2] = (struct pollfd){.fd = c->process.err, .events = POLLIN};
		at += 3;
		of[children++] = i;
	}
	return children;
}

/* Reads from the engine: the next frames, or, while a child blocks, only a sign of life. */
static int listen_to_engine(struct node *n, bool blocked, struct err *err)
{
	struct err gone = {0};

	if (!blocked) {
		if (channel_fill(&n->engine, err) < 0)
			return -1;
		if (!n->engine.ended)
			node_note_heard(n);
		return 0;
	}
	/* An engine that has ended is noticed when the child has taken what was meant for it.
	 */
	if (node_heard(n, &gone) < 0 && !n->engine.ended)
		return err_set(err, gone.code, "%s", gone.text);
	return 0;
}

int children_wait(struct node *n, struct err *err)
{
	struct pollfd fds[1 + 3 * WIRE_CTX_MAX];
	unsigned of[WIRE_CTX_MAX];
	bool blocked = children_block(n);

	if (!blocked && n->engine.ahead.len > 0)
		return channel_fill(&n->engine, err);
	fds[0] = (struct pollfd){
		.fd = blocked ? node_input_fd(n) : n->engine.in, .events = POLLIN};
	unsigned children = poll_children(n, fds + 1, of);
	struct err why = {0};
	if (wait_fds(fds, 1 + 3 * children, n->silent_at, NULL, &why) < 0)
		return why.code == ERR_TIMEOUT ? node_heard(n, err)
					       : err_set(err, why.code, "%s", why.text);
	for (unsigned i = 0; i < children; i++) {
		if (serve_child(n, of[i], &fds[1 + 3 * i], err) < 0)
			return -1;
	}
	return fds[0].revents ? listen_to_engine(n, blocked, err) : 0;
}
