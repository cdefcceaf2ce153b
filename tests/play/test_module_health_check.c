/* SPDX-License-Identifier: Apache-2.0 */
/* health_check on this machine, with ports, commands and a service of the test's own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "play/run_fixture.h"

#define PLAY "- hosts: all\n  gather_facts: false\n  tasks:\n"

/* Runs one health_check with arguments in flow style. */
static void check(struct run_fixture *f, const char *shown, const char *arguments)
{
	f->show = shown;
	run_fixture_play(
		f, arena_printf(&f->arena, PLAY "    - health_check: {%s}\n", arguments));
}

static void expect(
	struct run_fixture *f, const char *shown, const char *arguments, const char *seen)
{
	check(f, shown, arguments);
	run_fixture_expect(f, seen);
}

/* A socket that listens on a port of the system's choice. */
static int listen_somewhere(unsigned *port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&a, n));
	assert_int_equal(0, listen(fd, 5));
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)&a, &n));
	*port = ntohs(a.sin_port);
	return fd;
}

static void test_a_command(void **state)
{
	expect(*state, "attempts", "command: 'true'", "h1 task 'health_check': ok 1\n");
	expect(*state, "msg", "command: 'echo too hot; exit 9', retries: 0",
		"h1 task 'health_check': failed \"echo too hot; exit 9 ends with 9: too hot\"");
}

static void test_a_port(void **state)
{
	struct run_fixture *f = *state;
	unsigned port;
	autofd int fd = listen_somewhere(&port);

	expect(f, "attempts", arena_printf(&f->arena, "port: %u", port),
		"h1 task 'health_check': ok 1\n");
	fd_close(&fd);
	expect(f, "attempts",
		arena_printf(&f->arena, "port: %u, retries: 1, deadline: 5", port),
		"h1 task 'health_check': failed 2");
}

static void test_attempts_have_an_interval(void **state)
{
	int64_t begin = clock_ns();

	expect(*state, "attempts", "command: 'false', retries: 3, interval: 0.1",
		"h1 task 'health_check': failed 4");
	assert_true(clock_ns() - begin >= 300000000);
}

static void test_what_comes_late_is_waited_for(void **state)
{
	struct run_fixture *f = *state;
	const char *flag = run_fixture_path(f, "flag");

	expect(f, "attempts",
		arena_printf(&f->arena,
			"command: 'test -e %s || { touch %s; exit 1; }', interval: 0.05", flag,
			flag),
		"h1 task 'health_check': ok 2\n");
}

static void test_the_deadline_ends_all(void **state)
{
	int64_t begin = clock_ns();

	check(*state, "msg", "command: 'sleep 60', deadline: 1");
	run_fixture_expect(*state, "sleep 60 did not end in 1 s");
	assert_true(clock_ns() - begin < 10LL * 1000000000);
}

static void test_the_text_of_the_user(void **state)
{
	expect(*state, "msg", "command: 'false', retries: 0, msg: the model is not loaded",
		"\"the model is not loaded: false ends with 1\"");
}

static void test_what_makes_no_sense(void **state)
{
	expect(*state, "msg", "stable: 1",
		"nothing to check: give units, port, url or command");
	expect(*state, "msg", "unit: x, stable: 10, deadline: 5",
		"nothing can be stable for 10 seconds before a deadline of 5");
	expect(*state, "msg", "command: x, interval: 0", "are seconds");
	expect(*state, "msg", "url: 'no url at all', deadline: 2", "failed");
}

static const char *service(struct run_fixture *f, const char *more)
{
	const char *flag = run_fixture_path(f, "runs");

	return arena_printf(&f->arena,
		"unit: camera, manager: commands, commands: {status: 'test -e %s'}%s", flag,
		more);
}

static void test_a_unit_that_is_down(void **state)
{
	struct run_fixture *f = *state;
	int64_t begin = clock_ns();

	expect(f, "msg", service(f, ", stable: 20, deadline: 60"),
		"not stable: camera is inactive (dead)");
	assert_true(clock_ns() - begin < 10LL * 1000000000);
	run_fixture_write(f, "runs", "");
	expect(f, "attempts", service(f, ", stable: 0.1"), "h1 task 'health_check': ok 1\n");
}

/* Nobody waits for the port of a service that has died. */
static void test_a_unit_that_dies_while_its_port_is_waited_for(void **state)
{
	struct run_fixture *f = *state;
	unsigned port;
	autofd int fd = listen_somewhere(&port);
	const char *flag = run_fixture_path(f, "runs");

	fd_close(&fd);
	run_fixture_write(f, "runs", "");
	int64_t begin = clock_ns();
	expect(f, "msg",
		service(f, arena_printf(&f->arena,
				   ", command: 'rm %s; exit 1', deadline: 60, interval: 0.1",
				   flag)),
		"not stable: camera is inactive (dead)");
	assert_true(clock_ns() - begin < 20LL * 1000000000);
}

static void test_every_check_is_told(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "runs", "");
	check(f, "checks", service(f, ", stable: 0, command: 'true'"));
	run_fixture_expect(f, "{\"check\": \"command\", \"ok\": true, \"attempts\": 1");
	run_fixture_expect(f, "{\"check\": \"units\", \"ok\": true, \"attempts\": 1");
}

static void test_check_mode_skips_it(void **state)
{
	struct run_fixture *f = *state;

	f->options.check = true;
	expect(f, "attempts", "command: 'false', retries: 0",
		"h1 task 'health_check': skipped");
}

#define RUN(test) cmocka_unit_test_setup_teardown(test, run_fixture_make, run_fixture_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_a_command),
		RUN(test_a_port),
		RUN(test_attempts_have_an_interval),
		RUN(test_what_comes_late_is_waited_for),
		RUN(test_the_deadline_ends_all),
		RUN(test_the_text_of_the_user),
		RUN(test_what_makes_no_sense),
		RUN(test_a_unit_that_is_down),
		RUN(test_a_unit_that_dies_while_its_port_is_waited_for),
		RUN(test_every_check_is_told),
		RUN(test_check_mode_skips_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
