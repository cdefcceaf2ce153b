/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "fixture.h"
#include "history/lock.h"

static const char *lock_path(void)
{
	return fixture_path("store/.fleet/lock");
}

static int acquire(struct lock *l, struct err *err)
{
	return lock_acquire(l, lock_path(), "deploy-models --limit den", 0, NULL, err);
}

/* A process that holds the lock until it is killed. */
static pid_t start_holder(void)
{
	int ready[2];
	char byte = 0;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct lock l;
		struct err err;
		byte = acquire(&l, &err) == 0 ? 'y' : 'n';
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void stop_holder(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_one_holder_at_a_time_and_it_is_named(void **state)
{
	struct lock l = LOCK_INIT;
	struct err err;
	char expected[128];

	(void)state;
	pid_t pid = start_holder();

	int result = acquire(&l, &err);

	stop_holder(pid);
	assert_int_equal(result, -1);
	assert_int_equal(err.code, ERR_BUSY);
	snprintf(expected, sizeof(expected), "(process %ld): deploy-models --limit den",
		(long)pid);
	assert_non_null(strstr(err.text, expected));
	assert_non_null(strstr(err.text, lock_path()));
	assert_int_equal(l.fd, -1);
}

static void test_the_text_of_a_killed_holder_blocks_nobody(void **state)
{
	struct lock l = LOCK_INIT;
	struct lock_holder h;
	struct err err;

	(void)state;
	stop_holder(start_holder());
	assert_non_null(strstr(fixture_read("store/.fleet/lock"), "deploy-models"));

	assert_int_equal(lock_query(lock_path(), &h, &err), 0);
	assert_int_equal(acquire(&l, &err), 0);

	lock_release(&l);
}

static void test_query_tells_the_holder(void **state)
{
	struct lock_holder h;
	struct err err;

	(void)state;
	pid_t pid = start_holder();

	int held = lock_query(lock_path(), &h, &err);

	stop_holder(pid);
	assert_int_equal(held, 1);
	assert_int_equal(h.pid, pid);
	assert_string_equal(h.command, "deploy-models --limit den");
	assert_non_null(h.user);
	assert_non_null(h.host);
	assert_int_equal(strlen(h.since), 20);
	lock_holder_release(&h);
}

static void test_query_without_a_file_or_a_holder(void **state)
{
	struct lock l;
	struct lock_holder h;
	struct err err;

	(void)state;
	assert_int_equal(lock_query(lock_path(), &h, &err), 0);
	assert_int_equal(acquire(&l, &err), 0);
	lock_release(&l);
	assert_int_equal(lock_query(lock_path(), &h, &err), 0);
	assert_string_equal(fixture_read("store/.fleet/lock"), "");
}

static void test_a_lock_is_given_back(void **state)
{
	struct lock l;
	struct err err;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(acquire(&l, &err), 0);
		assert_true(l.fd >= 0);
		lock_release(&l);
		assert_int_equal(l.fd, -1);
		lock_release(&l);
	}
}

static void test_a_holder_in_the_same_process_counts(void **state)
{
	struct lock l;
	struct lock second;
	struct err err;

	(void)state;
	assert_int_equal(acquire(&l, &err), 0);
	assert_int_equal(acquire(&second, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	lock_release(&l);
}

static void test_waiting_for_a_holder(void **state)
{
	struct lock l = LOCK_INIT;
	struct err err;

	(void)state;
	pid_t holder = start_holder();
	pid_t killer = fork();
	if (killer == 0) {
		wait_until(deadline_in(0.3), NULL, NULL);
		kill(holder, SIGKILL);
		_exit(0);
	}

	int result = lock_acquire(&l, lock_path(), "x", deadline_in(20), NULL, &err);

	waitpid(killer, NULL, 0);
	waitpid(holder, NULL, 0);
	assert_int_equal(result, 0);
	lock_release(&l);
}

static void test_waiting_ends_at_the_deadline_and_by_interrupt(void **state)
{
	struct lock l = LOCK_INIT;
	struct cancel cancel;
	struct err err;

	(void)state;
	pid_t holder = start_holder();
	int64_t begin = clock_ns();
	assert_int_equal(lock_acquire(&l, lock_path(), "x", deadline_in(0.3), NULL, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	assert_true(clock_ns() - begin > 250000000);

	assert_int_equal(cancel_init(&cancel, &err), 0);
	cancel_request(&cancel);
	assert_int_equal(
		lock_acquire(&l, lock_path(), "x", deadline_in(20), &cancel, &err), -1);
	assert_int_equal(err.code, ERR_CANCELLED);
	cancel_release(&cancel);
	stop_holder(holder);
}

/* Ten processes count up a number that is not protected by anything else. */
static void test_processes_exclude_each_other(void **state)
{
	volatile int *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(shared, MAP_FAILED);
	for (int i = 0; i < 10; i++) {
		if (fork() != 0)
			continue;
		struct lock l;
		struct err err;
		if (lock_acquire(&l, lock_path(), "x", deadline_in(60), NULL, &err) < 0)
			_exit(1);
		int before = *shared;
		wait_until(deadline_in(0.01), NULL, NULL);
		*shared = before + 1;
		lock_release(&l);
		_exit(0);
	}
	for (int i = 0; i < 10; i++) {
		int status;
		wait(&status);
		assert_int_equal(status, 0);
	}
	assert_int_equal(*shared, 10);
	munmap((void *)shared, sizeof(*shared));
}

static void test_texts_that_do_not_parse_are_no_holder(void **state)
{
	static const char *const texts[] = {
		"", "{", "[1]", "\xff\xfe", "null", "{\"user\": 3}"};
	struct lock_holder h;
	struct lock l;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(acquire(&l, &err), 0);
		fixture_shell("truncate -s 0 store/.fleet/lock");
		autofd int fd = open(lock_path(), O_WRONLY | O_CLOEXEC);
		assert_int_equal(fd_write_all(fd, texts[i], strlen(texts[i])), 0);
		assert_int_equal(lock_query(lock_path(), &h, &err), 1);
		assert_null(h.user);
		lock_holder_release(&h);
		lock_release(&l);
	}
}

static void test_control_characters_of_a_holder_are_not_shown(void **state)
{
	struct lock second = LOCK_INIT;
	struct lock l;
	struct err err;

	(void)state;
	assert_int_equal(lock_acquire(&l, lock_path(), "x\x1b[2J\ny", 0, NULL, &err), 0);
	assert_int_equal(acquire(&second, &err), -1);
	assert_non_null(strstr(err.text, "x?[2J?y"));
	lock_release(&l);
}

static void test_a_link_in_place_of_the_lock_is_refused(void **state)
{
	struct lock l = LOCK_INIT;
	struct err err;

	(void)state;
	fixture_shell("mkdir -p store/.fleet; echo precious > file; ln -s ../../file "
		      "store/.fleet/lock");
	assert_int_equal(acquire(&l, &err), -1);
	assert_string_equal(fixture_read("file"), "precious\n");
}

static void test_another_user_can_take_the_lock(void **state)
{
	struct lock l;
	struct err err;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	fixture_shell("umask 022; chmod 755 .; mkdir -p store/.fleet");
	mode_t mask = umask(0077);
	int result = acquire(&l, &err);
	umask(mask);
	assert_int_equal(result, 0);
	lock_release(&l);

	pid_t pid = fork();
	if (pid == 0) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		_exit(acquire(&l, &err) == 0 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void test_a_store_that_cannot_be_written_is_locked_at_home(void **state)
{
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	fixture_shell("chmod 755 .; mkdir -m 755 store; mkdir -m 777 state");
	pid_t pid = fork();
	if (pid == 0) {
		struct lock l, second;
		struct err err;
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		if (lock_acquire_site(&l, fixture_path("store"), "x", 0, NULL, &err) < 0)
			_exit(3);
		if (!str_starts(l.path, fixture_path("state/modelfleet/locks/store-")))
			_exit(4);
		if (lock_acquire_site(&second, fixture_path("store"), "x", 0, NULL, &err) == 0)
			_exit(5);
		_exit(err.code == ERR_BUSY ? 0 : 6);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_a_store_that_is_not_there(void **state)
{
	struct lock l;
	struct err err;

	(void)state;
	assert_int_equal(lock_acquire_site(&l, fixture_path("none"), "x", 0, NULL, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_false(path_exists(fixture_path("none")));
}

static void test_the_lock_is_not_inherited_by_programs(void **state)
{
	struct lock l;
	struct lock_holder h;
	struct err err;

	(void)state;
	assert_int_equal(acquire(&l, &err), 0);
	fixture_shell("setsid sleep 30 > /dev/null 2>&1 & echo $! > pid");
	lock_release(&l);
	assert_int_equal(lock_query(lock_path(), &h, &err), 0);
	fixture_shell("kill $(cat pid)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
		T(test_one_holder_at_a_time_and_it_is_named),
		T(test_the_text_of_a_killed_holder_blocks_nobody),
		T(test_query_tells_the_holder),
		T(test_query_without_a_file_or_a_holder),
		T(test_a_lock_is_given_back),
		T(test_a_holder_in_the_same_process_counts),
		T(test_waiting_for_a_holder),
		T(test_waiting_ends_at_the_deadline_and_by_interrupt),
		T(test_processes_exclude_each_other),
		T(test_texts_that_do_not_parse_are_no_holder),
		T(test_control_characters_of_a_holder_are_not_shown),
		T(test_a_link_in_place_of_the_lock_is_refused),
		T(test_another_user_can_take_the_lock),
		T(test_a_store_that_cannot_be_written_is_locked_at_home),
		T(test_a_store_that_is_not_there),
		T(test_the_lock_is_not_inherited_by_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
