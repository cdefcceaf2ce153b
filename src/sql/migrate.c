/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schemas grow by numbered steps. PostgreSQL lets two connections make one table at once and
 * then fails one of them, so that a lock of the transaction comes first; SQLite has one writer
 * at a time anyway. The lock's number is a constant of ours.
 */
#include "sql/private.h"

static const struct sql_migration remembering = {
	.both = "CREATE TABLE IF NOT EXISTS modelfleet_schema ("
		"area text PRIMARY KEY, steps bigint NOT NULL)",
};

static int run_step(struct sql *sql, const struct sql_migration *step, struct err *err)
{
	const char *own = sql_kind(sql) == SQL_SQLITE ? step->sqlite : step->postgresql;

	if (step->both && sql_script(sql, step->both, err) < 0)
		return -1;
	return own && sql_script(sql, own, err) < 0 ? -1 : 0;
}

/* How many steps were applied, or -1. */
static int64_t applied_steps(struct sql *sql, const char *area, struct err *err)
{
	const struct sql_arg arg = sql_text(area);
	struct sql_result *row = sql_query(
		sql, "SELECT steps FROM modelfleet_schema WHERE area = $1", &arg, 1, err);
	int found = row ? sql_next(row, err) : -1;
	int64_t steps = found > 0 ? sql_column_int(row, 0) : found;

	sql_finish(row);
	return steps;
}

static int remember(struct sql *sql, const char *area, size_t count, struct err *err)
{
	const struct sql_arg args[] = {sql_text(area), sql_int((int64_t)count)};

	return sql_change(sql,
		       "INSERT INTO modelfleet_schema (area, steps) VALUES ($1, $2) "
		       "ON CONFLICT (area) DO UPDATE SET steps = excluded.steps",
		       args, 2, err) < 0
		       ? -1
		       : 0;
}

static int migrate(struct sql *sql, const char *area, const struct sql_migration *steps,
	size_t count, struct err *err)
{
	if (sql_kind(sql) == SQL_POSTGRESQL &&
		sql_script(sql, "SELECT pg_advisory_xact_lock(7306375091847001)", err) < 0)
		return -1;
	if (run_step(sql, &remembering, err) < 0)
		return -1;
	int64_t done = applied_steps(sql, area, err);
	if (done < 0)
		return -1;
	if ((uint64_t)done > count)
		return err_set(err, ERR_UNSUPPORTED,
			"the tables of %s were made by a newer version (step %lld, this one "
			"knows %zu); install that",
			area, (long long)done, count);
	for (size_t i = (size_t)done; i < count; i++)
		if (run_step(sql, &steps[i], err) < 0)
			return err_wrap(err, "step %zu of the tables of %s", i + 1, area);
	return (size_t)done == count ? 0 : remember(sql, area, count, err);
}

int sql_migrate(struct sql *sql, const char *area, const struct sql_migration *steps,
	size_t count, struct err *err)
{
	if (sql_begin(sql, SQL_WRITING, err) < 0)
		return -1;
	if (migrate(sql, area, steps, count, err) < 0) {
		sql_rollback(sql);
		return err_wrap(err, "%s", sql->name);
	}
	return sql_commit(sql, err);
}
