/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"

static void test_close_keeps_errno(void **state)
{
	int fd = dup(STDOUT_FILENO);
	int none = -1;

	(void)state;
	errno = E2BIG;
	fd_close(&fd);
	assert_int_equal(fd, -1);
	fd_close(&none);
	assert_int_equal(errno, E2BIG);
}

static void test_a_scope_closes_its_descriptor(void **state)
{
	int seen;

	(void)state;
	{
		autofd int fd = dup(STDOUT_FILENO);
		seen = fd;
	}
	assert_int_equal(fcntl(seen, F_GETFD), -1);
}

struct transfer {
	int fd;
	size_t len;
	size_t step; /* bytes a call */
};

/* Gives or takes in small steps, so that the other side sees short reads and writes. */
static void *trickle(void *arg)
{
	const struct transfer *t = arg;
	char piece[1000];

	memset(piece, 'x', sizeof(piece));
	for (size_t done = 0; done < t->len; done += t->step) {
		assert_int_equal(write(t->fd, piece, t->step), t->step);
		usleep(100);
	}
	close(t->fd);
	return NULL;
}

static void *swallow(void *arg)
{
	struct transfer *t = arg;
	char piece[1000];
	ssize_t n;

	t->len = 0;
	while ((n = read(t->fd, piece, t->step)) > 0)
		t->len += (size_t)n;
	return NULL;
}

static void test_read_full_gathers_short_reads(void **state)
{
	char buffer[10000];
	int fds[2];
	pthread_t thread;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	struct transfer t = {.fd = fds[1], .len = 9000, .step = 90};
	pthread_create(&thread, NULL, trickle, &t);
	assert_int_equal(fd_read_full(fds[0], buffer, 5000), 5000);
	assert_int_equal(fd_read_full(fds[0], buffer, sizeof(buffer)), 4000);
	assert_int_equal(fd_read_full(fds[0], buffer, sizeof(buffer)), 0);
	pthread_join(thread, NULL);
	close(fds[0]);
}

static void test_write_all_goes_through_a_small_pipe(void **state)
{
	enum { LEN = 1 << 20 };
	autofree char *data = xcalloc(1, LEN);
	int fds[2];
	pthread_t thread;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	struct transfer t = {.fd = fds[0], .step = 999};
	pthread_create(&thread, NULL, swallow, &t);
	assert_int_equal(fd_write_all(fds[1], data, LEN), 0);
	close(fds[1]);
	pthread_join(thread, NULL);
	assert_int_equal(t.len, LEN);
	close(fds[0]);
}

static void test_errors_leave_errno(void **state)
{
	char byte;

	(void)state;
	assert_int_equal(fd_read_full(-1, &byte, 1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(fd_pread_full(-1, &byte, 1, 0), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(fd_write_all(-1, "x", 1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(fd_pwrite_all(-1, "x", 1, 0), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(fd_set_nonblock(-1, true), -1);
	assert_int_equal(errno, EBADF);
	autofd int full = open("/dev/full", O_WRONLY);
	assert_int_equal(fd_write_all(full, "x", 1), -1);
	assert_int_equal(errno, ENOSPC);
}

static void test_pread_and_pwrite_leave_the_position(void **state)
{
	char path[] = "/tmp/modelfleet-test.XXXXXX", buffer[8] = "";
	autofd int fd = mkstemp(path);

	(void)state;
	unlink(path);
	assert_int_equal(fd_write_all(fd, "0123456789", 10), 0);
	assert_int_equal(fd_pread_full(fd, buffer, 4, 3), 4);
	assert_string_equal(buffer, "3456");
	assert_int_equal(fd_pread_full(fd, buffer, 4, 8), 2);
	assert_int_equal(fd_pread_full(fd, buffer, 4, 11), 0);
	assert_int_equal(fd_pwrite_all(fd, "abc", 3, 4), 0);
	assert_int_equal(fd_pread_full(fd, buffer, 5, 3), 5);
	assert_string_equal(buffer, "3abc7");
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 10);
}

/* What a copy of two pieces leaves; from a pipe, of which the kernel copies no ranges. */
static void assert_copies(int from)
{
	char got[8] = "";
	int to = memfd_create("copy", MFD_CLOEXEC);

	assert_int_equal(fd_copy_piece(from, to, 4), 4);
	assert_int_equal(fd_copy_piece(from, to, 4), 2);
	assert_int_equal(fd_copy_piece(from, to, 4), 0);
	assert_int_equal(pread(to, got, sizeof(got), 0), 6);
	assert_string_equal(got, "abcdef");
	close(to);
}

static void test_a_piece_is_copied_from_any_file(void **state)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	int fds[2];

	(void)state;
	assert_int_equal(write(file, "abcdef", 6), 6);
	assert_int_equal(lseek(file, 0, SEEK_SET), 0);
	assert_copies(file);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "abcdef", 6), 6);
	close(fds[1]);
	assert_copies(fds[0]);
	close(fds[0]);
	assert_int_equal(fd_copy_piece(-1, file, 4), -1);
	assert_int_equal(errno, EBADF);
	close(file);
}

static void test_nonblock_on_and_off(void **state)
{
	int fds[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fd_set_nonblock(fds[0], true), 0);
	assert_int_equal(read(fds[0], &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(fd_set_nonblock(fds[0], false), 0);
	assert_int_equal(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_close_keeps_errno),
		cmocka_unit_test(test_a_scope_closes_its_descriptor),
		cmocka_unit_test(test_read_full_gathers_short_reads),
		cmocka_unit_test(test_write_all_goes_through_a_small_pipe),
		cmocka_unit_test(test_errors_leave_errno),
		cmocka_unit_test(test_a_piece_is_copied_from_any_file),
		cmocka_unit_test(test_pread_and_pwrite_leave_the_position),
		cmocka_unit_test(test_nonblock_on_and_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
