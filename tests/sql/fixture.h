/* SPDX-License-Identifier: Apache-2.0 */
/* A new database of each kind for a test, and statements in one line. */
#ifndef TESTS_SQL_FIXTURE_H
#define TESTS_SQL_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "sql/sql.h"

struct fixture {
	void *scratch; /* a directory; of SQLite only */
	char *uri;
	struct sql *sql;
};

/* Which kind the tests that run now are of. */
extern bool on_postgres;

/* cmocka's setup: a new database, and a connection to it. */
int sql_setup(void **state);
/* Closes and removes it. */
int sql_teardown(void **state);
#define SQL_TEST(test) cmocka_unit_test_setup_teardown(test, sql_setup, sql_teardown)

/* One more connection. */
struct sql *open_again(struct fixture *f);
/* Runs a script, which has to succeed. */
void run(struct sql *sql, const char *script);
/* The number that a statement gives. */
int64_t number(struct sql *sql, const char *statement);
/* What running a script comes to, which has to fail. */
enum err_code code_of(struct sql *sql, const char *script);

#endif
