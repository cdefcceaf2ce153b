/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "base/str.h"
#include "sync/spool.h"

static struct spool *open_spool(const char *dir)
{
	struct err err = {0};
	struct spool *s = spool_open(dir, &err);

	if (!s)
		fail_msg("%s", err.text);
	return s;
}

/* Makes an item of one piece, as a run that goes well does. */
static void make_item(struct spool *s, const char *key, const char *text)
{
	struct spool_item *item;
	struct err err = {0};

	assert_int_equal(spool_get(s, key, &item), SPOOL_WRITE);
	assert_int_equal(spool_write(item, text, strlen(text), &err), 0);
	spool_finish(item);
	spool_release(item);
}

static void expect_item(struct spool *s, const char *key, const char *text)
{
	struct spool_item *item;
	struct err err = {0};
	autofree char *found = xcalloc(1, strlen(text) + 2);

	assert_int_equal(spool_get(s, key, &item), SPOOL_READ);
	assert_int_equal(spool_wait(item, NULL, &err), strlen(text));
	assert_int_equal(
		spool_read(item, found, strlen(text) + 1, 0, NULL, &err), strlen(text));
	assert_string_equal(found, text);
	assert_int_equal(spool_read(item, found, 1, strlen(text), NULL, &err), 0);
	assert_int_equal(spool_read(item, found, 1, 1 << 20, NULL, &err), 0);
	spool_release(item);
}

static bool is_absent(struct spool *s, const char *key)
{
	struct spool_item *item;
	struct err why = {.code = ERR_UNSUPPORTED};
	bool absent = spool_get(s, key, &item) == SPOOL_WRITE;

	if (absent)
		spool_fail(item, &why);
	spool_release(item);
	return absent;
}

static void test_the_first_writes_and_others_read(void **state)
{
	struct spool *s = open_spool(*state);

	make_item(s, "a", "content");
	expect_item(s, "a", "content");
	expect_item(s, "a", "content");
	spool_close(s);
	autofree char *names = scratch_list(*state);
	assert_string_equal(names, "a");
}

static void test_an_empty_item(void **state)
{
	struct spool *s = open_spool(*state);

	make_item(s, "empty", "");
	expect_item(s, "empty", "");
	spool_close(s);
}

static void test_a_second_run_reads_what_the_first_made(void **state)
{
	struct spool *first = open_spool(*state);

	make_item(first, "a", "content");
	spool_close(first);
	struct spool *second = open_spool(*state);
	expect_item(second, "a", "content");
	spool_close(second);
}

static void test_two_spools_at_once_share_what_is_whole(void **state)
{
	struct spool *one = open_spool(*state), *other = open_spool(*state);
	struct spool_item *item, *own;
	struct err err = {0};

	assert_int_equal(spool_get(one, "a", &item), SPOOL_WRITE);
	assert_int_equal(spool_get(other, "a", &own), SPOOL_WRITE); /* nobody to follow */
	assert_int_equal(spool_write(item, "same", 4, &err), 0);
	assert_int_equal(spool_write(own, "same", 4, &err), 0);
	spool_finish(item);
	spool_finish(own);
	spool_release(item);
	spool_release(own);
	make_item(one, "b", "later");
	expect_item(other, "b", "later");
	spool_close(one);
	spool_close(other);
}

static void test_a_killed_run_leaves_nothing_that_is_trusted(void **state)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct spool_item *item;
		spool_get(open_spool(*state), "a", &item);
		spool_write(item, "half of it", 10, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	struct spool *s = open_spool(*state);
	make_item(s, "a", "all of it");
	expect_item(s, "a", "all of it");
	spool_close(s);
}

static void set_age(const char *path, time_t seconds)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - seconds}};

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_leavings_of_killed_runs_go_after_a_day(void **state)
{
	autofree char *old = path_join(*state, ".a.AbCdEf"),
		      *new = path_join(*state, ".b.AbCdEf");

	scratch_write(old, "half");
	set_age(old, 2 * 86400);
	scratch_write(new, "half");
	spool_close(open_spool(*state));
	assert_false(path_exists(old));
	assert_true(path_exists(new)); /* perhaps another run's, under way */
}

static void write_sparse(const char *path, uint64_t size, time_t age)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
	set_age(path, age);
}

static void test_the_least_recently_used_go_first(void **state)
{
	autofree char *a = path_join(*state, "a"), *b = path_join(*state, "b");
	autofree char *c = path_join(*state, "c");
	uint64_t half = SPOOL_LIMIT / 2;

	write_sparse(a, half, 300);
	write_sparse(b, half + 1, 200);
	write_sparse(c, half, 100);
	spool_close(open_spool(*state));
	autofree char *names = scratch_list(*state);
	assert_string_equal(names, "c");
}

static void test_what_fits_the_limit_stays(void **state)
{
	autofree char *a = path_join(*state, "a"), *b = path_join(*state, "b");

	write_sparse(a, SPOOL_LIMIT / 2, 300);
	write_sparse(b, SPOOL_LIMIT / 2, 200);
	spool_close(open_spool(*state));
	autofree char *names = scratch_list(*state);
	assert_string_equal(names, "a b");
}

static void test_reading_counts_as_use(void **state)
{
	autofree char *a = path_join(*state, "a"), *b = path_join(*state, "b");
	autofree char *c = path_join(*state, "c");
	struct spool *s = open_spool(*state);

	make_item(s, "a", "content");
	make_item(s, "b", "content");
	spool_close(s);
	set_age(a, 300);
	set_age(b, 200);
	s = open_spool(*state);
	expect_item(s, "a", "content");
	spool_close(s);
	write_sparse(c, SPOOL_LIMIT - 10, 100); /* one of the others fits beside it */
	spool_close(open_spool(*state));
	autofree char *names = scratch_list(*state);
	assert_string_equal(names, "a c");
}

static void test_a_discarded_item_is_made_anew(void **state)
{
	struct spool *s = open_spool(*state);
	struct spool_item *item;

	make_item(s, "a", "wrong");
	assert_int_equal(spool_get(s, "a", &item), SPOOL_READ);
	spool_discard(item);
	spool_release(item);
	make_item(s, "a", "right");
	expect_item(s, "a", "right");
	spool_close(s);
}

static void test_a_failed_item_gives_its_reason(void **state)
{
	struct spool *s = open_spool(*state);
	struct spool_item *item, *again;
	struct err why = {.code = ERR_INTEGRITY, .text = "a file became shorter"}, err = {0};
	char byte;

	assert_int_equal(spool_get(s, "a", &item), SPOOL_WRITE);
	assert_int_equal(spool_write(item, "half", 4, &err), 0);
	spool_fail(item, &why);
	assert_int_equal(spool_get(s, "a", &again), SPOOL_READ);
	assert_int_equal(spool_wait(again, NULL, &err), -1);
	assert_int_equal(err.code, ERR_INTEGRITY);
	assert_string_equal(err.text, "a file became shorter");
	assert_int_equal(spool_read(again, &byte, 1, 0, NULL, &err), -1);
	assert_int_equal(spool_open_fd(again, NULL, &err), -1);
	spool_release(item);
	spool_release(again);
	spool_close(s);
	autofree char *names = scratch_list(*state);
	assert_string_equal(names, "");
}

static void test_unused_items_hold_no_descriptor(void **state)
{
	struct spool *s = open_spool(*state);
	size_t before = scratch_open_fds();

	for (int i = 0; i < 50; i++) {
		autofree char *whole = xasprintf("whole-%d", i),
			      *failed = xasprintf("failed-%d", i);
		make_item(s, whole, "content");
		expect_item(s, whole, "content");
		assert_true(is_absent(s, failed));
	}
	assert_int_equal(scratch_open_fds(), before);
	spool_close(s);
}

static void test_a_descriptor_outlives_the_item(void **state)
{
	struct spool *s = open_spool(*state);
	struct spool_item *item;
	struct err err = {0};
	char found[8] = "";

	make_item(s, "a", "content");
	assert_int_equal(spool_get(s, "a", &item), SPOOL_READ);
	autofd int fd = spool_open_fd(item, NULL, &err);
	assert_true(fd >= 0);
	spool_release(item);
	spool_close(s);
	assert_int_equal(fd_pread_full(fd, found, 7, 0), 7);
	assert_string_equal(found, "content");
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

/* ---- places where nothing can be kept ---- */

static void test_a_directory_that_cannot_be_made(void **state)
{
	autofree char *file = path_join(*state, "file"), *below = path_join(file, "spool");
	struct err err = {0};

	scratch_write(file, "");
	assert_null(spool_open(below, &err));
	assert_int_equal(err.code, ERR_DENIED);
	assert_non_null(strstr(err.text, below));
}

static void test_without_a_cache_items_last_for_the_run(void **state)
{
	autofree char *file = path_join(*state, "file");
	struct err err = {0};

	scratch_write(file, "");
	setenv("XDG_CACHE_HOME", file, 1);
	struct spool *s = spool_open(NULL, &err);
	assert_non_null(s);
	make_item(s, "a", "content");
	expect_item(s, "a", "content");
	spool_close(s);
	s = spool_open(NULL, &err);
	assert_true(is_absent(s, "a"));
	spool_close(s);
	unsetenv("XDG_CACHE_HOME");
}

static void test_the_users_cache_is_the_default(void **state)
{
	autofree char *expected = path_join(*state, "modelfleet/spool/a");
	struct err err = {0};

	setenv("XDG_CACHE_HOME", *state, 1);
	struct spool *s = spool_open(NULL, &err);
	assert_non_null(s);
	make_item(s, "a", "content");
	spool_close(s);
	unsetenv("XDG_CACHE_HOME");
	assert_true(scratch_holds(expected, "content"));
}

/* A cache that became read-only after an earlier run: its items are read, new ones unnamed. */
static void test_a_read_only_cache(void **state)
{
	if (!scratch_can_mount(*state))
		skip();
	autofree char *dir = path_join(*state, "modelfleet/spool");
	struct err err = {0};
	struct spool *s;

	assert_int_equal(path_mkdirs(dir, 0700, &err), 0);
	assert_int_equal(mount("none", dir, "tmpfs", 0, "size=1m"), 0);
	setenv("XDG_CACHE_HOME", *state, 1);
	s = spool_open(NULL, &err);
	make_item(s, "a", "content");
	spool_close(s);
	assert_int_equal(mount("none", dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	s = spool_open(NULL, &err);
	assert_non_null(s);
	make_item(s, "b", "unnamed");
	expect_item(s, "b", "unnamed");
	spool_close(s);
	unsetenv("XDG_CACHE_HOME");
	assert_int_equal(umount2(dir, MNT_DETACH), 0);
}

static void test_no_place_for_temporary_files(void **state)
{
	autofree char *file = path_join(*state, "file");
	autofree char *tmp = xstrdup(getenv("TMPDIR"));
	struct spool_item *item;
	struct err err = {0};

	scratch_write(file, "");
	setenv("XDG_CACHE_HOME", file, 1);
	setenv("TMPDIR", file, 1);
	struct spool *s = spool_open(NULL, &err);
	assert_int_equal(spool_get(s, "a", &item), SPOOL_WRITE);
	assert_int_equal(spool_write(item, "x", 1, &err), -1);
	assert_int_equal(err.code, ERR_NOSPACE);
	spool_fail(item, &err);
	spool_release(item);
	spool_close(s);
	unsetenv("XDG_CACHE_HOME");
	unsetenv("TMPDIR");
	if (tmp)
		setenv("TMPDIR", tmp, 1);
}

static void test_a_full_cache(void **state)
{
	if (!scratch_can_mount(*state))
		skip();
	autofree char *piece = xcalloc(1, 65536);
	struct spool_item *item;
	struct err err = {0};
	int result = 0;

	assert_int_equal(mount("none", *state, "tmpfs", 0, "size=256k"), 0);
	struct spool *s = open_spool(*state);
	assert_int_equal(spool_get(s, "a", &item), SPOOL_WRITE);
	for (int i = 0; i < 10 && result == 0; i++)
		result = spool_write(item, piece, 65536, &err);
	spool_fail(item, &err);
	spool_release(item);
	autofree char *names = scratch_list(*state);
	make_item(s, "b", "small"); /* the space is free again */
	expect_item(s, "b", "small");
	spool_close(s);
	assert_int_equal(umount2(*state, MNT_DETACH), 0);
	assert_int_equal(result, -1);
	assert_int_equal(err.code, ERR_NOSPACE);
	assert_string_equal(names, "");
}

static void test_links_in_the_cache_are_not_followed(void **state)
{
	autofree char *secret = path_join(*state, "secret"), *link = path_join(*state, "a");
	struct spool *s = open_spool(*state);

	scratch_write(secret, "secret");
	assert_int_equal(symlink("secret", link), 0);
	make_item(s, "a", "content");
	expect_item(s, "a", "content");
	spool_close(s);
	assert_true(scratch_holds(secret, "secret"));
}

/* Where the final name cannot be had, the item stays unnamed and can be read all the same. */
static void test_a_name_that_is_taken(void **state)
{
	autofree char *dir = path_join(*state, "a");
	struct spool *s = open_spool(*state);

	assert_int_equal(mkdir(dir, 0755), 0);
	make_item(s, "a", "content");
	expect_item(s, "a", "content");
	spool_close(s);
	autofree char *names = scratch_list(*state);
	assert_string_equal(names, "a");
}

/* ---- threads ---- */

#define PIECES    200
#define PIECE_LEN 997

struct follower {
	struct spool *spool;
	const struct cancel *cancel;
	struct err err;
	uint64_t got;
	bool right;
};

static char byte_at(uint64_t offset)
{
	return (char)(offset * 131 >> 3);
}

/* Reads the item to its end while it grows, and compares every byte. */
static void *follow(void *arg)
{
	struct follower *f = arg;
	struct spool_item *item;
	char buffer[1500];
	ssize_t n;

	f->right = spool_get(f->spool, "a", &item) == SPOOL_READ;
	while ((n = spool_read(item, buffer, sizeof(buffer), f->got, f->cancel, &f->err)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			f->right = f->right && buffer[i] == byte_at(f->got + (uint64_t)i);
		f->got += (uint64_t)n;
	}
	spool_release(item);
	return NULL;
}

static void write_pieces(struct spool_item *item, unsigned count)
{
	char piece[PIECE_LEN];

	for (unsigned i = 0; i < count; i++) {
		for (size_t k = 0; k < sizeof(piece); k++)
			piece[k] = byte_at((uint64_t)i * PIECE_LEN + k);
		assert_int_equal(spool_write(item, piece, sizeof(piece), NULL), 0);
		if (i % 20 == 0)
			usleep(1000);
	}
}

#define FOLLOWERS 6

static void test_followers_while_the_item_grows(void **state)
{
	struct follower followers[FOLLOWERS] = {0};
	pthread_t threads[FOLLOWERS];
	struct spool *s = open_spool(*state);
	struct spool_item *item;

	assert_int_equal(spool_get(s, "a", &item), SPOOL_WRITE);
	for (size_t i = 0; i < FOLLOWERS; i++) {
		followers[i].spool = s;
		pthread_create(&threads[i], NULL, follow, &followers[i]);
	}
	write_pieces(item, PIECES);
	spool_finish(item);
	spool_release(item);
	for (size_t i = 0; i < FOLLOWERS; i++) {
		pthread_join(threads[i], NULL);
		assert_true(followers[i].right);
		assert_int_equal(followers[i].got, PIECES * PIECE_LEN);
	}
	spool_close(s);
}

static void test_a_failure_reaches_all_readers(void **state)
{
	struct follower followers[FOLLOWERS] = {0};
	pthread_t threads[FOLLOWERS];
	struct spool *s = open_spool(*state);
	struct spool_item *item;
	struct err why = {.code = ERR_NOSPACE, .text = "disk full"};

	assert_int_equal(spool_get(s, "a", &item), SPOOL_WRITE);
	for (size_t i = 0; i < FOLLOWERS; i++) {
		followers[i].spool = s;
		pthread_create(&threads[i], NULL, follow, &followers[i]);
	}
	write_pieces(item, 30);
	spool_fail(item, &why);
	spool_release(item);
	for (size_t i = 0; i < FOLLOWERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(followers[i].err.code, ERR_NOSPACE);
		assert_string_equal(followers[i].err.text, "disk full");
	}
	spool_close(s);
}

static void test_cancellation_ends_waiting(void **state)
{
	AUTO(cancel_release) struct cancel cancel;
	struct spool *s = open_spool(*state);
	struct follower follower = {.spool = s, .cancel = &cancel};
	struct spool_item *item;
	struct err why = {.code = ERR_CANCELLED};
	pthread_t thread;

	assert_int_equal(cancel_init(&cancel, NULL), 0);
	assert_int_equal(spool_get(s, "a", &item), SPOOL_WRITE);
	pthread_create(&thread, NULL, follow, &follower);
	usleep(10000);
	cancel_request(&cancel);
	pthread_join(thread, NULL);
	assert_int_equal(follower.err.code, ERR_CANCELLED);
	spool_fail(item, &why);
	spool_release(item);
	spool_close(s);
}

#define KEYS    24
#define WORKERS 8

struct worker {
	struct spool *spool;
	unsigned number;
	atomic_uint *made; /* one for each key */
	bool right;
};

/* Gets all keys in an order of its own; makes what is not there and reads what is. */
static void *work(void *arg)
{
	struct worker *w = arg;

	w->right = true;
	for (unsigned i = 0; i < 3 * KEYS; i++) {
		unsigned k = (i * (2 * w->number + 5) + w->number) % KEYS;
		autofree char *key = xasprintf("key-%u", k);
		autofree char *text = xasprintf("content of %u", k);
		char found[64] = "";
		struct spool_item *item;
		if (spool_get(w->spool, key, &item) == SPOOL_WRITE) {
			atomic_fetch_add(&w->made[k], 1);
			spool_write(item, text, 4, NULL);
			spool_write(item, text + 4, strlen(text) - 4, NULL);
			spool_finish(item);
		} else if (spool_wait(item, NULL, NULL) < 0 ||
			   spool_read(item, found, sizeof(found), 0, NULL, NULL) < 0 ||
			   strcmp(found, text) != 0) {
			w->right = false;
		}
		spool_release(item);
	}
	return NULL;
}

static void test_many_workers_make_each_item_once(void **state)
{
	struct spool *s = open_spool(*state);
	struct worker workers[WORKERS];
	pthread_t threads[WORKERS];
	atomic_uint made[KEYS];

	for (size_t k = 0; k < KEYS; k++)
		atomic_init(&made[k], 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.spool = s, .number = i, .made = made};
		pthread_create(&threads[i], NULL, work, &workers[i]);
	}
	for (size_t i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], NULL);
		assert_true(workers[i].right);
	}
	for (size_t k = 0; k < KEYS; k++)
		assert_int_equal(atomic_load(&made[k]), 1);
	spool_close(s);
}

#define SCRATCH(t) cmocka_unit_test_setup_teardown(t, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH(test_the_first_writes_and_others_read),
		SCRATCH(test_an_empty_item),
		SCRATCH(test_a_second_run_reads_what_the_first_made),
		SCRATCH(test_two_spools_at_once_share_what_is_whole),
		SCRATCH(test_a_killed_run_leaves_nothing_that_is_trusted),
		SCRATCH(test_leavings_of_killed_runs_go_after_a_day),
		SCRATCH(test_the_least_recently_used_go_first),
		SCRATCH(test_what_fits_the_limit_stays),
		SCRATCH(test_reading_counts_as_use),
		SCRATCH(test_a_discarded_item_is_made_anew),
		SCRATCH(test_a_failed_item_gives_its_reason),
		SCRATCH(test_unused_items_hold_no_descriptor),
		SCRATCH(test_a_descriptor_outlives_the_item),
		SCRATCH(test_a_directory_that_cannot_be_made),
		SCRATCH(test_without_a_cache_items_last_for_the_run),
		SCRATCH(test_the_users_cache_is_the_default),
		SCRATCH(test_a_read_only_cache),
		SCRATCH(test_no_place_for_temporary_files),
		SCRATCH(test_a_full_cache),
		SCRATCH(test_links_in_the_cache_are_not_followed),
		SCRATCH(test_a_name_that_is_taken),
		SCRATCH(test_followers_while_the_item_grows),
		SCRATCH(test_a_failure_reaches_all_readers),
		SCRATCH(test_cancellation_ends_waiting),
		SCRATCH(test_many_workers_make_each_item_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
