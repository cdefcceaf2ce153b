/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that is killed before its n-th call that changes the disk, for every n: the calls
 * are those that the linker wraps (-Wl,--wrap=NAME in CMakeLists.txt), and each counts itself.
 * Included by one source file of a test.
 *
 *   WRAP(int, fsync, (int d), (d), note_synced(d))     for each call
 *   pid_t pid = killed_fork(n);
 *   if (pid == 0)
 *           _exit(what_is_tested() == 0 ? 0 : 1);
 *   bool died = killed_died(pid);
 */
#ifndef TESTS_BASE_KILLED_H
#define TESTS_BASE_KILLED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILLED_DIED      99
#define KILLED_STEPS_MAX 1000

static int killed_steps, killed_at;

/* Counts a call; the one that the process is to die at is its last. */
static inline void killed_step(void)
{
	if (++killed_steps == killed_at)
		_exit(KILLED_DIED);
}

/* Declares and defines a call that counts itself; `note` is done before the real one. */
#define WRAP(type, name, parameters, arguments, note)                                          \
	type __real_##name parameters;                                                         \
	type __wrap_##name parameters;                                                         \
	type __wrap_##name parameters                                                          \
	{                                                                                      \
		killed_step();                                                                 \
		note;                                                                          \
		return __real_##name arguments;                                                \
	}

/* Forks: 0 in the child, which dies at its n-th call; its id in the test. */
static inline pid_t killed_fork(int n)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		killed_steps = 0;
		killed_at = n;
	}
	return pid;
}

/* Waits for the child: false where it came to its end before. The test fails where that is bad.
 */
static inline bool killed_died(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != 0)
		assert_int_equal(WEXITSTATUS(status), KILLED_DIED);
	return WEXITSTATUS(status) == KILLED_DIED;
}

#endif
