/* SPDX-License-Identifier: Apache-2.0 */
/* Files of SQLite that are none, that are read-only, and a disk that is full. */
#include "sql/fixture.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"
#include "base/scratch.h"
#include "base/str.h"

static void a_file_that_is_none_is_refused(void **state)
{
	struct err err = {0};
	autofree char *path = xasprintf("%s/bad.db", (char *)*state);
	autofree char *uri = xasprintf("sqlite:%s", path);
	autofree char *inside = xasprintf("sqlite:%s/bad.db/x", (char *)*state);

	scratch_write(path, "this is not a database, and long enough for its header: "
			    "one hundred bytes are read before anything is said of it.");
	assert_null(sql_open(uri, &err));
	assert_int_equal(err.code, ERR_INTEGRITY);
	assert_null(sql_open(inside, &err));
	assert_null(sql_open("sqlite:", &err));
	assert_int_equal(err.code, ERR_INPUT);
}

static void a_name_with_a_colon_is_a_file(void **state)
{
	autofree char *dir = xasprintf("%s/:memory:", (char *)*state);
	autofree char *uri = xasprintf("sqlite:%s/file:x?mode=memory", dir);
	struct err err = {0};
	AUTO(sql_closep) struct sql *sql = sql_open(uri, &err);

	assert_non_null(sql);
	autofree char *names = scratch_list(dir);
	assert_true(str_starts(names, "file:x?mode=memory"));
}

static int write_as_nobody(const char *uri)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct err err = {0};
		if (!geteuid() && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(2);
		struct sql *sql = sql_open(uri, &err);
		if (sql)
			sql_script(sql, "INSERT INTO t VALUES (1)", &err);
		_exit(err.code == ERR_DENIED ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void a_file_that_is_read_only_is_denied(void **state)
{
	struct fixture *f = *state;

	run(f->sql, "CREATE TABLE t (i bigint)");
	sql_close(f->sql);
	f->sql = NULL;
	autofree char *dir = path_dirname(f->uri + strlen("sqlite:"));
	assert_int_equal(chmod(f->scratch, 0755), 0);
	assert_int_equal(chmod(f->uri + strlen("sqlite:"), 0444), 0);
	assert_int_equal(chmod(dir, 0555), 0);
	assert_int_equal(write_as_nobody(f->uri), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	f->sql = open_again(f);
	assert_int_equal(number(f->sql, "SELECT count(*) FROM t"), 0);
}

static void a_full_disk_is_told_and_nothing_is_lost(void **state)
{
	autofree char *dir = path_join(*state, "small");
	autofree char *uri = xasprintf("sqlite:%s/t.db", dir);
	static char zeros[400000];
	const struct sql_arg large = sql_blob(zeros, sizeof(zeros));
	struct err err = {0};

	assert_int_equal(mkdir(dir, 0755), 0);
	if (!scratch_can_mount(dir))
		skip();
	assert_int_equal(mount("none", dir, "tmpfs", 0, "size=300k"), 0);
	struct sql *sql = sql_open(uri, &err);
	assert_non_null(sql);
	run(sql, "CREATE TABLE t (b blob); INSERT INTO t VALUES ('x')");
	assert_int_equal(sql_change(sql, "INSERT INTO t VALUES ($1)", &large, 1, &err), -1);
	assert_int_equal(err.code, ERR_NOSPACE);
	assert_int_equal(sql_begin(sql, SQL_WRITING, &err), 0);
	assert_int_equal(sql_change(sql, "INSERT INTO t VALUES ($1)", &large, 1, &err), 1);
	err_clear(&err);
	assert_int_equal(sql_commit(sql, &err), -1); /* which is when it is written */
	assert_int_equal(err.code, ERR_NOSPACE);
	assert_int_equal(number(sql, "SELECT count(*) FROM t"), 1);
	run(sql, "INSERT INTO t VALUES ('y')");
	sql_close(sql);
	assert_int_equal(umount(dir), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_file_that_is_none_is_refused, scratch_make, scratch_remove),
		cmocka_unit_test_setup_teardown(
			a_name_with_a_colon_is_a_file, scratch_make, scratch_remove),
		cmocka_unit_test_setup_teardown(
			a_full_disk_is_told_and_nothing_is_lost, scratch_make, scratch_remove),
		SQL_TEST(a_file_that_is_read_only_is_denied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
