/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One interface over SQLite and PostgreSQL. Only this room knows their libraries.
 *
 * A `struct sql` is one connection, for one thread at a time, with one result open at a time.
 * Statements name their arguments $1, $2 ... on both databases; what else differs between them
 * is the caller's to know (sql_kind). Text is UTF-8 without NUL.
 *
 *     const struct sql_arg args[] = {sql_text("yolo"), sql_int(3)};
 *     struct sql_result *rows = sql_query(sql,
 *             "SELECT path FROM entries WHERE name = $1 AND version > $2", args, 2, err);
 *     int more = -1;
 *     while (rows && (more = sql_next(rows, err)) > 0)
 *             use(sql_column_text(rows, 0, NULL));
 *     sql_finish(rows);
 *     if (more < 0)
 *             return -1;
 *
 * Errors of every function here:
 *
 *     ERR_EXISTS       a unique index has the row already
 *     ERR_BUSY         locked, a deadlock, not serializable, too many connections: may be tried
 *                      again, the whole transaction if there is one
 *     ERR_UNREACHABLE  no connection, or it was lost: reopened at the next use
 *     ERR_AUTH         the server does not let us in
 *     ERR_DENIED       no permission, or read-only
 *     ERR_NOSPACE      the disk is full
 *     ERR_INPUT        the statement, a value, or another constraint
 *     ERR_INTEGRITY    what is there is no database, or a broken one
 *     ERR_NOTFOUND, ERR_LIMIT, ERR_TIMEOUT, ERR_UNSUPPORTED, ERR_SYSTEM
 *
 * A connection that is lost within a transaction, or while a lock is held, is not reopened
 * before sql_rollback or sql_unlock: nothing happens outside of them that was meant inside.
 */
#ifndef SQL_SQL_H
#define SQL_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

#define SQL_ARGS_MAX       64u
#define SQL_STATEMENTS_MAX 200u /* prepared at a time; beyond that all are forgotten */
#define SQL_BUSY_SECONDS   30   /* how long another writer is waited for: ERR_BUSY */

enum sql_kind { SQL_SQLITE, SQL_POSTGRESQL };
enum sql_type { SQL_NULL, SQL_INT, SQL_REAL, SQL_TEXT, SQL_BLOB };
enum sql_access {
	SQL_READING, /* all that is read is as of one moment */
	SQL_WRITING  /* of SQLite the only one at a time, from the beginning */
};

struct sql;
struct sql_result;

struct sql_arg {
	enum sql_type type;
	union {
		int64_t integer;
		double real;
		struct {
			const void *data; /* borrowed until the result is finished */
			size_t len;
		};
	};
};

/* NULL. */
static inline struct sql_arg sql_null(void)
{
	return (struct sql_arg){.type = SQL_NULL};
}

/* An integer; 0 and 1 are also what a boolean column takes. */
static inline struct sql_arg sql_int(int64_t i)
{
	return (struct sql_arg){.type = SQL_INT, .integer = i};
}

/* A floating-point number. */
static inline struct sql_arg sql_real(double d)
{
	return (struct sql_arg){.type = SQL_REAL, .real = d};
}

/* A text of n bytes. */
static inline struct sql_arg sql_textn(const char *s, size_t n)
{
	return (struct sql_arg){.type = SQL_TEXT, .data = s, .len = n};
}

/* A text; NULL gives NULL. */
static inline struct sql_arg sql_text(const char *s)
{
	return s ? sql_textn(s, strlen(s)) : sql_null();
}

/* Bytes. */
static inline struct sql_arg sql_blob(const void *data, size_t n)
{
	return (struct sql_arg){.type = SQL_BLOB, .data = data, .len = n};
}

/*
 * Opens a database: "sqlite:PATH", which is made with its directories where it is missing (WAL,
 * synchronous=FULL, foreign keys on), or "postgresql://..." as libpq has it. NULL with err.
 */
struct sql *sql_open(const char *uri, struct err *err);
/* Closes it, rolls back what is open, and gives locks back. NULL is fine. */
void sql_close(struct sql *sql);
/* `AUTO(sql_closep) struct sql *sql = ...` closes at the end of the scope. */
void sql_closep(struct sql **sql);
/* Which database it is. */
enum sql_kind sql_kind(const struct sql *sql);
/* Its name for messages, without user and password: "postgresql://db1:5432/models". */
const char *sql_name(const struct sql *sql);

/* Runs statements that have neither arguments nor results, divided by semicolons. */
int sql_script(struct sql *sql, const char *script, struct err *err);
/*
 * Begins a statement with n arguments. NULL with err; what goes wrong when it runs is told by
 * the first sql_next. The result is to be finished before the next statement.
 */
struct sql_result *sql_query(struct sql *sql, const char *statement, const struct sql_arg *args,
	size_t n, struct err *err);
/*
 * Runs a statement to its end and returns how many rows it inserted, updated or deleted; -1
 * with err.
 */
int64_t sql_change(struct sql *sql, const char *statement, const struct sql_arg *args, size_t n,
	struct err *err);

/* Goes to the next row: 1, 0 behind the last one, -1 with err. Rows are not kept in memory. */
int sql_next(struct sql_result *result, struct err *err);
/* Ends a statement, wherever it is. NULL is fine. */
void sql_finish(struct sql_result *result);
/* How many columns the row at hand has. */
size_t sql_columns(const struct sql_result *result);
/* A column's name; valid until sql_next or sql_finish, as all that follows. */
const char *sql_column_name(const struct sql_result *result, size_t column);
/* True if the column is NULL. */
bool sql_column_is_null(const struct sql_result *result, size_t column);
/* A column as an integer: 0 for NULL and for what is none, 1 and 0 for booleans. */
int64_t sql_column_int(const struct sql_result *result, size_t column);
/* A column as a floating-point number, likewise. */
double sql_column_real(const struct sql_result *result, size_t column);
/* A column as text, NULL for NULL; its length goes to *len unless that is NULL. */
const char *sql_column_text(const struct sql_result *result, size_t column, size_t *len);
/* A column's bytes, NULL for NULL. */
const void *sql_column_blob(struct sql_result *result, size_t column, size_t *len);

/*
 * Begins a transaction. A lost connection is reopened for it. Within one, "SAVEPOINT a",
 * "ROLLBACK TO a" and "RELEASE a" by sql_script work on both databases; PostgreSQL goes on
 * after an error only from a savepoint.
 */
int sql_begin(struct sql *sql, enum sql_access access, struct err *err);
/*
 * Makes it durable. On an error nothing of it is there, but for ERR_UNREACHABLE, after which
 * it may be: look. The transaction is over in every case.
 */
int sql_commit(struct sql *sql, struct err *err);
/* Takes it back; without a transaction nothing happens. */
void sql_rollback(struct sql *sql);

/*
 * Takes a lock that one connection at a time has, of all processes that use the database: 1, 0
 * where another has it, -1 with err. `name` can be a component of a path. PostgreSQL:
 * pg_try_advisory_lock of a hash; SQLite: flock of PATH.NAME.lock, a file that stays.
 */
int sql_try_lock(struct sql *sql, const char *name, struct err *err);
/* Gives it back. */
void sql_unlock(struct sql *sql, const char *name);

/*
 * Wants to hear of sql_notify(channel) on other connections, also after a reconnection. SQLite
 * has no channels: any commit of another connection is heard.
 */
int sql_listen(struct sql *sql, const char *channel, struct err *err);
/* Tells the other connections, when the transaction commits. */
int sql_notify(struct sql *sql, const char *channel, struct err *err);
/*
 * Looks, without waiting and without a round trip, whether something was heard since the last
 * look: 1, 0, -1 with err. After a reconnection it is 1: something may have been missed.
 */
int sql_heard(struct sql *sql, struct err *err);
/* Waits for that until the deadline: 1, 0 when it passed, -1 with err. */
int sql_wait(struct sql *sql, deadline until, const struct cancel *cancel, struct err *err);

/* One step of a schema: `both`, or the text of the database at hand. */
struct sql_migration {
	const char *both;
	const char *sqlite;
	const char *postgresql;
};

/*
 * Brings the tables of an area ("registry") to the newest step: what is missing of `steps` is
 * applied, each in order, all in one transaction, by one connection at a time. The table
 * modelfleet_schema remembers how many there were. ERR_UNSUPPORTED for tables that a newer
 * program has made.
 */
int sql_migrate(struct sql *sql, const char *area, const struct sql_migration *steps,
	size_t count, struct err *err);

#endif
