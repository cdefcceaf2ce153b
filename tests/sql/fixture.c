/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/fixture.h"

#include "base/scratch.h"
#include "base/str.h"
#include "sql/postgres_server.h"

bool on_postgres;

struct sql *open_again(struct fixture *f)
{
	struct err err = {0};
	struct sql *sql = sql_open(f->uri, &err);

	assert_string_equal(err.text, "");
	assert_non_null(sql);
	return sql;
}

int sql_setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	if (on_postgres)
		f->uri = postgres_server_database();
	else if (scratch_make(&f->scratch) == 0)
		f->uri = xasprintf("sqlite:%s/new/test.db", (char *)f->scratch);
	f->sql = open_again(f);
	*state = f;
	return 0;
}

int sql_teardown(void **state)
{
	struct fixture *f = *state;

	sql_close(f->sql);
	if (f->scratch)
		scratch_remove(&f->scratch);
	free(f->uri);
	free(f);
	return 0;
}

void run(struct sql *sql, const char *script)
{
	struct err err = {0};

	sql_script(sql, script, &err);
	assert_string_equal(err.text, "");
}

int64_t number(struct sql *sql, const char *statement)
{
	struct err err = {0};
	struct sql_result *row = sql_query(sql, statement, NULL, 0, &err);

	assert_string_equal(err.text, "");
	assert_int_equal(sql_next(row, &err), 1);
	int64_t i = sql_column_int(row, 0);
	sql_finish(row);
	return i;
}

enum err_code code_of(struct sql *sql, const char *script)
{
	struct err err = {0};

	assert_int_equal(sql_script(sql, script, &err), -1);
	return err.code;
}
