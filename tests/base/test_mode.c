/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mode.h"
#include "base/path.h"

static bool holds(const char *name, mode_t mode)
{
	for (const struct mode_key *k = mode_keys; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return (mode & k->mask) == k->value;
	fail_msg("%s", name);
	return false;
}

static void keys_tell_types_and_bits(void **state)
{
	(void)state;
	assert_true(holds("isreg", S_IFREG | 0644));
	assert_false(holds("isreg", S_IFSOCK | 0644)); /* it has all bits of a file's type */
	assert_true(holds("issock", S_IFSOCK));
	assert_false(holds("isdir", S_IFBLK));
	assert_true(holds("rusr", S_IFREG | 0400));
	assert_false(holds("xoth", S_IFREG | 0776));
	assert_true(holds("isgid", S_IFDIR | 02755));
}

static void kinds_have_names(void **state)
{
	static const mode_t types[] = {
		S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		assert_int_equal(mode_of_kind(mode_kind(types[i] | 0644)), types[i]);
	assert_string_equal(mode_kind(S_IFREG), "file");
	assert_string_equal(mode_kind(0), "other");
	assert_int_equal(mode_of_kind("other"), 0);
	assert_int_equal(mode_of_kind(NULL), 0);
}

static void touch(const char *dir, const char *name)
{
	autofree char *path = path_join(dir, name);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void files_are_listed_and_nothing_else(void **state)
{
	AUTO(strlist_release) struct strlist names = {0};
	char dir[] = "/tmp/test-mode-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(dir));
	touch(dir, "b");
	touch(dir, ".a");
	autofree char *sub = path_join(dir, "sub"), *link = path_join(dir, "c");
	autofree char *lost = path_join(dir, "lost");
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_int_equal(symlink("b", link), 0);
	assert_int_equal(symlink("nowhere", lost), 0);
	assert_int_equal(directory_files(dir, &names), 0);
	assert_int_equal(names.count, 3);
	assert_string_equal(names.items[0], ".a");
	assert_string_equal(names.items[1], "b");
	assert_string_equal(names.items[2], "c");
	assert_int_equal(directory_files(link, &names), -1);
	assert_int_equal(errno, ENOTDIR);
	path_remove_tree(dir, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_tell_types_and_bits),
		cmocka_unit_test(kinds_have_names),
		cmocka_unit_test(files_are_listed_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
