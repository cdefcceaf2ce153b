/* SPDX-License-Identifier: Apache-2.0 */
/* The link over a local process: bootstrap, requests, priorities, errors, the end. */
#include "link/fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

static int set_up(void **state)
{
	struct link_fixture *f = xcalloc(1, sizeof(*f));

	link_fixture_init(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	link_fixture_release(*state);
	free(*state);
	return 0;
}

/* Opens a link that must open. */
static struct link *open_link(const struct link_options *o)
{
	struct link *link = NULL;
	struct err err = {0};

	if (link_open(&link, o, deadline_in(30), NULL, &err) < 0)
		fail_msg("%s", err.text);
	return link;
}

/* Opens a link that must not open; gives the error. */
static struct err open_fails(const struct link_options *o)
{
	struct link *link = NULL;
	struct err err = {0};

	assert_int_equal(link_open(&link, o, deadline_in(30), NULL, &err), -1);
	assert_null(link);
	return err;
}

/* A frame whose payload is one u32. */
static struct frame number_frame(uint8_t kind, uint32_t number, uint8_t payload[4])
{
	for (int i = 0; i < 4; i++)
		payload[i] = (uint8_t)(number >> (8 * i));
	return (struct frame){.kind = kind, .data = payload, .len = 4};
}

static void test_installs_once(void **state)
{
	struct link_fixture *f = *state;
	struct link_stats stats;

	struct link *first = open_link(&f->options);
	link_stats(first, &stats);
	assert_true(stats.installed);
	assert_int_equal(stats.transport, LINK_LOCAL);
	assert_int_equal(link_close(first, deadline_in(5)), 0);

	struct link *second = open_link(&f->options);
	link_stats(second, &stats);
	assert_false(stats.installed);
	assert_string_equal(link_hello(second)->hostname, "echo");
	assert_int_equal(link_close(second, deadline_in(5)), 0);
}

static void test_installed_file_is_private_and_whole(void **state)
{
	struct link_fixture *f = *state;
	autofree char *file = xasprintf("%s/node-%s", f->remote, f->helpers.items[0].digest);
	struct stat st;

	link_close(open_link(&f->options), deadline_in(5));
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, f->helpers.items[0].size);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_damaged_helper_is_replaced(void **state)
{
	struct link_fixture *f = *state;
	autofree char *name = xasprintf("remote/node-%s", f->helpers.items[0].digest);
	struct link_stats stats;

	path_mkdirs(f->remote, 0700, NULL);
	scratch_write(&f->scratch, name, "#!/bin/sh\nexit 1\n", 0700);
	struct link *link = open_link(&f->options);
	link_stats(link, &stats);
	assert_true(stats.installed);
	link_close(link, deadline_in(5));
}

static void test_next_directory_when_one_cannot_be_written(void **state)
{
	struct link_fixture *f = *state;
	autofree char *blocked = scratch_path(&f->scratch, "file/below");

	scratch_write(&f->scratch, "file", "not a directory", 0600);
	f->remote_dirs[0] = blocked;
	f->remote_dirs[1] = f->remote;
	link_close(open_link(&f->options), deadline_in(5));
	assert_true(path_is_dir(f->remote));
}

static void test_says_what_was_tried(void **state)
{
	struct link_fixture *f = *state;
	autofree char *blocked = scratch_path(&f->scratch, "file/below");

	scratch_write(&f->scratch, "file", "not a directory", 0600);
	f->remote_dirs[0] = blocked;
	struct err err = open_fails(&f->options);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, blocked));
	assert_non_null(strstr(err.text, "cannot write there"));
}

static void test_leaves_nothing_where_it_only_tried(void **state)
{
	struct link_fixture *f = *state;
	autofree char *second = scratch_path(&f->scratch, "second");

	f->remote_dirs[1] = second;
	link_close(open_link(&f->options), deadline_in(5));
	assert_true(path_is_dir(f->remote));
	assert_false(path_exists(second));
}

static void test_a_link_as_shared_directory_is_refused(void **state)
{
	struct link_fixture *f = *state;

	autofree char *real = scratch_path(&f->scratch, "real");
	path_mkdirs(real, 0700, NULL);
	assert_int_equal(symlink(real, f->remote), 0);
	struct err err = open_fails(&f->options);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
}

static void test_no_helper_for_the_machine(void **state)
{
	struct link_fixture *f = *state;
	struct link_helpers other = {0};

	assert_int_equal(link_helpers_add(&other, "riscv64", ECHO_HELPER, NULL), 0);
	f->options.helpers = &other;
	f->remote_dirs[0] = "/dev/null/nowhere";
	struct err err = open_fails(&f->options);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "no node helper for a"));
	assert_non_null(strstr(err.text, "helpers here are for Linux on riscv64"));
	assert_non_null(strstr(err.text, "; install the package modelfleet-node-helpers"));
	link_helpers_release(&other);
}

static void test_echo(void **state)
{
	struct link_fixture *f = *state;
	struct link *link = open_link(&f->options);
	struct err err = {0};

	if (echo_check(link, test_seed(), 2000, deadline_in(60), &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(link_close(link, deadline_in(5)), 0);
}

static void test_call_gives_the_nodes_own_error(void **state)
{
	struct link_fixture *f = *state;
	struct link *link = open_link(&f->options);
	struct frame request = {.kind = 99}, reply;
	struct err err = {0};

	assert_int_equal(link_call(link, &request, &reply, deadline_in(5), &err), -1);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_int_equal(err.sys, 95);
	assert_string_equal(err.text, "no such kind");
	request.kind = WIRE_PING;
	assert_int_equal(link_call(link, &request, &reply, deadline_in(5), &err), 0);
	link_close(link, deadline_in(5));
}

static void test_answers_of_others_are_kept(void **state)
{
	struct link_fixture *f = *state;
	struct link *link = open_link(&f->options);
	struct frame echo = {.kind = WIRE_ECHO, .data = (const uint8_t *)"abc", .len = 3};
	struct frame ping = {.kind = WIRE_PING}, reply;
	struct err err = {0};

	uint32_t first = link_send(link, &echo, &err);
	assert_int_equal(link_call(link, &ping, &reply, deadline_in(5), &err), 0);
	assert_int_equal(link_next(link, &reply, deadline_in(5), &err), 0);
	assert_int_equal(reply.id, first);
	assert_memory_equal(reply.data, "abc", 3);
	link_close(link, deadline_in(5));
}

static void test_control_overtakes_bulk(void **state)
{
	struct link_fixture *f = *state;
	struct link *link = open_link(&f->options);
	static const uint8_t block[FRAME_PAYLOAD_MAX];
	struct frame bulk = {.kind = WIRE_ECHO, .data = block, .len = sizeof(block)};
	struct frame ping = {.kind = WIRE_PING}, f2;
	uint8_t payload[4];
	struct frame nap = number_frame(202, 300, payload);
	struct err err = {0};

	/* While the helper sleeps, the pipe fills and bulk has to queue. */
	link_send(link, &nap, &err);
	link_flush(link, deadline_in(5), &err);
	for (int i = 0; i < 4; i++)
		assert_int_not_equal(link_send_bulk(link, &bulk, deadline_in(5), &err), 0);
	uint32_t last = link_send_bulk(link, &bulk, deadline_in(5), &err);
	uint32_t urgent = link_send(link, &ping, &err);
	unsigned before = 0;
	for (bool seen = false; !seen;) {
		assert_int_equal(link_next(link, &f2, deadline_in(5), &err), 0);
		assert_int_not_equal(f2.id, last);
		seen = f2.id == urgent;
		before += !seen;
	}
	assert_true(before < 5);
	link_close(link, deadline_in(5));
}

static void test_floods_do_not_lock(void **state)
{
	struct link_fixture *f = *state;
	struct link *link = open_link(&f->options);
	static const uint8_t block[FRAME_PAYLOAD_MAX];
	struct frame bulk = {.kind = WIRE_ECHO, .data = block, .len = sizeof(block)};
	uint8_t payload[4];
	struct frame flood = number_frame(201, 100, payload);
	struct frame f2;
	struct err err = {0};

	/* The helper writes 3 MB before it reads on, while 3 MB wait to be read by it. */
	uint32_t id = link_send(link, &flood, &err);
	for (int i = 0; i < 100; i++)
		assert_int_not_equal(link_send_bulk(link, &bulk, deadline_in(20), &err), 0);
	unsigned flooded = 0, echoed = 0;
	while (flooded + echoed < 200) {
		assert_int_equal(link_next(link, &f2, deadline_in(20), &err), 0);
		if (f2.id == id)
			assert_int_equal(f2.data[9], 100 - flooded++);
		else
			echoed++;
	}
	assert_int_equal(flooded, 100);
	link_close(link, deadline_in(5));
}

static void test_death_of_the_helper(void **state)
{
	struct link_fixture *f = *state;
	struct link *link = open_link(&f->options);
	struct frame warn = {.kind = 203, .data = (const uint8_t *)"out of\nluck", .len = 11};
	struct frame die = {.kind = 200}, ping = {.kind = WIRE_PING}, reply;
	struct err err = {0};

	link_send(link, &warn, &err);
	assert_int_equal(link_call(link, &die, &reply, deadline_in(5), &err), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(err.text, "exit code 3"));
	assert_non_null(strstr(err.text, "out of luck"));
	struct err again = {0};
	assert_int_equal(link_send(link, &ping, &again), 0);
	assert_string_equal(again.text, err.text);
	assert_int_equal(link_close(link, deadline_in(5)), -1);
}

static void test_deadline_leaves_the_link_whole(void **state)
{
	struct link_fixture *f = *state;
	struct link *link = open_link(&f->options);
	uint8_t payload[4];
	struct frame nap = number_frame(202, 1500, payload), ping = {.kind = WIRE_PING}, reply;
	struct err err = {0};

	link_send(link, &nap, &err);
	int64_t begun = clock_ns();
	assert_int_equal(link_call(link, &ping, &reply, deadline_in(0.1), &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_true(clock_ns() - begun < 1200000000);
	assert_int_equal(link_next(link, &reply, deadline_in(5), &err), 0);
	assert_int_equal(reply.kind, WIRE_REPLY);
	assert_int_equal(link_close(link, deadline_in(5)), 0);
}

static void test_waiting_for_something_else(void **state)
{
	struct link_fixture *f = *state;
	struct link *link = open_link(&f->options);
	struct link_stats before, after;
	struct frame reply, ping = {.kind = WIRE_PING};
	struct err err = {0};

	link_stats(link, &before);
	uint32_t id = link_send(link, &ping, &err);
	assert_int_equal(link_idle(link, deadline_in(4), &err), 0);
	link_stats(link, &after);
	/* Ours, and one that only said that we are here; its answer is nobody's. */
	assert_true(after.frames_out >= before.frames_out + 2);
	assert_int_equal(link_next(link, &reply, deadline_in(5), &err), 0);
	assert_int_equal(reply.id, id);
	assert_int_equal(link_poll(link, &reply, &err), 0);
	struct frame die = {.kind = 200};
	link_send(link, &die, &err);
	assert_int_equal(link_idle(link, deadline_in(20), &err), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	link_abort(link);
}

static void test_interrupt_and_going_on_without_it(void **state)
{
	struct link_fixture *f = *state;
	struct cancel cancel;
	struct link *link = NULL;
	struct frame ping = {.kind = WIRE_PING}, reply;
	struct err err = {0};

	assert_int_equal(cancel_init(&cancel, &err), 0);
	assert_int_equal(link_open(&link, &f->options, deadline_in(30), &cancel, &err), 0);
	cancel_request(&cancel);
	assert_int_equal(link_call(link, &ping, &reply, deadline_in(5), &err), -1);
	assert_int_equal(err.code, ERR_CANCELLED);
	link_set_cancel(link, NULL);
	assert_int_equal(link_call(link, &ping, &reply, deadline_in(5), &err), 0);
	assert_int_equal(link_close(link, deadline_in(5)), 0);
	cancel_release(&cancel);
}

static void test_frames_and_queues_have_limits(void **state)
{
	struct link_fixture *f = *state;
	struct link *link = open_link(&f->options);
	static const uint8_t block[FRAME_PAYLOAD_MAX + 1];
	struct frame large = {.kind = WIRE_ECHO, .data = block, .len = sizeof(block)};
	struct frame fits = {.kind = WIRE_ECHO, .data = block, .len = FRAME_PAYLOAD_MAX};
	struct err err = {0};

	assert_int_equal(link_send(link, &large, &err), 0);
	assert_int_equal(err.code, ERR_LIMIT);
	err_clear(&err);
	for (int i = 0; i < 31; i++)
		assert_int_not_equal(link_send(link, &fits, &err), 0);
	/* One more would fit but for the request that follows an installation. */
	assert_int_equal(link_send(link, &fits, &err), 0);
	assert_int_equal(err.code, ERR_LIMIT);
	link_abort(link);
}

static void test_bandwidth_limit(void **state)
{
	struct link_fixture *f = *state;
	static const uint8_t block[FRAME_PAYLOAD_MAX];
	struct frame bulk = {.kind = WIRE_ECHO, .data = block, .len = sizeof(block)};
	struct frame ping = {.kind = WIRE_PING}, reply;
	struct link_limiter limiter;
	struct err err = {0};

	link_limiter_init(&limiter, 200000);
	f->options.limiter = &limiter;
	struct link *link = open_link(&f->options);
	int64_t begun = clock_ns();
	for (int i = 0; i < 6; i++)
		link_send_bulk(link, &bulk, deadline_in(20), &err);
	/* Two frames and more still wait, for a third of a second; control does not. */
	int64_t asked = clock_ns();
	assert_int_equal(link_call(link, &ping, &reply, deadline_in(5), &err), 0);
	assert_int_not_equal(reply.kind, WIRE_ERROR);
	assert_true(clock_ns() - asked < 250000000);
	assert_int_equal(link_flush(link, deadline_in(20), &err), 0);
	double seconds = (double)(clock_ns() - begun) / 1e9;
	assert_true(seconds > 0.6 && seconds < 3);
	link_close(link, deadline_in(5));
	link_limiter_release(&limiter);
}

/* Sends bulk that is echoed, and takes the echoes. */
static void send_bulk(struct link *link, size_t bytes)
{
	static const uint8_t block[FRAME_PAYLOAD_MAX];
	struct frame bulk = {.kind = WIRE_ECHO, .data = block, .len = sizeof(block)}, reply;
	struct err err = {0};

	for (size_t sent = 0; sent < bytes; sent += sizeof(block)) {
		if (link_send_bulk(link, &bulk, deadline_in(60), &err) == 0)
			fail_msg("%s", err.text);
		while (link_poll(link, &reply, &err) == 1)
			;
	}
}

static void test_the_rate_of_bulk(void **state)
{
	enum { RATE = 16000000, SPAN = 4 << 20 };
	struct link_fixture *f = *state;
	struct link_limiter limiter;
	struct link_stats stats;

	link_limiter_init(&limiter, RATE);
	f->options.limiter = &limiter;
	struct link *link = open_link(&f->options);
	send_bulk(link, SPAN / 2);
	link_stats(link, &stats);
	assert_int_equal(stats.bulk_rate, 0);
	send_bulk(link, SPAN);
	link_stats(link, &stats);
	/* What the limiter lets go at once counts, too: a tenth of a second's bytes. */
	assert_in_range(stats.bulk_rate, 1, 2 * RATE);
	/* A slower span later says nothing about what the link can do. */
	uint64_t fastest = stats.bulk_rate;
	limiter.bytes_per_second = RATE / 8;
	send_bulk(link, SPAN);
	link_stats(link, &stats);
	assert_true(stats.bulk_rate >= fastest);
	link_close(link, deadline_in(60));
	link_limiter_release(&limiter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_installs_once),
		TEST(test_installed_file_is_private_and_whole),
		TEST(test_damaged_helper_is_replaced),
		TEST(test_next_directory_when_one_cannot_be_written),
		TEST(test_says_what_was_tried),
		TEST(test_leaves_nothing_where_it_only_tried),
		TEST(test_a_link_as_shared_directory_is_refused),
		TEST(test_no_helper_for_the_machine),
		TEST(test_echo),
		TEST(test_call_gives_the_nodes_own_error),
		TEST(test_answers_of_others_are_kept),
		TEST(test_control_overtakes_bulk),
		TEST(test_floods_do_not_lock),
		TEST(test_death_of_the_helper),
		TEST(test_deadline_leaves_the_link_whole),
		TEST(test_waiting_for_something_else),
		TEST(test_interrupt_and_going_on_without_it),
		TEST(test_frames_and_queues_have_limits),
		TEST(test_bandwidth_limit),
		TEST(test_the_rate_of_bulk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
