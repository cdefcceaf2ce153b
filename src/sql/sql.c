/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"
#include "sql/private.h"

static const struct {
	const char *prefix;
	struct sql *(*open)(const char *place, struct err *err);
	bool whole; /* it is given the prefix, too */
} databases[] = {
	{"sqlite:", sqlite_open, false},
	{"postgresql://", postgres_open, true},
	{"postgres://", postgres_open, true},
};

struct sql *sql_open(const char *uri, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(databases); i++)
		if (str_starts(uri, databases[i].prefix)) {
			size_t skip = databases[i].whole ? 0 : strlen(databases[i].prefix);
			struct sql *sql = databases[i].open(uri + skip, err);

			if (sql)
				sql->result.sql = sql;
			return sql;
		}
	err_set(err, ERR_INPUT,
		"a database is given as sqlite:PATH or postgresql://HOST/DATABASE");
	return NULL;
}

void sql_close(struct sql *sql)
{
	if (!sql)
		return;
	sql_finish(&sql->result);
	sql_rollback(sql);
	while (sql->locks.count)
		sql_unlock(sql, sql->locks.entries[0].key);
	strmap_release(&sql->locks, NULL);
	free(sql->name);
	sql->ops->close(sql);
}

void sql_closep(struct sql **sql)
{
	sql_close(*sql);
}

enum sql_kind sql_kind(const struct sql *sql)
{
	return sql->ops->kind;
}

const char *sql_name(const struct sql *sql)
{
	return sql->name;
}

/* One result at a time: PostgreSQL's connection is taken while rows come in. */
static int get_ready(struct sql *sql, struct err *err)
{
	if (sql->result.open)
		return err_set(err, ERR_UNSUPPORTED,
			"%s: the result of the statement before is not finished", sql->name);
	return sql->ops->ready(sql, err);
}

int sql_script(struct sql *sql, const char *script, struct err *err)
{
	return get_ready(sql, err) < 0 ? -1 : sql->ops->script(sql, script, err);
}

/* Both databases are told the same, so that what one takes the other takes. */
static int check_text(const struct sql_arg *arg, size_t number, struct err *err)
{
	const char *s = arg->data;

	for (size_t i = 0, len; i < arg->len; i += len) {
		len = utf8_len(s + i, arg->len - i);
		if (len == 0 || s[i] == '\0')
			return err_set(err, ERR_INPUT,
				"argument $%zu has a byte 0x%02x at %zu, which no text has",
				number, (unsigned char)s[i], i);
	}
	return 0;
}

static int check_args(const struct sql_arg *args, size_t n, struct err *err)
{
	if (n > SQL_ARGS_MAX)
		return err_set(
			err, ERR_LIMIT, "more than %u arguments of a statement", SQL_ARGS_MAX);
	for (size_t i = 0; i < n; i++)
		if (args[i].type == SQL_TEXT && check_text(&args[i], i + 1, err) < 0)
			return -1;
	return 0;
}

struct sql_result *sql_query(struct sql *sql, const char *statement, const struct sql_arg *args,
	size_t n, struct err *err)
{
	if (check_args(args, n, err) < 0 || get_ready(sql, err) < 0 ||
		sql->ops->start(sql, statement, args, n, err) < 0)
		return NULL;
	sql->result.open = true;
	return &sql->result;
}

int sql_next(struct sql_result *result, struct err *err)
{
	return result->open ? result->sql->ops->step(result->sql, err) : 0;
}

void sql_finish(struct sql_result *result)
{
	if (!result || !result->open)
		return;
	result->sql->ops->stop(result->sql);
	result->open = false;
}

int64_t sql_change(struct sql *sql, const char *statement, const struct sql_arg *args, size_t n,
	struct err *err)
{
	struct sql_result *result = sql_query(sql, statement, args, n, err);
	int more;

	if (!result)
		return -1;
	while ((more = sql_next(result, err)) > 0)
		continue;
	int64_t changed = more < 0 ? -1 : sql->ops->changed(sql);
	sql_finish(result);
	return changed;
}

size_t sql_columns(const struct sql_result *result)
{
	return result->sql->ops->columns(result->sql);
}

const char *sql_column_name(const struct sql_result *result, size_t column)
{
	return result->sql->ops->column_name(result->sql, (int)column);
}

bool sql_column_is_null(const struct sql_result *result, size_t column)
{
	return result->sql->ops->is_null(result->sql, (int)column);
}

int64_t sql_column_int(const struct sql_result *result, size_t column)
{
	return result->sql->ops->column_int(result->sql, (int)column);
}

double sql_column_real(const struct sql_result *result, size_t column)
{
	return result->sql->ops->column_real(result->sql, (int)column);
}

const char *sql_column_text(const struct sql_result *result, size_t column, size_t *len)
{
	size_t ignored;

	return result->sql->ops->column_text(result->sql, (int)column, len ? len : &ignored);
}

const void *sql_column_blob(struct sql_result *result, size_t column, size_t *len)
{
	return result->sql->ops->column_blob(result->sql, (int)column, len);
}

int sql_begin(struct sql *sql, enum sql_access access, struct err *err)
{
	if (sql->in_transaction)
		return err_set(
			err, ERR_UNSUPPORTED, "%s: a transaction is open already", sql->name);
	if (sql_script(sql, sql->ops->begin[access], err) < 0)
		return -1;
	sql->in_transaction = true;
	return 0;
}

int sql_commit(struct sql *sql, struct err *err)
{
	if (get_ready(sql, err) < 0 || sql->ops->commit(sql, err) < 0) {
		sql_rollback(sql);
		return -1;
	}
	sql->in_transaction = false;
	return 0;
}

void sql_rollback(struct sql *sql)
{
	if (!sql->in_transaction)
		return;
	sql_finish(&sql->result);
	/* Where this fails, the connection is lost, or SQLite has rolled back by itself. */
	(void)sql_script(sql, "ROLLBACK", NULL);
	sql->in_transaction = false;
}

int sql_try_lock(struct sql *sql, const char *name, struct err *err)
{
	if (!path_is_component(name))
		return err_set(
			err, ERR_INPUT, "%s: a lock cannot be called %.100s", sql->name, name);
	if (strmap_has(&sql->locks, name))
		return 1;
	return get_ready(sql, err) < 0 ? -1 : sql->ops->try_lock(sql, name, err);
}

void sql_unlock(struct sql *sql, const char *name)
{
	if (!strmap_has(&sql->locks, name))
		return;
	sql_finish(&sql->result);
	sql->ops->unlock(sql, name);
	strmap_remove(&sql->locks, name);
}

int sql_listen(struct sql *sql, const char *channel, struct err *err)
{
	return get_ready(sql, err) < 0 ? -1 : sql->ops->listen(sql, channel, err);
}

int sql_notify(struct sql *sql, const char *channel, struct err *err)
{
	return get_ready(sql, err) < 0 ? -1 : sql->ops->notify(sql, channel, err);
}

int sql_heard(struct sql *sql, struct err *err)
{
	return get_ready(sql, err) < 0 ? -1 : sql->ops->heard(sql, err);
}

int sql_wait(struct sql *sql, deadline until, const struct cancel *cancel, struct err *err)
{
	for (;;) {
		int heard = sql_heard(sql, err);

		if (heard != 0)
			return heard;
		if (deadline_passed(until))
			return 0;
		if (sql->ops->wait(sql, until, cancel, err) < 0)
			return -1;
	}
}
