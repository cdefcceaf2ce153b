/* SPDX-License-Identifier: Apache-2.0 */
/* What is particular to databases: others who write to them, and servers that go away. */
#include "daemons/registryd/store_fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sql/postgres_server.h"
#include "sql/sql.h"

/* Runs SQL as somebody with a client of the database's would. */
static void by_hand(struct fixture *f, const char *script)
{
	struct err err = {0};
	AUTO(sql_closep) struct sql *sql = sql_open(f->uri, &err);

	assert_non_null(sql);
	sql_script(sql, script, &err);
	assert_string_equal(err.text, "");
}

#define ROW(position, name, version, status, metadata)                                         \
	"INSERT INTO registry_entries VALUES (" position ", '" name "', " version              \
	", 'p', '" status "', '2025-07-01T15:30:00Z', '" metadata "', NULL, 0)"

static void the_table_is_readable_by_others(void **state)
{
	struct fixture *f = *state;
	AUTO(sql_closep) struct sql *sql = sql_open(f->uri, NULL);
	const char *statement = "SELECT model_name, version, path, status, metadata, date FROM "
				"registry_entries "
				"WHERE status = 'production'";

	store_register(f->store, "a", 1, "{\"accuracy\": 0.780}");
	store_activate(f->store, "a", 1);
	struct sql_result *row = sql_query(sql, statement, NULL, 0, NULL);
	assert_int_equal(sql_next(row, NULL), 1);
	assert_string_equal(sql_column_text(row, 0, NULL), "a");
	assert_int_equal(sql_column_int(row, 1), 1);
	assert_string_equal(sql_column_text(row, 2, NULL), "p");
	assert_string_equal(sql_column_text(row, 3, NULL), "production");
	assert_string_equal(sql_column_text(row, 4, NULL), "{\"accuracy\":0.780}");
	assert_true(sql_column_is_null(row, 5));
	assert_int_equal(sql_next(row, NULL), 0);
	sql_finish(row);
}

static void the_database_has_one_production_too(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	AUTO(sql_closep) struct sql *sql = sql_open(f->uri, NULL);

	store_register(f->store, "a", 1, "{}");
	store_activate(f->store, "a", 1);
	assert_int_equal(sql_script(sql, ROW("99", "a", "2", "production", "{}"), &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(sql_script(sql, ROW("99", "a", "1", "staging", "{}"), &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(sql_script(sql, ROW("99", "a", "2", "new", "{}"), &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
}

/* A row that no revision tells of: the index refuses the batch, and it is decided anew. */
static void a_row_by_hand_is_met(void **state)
{
	struct fixture *f = *state;
	struct entry_change c[] = {
		{.kind = ENTRY_REGISTER, .model_name = "b", .version = 1, .path = "p"},
		{.kind = ENTRY_REGISTER, .model_name = "a", .version = 1, .path = "p"},
		{.kind = ENTRY_DELETE, .model_name = "z", .version = 1},
	};

	by_hand(f, ROW("7", "a", "1", "production", "{}"));
	assert_int_equal(entry_store_apply(f->store, c, ARRAY_SIZE(c), NULL), 0);
	assert_int_equal(c[0].err.code, ERR_NONE);
	assert_int_equal(c[1].err.code, ERR_EXISTS);
	assert_int_equal(c[2].err.code, ERR_NOTFOUND);
	entry_change_release(&c[0]);
	store_is(f->store, "a-1 production, b-1 staging");
}

/* What cannot be decided by reading anew fails as a whole, and nothing of it is done. */
static void a_batch_fails_as_a_whole(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	struct entry_change c[] = {
		{.kind = ENTRY_REGISTER, .model_name = "a", .version = 1, .path = "p"},
		{.kind = ENTRY_REGISTER, .model_name = "a", .version = 1, .path = "p"},
		{.kind = ENTRY_DELETE, .model_name = "z", .version = 1},
	};

	by_hand(f, "DROP TABLE registry_removed");
	store_register(f->store, "z", 1, "{}");
	assert_int_equal(entry_store_apply(f->store, c, ARRAY_SIZE(c), &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(c[0].err.code, ERR_INPUT);
	assert_null(c[0].entry);
	assert_int_equal(c[1].err.code, ERR_EXISTS);
	assert_int_equal(c[2].err.code, ERR_INPUT);
	AUTO(sql_closep) struct sql *sql = sql_open(f->uri, NULL);
	struct sql_result *row = sql_query(sql,
		"SELECT count(*) FROM registry_entries WHERE model_name = 'a'", NULL, 0, NULL);
	assert_int_equal(sql_next(row, NULL), 1);
	assert_int_equal(sql_column_int(row, 0), 0);
	sql_finish(row);
}

static void a_row_that_is_none_is_refused(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	by_hand(f, ROW("7", "a b", "1", "staging", "{}"));
	assert_null(entry_store_open(f->uri, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, "version 1 of a b: model_name"));
	by_hand(f, "DELETE FROM registry_entries");
	by_hand(f, ROW("7", "a", "3", "staging", "[]"));
	assert_null(entry_store_open(f->uri, &err));
	assert_non_null(strstr(err.text, "version 3 of a: metadata is a list"));
}

static void tables_of_a_newer_version_are_left_alone(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	by_hand(f, "UPDATE modelfleet_schema SET steps = 99 WHERE area = 'registry'");
	assert_null(entry_store_open(f->uri, &err));
	assert_int_equal(err.code, ERR_UNSUPPORTED);
}

static void a_restart_costs_no_change(void **state)
{
	struct fixture *f = *state;

	store_register(f->store, "a", 1, "{}");
	postgres_server_do("restart");
	assert_int_equal(store_register(f->store, "a", 2, "{}"), ERR_NONE);
	postgres_server_do("crash");
	assert_int_equal(store_activate(f->store, "a", 2), ERR_NONE);
	store_is(f->store, "a-1 staging, a-2 production");
}

static void while_the_server_is_away_the_last_list_is_there(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	store_register(f->store, "a", 1, "{}");
	postgres_server_do("stop");
	assert_null(entry_store_list(f->store, &err));
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_int_equal(store_register(f->store, "a", 2, "{}"), ERR_UNREACHABLE);
	assert_null(entry_store_open(f->uri, &err));
	assert_int_equal(err.code, ERR_UNREACHABLE);
	struct entry_list *last = entry_store_last(f->store);
	assert_int_equal(last->count, 1);
	entry_list_unref(last);
	postgres_server_do("start");
	store_is(f->store, "a-1 staging");
	assert_int_equal(store_register(f->store, "a", 2, "{}"), ERR_NONE);
}

/* What another instance did while our connection was gone is not missed. */
static void what_happened_meanwhile_is_seen(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	store_register(f->store, "a", 1, "{}");
	postgres_server_do("restart");
	struct entry_store *other = store_again(f);
	assert_int_equal(store_activate(other, "a", 1), ERR_NONE);
	entry_store_free(other);
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_list(f->store, &err);
	assert_non_null(list);
	assert_non_null(entry_list_production(list, "a"));
}

/*
 * Registers versions and tells of each. After a lost connection the same one is tried again: it
 * may have been committed, and then it is there.
 */
static void write_through_crashes(const char *uri, int tell)
{
	struct entry_store *store = entry_store_open(uri, NULL);

	for (int64_t version = 1; store; version++) {
		bool unsure = false;
		enum err_code code;

		while ((code = store_register(store, "a", version, "{}")) == ERR_UNREACHABLE) {
			unsure = true;
			wait_until(deadline_in(0.02), NULL, NULL);
		}
		if (code != ERR_NONE && !(unsure && code == ERR_EXISTS))
			_exit(2);
		if (write(tell, &version, sizeof(version)) != sizeof(version))
			_exit(3);
	}
	_exit(1);
}

static void a_server_that_crashes_loses_nothing(void **state)
{
	struct fixture *f = *state;
	int pipe_fds[2], status;
	int64_t told = 0;

	assert_int_equal(pipe(pipe_fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		write_through_crashes(f->uri, pipe_fds[1]);
	close(pipe_fds[1]);
	for (int i = 0; i < 3; i++) {
		for (int64_t until = told + 5; told < until;)
			assert_int_equal(read(pipe_fds[0], &told, sizeof(told)), sizeof(told));
		postgres_server_do("crash");
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (read(pipe_fds[0], &told, sizeof(told)) == sizeof(told))
		continue;
	close(pipe_fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status)); /* it did not end by itself */
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_fresh(f->store, NULL);
	for (int64_t v = 1; v <= told; v++)
		assert_non_null(entry_list_find(list, "a", v));
	assert_true(list->count <= (size_t)told + 1);
}

int main(void)
{
	static const struct CMUnitTest both[] = {
		STORE_TEST(the_table_is_readable_by_others),
		STORE_TEST(the_database_has_one_production_too),
		STORE_TEST(a_row_by_hand_is_met),
		STORE_TEST(a_batch_fails_as_a_whole),
		STORE_TEST(a_row_that_is_none_is_refused),
		STORE_TEST(tables_of_a_newer_version_are_left_alone),
	};
	static const struct CMUnitTest of_a_server[] = {
		STORE_TEST(a_restart_costs_no_change),
		STORE_TEST(while_the_server_is_away_the_last_list_is_there),
		STORE_TEST(what_happened_meanwhile_is_seen),
		STORE_TEST(a_server_that_crashes_loses_nothing),
	};

	signal(SIGPIPE, SIG_IGN);
	store_kind = KIND_SQLITE;
	int failed = cmocka_run_group_tests_name("sqlite", both, NULL, NULL);
	store_kind = KIND_POSTGRESQL;
	if (!postgres_server_start())
		return failed ? failed : POSTGRES_SERVER_SKIPPED;
	failed += cmocka_run_group_tests_name("postgresql", both, NULL, NULL);
	failed += cmocka_run_group_tests_name("postgresql alone", of_a_server, NULL, NULL);
	postgres_server_end();
	return failed;
}
