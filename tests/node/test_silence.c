/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine that says nothing is taken for gone: its lease is free again. What it says while
 * an operation runs is not lost, and counts.
 */
#include "node/world.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "node/node.h"
#include "node/root.h"

#define SILENCE 1.0

/* A helper in a process of its own with a short patience; its exit status is 1 for silence. */
struct helper {
	pid_t pid;
	int in, out;
};

static void serve(int in, int out)
{
	struct node n;
	struct err err = {0};

	node_init(&n, in, out);
	n.silence_seconds = SILENCE;
	n.silent_at = deadline_in(SILENCE);
	int result = node_serve(&n, &err);
	node_release(&n);
	_exit(result < 0 ? err.code == ERR_UNREACHABLE && strstr(err.text, "silent") ? 1 : 2
			 : 0);
}

static void start(struct helper *h)
{
	int in[2], out[2];

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	h->pid = fork();
	assert_true(h->pid >= 0);
	if (h->pid == 0) {
		close(in[1]);
		close(out[0]);
		serve(in[0], out[1]);
	}
	close(in[0]);
	close(out[1]);
	h->in = in[1];
	h->out = out[0];
	assert_int_equal(fd_write_all(h->in, wire_magic, WIRE_MAGIC_SIZE), 0);
}

/* Waits for the end; the exit status. */
static int finish(struct helper *h)
{
	int status;

	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	close(h->in);
	close(h->out);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void send_frame(const struct helper *h, const struct frame *f)
{
	AUTO(strbuf_release) struct strbuf bytes = STRBUF_INIT;

	frame_append(f, &bytes);
	assert_int_equal(fd_write_all(h->in, bytes.data, bytes.len), 0);
}

static void ping(const struct helper *h)
{
	send_frame(h, &(struct frame){.id = WIRE_ALIVE_ID, .kind = WIRE_PING});
}

static void a_silent_engine_is_gone(void **state)
{
	struct helper h;
	int64_t begun = clock_ns();

	(void)state;
	start(&h);
	assert_int_equal(finish(&h), 1);
	double took = (double)(clock_ns() - begun) / 1e9;
	assert_true(took > SILENCE * 0.9 && took < SILENCE + 5);
}

static void its_lease_is_free_again(void **state)
{
	struct world *w = *state;
	struct helper h;
	uint8_t buffer[4096];
	struct msg_writer writer;

	client_kill(&w->client);
	start(&h);
	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_root_open(&writer, &(struct wire_root_open){.flags = WIRE_ROOT_LEASE,
					    .mode = 0755,
					    .path = w->root,
					    .holder = "one who vanished"});
	send_frame(&h, &(struct frame){.id = 1,
			       .kind = WIRE_ROOT_OPEN,
			       .data = writer.data,
			       .len = writer.len});
	assert_int_equal(fd_read_full(h.out, buffer, WIRE_MAGIC_SIZE + FRAME_HEADER_SIZE),
		WIRE_MAGIC_SIZE + FRAME_HEADER_SIZE);
	client_start(&w->client);
	assert_int_equal(client_root(&w->client, w->root), ERR_BUSY);
	while (client_root(&w->client, w->root) == ERR_BUSY)
		assert_int_equal(wait_until(deadline_in(0.05), NULL, NULL), 0);
	assert_int_equal(finish(&h), 1);
}

static void pings_keep_it(void **state)
{
	struct helper h;

	(void)state;
	start(&h);
	for (int i = 0; i < 10; i++) {
		wait_until(deadline_in(SILENCE / 4), NULL, NULL);
		ping(&h);
	}
	assert_int_equal(waitpid(h.pid, NULL, WNOHANG), 0);
	send_frame(&h, &(struct frame){.id = 1, .kind = WIRE_BYE});
	assert_int_equal(finish(&h), 0);
}

/* An operation of its own in this process: the other end is a pipe that the test fills. */
struct ear {
	struct node node;
	int engine;
};

static void ear_open(struct ear *e)
{
	int in[2], out = dup(STDOUT_FILENO);

	assert_int_equal(pipe(in), 0);
	node_init(&e->node, in[0], out);
	e->engine = in[1];
}

static void ear_close(struct ear *e)
{
	int in = e->node.engine.in, out = e->node.engine.out;

	node_release(&e->node);
	close(in);
	close(out);
	fd_close(&e->engine);
}

static void what_comes_meanwhile_is_worked_later(void **state)
{
	AUTO(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	struct ear e;
	struct frame f;
	uint8_t payload[20000];

	(void)state;
	ear_open(&e);
	memset(payload, 'x', sizeof(payload));
	strbuf_add(&bytes, wire_magic, WIRE_MAGIC_SIZE);
	for (uint32_t i = 1; i <= 40; i++)
		frame_append(&(struct frame){.id = i,
				     .kind = WIRE_ECHO,
				     .data = payload,
				     .len = sizeof(payload)},
			&bytes);
	/* In pieces that do not respect frames, some absorbed, some read as usual. */
	uint32_t seen = 0;
	for (size_t at = 0; at < bytes.len;) {
		size_t n = bytes.len - at < 50001 ? bytes.len - at : 50001;
		assert_int_equal(fd_write_all(e.engine, bytes.data + at, n), 0);
		at += n;
		assert_int_equal(node_heard(&e.node, NULL), 0);
		if (at % 3 == 0)
			continue;
		assert_int_equal(channel_fill(&e.node.engine, NULL), 0);
		while (channel_next(&e.node.engine, &f, NULL) > 0) {
			assert_int_equal(f.id, ++seen);
			assert_int_equal(f.len, sizeof(payload));
		}
	}
	while (e.node.engine.ahead.len > 0) {
		assert_int_equal(channel_fill(&e.node.engine, NULL), 0);
		while (channel_next(&e.node.engine, &f, NULL) > 0)
			assert_int_equal(f.id, ++seen);
	}
	assert_int_equal(seen, 40);
	ear_close(&e);
}

static void a_flood_is_not_absorbed_without_end(void **state)
{
	struct ear e;
	uint8_t zeros[65536] = {0};

	(void)state;
	ear_open(&e);
	for (int i = 0; i < 64 && node_input_fd(&e.node) >= 0; i++) {
		assert_int_equal(fd_write_all(e.engine, zeros, sizeof(zeros)), 0);
		assert_int_equal(node_heard(&e.node, NULL), 0);
	}
	assert_int_equal(node_input_fd(&e.node), -1);
	assert_true(e.node.engine.ahead.len <= CHANNEL_AHEAD_MAX + sizeof(zeros));
	ear_close(&e);
}

static void an_operation_notices_an_engine_that_is_gone(void **state)
{
	struct ear e;
	struct err err = {0};

	(void)state;
	ear_open(&e);
	assert_int_equal(node_heard(&e.node, &err), 0);
	e.node.silent_at = deadline_in(0);
	assert_int_equal(node_heard(&e.node, &err), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	e.node.silent_at = deadline_in(60);
	fd_close(&e.engine);
	assert_int_equal(node_heard(&e.node, &err), -1);
	assert_non_null(strstr(err.text, "the engine is gone"));
	ear_close(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_engine_is_gone),
		cmocka_unit_test_setup_teardown(
			its_lease_is_free_again, world_make, world_remove),
		cmocka_unit_test(pings_keep_it),
		cmocka_unit_test(what_comes_meanwhile_is_worked_later),
		cmocka_unit_test(a_flood_is_not_absorbed_without_end),
		cmocka_unit_test(an_operation_notices_an_engine_that_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
