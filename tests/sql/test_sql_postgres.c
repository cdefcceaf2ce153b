/* SPDX-License-Identifier: Apache-2.0 */
/* A PostgreSQL server that restarts, crashes, is away, or does not let us in. */
#include "sql/fixture.h"

#include <signal.h>
#include <stdio.h>

#include "base/str.h"
#include "sql/postgres_server.h"

/* PostgreSQL answers the COMMIT of a failed transaction with success, and rolls back. */
static void a_failed_transaction_is_not_committed(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	run(f->sql, "CREATE TABLE t (i bigint PRIMARY KEY)");
	assert_int_equal(sql_begin(f->sql, SQL_WRITING, &err), 0);
	run(f->sql, "INSERT INTO t VALUES (1)");
	assert_int_equal(code_of(f->sql, "INSERT INTO t VALUES (1)"), ERR_EXISTS);
	assert_int_equal(sql_commit(f->sql, &err), -1);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_int_equal(number(f->sql, "SELECT count(*) FROM t"), 0);
}

static void a_server_that_restarts_costs_nothing(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	run(f->sql, "CREATE TABLE t (i bigint)");
	assert_int_equal(sql_listen(f->sql, "changes", &err), 0);
	postgres_server_do("restart");
	assert_int_equal(number(f->sql, "SELECT count(*) FROM t"), 0);
	assert_int_equal(sql_heard(f->sql, &err), 1);
	AUTO(sql_closep) struct sql *other = open_again(f);
	assert_int_equal(sql_notify(other, "changes", &err), 0);
	assert_int_equal(sql_wait(f->sql, deadline_in(60), NULL, &err), 1);
}

static void a_transaction_is_not_resumed(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	run(f->sql, "CREATE TABLE t (i bigint)");
	assert_int_equal(sql_begin(f->sql, SQL_WRITING, &err), 0);
	run(f->sql, "INSERT INTO t VALUES (1)");
	postgres_server_do("crash");
	assert_int_equal(code_of(f->sql, "INSERT INTO t VALUES (2)"), ERR_UNREACHABLE);
	assert_int_equal(code_of(f->sql, "INSERT INTO t VALUES (3)"), ERR_UNREACHABLE);
	assert_int_equal(sql_commit(f->sql, &err), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_int_equal(number(f->sql, "SELECT count(*) FROM t"), 0);
}

static void a_lost_lock_is_known(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	assert_int_equal(sql_try_lock(f->sql, "sync", &err), 1);
	postgres_server_do("restart");
	assert_int_equal(code_of(f->sql, "SELECT 1"), ERR_UNREACHABLE);
	sql_unlock(f->sql, "sync");
	assert_int_equal(number(f->sql, "SELECT 1"), 1);
	assert_int_equal(sql_try_lock(f->sql, "sync", &err), 1);
}

static void a_server_that_is_away_is_unreachable(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	postgres_server_do("stop");
	assert_int_equal(code_of(f->sql, "SELECT 1"), ERR_UNREACHABLE);
	assert_null(sql_open(f->uri, &err));
	assert_int_equal(err.code, ERR_UNREACHABLE);
	postgres_server_do("start");
	assert_int_equal(number(f->sql, "SELECT 1"), 1);
}

static void no_password_is_told(void **state)
{
	struct err err = {0};

	(void)state;
	assert_null(sql_open("postgresql://u:s3cret@h:1/db?nonsense=1", &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_null(strstr(err.text, "s3cret"));
	assert_null(sql_open("postgresql://u:s3cret@127.0.0.1:1/db", &err));
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_null(strstr(err.text, "s3cret"));
	assert_non_null(strstr(err.text, "postgresql://127.0.0.1:1/db"));
}

static void a_database_that_is_not_there_is_named(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	autofree char *user = xasprintf("%s&user=nobody_here", f->uri);

	assert_null(sql_open(user, &err));
	assert_int_equal(err.code, ERR_AUTH);
	strchr(f->uri, '?')[-1] = 'x';
	assert_null(sql_open(f->uri, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
}

static void nobody_is_waited_for_without_end(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(number(f->sql, "SELECT setting FROM pg_settings WHERE name = "
					"'lock_timeout'"),
		SQL_BUSY_SECONDS * 1000);
	postgres_server_do("restart");
	assert_int_equal(number(f->sql, "SELECT setting FROM pg_settings WHERE name = "
					"'lock_timeout'"),
		SQL_BUSY_SECONDS * 1000);
}

static void a_lock_that_is_not_given_is_busy(void **state)
{
	struct fixture *f = *state;
	AUTO(sql_closep) struct sql *other = open_again(f);
	struct err err = {0};

	run(f->sql, "CREATE TABLE t (i bigint); INSERT INTO t VALUES (1)");
	assert_int_equal(sql_begin(other, SQL_WRITING, &err), 0);
	run(other, "UPDATE t SET i = 2");
	run(f->sql, "SET lock_timeout = '50ms'");
	assert_int_equal(code_of(f->sql, "UPDATE t SET i = 3"), ERR_BUSY);
	sql_rollback(other);
	run(f->sql, "UPDATE t SET i = 3");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SQL_TEST(a_failed_transaction_is_not_committed),
		SQL_TEST(a_server_that_restarts_costs_nothing),
		SQL_TEST(a_transaction_is_not_resumed),
		SQL_TEST(a_lost_lock_is_known),
		SQL_TEST(a_server_that_is_away_is_unreachable),
		SQL_TEST(no_password_is_told),
		SQL_TEST(a_database_that_is_not_there_is_named),
		SQL_TEST(nobody_is_waited_for_without_end),
		SQL_TEST(a_lock_that_is_not_given_is_busy),
	};

	signal(SIGPIPE, SIG_IGN);
	on_postgres = true;
	if (!postgres_server_start())
		return POSTGRES_SERVER_SKIPPED;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	postgres_server_end();
	return failed;
}
