/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's statements: prepared once, bound by the names $1, $2 ..., stepped. */
#include <inttypes.h>

#include "sql/sqlite.h"

void sqlite_forget_statements(struct sqlite *s)
{
	strmap_foreach (e, &s->statements)
		sqlite3_finalize(e->value);
	strmap_release(&s->statements, NULL);
}

static sqlite3_stmt *prepare(struct sqlite *s, const char *text, struct err *err)
{
	sqlite3_stmt *statement = strmap_get(&s->statements, text);
	const char *rest = NULL;

	if (statement)
		return statement;
	if (s->statements.count >= SQL_STATEMENTS_MAX)
		sqlite_forget_statements(s);
	if (sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, &rest) !=
		SQLITE_OK)
		return sqlite_fail(s, "cannot prepare a statement", err), NULL;
	if (!statement || rest[strspn(rest, " \t\n;")]) {
		sqlite3_finalize(statement);
		err_set(err, ERR_INPUT, "%s: not one statement: %.100s", s->sql.name, text);
		return NULL;
	}
	strmap_set(&s->statements, text, statement);
	return statement;
}

static int bind(sqlite3_stmt *statement, int index, const struct sql_arg *arg)
{
	switch (arg->type) {
	case SQL_INT: return sqlite3_bind_int64(statement, index, arg->integer);
	case SQL_REAL: return sqlite3_bind_double(statement, index, arg->real);
	case SQL_TEXT:
		return sqlite3_bind_text64(
			statement, index, arg->data, arg->len, SQLITE_STATIC, SQLITE_UTF8);
	case SQL_BLOB:
		if (!arg->len) /* a NULL pointer would be NULL */
			return sqlite3_bind_zeroblob(statement, index, 0);
		return sqlite3_bind_blob64(
			statement, index, arg->data, arg->len, SQLITE_STATIC);
	default: return sqlite3_bind_null(statement, index);
	}
}

/* Its own numbering follows the order in the text: what counts is the name. */
static int bind_all(struct sqlite *s, sqlite3_stmt *statement, const struct sql_arg *args,
	size_t n, struct err *err)
{
	char name[24];

	if ((size_t)sqlite3_bind_parameter_count(statement) != n)
		return err_set(err, ERR_INPUT, "%s: %zu arguments for a statement of %d",
			s->sql.name, n, sqlite3_bind_parameter_count(statement));
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "$%zu", i + 1);
		int index = sqlite3_bind_parameter_index(statement, name);
		if (!index)
			return err_set(err, ERR_INPUT, "%s: the statement has no %s",
				s->sql.name, name);
		if (bind(statement, index, &args[i]) != SQLITE_OK)
			return sqlite_fail(s, "cannot set an argument", err);
	}
	return 0;
}

int sqlite_start(struct sql *sql, const char *statement, const struct sql_arg *args, size_t n,
	struct err *err)
{
	struct sqlite *s = (struct sqlite *)sql;

	s->running = prepare(s, statement, err);
	if (!s->running)
		return -1;
	if (bind_all(s, s->running, args, n, err) < 0) {
		sqlite_stop(sql);
		return -1;
	}
	return 0;
}

int sqlite_step(struct sql *sql, struct err *err)
{
	struct sqlite *s = (struct sqlite *)sql;

	if (!s->running)
		return 0;
	int rc = sqlite3_step(s->running);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		sqlite_fail(s, "cannot run a statement", err);
	sqlite_stop(sql);
	return rc == SQLITE_DONE ? 0 : -1;
}

void sqlite_stop(struct sql *sql)
{
	struct sqlite *s = (struct sqlite *)sql;

	if (!s->running)
		return;
	sqlite3_reset(s->running);
	sqlite3_clear_bindings(s->running);
	s->running = NULL;
}

int64_t sqlite_changed(const struct sql *sql)
{
	return sqlite3_changes64(((const struct sqlite *)sql)->db);
}

size_t sqlite_columns(const struct sql *sql)
{
	return (size_t)sqlite3_column_count(((const struct sqlite *)sql)->running);
}

const char *sqlite_column_name(const struct sql *sql, int column)
{
	return sqlite3_column_name(((const struct sqlite *)sql)->running, column);
}

bool sqlite_is_null(const struct sql *sql, int column)
{
	return sqlite3_column_type(((const struct sqlite *)sql)->running, column) ==
	       SQLITE_NULL;
}

int64_t sqlite_int(const struct sql *sql, int column)
{
	return sqlite3_column_int64(((const struct sqlite *)sql)->running, column);
}

double sqlite_real(const struct sql *sql, int column)
{
	return sqlite3_column_double(((const struct sqlite *)sql)->running, column);
}

const char *sqlite_text(const struct sql *sql, int column, size_t *len)
{
	sqlite3_stmt *running = ((const struct sqlite *)sql)->running;
	const char *text = (const char *)sqlite3_column_text(running, column);

	*len = (size_t)sqlite3_column_bytes(running, column);
	return text;
}

const void *sqlite_blob(struct sql *sql, int column, size_t *len)
{
	sqlite3_stmt *running = ((struct sqlite *)sql)->running;
	const void *data = sqlite3_column_blob(running, column);

	*len = (size_t)sqlite3_column_bytes(running, column);
	return data || sqlite_is_null(sql, column) ? data : "";
}
