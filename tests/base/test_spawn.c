/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/scratch.h"
#include "base/spawn.h"

#define SHELL(script) ((const char *const[]){"/bin/sh", "-c", (script), NULL})

static void test_output_and_status(void **state)
{
	AUTO(spawn_result_release) struct spawn_result r;
	struct err err = {0};

	(void)state;
	assert_int_equal(spawn_run(
				 &(struct spawn_options){
					 .argv = SHELL("printf out; printf err >&2; exit 7")},
				 &r, &err),
		0);
	assert_string_equal(r.out.data, "out");
	assert_string_equal(r.err.data, "err");
	assert_int_equal(spawn_exit_code(r.status), 7);
}

static void test_a_killed_program(void **state)
{
	AUTO(spawn_result_release) struct spawn_result r;

	(void)state;
	assert_int_equal(
		spawn_run(&(struct spawn_options){.argv = SHELL("kill -9 $$")}, &r, NULL), 0);
	assert_int_equal(spawn_exit_code(r.status), 128 + SIGKILL);
}

static void test_input_larger_than_a_pipe(void **state)
{
	enum { LEN = 3 << 20 };
	autofree char *input = xmalloc(LEN);
	AUTO(spawn_result_release) struct spawn_result r;
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < LEN; i++)
		input[i] = (char)(i * 31 >> 5);
	assert_int_equal(spawn_run(&(struct spawn_options){.argv = SHELL("cat"),
					   .input = input,
					   .input_len = LEN,
					   .output_max = LEN},
				 &r, &err),
		0);
	assert_int_equal(r.out.len, LEN);
	assert_memory_equal(r.out.data, input, LEN);
}

static void test_no_input_is_an_empty_one(void **state)
{
	AUTO(spawn_result_release) struct spawn_result r;

	(void)state;
	assert_int_equal(
		spawn_run(&(struct spawn_options){.argv = SHELL("wc -c")}, &r, NULL), 0);
	strbuf_rtrim(&r.out);
	assert_string_equal(r.out.data, "0");
}

static void test_input_that_nobody_reads(void **state)
{
	enum { LEN = 1 << 20 };
	autofree char *input = xcalloc(1, LEN);
	AUTO(spawn_result_release) struct spawn_result r;
	struct err err = {0};

	(void)state;
	assert_int_equal(spawn_run(&(struct spawn_options){.argv = SHELL("echo done"),
					   .input = input,
					   .input_len = LEN},
				 &r, &err),
		0);
	assert_string_equal(r.out.data, "done\n");
}

static void test_a_program_that_is_not_there(void **state)
{
	const char *const argv[] = {"no-such-program-here", NULL};
	AUTO(spawn_result_release) struct spawn_result r;
	struct err err = {0};

	(void)state;
	assert_int_equal(spawn_run(&(struct spawn_options){.argv = argv}, &r, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.text, "no-such-program-here"));
}

static void test_a_program_that_may_not_run(void **state)
{
	const char *const argv[] = {"/etc/passwd", NULL};
	AUTO(spawn_result_release) struct spawn_result r;
	struct err err = {0};

	(void)state;
	assert_int_equal(spawn_run(&(struct spawn_options){.argv = argv}, &r, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
}

static void expect_stopped(
	const struct spawn_options *o, enum err_code code, double within, struct err *err)
{
	AUTO(spawn_result_release) struct spawn_result r;
	int64_t start = clock_ns();

	assert_int_equal(spawn_run(o, &r, err), -1);
	assert_int_equal(err->code, code);
	assert_non_null(strstr(err->text, "/bin/sh"));
	assert_true((double)(clock_ns() - start) < within * 1e9);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_the_deadline_kills(void **state)
{
	struct err err = {0};

	(void)state;
	expect_stopped(&(struct spawn_options){.argv = SHELL("exec sleep 30"),
			       .until = deadline_in(0.1)},
		ERR_TIMEOUT, 5, &err);
}

static void test_the_deadline_kills_what_ignores_sigterm(void **state)
{
	struct err err = {0};

	(void)state;
	expect_stopped(
		&(struct spawn_options){
			.argv = SHELL("trap '' TERM; while :; do sleep 1; done"),
			.until = deadline_in(0.3)},
		ERR_TIMEOUT, 10, &err);
}

/* A program may close its output and run on: deadline and cancellation hold all the same. */
static void test_the_deadline_kills_what_closed_its_output(void **state)
{
	struct err err = {0};

	(void)state;
	expect_stopped(&(struct spawn_options){.argv = SHELL("exec sleep 30 >&- 2>&-"),
			       .until = deadline_in(0.1)},
		ERR_TIMEOUT, 5, &err);
}

static void *cancel_soon(void *arg)
{
	usleep(100000);
	cancel_request(arg);
	return NULL;
}

static void expect_cancelled(const char *script)
{
	AUTO(cancel_release) struct cancel cancel;
	struct err err = {0};
	pthread_t thread;

	assert_int_equal(cancel_init(&cancel, NULL), 0);
	pthread_create(&thread, NULL, cancel_soon, &cancel);
	expect_stopped(&(struct spawn_options){.argv = SHELL(script), .cancel = &cancel},
		ERR_CANCELLED, 5, &err);
	pthread_join(thread, NULL);
}

static void test_cancellation(void **state)
{
	(void)state;
	expect_cancelled("exec sleep 30");
	expect_cancelled("exec sleep 30 >&- 2>&-");
}

static void test_more_output_than_the_limit(void **state)
{
	struct err err = {0};

	(void)state;
	expect_stopped(&(struct spawn_options){.argv = SHELL("printf 123456; exec sleep 30"),
			       .output_max = 5},
		ERR_LIMIT, 5, &err);
	expect_stopped(&(struct spawn_options){.argv = SHELL("yes >&2")}, ERR_LIMIT, 5, &err);
}

static void test_output_up_to_the_limit(void **state)
{
	AUTO(spawn_result_release) struct spawn_result r;

	(void)state;
	assert_int_equal(
		spawn_run(
			&(struct spawn_options){.argv = SHELL("printf 12345; printf 54321 >&2"),
				.output_max = 5},
			&r, NULL),
		0);
	assert_string_equal(r.out.data, "12345");
	assert_string_equal(r.err.data, "54321");
}

static void test_the_environment_is_added_to(void **state)
{
	const char *const env[] = {"ADDED=old", "ADDED=new", "REPLACED=after", "EMPTY=", NULL};
	AUTO(spawn_result_release) struct spawn_result r;

	(void)state;
	setenv("KEPT", "kept", 1);
	setenv("REPLACED", "before", 1);
	setenv("REPLACED_NOT", "same prefix", 1);
	assert_int_equal(
		spawn_run(
			&(struct spawn_options){
				.argv = SHELL("echo $KEPT,$ADDED,$REPLACED,${EMPTY-unset},"
					      "$REPLACED_NOT; env | grep -c ^REPLACED="),
				.env = env},
			&r, NULL),
		0);
	assert_string_equal(r.out.data, "kept,new,after,,same prefix\n1\n");
	unsetenv("KEPT");
	unsetenv("REPLACED");
	unsetenv("REPLACED_NOT");
}

static void test_a_working_directory(void **state)
{
	AUTO(spawn_result_release) struct spawn_result r;

	(void)state;
	assert_int_equal(spawn_run(&(struct spawn_options){.argv = SHELL("pwd"), .cwd = "/usr"},
				 &r, NULL),
		0);
	assert_string_equal(r.out.data, "/usr\n");
}

static void test_a_working_directory_that_is_not_there(void **state)
{
	AUTO(spawn_result_release) struct spawn_result r;
	struct err err = {0};

	(void)state;
	assert_int_equal(
		spawn_run(&(struct spawn_options){.argv = SHELL("pwd"), .cwd = "/no/such/dir"},
			&r, &err),
		-1);
	assert_non_null(strstr(err.text, "/no/such/dir"));
}

/* The child lists its own descriptors: 0, 1, 2, and the one it lists them with. */
static void test_no_descriptor_leaks_into_the_child(void **state)
{
	AUTO(spawn_result_release) struct spawn_result r;
	autofd int open_on_exec = open("/dev/null", O_RDONLY);
	autofd int high = fcntl(open_on_exec, F_DUPFD, 200);

	(void)state;
	assert_true(high >= 200);
	assert_int_equal(
		spawn_run(&(struct spawn_options){.argv = SHELL("ls /proc/self/fd | wc -l")},
			&r, NULL),
		0);
	strbuf_rtrim(&r.out);
	assert_string_equal(r.out.data, "4");
}

static void test_no_descriptor_is_left_open_here(void **state)
{
	const char *const absent[] = {"no-such-program-here", NULL};
	size_t before = scratch_open_fds();

	(void)state;
	for (int i = 0; i < 5; i++) {
		AUTO(spawn_result_release) struct spawn_result a, b, c;
		spawn_run(
			&(struct spawn_options){
				.argv = SHELL("cat"), .input = "x", .input_len = 1},
			&a, NULL);
		spawn_run(&(struct spawn_options){.argv = absent}, &b, NULL);
		spawn_run(&(struct spawn_options){.argv = SHELL("yes"), .output_max = 9}, &c,
			NULL);
	}
	assert_int_equal(scratch_open_fds(), before);
}

static void ignore_signal(int number)
{
	(void)number;
}

/* Beyond them, the C library keeps two for itself. */
#define ORDINARY_SIGNALS 0x7fffffffu

/* Handlers, ignored signals and the mask of ours do not reach the child. */
static void test_signals_are_as_at_login(void **state)
{
	AUTO(spawn_result_release) struct spawn_result r;
	struct sigaction ignored = {.sa_handler = SIG_IGN},
			 handled = {.sa_handler = ignore_signal};
	struct sigaction old_int, old_usr;
	sigset_t blocked, old_mask;
	uint64_t blocked_there, ignored_there;

	(void)state;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &old_mask);
	sigaction(SIGINT, &ignored, &old_int);
	sigaction(SIGUSR1, &handled, &old_usr);
	int result = spawn_run(
		&(struct spawn_options){
			.argv = SHELL("grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2")},
		&r, NULL);
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGUSR1, &old_usr, NULL);
	assert_int_equal(result, 0);
	assert_int_equal(
		sscanf(r.out.data, "%" SCNx64 " %" SCNx64, &blocked_there, &ignored_there), 2);
	assert_int_equal(blocked_there & ORDINARY_SIGNALS, 0);
	assert_int_equal(ignored_there & ORDINARY_SIGNALS, 0);
}

/* Closed standard descriptors are the hard case: the new pipes take their numbers. */
static void test_our_standard_descriptors_may_be_closed(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		struct spawn_result r;
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		int result =
			spawn_run(&(struct spawn_options){.argv = SHELL("cat; echo err >&2"),
					  .input = "in",
					  .input_len = 2},
				&r, NULL);
		bool right = result == 0 && strcmp(r.out.data, "in") == 0 &&
			     strcmp(r.err.data, "err\n") == 0;
		spawn_result_release(&r);
		_exit(right ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(spawn_exit_code(status), 0);
}

static void test_start_and_stop(void **state)
{
	struct spawn_child child;
	struct err err = {0};
	char answer[6] = "";

	(void)state;
	assert_int_equal(
		spawn_start(&(struct spawn_options){.argv = SHELL("cat")}, &child, &err), 0);
	assert_int_equal(fd_write_all(child.in, "hello", 5), 0);
	assert_int_equal(fd_read_full(child.out, answer, 5), 5);
	assert_string_equal(answer, "hello");
	assert_int_equal(fcntl(child.in, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(child.out, F_GETFD), FD_CLOEXEC);
	int status = spawn_stop(&child, deadline_in(5)); /* its input ends, so it ends */
	assert_int_equal(spawn_exit_code(status), 0);
	assert_int_equal(child.pid, -1);
	assert_int_equal(spawn_stop(&child, 0), 0);
}

static void test_stop_after_the_deadline(void **state)
{
	struct spawn_child child;

	(void)state;
	assert_int_equal(spawn_start(&(struct spawn_options){.argv = SHELL("exec sleep 30")},
				 &child, NULL),
		0);
	assert_int_equal(spawn_exit_code(spawn_stop(&child, 0)), 128 + SIGTERM);
}

static void *run_ten(void *arg)
{
	for (int i = 0; i < 10; i++) {
		AUTO(spawn_result_release) struct spawn_result r;
		autofree char *script = xasprintf("cat; echo %d", i);
		autofree char *expected = xasprintf("in%d\n", i);
		const char *const argv[] = {"/bin/sh", "-c", script, NULL};
		if (spawn_run(
			    &(struct spawn_options){
				    .argv = argv, .input = "in", .input_len = 2},
			    &r, NULL) < 0 ||
			strcmp(r.out.data, expected) != 0)
			return arg;
	}
	return NULL;
}

/* A pipe that leaked into another thread's child would keep its reader waiting. */
static void test_many_threads_at_once(void **state)
{
	pthread_t threads[6];

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, run_ten, state);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output_and_status),
		cmocka_unit_test(test_a_killed_program),
		cmocka_unit_test(test_input_larger_than_a_pipe),
		cmocka_unit_test(test_no_input_is_an_empty_one),
		cmocka_unit_test(test_input_that_nobody_reads),
		cmocka_unit_test(test_a_program_that_is_not_there),
		cmocka_unit_test(test_a_program_that_may_not_run),
		cmocka_unit_test(test_the_deadline_kills),
		cmocka_unit_test(test_the_deadline_kills_what_ignores_sigterm),
		cmocka_unit_test(test_the_deadline_kills_what_closed_its_output),
		cmocka_unit_test(test_cancellation),
		cmocka_unit_test(test_more_output_than_the_limit),
		cmocka_unit_test(test_output_up_to_the_limit),
		cmocka_unit_test(test_the_environment_is_added_to),
		cmocka_unit_test(test_a_working_directory),
		cmocka_unit_test(test_a_working_directory_that_is_not_there),
		cmocka_unit_test(test_no_descriptor_leaks_into_the_child),
		cmocka_unit_test(test_no_descriptor_is_left_open_here),
		cmocka_unit_test(test_signals_are_as_at_login),
		cmocka_unit_test(test_our_standard_descriptors_may_be_closed),
		cmocka_unit_test(test_start_and_stop),
		cmocka_unit_test(test_stop_after_the_deadline),
		cmocka_unit_test(test_many_threads_at_once),
	};

	signal(SIGPIPE, SIG_IGN);           /* as the program does */
	setenv("PATH", "/usr/bin:/bin", 1); /* all of which anybody may search */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
