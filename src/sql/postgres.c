/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL by libpq: the connection, what it hears, and its locks.
 *
 * An idle connection is looked at before it is used: what the server has sent meanwhile is a
 * notification, or its good-bye. So a server that was restarted costs nobody an error unless
 * it went away in the middle of a statement.
 */
#include "sql/postgres.h"

#include <inttypes.h>
#include <poll.h>

#include "base/log.h"

#define TEXT_OF(number) #number
#define TEXT(number)    TEXT_OF(number)
#define LOCK_TIMEOUT    "SET lock_timeout = '" TEXT(SQL_BUSY_SECONDS) "s'; "

static void be_quiet(void *arg, const char *text)
{
	(void)arg;
	log_debug("postgresql: %.*s", (int)strcspn(text, "\n"), text);
}

/* "postgresql://host:port/database", from what the connection came to be. */
static void set_name(struct postgres *p)
{
	const char *host = PQhost(p->conn), *port = PQport(p->conn), *db = PQdb(p->conn);

	free(p->sql.name);
	p->sql.name = xasprintf("postgresql://%s:%s/%s", host && *host ? host : "",
		port ? port : "", db ? db : "");
}

/* What a refused connection is told of by its text alone: libpq keeps no SQLSTATE of it. */
static const struct {
	const char *text;
	enum err_code means;
} refusals[] = {
	{"authentication failed", ERR_AUTH},
	{"no password supplied", ERR_AUTH},
	{"no pg_hba.conf entry", ERR_AUTH},
	{"FATAL:  role ", ERR_AUTH},
	{"FATAL:  database ", ERR_NOTFOUND},
	{"too many clients", ERR_BUSY},
};

static int fail_connecting(struct postgres *p, struct err *err)
{
	const char *text = PQerrorMessage(p->conn);

	postgres_fail(p, NULL, "no connection", err);
	for (size_t i = 0; err && i < ARRAY_SIZE(refusals); i++)
		if (strstr(text, refusals[i].text))
			err->code = refusals[i].means;
	return -1;
}

static int listen_on(struct postgres *p, const char *channel, struct err *err)
{
	char *quoted = PQescapeIdentifier(p->conn, channel, strlen(channel));

	if (!quoted)
		return postgres_fail(p, NULL, "cannot listen", err);
	autofree char *statement = xasprintf("LISTEN %s", quoted);
	PQfreemem(quoted);
	return p->sql.ops->script(&p->sql, statement, err);
}

/*
 * Nobody is waited for without end: neither a lock, nor, by the server, a client whose host is
 * gone and which holds one.
 */
static const char session[] =
	LOCK_TIMEOUT "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; "
		     "SET tcp_keepalives_count = 3";

/* What a connection knows and a new one does not. */
static int bring_up(struct postgres *p, struct err *err)
{
	strmap_release(&p->statements, NULL);
	if (p->sql.ops->script(&p->sql, session, err) < 0)
		return -1;
	for (size_t i = 0; i < p->channels.count; i++)
		if (listen_on(p, p->channels.items[i], err) < 0)
			return -1;
	p->heard = p->channels.count > 0;
	return 0;
}

/* What stands behind `dbname` is read after the others and wins. */
static int open_connection(struct postgres *p, struct err *err)
{
	const char *const names[] = {"connect_timeout", "tcp_user_timeout", "keepalives_idle",
		"fallback_application_name", "dbname", "client_encoding", NULL};
	const char *const values[] = {"10", "30000", "30", "modelfleet", p->uri, "UTF8", NULL};

	PQfinish(p->conn);
	p->conn = PQconnectdbParams(names, values, 1);
	if (!p->conn)
		mem_exhausted();
	set_name(p);
	if (PQstatus(p->conn) != CONNECTION_OK)
		return fail_connecting(p, err);
	PQsetNoticeProcessor(p->conn, be_quiet, NULL);
	if (bring_up(p, err) == 0)
		return 0;
	PQfinish(p->conn); /* half of it would be taken for all the next time */
	p->conn = NULL;
	return -1;
}

static void take_notifications(struct postgres *p)
{
	for (PGnotify *n; (n = PQnotifies(p->conn)); PQfreemem(n))
		if (n->be_pid != PQbackendPID(p->conn))
			p->heard = true;
}

static bool is_readable(const struct postgres *p)
{
	struct pollfd fd = {.fd = PQsocket(p->conn), .events = POLLIN};

	return fd.fd >= 0 && poll(&fd, 1, 0) > 0;
}

/* Reads what came without being asked for. */
static void take_in(struct postgres *p)
{
	while (PQstatus(p->conn) == CONNECTION_OK && is_readable(p) && PQconsumeInput(p->conn))
		take_notifications(p);
	take_notifications(p);
}

static int ready(struct sql *sql, struct err *err)
{
	struct postgres *p = (struct postgres *)sql;

	if (!sql->in_transaction)
		take_in(p);
	if (PQstatus(p->conn) == CONNECTION_OK)
		return 0;
	if (sql->in_transaction || sql->locks.count)
		return err_set(err, ERR_UNREACHABLE, "%s: the connection was lost within %s",
			sql->name, sql->in_transaction ? "a transaction" : "a lock");
	return open_connection(p, err);
}

static void close_connection(struct sql *sql)
{
	struct postgres *p = (struct postgres *)sql;

	PQfinish(p->conn);
	strmap_release(&p->statements, NULL);
	strmap_release(&p->blobs, PQfreemem);
	strlist_release(&p->channels);
	mem_wipe(p->uri, strlen(p->uri));
	free(p->uri);
	free(p);
}

static int run_script(struct sql *sql, const char *text, struct err *err)
{
	struct postgres *p = (struct postgres *)sql;
	PGresult *result = PQexec(p->conn, text);
	ExecStatusType status = PQresultStatus(result);
	int rc = 0;

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
		status != PGRES_EMPTY_QUERY)
		rc = postgres_fail(p, result, "cannot run a statement", err);
	PQclear(result);
	return rc;
}

/* After an error within the transaction the server answers a COMMIT by rolling back. */
static int commit(struct sql *sql, struct err *err)
{
	struct postgres *p = (struct postgres *)sql;
	PGresult *result = PQexec(p->conn, "COMMIT");
	int rc = 0;

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		rc = postgres_fail(p, result, "cannot commit", err);
	else if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
		rc = err_set(err, ERR_UNSUPPORTED,
			"%s: a statement failed, so that the transaction cannot be committed",
			sql->name);
	PQclear(result);
	return rc;
}

/* Locks are numbers: the same for the same name in every process. */
static struct sql_arg lock_number(const char *name)
{
	autofree char *full = xasprintf("modelfleet.%s", name);

	return sql_int((int64_t)str_hash(full, strlen(full)));
}

static int try_lock(struct sql *sql, const char *name, struct err *err)
{
	const struct sql_arg number = lock_number(name);
	struct sql_result *row =
		sql_query(sql, "SELECT pg_try_advisory_lock($1)", &number, 1, err);
	int rc = row ? sql_next(row, err) : -1;

	if (rc > 0)
		rc = (int)sql_column_int(row, 0);
	sql_finish(row);
	if (rc > 0)
		strmap_set(&sql->locks, name, NULL);
	return rc;
}

/* A connection that is gone has given its locks back. */
static void unlock(struct sql *sql, const char *name)
{
	const struct sql_arg number = lock_number(name);

	(void)sql_change(sql, "SELECT pg_advisory_unlock($1)", &number, 1, NULL);
}

static int listen_to(struct sql *sql, const char *channel, struct err *err)
{
	struct postgres *p = (struct postgres *)sql;

	if (strlist_has(&p->channels, channel))
		return 0;
	if (listen_on(p, channel, err) < 0)
		return -1;
	strlist_add(&p->channels, channel);
	return 0;
}

static int notify(struct sql *sql, const char *channel, struct err *err)
{
	const struct sql_arg arg = sql_text(channel);

	return sql_change(sql, "SELECT pg_notify($1, '')", &arg, 1, err) < 0 ? -1 : 0;
}

static int heard(struct sql *sql, struct err *err)
{
	struct postgres *p = (struct postgres *)sql;
	bool was = p->heard;

	(void)err;
	p->heard = false;
	return was;
}

static int wait_for_server(
	struct sql *sql, deadline until, const struct cancel *cancel, struct err *err)
{
	struct postgres *p = (struct postgres *)sql;
	struct pollfd fd = {.fd = PQsocket(p->conn), .events = POLLIN};
	struct err why;

	if (wait_fds(&fd, 1, until, cancel, &why) >= 0 || why.code == ERR_TIMEOUT)
		return 0;
	return err_set(err, why.code, "%s", why.text);
}

static const struct sql_ops ops = {
	.kind = SQL_POSTGRESQL,
	.close = close_connection,
	.ready = ready,
	.script = run_script,
	.commit = commit,
	.start = postgres_start,
	.step = postgres_step,
	.stop = postgres_stop,
	.changed = postgres_changed,
	.columns = postgres_columns,
	.column_name = postgres_column_name,
	.is_null = postgres_is_null,
	.column_int = postgres_int,
	.column_real = postgres_real,
	.column_text = postgres_text,
	.column_blob = postgres_blob,
	.begin = {[SQL_READING] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
		[SQL_WRITING] = "BEGIN"},
	.try_lock = try_lock,
	.unlock = unlock,
	.listen = listen_to,
	.notify = notify,
	.heard = heard,
	.wait = wait_for_server,
};

/* The library's own text of a wrong URI repeats it, password and all. */
static int check_uri(const char *uri, struct err *err)
{
	char *text = NULL;
	PQconninfoOption *options = PQconninfoParse(uri, &text);
	bool good = options != NULL;

	PQconninfoFree(options);
	PQfreemem(text);
	return good ? 0
		    : err_set(err, ERR_INPUT,
			      "what is given behind postgresql:// cannot be read; expected "
			      "postgresql://USER@HOST:PORT/DATABASE?OPTION=VALUE, with "
			      "%%-escapes");
}

struct sql *postgres_open(const char *uri, struct err *err)
{
	if (check_uri(uri, err) < 0)
		return NULL;
	struct postgres *p = xcalloc(1, sizeof(*p));
	p->sql.ops = &ops;
	p->uri = xstrdup(uri);
	if (open_connection(p, err) < 0) {
		sql_close(&p->sql);
		return NULL;
	}
	return &p->sql;
}
