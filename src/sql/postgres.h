/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to PostgreSQL, for its files. */
#ifndef SQL_POSTGRES_H
#define SQL_POSTGRES_H

#include <libpq-fe.h>

#include "sql/private.h"

struct postgres {
	struct sql sql;
	char *uri;
	PGconn *conn;
	struct strmap statements; /* prepared on this connection: text to NULL */
	PGresult *row;            /* at hand */
	bool running;             /* results are still to come */
	int64_t changed;
	struct strmap blobs; /* unescaped ones of the row, freed with it */
	struct strlist channels;
	bool heard;
};

/* Fills err from a result, or from the connection where it is NULL or lost. */
int postgres_fail(
	struct postgres *p, const PGresult *result, const char *doing, struct err *err);
/* The statements' half of the operations; sql.h says what each does. */
int postgres_start(struct sql *sql, const char *statement, const struct sql_arg *args, size_t n,
	struct err *err);
/* Goes to the next row. */
int postgres_step(struct sql *sql, struct err *err);
/* Ends the statement that runs, reading what is left of its rows. */
void postgres_stop(struct sql *sql);
/* Rows that it changed. */
int64_t postgres_changed(const struct sql *sql);
/* Columns of its result. */
size_t postgres_columns(const struct sql *sql);
/* The name of one. */
const char *postgres_column_name(const struct sql *sql, int column);
/* Whether it is NULL. */
bool postgres_is_null(const struct sql *sql, int column);
/* Its value as an integer. */
int64_t postgres_int(const struct sql *sql, int column);
/* As a number. */
double postgres_real(const struct sql *sql, int column);
/* As text. */
const char *postgres_text(const struct sql *sql, int column, size_t *len);
/* As bytes. */
const void *postgres_blob(struct sql *sql, int column, size_t *len);

#endif
