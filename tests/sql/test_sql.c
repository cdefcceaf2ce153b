/* SPDX-License-Identifier: Apache-2.0 */
/* The same tests over SQLite and over a real PostgreSQL. */
#include "sql/fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "sql/postgres_server.h"

static void a_kind_is_known_by_its_uri(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	assert_int_equal(sql_kind(f->sql), on_postgres ? SQL_POSTGRESQL : SQL_SQLITE);
	assert_true(str_starts(sql_name(f->sql), on_postgres ? "postgresql://" : "sqlite:"));
	assert_null(sql_open("mysql://x", &err));
	assert_int_equal(err.code, ERR_INPUT);
}

static void values_come_back_as_they_went(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	const struct sql_arg args[] = {sql_int(INT64_MIN), sql_real(0.1), sql_text("a'b\n\"é"),
		sql_blob("\0\xff\\x", 4), sql_null(), sql_int(1), sql_blob(NULL, 0),
		sql_text("")};
	size_t len;

	run(f->sql, on_postgres ? "CREATE TABLE t (i bigint, r double precision, s text, "
				  "b bytea, n text, yes boolean, e bytea, es text)"
				: "CREATE TABLE t (i bigint, r real, s text, b blob, n text, "
				  "yes boolean, e blob, es text)");
	assert_int_equal(
		sql_change(f->sql, "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
			args, 8, &err),
		1);
	struct sql_result *row = sql_query(f->sql, "SELECT * FROM t", NULL, 0, &err);
	assert_int_equal(sql_next(row, &err), 1);
	assert_int_equal(sql_columns(row), 8);
	assert_string_equal(sql_column_name(row, 5), "yes");
	assert_true(sql_column_int(row, 0) == INT64_MIN);
	assert_true(sql_column_real(row, 1) == 0.1);
	assert_string_equal(sql_column_text(row, 2, &len), "a'b\n\"é");
	assert_int_equal(len, 7);
	assert_memory_equal(sql_column_blob(row, 3, &len), "\0\xff\\x", 4);
	assert_int_equal(len, 4);
	assert_true(sql_column_is_null(row, 4));
	assert_null(sql_column_text(row, 4, NULL));
	assert_null(sql_column_blob(row, 4, &len));
	assert_int_equal(sql_column_int(row, 4), 0);
	assert_int_equal(sql_column_int(row, 5), 1);
	assert_non_null(sql_column_blob(row, 6, &len));
	assert_int_equal(len, 0);
	assert_string_equal(sql_column_text(row, 7, NULL), "");
	assert_int_equal(sql_next(row, &err), 0);
	assert_int_equal(sql_next(row, &err), 0);
	sql_finish(row);
}

static void arguments_go_by_their_names(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	const struct sql_arg args[] = {sql_int(2), sql_int(30)};
	struct sql_result *row = sql_query(f->sql,
		"SELECT CAST($2 AS bigint) - CAST($1 AS bigint) - CAST($1 AS bigint)", args, 2,
		&err);

	assert_int_equal(sql_next(row, &err), 1);
	assert_int_equal(sql_column_int(row, 0), 26);
	sql_finish(row);
	assert_int_equal(sql_change(f->sql, "SELECT CAST($1 AS bigint)", args, 2, &err), -1);
	assert_int_not_equal(err.code, ERR_NONE);
}

static void text_that_is_none_is_refused(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	const struct sql_arg nul = sql_textn("a\0b", 3), latin = sql_text("caf\xe9");

	run(f->sql, "CREATE TABLE t (s text)");
	assert_int_equal(sql_change(f->sql, "INSERT INTO t VALUES ($1)", &nul, 1, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, "$1 has a byte 0x00 at 1"));
	assert_int_equal(sql_change(f->sql, "INSERT INTO t VALUES ($1)", &latin, 1, &err), -1);
	assert_non_null(strstr(err.text, "0xe9"));
	assert_int_equal(number(f->sql, "SELECT count(*) FROM t"), 0);
}

static void changes_are_counted(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	run(f->sql, "CREATE TABLE t (i bigint); INSERT INTO t VALUES (1), (2), (3)");
	assert_int_equal(
		sql_change(f->sql, "UPDATE t SET i = 0 WHERE i > 1", NULL, 0, &err), 2);
	assert_int_equal(
		sql_change(f->sql, "UPDATE t SET i = 0 WHERE i > 9", NULL, 0, &err), 0);
	assert_int_equal(sql_change(f->sql, "DELETE FROM t", NULL, 0, &err), 3);
}

static void one_result_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	run(f->sql, "CREATE TABLE t (i bigint); INSERT INTO t VALUES (1), (2), (3)");
	struct sql_result *row = sql_query(f->sql, "SELECT i FROM t ORDER BY i", NULL, 0, &err);
	assert_int_equal(sql_next(row, &err), 1);
	assert_null(sql_query(f->sql, "SELECT 1", NULL, 0, &err));
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	sql_finish(row); /* with rows left */
	assert_int_equal(number(f->sql, "SELECT i FROM t ORDER BY i"), 1);
}

static void statements_without_number_are_forgotten(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < SQL_STATEMENTS_MAX + 20; i++) {
		autofree char *statement = xasprintf("SELECT %u", i);
		assert_int_equal(number(f->sql, statement), i);
	}
}

static void a_statement_is_one(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	assert_int_equal(sql_change(f->sql, "SELECT 1; SELECT 2", NULL, 0, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
}

static void errors_have_codes(void **state)
{
	struct fixture *f = *state;

	run(f->sql, "CREATE TABLE t (i bigint PRIMARY KEY, u text UNIQUE, n text NOT NULL "
		    "CHECK (n <> 'x')); INSERT INTO t VALUES (1, 'a', 'b')");
	assert_int_equal(code_of(f->sql, "INSERT INTO t VALUES (1, 'c', 'b')"), ERR_EXISTS);
	assert_int_equal(code_of(f->sql, "INSERT INTO t VALUES (2, 'a', 'b')"), ERR_EXISTS);
	assert_int_equal(code_of(f->sql, "INSERT INTO t VALUES (3, 'd', NULL)"), ERR_INPUT);
	assert_int_equal(code_of(f->sql, "INSERT INTO t VALUES (3, 'd', 'x')"), ERR_INPUT);
	assert_int_equal(code_of(f->sql, "SELECT * FROM nowhere"), ERR_INPUT);
	assert_int_equal(code_of(f->sql, "SELEKT"), ERR_INPUT);
}

static void a_transaction_is_all_or_nothing(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	run(f->sql, "CREATE TABLE t (i bigint PRIMARY KEY)");
	assert_int_equal(sql_begin(f->sql, SQL_WRITING, &err), 0);
	run(f->sql, "INSERT INTO t VALUES (1)");
	assert_int_equal(sql_begin(f->sql, SQL_WRITING, &err), -1);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	sql_rollback(f->sql);
	sql_rollback(f->sql);
	assert_int_equal(number(f->sql, "SELECT count(*) FROM t"), 0);
	assert_int_equal(sql_begin(f->sql, SQL_WRITING, &err), 0);
	run(f->sql, "INSERT INTO t VALUES (1)");
	assert_int_equal(sql_commit(f->sql, &err), 0);
	assert_int_equal(number(f->sql, "SELECT count(*) FROM t"), 1);
}

static void a_savepoint_saves_the_rest(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	run(f->sql, "CREATE TABLE t (i bigint PRIMARY KEY)");
	assert_int_equal(sql_begin(f->sql, SQL_WRITING, &err), 0);
	run(f->sql, "INSERT INTO t VALUES (1); SAVEPOINT a");
	assert_int_equal(code_of(f->sql, "INSERT INTO t VALUES (1)"), ERR_EXISTS);
	run(f->sql, "ROLLBACK TO a; RELEASE a; INSERT INTO t VALUES (2)");
	assert_int_equal(sql_commit(f->sql, &err), 0);
	assert_int_equal(number(f->sql, "SELECT sum(i) FROM t"), 3);
}

static void reading_is_as_of_one_moment(void **state)
{
	struct fixture *f = *state;
	AUTO(sql_closep) struct sql *other = open_again(f);
	struct err err = {0};

	run(f->sql, "CREATE TABLE t (i bigint)");
	assert_int_equal(sql_begin(f->sql, SQL_READING, &err), 0);
	assert_int_equal(number(f->sql, "SELECT count(*) FROM t"), 0);
	run(other, "INSERT INTO t VALUES (1)");
	assert_int_equal(number(f->sql, "SELECT count(*) FROM t"), 0);
	assert_int_equal(sql_commit(f->sql, &err), 0);
	assert_int_equal(number(f->sql, "SELECT count(*) FROM t"), 1);
}

static void a_lock_has_one_holder(void **state)
{
	struct fixture *f = *state;
	struct sql *other = open_again(f);
	struct err err = {0};

	assert_int_equal(sql_try_lock(f->sql, "sync", &err), 1);
	assert_int_equal(sql_try_lock(f->sql, "sync", &err), 1);
	assert_int_equal(sql_try_lock(other, "sync", &err), 0);
	assert_int_equal(sql_try_lock(other, "else", &err), 1);
	sql_unlock(f->sql, "sync");
	sql_unlock(f->sql, "sync");
	assert_int_equal(sql_try_lock(other, "sync", &err), 1);
	assert_int_equal(sql_try_lock(f->sql, "sync", &err), 0);
	sql_close(other);
	assert_int_equal(sql_try_lock(f->sql, "sync", &err), 1);
	assert_int_equal(sql_try_lock(f->sql, "a/b", &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
}

static void others_changes_are_heard(void **state)
{
	struct fixture *f = *state;
	AUTO(sql_closep) struct sql *other = open_again(f);
	struct err err = {0};

	run(other, "CREATE TABLE t (i bigint)");
	assert_int_equal(sql_listen(f->sql, "changes", &err), 0);
	assert_int_equal(sql_listen(f->sql, "changes", &err), 0);
	assert_int_equal(sql_wait(f->sql, deadline_in(0.01), NULL, &err), 0);
	assert_int_equal(sql_begin(other, SQL_WRITING, &err), 0);
	run(other, "INSERT INTO t VALUES (1)");
	assert_int_equal(sql_notify(other, "changes", &err), 0);
	assert_int_equal(sql_wait(f->sql, deadline_in(0.01), NULL, &err), 0);
	assert_int_equal(sql_commit(other, &err), 0);
	assert_int_equal(sql_wait(f->sql, deadline_in(60), NULL, &err), 1);
	assert_int_equal(sql_heard(f->sql, &err), 0);
}

static void our_own_changes_are_no_news(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	assert_int_equal(sql_listen(f->sql, "changes", &err), 0);
	run(f->sql, "CREATE TABLE t (i bigint)");
	assert_int_equal(sql_notify(f->sql, "changes", &err), 0);
	assert_int_equal(sql_wait(f->sql, deadline_in(0.01), NULL, &err), 0);
}

static void waiting_can_be_cancelled(void **state)
{
	struct fixture *f = *state;
	struct cancel cancel;
	struct err err = {0};

	assert_int_equal(cancel_init(&cancel, &err), 0);
	assert_int_equal(sql_listen(f->sql, "changes", &err), 0);
	cancel_request(&cancel);
	assert_int_equal(sql_wait(f->sql, DEADLINE_NEVER, &cancel, &err), -1);
	assert_int_equal(err.code, ERR_CANCELLED);
	cancel_release(&cancel);
}

static const struct sql_migration steps[] = {
	{.both = "CREATE TABLE m (i bigint)"},
	{.sqlite = "ALTER TABLE m ADD COLUMN kind text DEFAULT 'sqlite'",
		.postgresql = "ALTER TABLE m ADD COLUMN kind text DEFAULT 'pg'"},
	{.both = "INSERT INTO m (i) VALUES (1)"},
};

static void a_schema_grows_step_by_step(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	assert_int_equal(sql_migrate(f->sql, "test", steps, 1, &err), 0);
	assert_int_equal(sql_migrate(f->sql, "test", steps, 3, &err), 0);
	assert_int_equal(sql_migrate(f->sql, "test", steps, 3, &err), 0);
	assert_int_equal(number(f->sql, "SELECT count(*) FROM m WHERE kind IS NOT NULL"), 1);
	assert_int_equal(sql_migrate(f->sql, "test", steps, 2, &err), -1);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_int_equal(sql_migrate(f->sql, "other", NULL, 0, &err), 0);
}

static void a_step_that_fails_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	const struct sql_migration bad[] = {
		steps[0], {.both = "INSERT INTO nowhere VALUES (1)"}};

	assert_int_equal(sql_migrate(f->sql, "test", bad, 2, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, "step 2 of the tables of test"));
	assert_int_equal(sql_migrate(f->sql, "test", steps, 3, &err), 0);
}

/* Runs `work` in processes at once; each opens a connection of its own. */
static void in_processes(struct fixture *f, int count, bool (*work)(struct sql *sql, int which))
{
	pid_t pids[16];

	for (int i = 0; i < count; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			struct sql *sql = sql_open(f->uri, NULL);
			_exit(sql && work(sql, i) ? 0 : 1);
		}
	}
	for (int i = 0; i < count; i++) {
		int status;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
}

static bool migrate(struct sql *sql, int which)
{
	(void)which;
	return sql_migrate(sql, "test", steps, 3, NULL) == 0;
}

static void eight_processes_make_one_schema(void **state)
{
	struct fixture *f = *state;

	in_processes(f, 8, migrate);
	assert_int_equal(number(f->sql, "SELECT count(*) FROM m"), 1);
}

static bool add_ten(struct sql *sql, int which)
{
	const struct sql_arg arg = sql_int(which);

	for (int i = 0; i < 10; i++)
		if (sql_begin(sql, SQL_WRITING, NULL) < 0 ||
			sql_change(sql, "UPDATE t SET n = n + 1", NULL, 0, NULL) != 1 ||
			sql_change(sql, "INSERT INTO seen VALUES ($1)", &arg, 1, NULL) != 1 ||
			sql_commit(sql, NULL) < 0)
			return false;
	return true;
}

static void writers_wait_for_each_other(void **state)
{
	struct fixture *f = *state;

	run(f->sql, "CREATE TABLE t (n bigint); INSERT INTO t VALUES (0); "
		    "CREATE TABLE seen (who bigint)");
	in_processes(f, 16, add_ten);
	assert_int_equal(number(f->sql, "SELECT n FROM t"), 160);
	assert_int_equal(number(f->sql, "SELECT count(*) FROM seen"), 160);
	assert_int_equal(number(f->sql, "SELECT count(DISTINCT who) FROM seen"), 16);
}

static void many_rows_come_one_by_one(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	int64_t sum = 0, rows = 0;
	int more;

	run(f->sql, "CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
		    "SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n");
	struct sql_result *row = sql_query(f->sql, "SELECT i FROM t", NULL, 0, &err);
	while ((more = sql_next(row, &err)) > 0) {
		sum += sql_column_int(row, 0);
		rows++;
	}
	sql_finish(row);
	assert_int_equal(more, 0);
	assert_int_equal(rows, 20000);
	assert_int_equal(sum, 200010000);
}

static const struct CMUnitTest both[] = {
	SQL_TEST(a_kind_is_known_by_its_uri),
	SQL_TEST(values_come_back_as_they_went),
	SQL_TEST(arguments_go_by_their_names),
	SQL_TEST(text_that_is_none_is_refused),
	SQL_TEST(changes_are_counted),
	SQL_TEST(one_result_at_a_time),
	SQL_TEST(statements_without_number_are_forgotten),
	SQL_TEST(a_statement_is_one),
	SQL_TEST(errors_have_codes),
	SQL_TEST(a_transaction_is_all_or_nothing),
	SQL_TEST(a_savepoint_saves_the_rest),
	SQL_TEST(reading_is_as_of_one_moment),
	SQL_TEST(a_lock_has_one_holder),
	SQL_TEST(others_changes_are_heard),
	SQL_TEST(our_own_changes_are_no_news),
	SQL_TEST(waiting_can_be_cancelled),
	SQL_TEST(a_schema_grows_step_by_step),
	SQL_TEST(a_step_that_fails_leaves_nothing),
	SQL_TEST(eight_processes_make_one_schema),
	SQL_TEST(writers_wait_for_each_other),
	SQL_TEST(many_rows_come_one_by_one),
};

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	int failed = cmocka_run_group_tests_name("sqlite", both, NULL, NULL);
	on_postgres = true;
	if (!postgres_server_start())
		return failed ? failed : POSTGRES_SERVER_SKIPPED;
	failed += cmocka_run_group_tests_name("postgresql", both, NULL, NULL);
	postgres_server_end();
	return failed;
}
