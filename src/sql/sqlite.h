/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to SQLite, for its two files. */
#ifndef SQL_SQLITE_H
#define SQL_SQLITE_H

#include <sqlite3.h>

#include "sql/private.h"

struct sqlite {
	struct sql sql;
	sqlite3 *db;
	char *path;
	struct strmap statements; /* prepared, by text */
	sqlite3_stmt *running;
	int64_t version; /* PRAGMA data_version when it was last looked at */
	bool listening;
};

/* Fills err from what the library says of its last call. */
int sqlite_fail(const struct sqlite *s, const char *doing, struct err *err);
/* The statements' half of the operations; sql.h says what each does. */
int sqlite_start(struct sql *sql, const char *statement, const struct sql_arg *args, size_t n,
	struct err *err);
/* Goes to the next row. */
int sqlite_step(struct sql *sql, struct err *err);
/* Ends the statement that runs. */
void sqlite_stop(struct sql *sql);
/* Rows that it changed. */
int64_t sqlite_changed(const struct sql *sql);
/* Columns of its result. */
size_t sqlite_columns(const struct sql *sql);
/* The name of one. */
const char *sqlite_column_name(const struct sql *sql, int column);
/* Whether it is NULL. */
bool sqlite_is_null(const struct sql *sql, int column);
/* Its value as an integer. */
int64_t sqlite_int(const struct sql *sql, int column);
/* As a number. */
double sqlite_real(const struct sql *sql, int column);
/* As text. */
const char *sqlite_text(const struct sql *sql, int column, size_t *len);
/* As bytes. */
const void *sqlite_blob(struct sql *sql, int column, size_t *len);
/* Frees all statements. */
void sqlite_forget_statements(struct sqlite *s);

#endif
