/* SPDX-License-Identifier: Apache-2.0 */
/* Files read whole and replaced in one step. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"

static void test_read_appends(void **state)
{
	autofree char *path = path_join(*state, "f");
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct err err = {0};

	scratch_write(path, "second");
	strbuf_addstr(&out, "first ");
	assert_int_equal(file_read(path, 6, &out, &err), 0);
	assert_string_equal(out.data, "first second");
}

static void test_read_refuses_more_than_the_limit(void **state)
{
	autofree char *path = path_join(*state, "f");
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct err err = {0};

	scratch_write(path, "0123456");
	assert_int_equal(file_read(path, 6, &out, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, "6 bytes"));
}

static void test_read_of_a_large_file(void **state)
{
	enum { LEN = 1000000 };
	autofree char *path = path_join(*state, "f");
	autofree char *text = xcalloc(1, LEN + 1);
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	memset(text, 'm', LEN);
	scratch_write(path, text);
	assert_int_equal(file_read(path, LEN, &out, NULL), 0);
	assert_int_equal(out.len, LEN);
	assert_string_equal(out.data, text);
}

static void test_read_names_what_it_cannot_read(void **state)
{
	autofree char *absent = path_join(*state, "absent");
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct err err = {0};

	assert_int_equal(file_read(absent, 10, &out, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.text, absent));
	assert_int_equal(file_read(*state, 10, &out, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, "is a directory"));
}

static void test_read_below_a_directory(void **state)
{
	autofree char *path = path_join(*state, "f");
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct err err = {0};

	scratch_write(path, "x");
	autofd int dir = open(*state, O_RDONLY | O_DIRECTORY);
	assert_int_equal(file_read_at(dir, "f", 10, &out, &err), 0);
	assert_string_equal(out.data, "x");
}

static void test_replace_makes_and_replaces(void **state)
{
	autofree char *path = path_join(*state, "f");
	struct err err = {0};
	struct stat st;

	assert_int_equal(file_replace(path, "one", 3, 0640, &err), 0);
	assert_true(scratch_holds(path, "one"));
	assert_int_equal(file_replace(path, "", 0, 0600, &err), 0);
	assert_true(scratch_holds(path, ""));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	autofree char *names = scratch_list(*state);
	assert_string_equal(names, "f");
}

static void test_the_mode_does_not_depend_on_the_umask(void **state)
{
	autofree char *path = path_join(*state, "f");
	struct stat st;
	mode_t old = umask(0077);

	assert_int_equal(file_replace(path, "x", 1, 0664, NULL), 0);
	umask(old);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0664);
}

static void test_a_name_without_a_directory(void **state)
{
	autofree char *here = getcwd(NULL, 0);

	assert_int_equal(chdir(*state), 0);
	assert_int_equal(file_replace("f", "x", 1, 0644, NULL), 0);
	assert_true(scratch_holds("f", "x"));
	assert_int_equal(chdir(here), 0);
}

static void test_replace_fails_where_there_is_no_directory(void **state)
{
	autofree char *path = path_join(*state, "absent/f");
	struct err err = {0};

	assert_int_equal(file_replace(path, "x", 1, 0644, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.text, path));
}

static void test_a_failed_replace_leaves_nothing_behind(void **state)
{
	autofree char *path = path_join(*state, "d");
	struct err err = {0};

	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(file_replace(path, "x", 1, 0644, &err), -1);
	assert_non_null(strstr(err.text, "cannot replace"));
	autofree char *names = scratch_list(*state);
	assert_string_equal(names, "d");
}

/* A full file system: the old content stays, and no temporary file does. */
static void test_a_full_disk_leaves_the_old_content(void **state)
{
	if (!scratch_can_mount(*state))
		skip();
	enum { LEN = 300000 };
	autofree char *path = path_join(*state, "f");
	autofree char *large = xcalloc(1, LEN);
	struct err err = {0};

	assert_int_equal(mount("none", *state, "tmpfs", 0, "size=128k"), 0);
	scratch_write(path, "old");
	int result = file_replace(path, large, LEN, 0644, &err);
	bool old = scratch_holds(path, "old");
	autofree char *names = scratch_list(*state);
	assert_int_equal(umount2(*state, MNT_DETACH), 0);
	assert_int_equal(result, -1);
	assert_int_equal(err.code, ERR_NOSPACE);
	assert_true(old);
	assert_string_equal(names, "f");
}

static _Noreturn void replace_for_ever(const char *path, const char *a, const char *b)
{
	for (;;) {
		file_replace(path, a, strlen(a), 0644, NULL);
		file_replace(path, b, strlen(b), 0644, NULL);
	}
}

/* A writer is killed at 40 different moments: always one of the two contents is there. */
static void test_a_killed_writer_leaves_old_or_new(void **state)
{
	enum { LEN = 40000 };
	autofree char *path = path_join(*state, "f");
	autofree char *a = xcalloc(1, LEN + 1), *b = xcalloc(1, LEN + 1);

	memset(a, 'a', LEN);
	memset(b, 'b', LEN);
	scratch_write(path, a);
	for (unsigned i = 0; i < 40; i++) {
		pid_t pid = fork();
		if (pid == 0)
			replace_for_ever(path, a, b);
		usleep(1000 + i * 377);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_true(scratch_holds(path, a) || scratch_holds(path, b));
	}
}

static void test_what_was_written_is_known_again(void **state)
{
	autofree char *path = path_join(*state, "f");
	struct stat written, there;
	struct err err = {0};

	scratch_write(path, "old");
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(file_replace_known(path, "new", 3, 0644, &written, &err), 0);
	assert_true(scratch_holds(path, "new"));
	assert_int_equal(stat(path, &there), 0);
	assert_true(there.st_ino == written.st_ino && there.st_dev == written.st_dev);
	assert_int_equal(there.st_size, written.st_size);
	assert_memory_equal(&there.st_mtim, &written.st_mtim, sizeof(there.st_mtim));
	assert_memory_equal(&there.st_ctim, &written.st_ctim, sizeof(there.st_ctim));
	assert_int_equal(there.st_mode & 07777, 0640);
}

static void test_sync_of_a_directory(void **state)
{
	autofree char *absent = path_join(*state, "absent");
	struct err err = {0};

	assert_int_equal(dir_sync(*state, &err), 0);
	assert_int_equal(dir_sync(absent, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
}

static void test_no_descriptor_is_left_open(void **state)
{
	autofree char *path = path_join(*state, "f");
	autofree char *dir = path_join(*state, "d");
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	size_t before = scratch_open_fds();

	assert_int_equal(mkdir(dir, 0755), 0);
	for (int i = 0; i < 10; i++) {
		file_replace(path, "xx", 2, 0644, NULL);
		file_replace(dir, "xx", 2, 0644, NULL);
		file_read(path, 1, &out, NULL);
		file_read(dir, 1, &out, NULL);
	}
	assert_int_equal(scratch_open_fds(), before);
}

#define SCRATCH(t) cmocka_unit_test_setup_teardown(t, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH(test_read_appends),
		SCRATCH(test_read_refuses_more_than_the_limit),
		SCRATCH(test_read_of_a_large_file),
		SCRATCH(test_read_names_what_it_cannot_read),
		SCRATCH(test_read_below_a_directory),
		SCRATCH(test_replace_makes_and_replaces),
		SCRATCH(test_the_mode_does_not_depend_on_the_umask),
		SCRATCH(test_a_name_without_a_directory),
		SCRATCH(test_replace_fails_where_there_is_no_directory),
		SCRATCH(test_a_failed_replace_leaves_nothing_behind),
		SCRATCH(test_a_full_disk_leaves_the_old_content),
		SCRATCH(test_a_killed_writer_leaves_old_or_new),
		SCRATCH(test_what_was_written_is_known_again),
		SCRATCH(test_sync_of_a_directory),
		SCRATCH(test_no_descriptor_is_left_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
