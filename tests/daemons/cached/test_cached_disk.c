/* SPDX-License-Identifier: Apache-2.0 */
/* The disk store: what it takes, what has to go, and what a start finds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "crypto/digest.h"
#include "daemons/cached/disk.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

static struct err err;

static struct disk *open_store(const char *dir, uint64_t bytes)
{
	struct disk *disk = disk_open(dir, bytes, &err);

	assert_string_equal(err.text, "");
	assert_non_null(disk);
	return disk;
}

static struct disk_version version(const char *name, const char *number, const char *content)
{
	struct disk_version v = {.name = (char *)(uintptr_t)name,
		.version = (char *)(uintptr_t)number,
		.run_id = (char *)(uintptr_t) "run",
		.stage = (char *)(uintptr_t) "Production",
		.size = strlen(content)};
	char hex[DIGEST_HEX_MAX];

	digest_hex(DIGEST_SHA256, content, strlen(content), hex, NULL);
	memcpy(v.sha256, hex, sizeof(v.sha256));
	return v;
}

/* Takes a version from staging; disk_take's answer. */
static int take(struct disk *disk, const char *name, const char *number, const char *content,
	bool current)
{
	struct disk_version v = version(name, number, content);
	autofree char *staged = disk_staging(disk, name, number, "run");

	v.current = current;
	scratch_write(staged, content);
	return disk_take(disk, staged, &v, &err);
}

/* True if a version is there, with this content. */
static bool holds(struct disk *disk, const char *name, const char *number, const char *content)
{
	AUTO(disk_version_release) struct disk_version v = {0};
	char text[64] = "";

	if (!disk_find(disk, name, number, "run", &v))
		return false;
	autofd int fd = disk_read(disk, &v, &err);
	return fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0 && strcmp(text, content) == 0;
}

static bool is_current(struct disk *disk, const char *name, const char *number)
{
	AUTO(disk_version_release) struct disk_version v = {0};

	return disk_find(disk, name, NULL, NULL, &v) && strcmp(v.version, number) == 0;
}

/* How many files lie below a directory of the store. */
static size_t count_files(const char *dir, const char *name)
{
	autofree char *path = path_join(dir, name);
	autofree char *list = scratch_list(path);
	size_t count = *list != '\0';

	for (const char *c = list; *c; c++)
		count += *c == ' ';
	return count;
}

/* ---- taking ---- */

static void test_taken_and_found_again(void **state)
{
	struct disk *disk = open_store(*state, 0);

	assert_int_equal(take(disk, "a", "1", "one", true), 0);
	assert_int_equal(take(disk, "a", "2", "two", false), 0);
	assert_true(is_current(disk, "a", "1"));
	assert_int_equal(disk_use(disk, "a", "2", "run", &err), 0);
	assert_true(is_current(disk, "a", "2"));
	assert_int_equal(disk_use(disk, "a", "3", "run", &err), 0); /* nothing to note */
	assert_int_equal(count_files(*state, "staging"), 0);
	disk_close(disk);

	disk = open_store(*state, 0);
	assert_true(holds(disk, "a", "1", "one"));
	assert_true(holds(disk, "a", "2", "two"));
	assert_true(is_current(disk, "a", "2"));
	AUTO(disk_version_release) struct disk_version v = {0};
	assert_false(disk_find(disk, "a", "2", "another run", &v));
	assert_true(disk_find_any(disk, "a", "2", &v));
	assert_string_equal(v.run_id, "run");
	assert_string_equal(v.stage, "Production");
	disk_close(disk);
}

static void test_another_content_takes_the_place(void **state)
{
	struct disk *disk = open_store(*state, 0);
	size_t versions;
	uint64_t bytes;

	assert_int_equal(take(disk, "a", "1", "one", true), 0);
	assert_int_equal(take(disk, "a", "1", "other", true), 0);
	assert_true(holds(disk, "a", "1", "other"));
	disk_count(disk, &versions, &bytes);
	assert_int_equal(versions, 1);
	assert_int_equal(bytes, 5);
	assert_int_equal(count_files(*state, "blobs"), 1);
	disk_close(disk);
}

static void test_equal_contents_lie_there_once(void **state)
{
	struct disk *disk = open_store(*state, 0);

	assert_int_equal(take(disk, "a", "1", "same", true), 0);
	assert_int_equal(take(disk, "b", "1", "same", true), 0);
	assert_int_equal(count_files(*state, "blobs"), 1);
	assert_int_equal(take(disk, "a", "1", "other", true), 0);
	assert_true(holds(disk, "b", "1", "same"));
	struct disk_version same = version("", "", "same");
	disk_discard(disk, same.sha256);
	assert_false(holds(disk, "b", "1", "same"));
	assert_true(holds(disk, "a", "1", "other"));
	assert_int_equal(count_files(*state, "blobs"), 1);
	disk_close(disk);
}

/* ---- the bound ---- */

/* What is to serve stays; it is the one that it takes the place of that goes. */
static void test_new_current_version_stays(void **state)
{
	struct disk *disk = open_store(*state, 12);

	assert_int_equal(take(disk, "a", "1", "aaaa", true), 0);
	assert_int_equal(take(disk, "b", "1", "bbbb", true), 0);
	assert_int_equal(take(disk, "a", "2", "AAAA", true), 0);
	assert_int_equal(take(disk, "a", "3", "AaAa", true), 0);
	assert_true(holds(disk, "a", "3", "AaAa"));
	assert_true(holds(disk, "b", "1", "bbbb"));
	assert_false(holds(disk, "a", "1", "aaaa"));
	assert_int_equal(count_files(*state, "blobs"), 3);
	disk_close(disk);
}

/* An old version that a client asked for sends none away that serves. */
static void test_old_version_goes_first(void **state)
{
	struct disk *disk = open_store(*state, 10);

	assert_int_equal(take(disk, "a", "2", "aaaa", true), 0);
	assert_int_equal(take(disk, "b", "1", "bbbb", true), 0);
	assert_int_equal(take(disk, "a", "1", "AAAA", false), 0);
	assert_false(holds(disk, "a", "1", "AAAA"));
	assert_true(holds(disk, "a", "2", "aaaa"));
	assert_true(holds(disk, "b", "1", "bbbb"));
	assert_int_equal(count_files(*state, "blobs"), 2);
	disk_close(disk);
}

static void test_last_one_stays_however_large(void **state)
{
	struct disk *disk = open_store(*state, 2);

	assert_int_equal(take(disk, "a", "1", "large", true), 0);
	assert_true(holds(disk, "a", "1", "large"));
	disk_set_limit(disk, 100);
	assert_int_equal(take(disk, "a", "2", "larger", true), 0);
	assert_true(holds(disk, "a", "1", "large"));
	disk_close(disk);
}

/* ---- what goes wrong ---- */

/* Puts a directory where the index is, so that no index can be written. */
static void block_index(const char *dir)
{
	autofree char *path = path_join(dir, "index.json");
	autofree char *below = path_join(path, "x");

	unlink(path);
	assert_int_equal(mkdir(path, 0755), 0);
	scratch_write(below, "");
}

/* Nothing is removed that the index on the disk may name. */
static void test_index_that_cannot_be_written(void **state)
{
	struct disk *disk = open_store(*state, 4);
	struct disk_version one = version("", "", "one");

	assert_int_equal(take(disk, "a", "1", "one", true), 0);
	block_index(*state);
	assert_int_equal(take(disk, "a", "2", "two", true), -1);
	assert_true(holds(disk, "a", "2", "two"));
	assert_int_equal(count_files(*state, "blobs"), 2);
	assert_int_equal(disk_use(disk, "a", "2", "run", &err), -1);
	disk_discard(disk, one.sha256); /* only told of */
	assert_int_equal(count_files(*state, "blobs"), 2);
	disk_close(disk);
	err_clear(&err);
}

static void test_file_that_cannot_be_moved_stays(void **state)
{
	struct disk *disk = open_store(*state, 0);
	struct disk_version v = version("a", "1", "one");
	autofree char *blobs = path_join(*state, "blobs");
	autofree char *staged = disk_staging(disk, "a", "1", "run");

	scratch_write(staged, "one");
	assert_int_equal(rmdir(blobs), 0);
	assert_int_equal(disk_take(disk, staged, &v, &err), -1);
	assert_true(scratch_holds(staged, "one"));
	assert_false(holds(disk, "a", "1", "one"));
	disk_close(disk);
	err_clear(&err);
}

static void test_one_daemon_at_a_time(void **state)
{
	struct disk *disk = open_store(*state, 0);

	assert_null(disk_open(*state, 0, &err));
	assert_int_equal(err.code, ERR_BUSY);
	err_clear(&err);
	disk_close(disk);
	disk_close(open_store(*state, 0));
}

/* ---- a start ---- */

static void test_start_sweeps(void **state)
{
	struct disk *disk = open_store(*state, 0);
	autofree char *stray = path_join(*state, "blobs/stray");
	autofree char *fresh = path_join(*state, "staging/fresh.part");
	autofree char *old = path_join(*state, "staging/old.part");
	char *halves[] = {path_join(*state, "staging/.fresh.part.info.x"),
		path_join(*state, ".index.json.x")};
	const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	assert_int_equal(take(disk, "a", "1", "one", true), 0);
	disk_close(disk);
	scratch_write(stray, "x");
	scratch_write(fresh, "x");
	scratch_write(old, "x");
	for (size_t i = 0; i < ARRAY_SIZE(halves); i++)
		scratch_write(halves[i], "x");
	assert_int_equal(utimensat(AT_FDCWD, old, long_ago, 0), 0);
	disk = open_store(*state, 0);
	assert_true(holds(disk, "a", "1", "one"));
	assert_int_equal(access(stray, F_OK), -1);
	assert_int_equal(access(fresh, F_OK), 0);
	assert_int_equal(access(old, F_OK), -1);
	for (size_t i = 0; i < ARRAY_SIZE(halves); i++) {
		assert_int_equal(access(halves[i], F_OK), -1);
		free(halves[i]);
	}
	disk_close(disk);
}

static void test_start_forgets_what_is_not_there(void **state)
{
	struct disk *disk = open_store(*state, 0);
	struct disk_version one = version("", "", "one"), two = version("", "", "two");
	autofree char *gone = path_join(*state, "blobs");
	autofree char *first = path_join(gone, one.sha256);
	autofree char *second = path_join(gone, two.sha256);

	assert_int_equal(take(disk, "a", "1", "one", true), 0);
	assert_int_equal(take(disk, "a", "2", "two", false), 0);
	assert_int_equal(take(disk, "a", "3", "three", false), 0);
	disk_close(disk);
	assert_int_equal(unlink(first), 0);
	scratch_write(second, "longer than it was");
	disk = open_store(*state, 0);
	assert_false(holds(disk, "a", "1", "one"));
	assert_false(holds(disk, "a", "2", "two"));
	assert_true(holds(disk, "a", "3", "three"));
	assert_int_equal(count_files(*state, "blobs"), 1);
	disk_close(disk);
}

static void test_names_of_staging(void **state)
{
	struct disk *disk = open_store(*state, 0);
	autofree char *one = disk_staging(disk, "a/../b", "1", "run");
	autofree char *two = disk_staging(disk, "a/../b", "1", "another");
	autofree char *dir = path_dirname(one);
	autofree char *staging = path_join(*state, "staging");

	assert_string_equal(dir, staging);
	assert_string_not_equal(one, two);
	assert_true(disk_room(disk) > 0);
	disk_close(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_taken_and_found_again),
		TEST(test_another_content_takes_the_place),
		TEST(test_equal_contents_lie_there_once),
		TEST(test_new_current_version_stays),
		TEST(test_old_version_goes_first),
		TEST(test_last_one_stays_however_large),
		TEST(test_index_that_cannot_be_written),
		TEST(test_file_that_cannot_be_moved_stays),
		TEST(test_one_daemon_at_a_time),
		TEST(test_start_sweeps),
		TEST(test_start_forgets_what_is_not_there),
		TEST(test_names_of_staging),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
