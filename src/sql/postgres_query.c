/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's statements. Values cross as text, but for bytes; the server finds out their
 * types from where they stand. Rows come one by one (single-row mode).
 */
#include <inttypes.h>

#include "sql/postgres.h"

/* What a statement's arguments are to libpq; texts live in the arena. */
struct arguments {
	const char *values[SQL_ARGS_MAX];
	int lengths[SQL_ARGS_MAX];
	int formats[SQL_ARGS_MAX];
};

static void write_arg(
	struct arena *a, const struct sql_arg *arg, struct arguments *out, size_t i)
{
	switch (arg->type) {
	case SQL_INT: out->values[i] = arena_printf(a, "%" PRId64, arg->integer); break;
	case SQL_REAL: out->values[i] = arena_printf(a, "%.17g", arg->real); break;
	case SQL_TEXT: out->values[i] = arena_strndup(a, arg->data, arg->len); break;
	case SQL_BLOB:
		out->values[i] = arg->len ? arg->data : "";
		out->lengths[i] = (int)arg->len;
		out->formats[i] = 1;
		break;
	default: break;
	}
}

static int write_args(struct arena *a, const struct sql_arg *args, size_t n,
	struct arguments *out, struct err *err)
{
	*out = (struct arguments){0};
	for (size_t i = 0; i < n; i++) {
		if (args[i].type == SQL_BLOB && args[i].len > INT32_MAX)
			return err_set(err, ERR_LIMIT, "argument $%zu is too long", i + 1);
		write_arg(a, &args[i], out, i);
	}
	return 0;
}

static void forget_statements(struct postgres *p)
{
	strmap_release(&p->statements, NULL);
	PQclear(PQexec(p->conn, "DEALLOCATE ALL"));
}

/*
 * The name of a statement on this connection, in *name. Where the server has to be asked for a
 * plan, that is one round trip; it is not made again.
 */
static int prepare(struct postgres *p, const char *text, char name[32], struct err *err)
{
	snprintf(name, 32, "s%016" PRIx64, str_hash(text, strlen(text)));
	if (strmap_has(&p->statements, text))
		return 0;
	if (p->statements.count >= SQL_STATEMENTS_MAX)
		forget_statements(p);
	PGresult *result = PQprepare(p->conn, name, text, 0, NULL);
	int rc = PQresultStatus(result) == PGRES_COMMAND_OK
			 ? 0
			 : postgres_fail(p, result, "cannot prepare a statement", err);
	PQclear(result);
	if (rc == 0)
		strmap_set(&p->statements, text, NULL);
	return rc;
}

int postgres_start(struct sql *sql, const char *statement, const struct sql_arg *args, size_t n,
	struct err *err)
{
	struct postgres *p = (struct postgres *)sql;
	AUTO(arena_release) struct arena arena = {0};
	struct arguments arguments;
	char name[32];

	if (write_args(&arena, args, n, &arguments, err) < 0 ||
		prepare(p, statement, name, err) < 0)
		return -1;
	if (!PQsendQueryPrepared(p->conn, name, (int)n, arguments.values, arguments.lengths,
		    arguments.formats, 0))
		return postgres_fail(p, NULL, "cannot send a statement", err);
	PQsetSingleRowMode(p->conn);
	p->running = true;
	p->changed = 0;
	return 0;
}

static void drop_row(struct postgres *p)
{
	strmap_release(&p->blobs, PQfreemem);
	PQclear(p->row);
	p->row = NULL;
}

/* Reads what is left; afterwards the connection takes the next statement. */
static void read_to_end(struct postgres *p)
{
	for (PGresult *rest; p->running && (rest = PQgetResult(p->conn));)
		PQclear(rest);
	p->running = false;
}

static void note_changed(struct postgres *p)
{
	const char *count = PQcmdTuples(p->row);

	if (!*count || !parse_int(count, 0, INT64_MAX, &p->changed))
		p->changed = 0;
}

/* A plan that a change of the tables has made wrong: the next try makes a new one. */
static void forget_stale(struct postgres *p)
{
	const char *state = PQresultErrorField(p->row, PG_DIAG_SQLSTATE);

	if (state && !strcmp(state, "0A000") && !p->sql.in_transaction)
		forget_statements(p);
}

int postgres_step(struct sql *sql, struct err *err)
{
	struct postgres *p = (struct postgres *)sql;
	int rc = 0;

	drop_row(p);
	if (!p->running || !(p->row = PQgetResult(p->conn)))
		return p->running = false, 0;
	switch (PQresultStatus(p->row)) {
	case PGRES_SINGLE_TUPLE: return 1;
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK: note_changed(p); break;
	default: rc = postgres_fail(p, p->row, "cannot run a statement", err);
	}
	read_to_end(p);
	if (rc < 0)
		forget_stale(p);
	return rc;
}

void postgres_stop(struct sql *sql)
{
	struct postgres *p = (struct postgres *)sql;

	drop_row(p);
	read_to_end(p);
}

int64_t postgres_changed(const struct sql *sql)
{
	return ((const struct postgres *)sql)->changed;
}

static const PGresult *row_of(const struct sql *sql)
{
	return ((const struct postgres *)sql)->row;
}

size_t postgres_columns(const struct sql *sql)
{
	return (size_t)PQnfields(row_of(sql));
}

const char *postgres_column_name(const struct sql *sql, int column)
{
	return PQfname(row_of(sql), column);
}

bool postgres_is_null(const struct sql *sql, int column)
{
	return PQgetisnull(row_of(sql), 0, column);
}

int64_t postgres_int(const struct sql *sql, int column)
{
	const char *text = PQgetvalue(row_of(sql), 0, column);
	int64_t i;

	if (text[0] == 't' && !text[1]) /* a boolean */
		return 1;
	if (parse_int(text, INT64_MIN, INT64_MAX, &i))
		return i;
	double d = strtod(text, NULL);
	return d > -0x1p63 && d < 0x1p63 ? (int64_t)d : 0;
}

double postgres_real(const struct sql *sql, int column)
{
	return strtod(PQgetvalue(row_of(sql), 0, column), NULL);
}

const char *postgres_text(const struct sql *sql, int column, size_t *len)
{
	*len = (size_t)PQgetlength(row_of(sql), 0, column);
	return postgres_is_null(sql, column) ? NULL : PQgetvalue(row_of(sql), 0, column);
}

const void *postgres_blob(struct sql *sql, int column, size_t *len)
{
	struct postgres *p = (struct postgres *)sql;
	const char *text = postgres_text(sql, column, len);
	char key[32];

	if (!text)
		return NULL;
	unsigned char *data = PQunescapeBytea((const unsigned char *)text, len);
	if (!data)
		mem_exhausted();
	snprintf(key, sizeof(key), "%zu", p->blobs.count);
	strmap_set(&p->blobs, key, data);
	return data;
}
