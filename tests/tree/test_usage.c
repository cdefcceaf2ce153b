/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a directory takes, compared with du, and what its removal is told to have given back.
 */
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
#include "base/spawn.h"
#include "tree/usage.h"

/* Writes a file whose blocks are counted for good: some filesystems choose them late. */
static void write_settled(const char *path, const char *text)
{
	scratch_write(path, text);
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fsync(fd), 0);
}

/* A tree with a long, a short, an empty and a sparse file, and one with two names. */
static int make_tree(void **state)
{
	if (scratch_make(state) < 0 || chdir(*state) < 0 ||
		path_mkdirs("tree/deep/er", 0755, NULL) < 0)
		return -1;
	autofree char *text = xmalloc(100001);
	memset(text, 'x', 100000);
	text[100000] = '\0';
	write_settled("tree/long", text);
	write_settled("tree/deep/short", "short");
	write_settled("tree/deep/empty", "");
	write_settled("tree/deep/er/sparse", "");
	write_settled("tree/one", text);
	return truncate("tree/deep/er/sparse", 1 << 20) < 0 ||
	       link("tree/one", "tree/deep/two") < 0 || symlink("long", "tree/link") < 0;
}

static int remove_tree(void **state)
{
	return chdir("/") < 0 || scratch_remove(state) < 0 ? -1 : 0;
}

static struct tree_usage usage(void)
{
	autofd int fd = open("tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tree_usage out;
	struct err err = {0};

	if (tree_usage_measure(fd, &out, &err) < 0)
		fail_msg("%s", err.text);
	return out;
}

static uint64_t disk_by_du(void)
{
	static const char *const argv[] = {"du", "-s", "-B1", "tree", NULL};
	const struct spawn_options options = {.argv = argv};
	AUTO(spawn_result_release) struct spawn_result result = {.out = STRBUF_INIT};
	struct err err = {0};

	if (spawn_run(&options, &result, &err) < 0)
		fail_msg("%s", err.text);
	return strtoull(result.out.data, NULL, 10);
}

static uint64_t blocks(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void test_as_du(void **state)
{
	struct tree_usage u = usage();

	(void)state;
	/* Both names of a file count with its length, as both are sent. */
	assert_int_equal(u.bytes, 3 * 100000 + 5 + (1 << 20));
	assert_int_equal(u.frees, disk_by_du());
}

/* A file that has a name outside stays there. */
static void test_name_outside(void **state)
{
	uint64_t before = usage().frees;

	(void)state;
	assert_int_equal(link("tree/long", "outside"), 0);
	assert_int_equal(usage().frees, before - blocks("outside"));
	assert_int_equal(unlink("outside"), 0);
	assert_int_equal(link("tree/deep/two", "outside"), 0);
	assert_int_equal(usage().frees, before - blocks("outside"));
	assert_int_equal(unlink("tree/one"), 0);
	assert_int_equal(usage().frees, before - blocks("outside"));
	assert_int_equal(unlink("outside"), 0);
	assert_int_equal(usage().frees, before);
}

/* What is told while names go is what was promised. */
static void test_removal(void **state)
{
	uint64_t promised, told = 0;

	(void)state;
	assert_int_equal(link("tree/long", "outside"), 0);
	promised = usage().frees;
	assert_int_equal(path_remove_at(AT_FDCWD, "tree", tree_usage_freed, &told), 0);
	assert_int_equal(told, promised);
	assert_int_equal(access("tree", F_OK), -1);
	assert_int_equal(access("outside", F_OK), 0);
}

static void test_no_directory(void **state)
{
	struct tree_usage out = {1, 1};
	struct err err = {0};

	(void)state;
	assert_int_equal(tree_usage_measure(-1, &out, &err), -1);
	assert_string_equal(err.text, "stat the directory: Bad file descriptor");
	assert_int_equal(out.bytes + out.frees, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_as_du, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_name_outside, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_removal, make_tree, remove_tree),
		cmocka_unit_test(test_no_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
