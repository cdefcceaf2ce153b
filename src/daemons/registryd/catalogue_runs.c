/* SPDX-License-Identifier: Apache-2.0 */
/* The history of syncs: one row each, which others see while it runs. */
#include "daemons/registryd/catalogue_private.h"

#define RESULT_COLUMNS "fetched, created, updated, unchanged, vanished, skipped, message"

static int change(struct sql *sql, const char *statement, const struct sql_arg *args, size_t n,
	struct err *err)
{
	return sql_change(sql, statement, args, n, err) < 0 ? -1 : 0;
}

/* The first column of the first row: 1, 0 when there is none or NULL, -1 with err. */
static int first_text(struct sql *sql, const char *statement, char out[32], struct err *err)
{
	struct sql_result *rows = sql_query(sql, statement, NULL, 0, err);
	int more = rows ? sql_next(rows, err) : -1;
	const char *text = more > 0 ? sql_column_text(rows, 0, NULL) : NULL;

	if (text)
		snprintf(out, 32, "%s", text);
	sql_finish(rows);
	return more < 0 ? -1 : text != NULL;
}

int run_end_dead(struct sql *sql, struct err *err)
{
	static const char end[] =
		"UPDATE sync_runs SET status = 'interrupted', finished_at = $1, "
		"message = 'the daemon ended while it ran' WHERE status = 'running'";
	char now[32];

	clock_rfc3339(time(NULL), now);
	const struct sql_arg at = sql_text(now);
	return change(sql, end, &at, 1, err);
}

int64_t run_begin(struct sql *sql, const char *cause, struct err *err)
{
	static const char begin[] =
		"INSERT INTO sync_runs (cause, status, started_at) VALUES ($1, 'running', $2) "
		"RETURNING id";
	char now[32];

	clock_rfc3339(time(NULL), now);
	const struct sql_arg args[] = {sql_text(cause), sql_text(now)};
	if (run_end_dead(sql, err) < 0)
		return -1;
	struct sql_result *rows = sql_query(sql, begin, args, ARRAY_SIZE(args), err);
	int64_t id = rows && sql_next(rows, err) > 0 ? sql_column_int(rows, 0) : -1;
	/* Its end is where it takes effect. */
	if (id >= 0 && sql_next(rows, err) < 0)
		id = -1;
	sql_finish(rows);
	return id;
}

int run_update(struct sql *sql, int64_t id, const struct sync_result *result, bool ended,
	struct err *err)
{
	static const char statement[] =
		"UPDATE sync_runs SET status = $1, finished_at = $2, fetched = $3, created = "
		"$4, updated = $5, unchanged = $6, vanished = $7, skipped = $8, message = $9 "
		"WHERE id = $10";
	char now[32];

	clock_rfc3339(time(NULL), now);
	const struct sql_arg args[] = {sql_text(ended ? result->status : "running"),
		ended ? sql_text(now) : sql_null(), sql_int(result->fetched),
		sql_int(result->created), sql_int(result->updated), sql_int(result->unchanged),
		sql_int(result->vanished), sql_int(result->skipped),
		sql_text(ended ? result->message : ""), sql_int(id)};
	return change(sql, statement, args, ARRAY_SIZE(args), err);
}

/* When the schedule was asked for the first time, which is now if nobody wrote it down. */
static int first_asked(struct sql *sql, char out[32], struct err *err)
{
	char now[32];

	clock_rfc3339(time(NULL), now);
	const struct sql_arg at = sql_text(now);
	if (change(sql,
		    "INSERT INTO sync_schedule (id, since) VALUES (1, $1) "
		    "ON CONFLICT (id) DO NOTHING",
		    &at, 1, err) < 0)
		return -1;
	return first_text(sql, "SELECT since FROM sync_schedule WHERE id = 1", out, err);
}

int run_last(struct sql *sql, time_t *last, struct err *err)
{
	char text[32];
	int rc = first_text(sql,
		"SELECT max(started_at) FROM sync_runs WHERE status IN ('success', 'failed')",
		text, err);

	if (rc == 0)
		rc = first_asked(sql, text, err);
	if (rc < 0)
		return -1;
	if (rc == 0 || !clock_parse_rfc3339(text, last))
		return err_set(err, ERR_INTEGRITY, "%s: a sync has no time of its beginning",
			sql_name(sql));
	return 0;
}

/* ---- as JSON ---- */

static void add_text(struct strbuf *out, const char *name, const char *text)
{
	strbuf_addf(out, "\"%s\": ", name);
	if (text)
		strbuf_addjson(out, text, strlen(text));
	else
		strbuf_addstr(out, "null");
}

static void add_run(struct sql_result *rows, struct strbuf *out)
{
	static const char *const texts[] = {"cause", "status", "started_at", "finished_at"};
	static const char *const counts[] = {
		"fetched", "created", "updated", "unchanged", "vanished", "skipped"};
	size_t column = 0;

	strbuf_addf(out, "{\"id\": %lld, ", (long long)sql_column_int(rows, column++));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		add_text(out, texts[i], sql_column_text(rows, column++, NULL));
		strbuf_addstr(out, ", ");
	}
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		strbuf_addf(out, "\"%s\": %lld, ", counts[i],
			(long long)sql_column_int(rows, column++));
	add_text(out, "message", sql_column_text(rows, column, NULL));
	strbuf_addch(out, '}');
}

int run_history(struct sql *sql, int64_t count, struct strbuf *out, struct err *err)
{
	static const char statement[] =
		"SELECT id, cause, status, started_at, finished_at, " RESULT_COLUMNS
		" FROM sync_runs ORDER BY id DESC LIMIT $1";
	const struct sql_arg limit = sql_int(count);
	struct sql_result *rows = sql_query(sql, statement, &limit, 1, err);
	const char *between = "";
	int more = -1;

	strbuf_addch(out, '[');
	while (rows && (more = sql_next(rows, err)) > 0) {
		strbuf_addstr(out, between);
		add_run(rows, out);
		between = ", ";
	}
	sql_finish(rows);
	strbuf_addch(out, ']');
	return more;
}

void sync_result_json(const struct sync_result *result, struct strbuf *out)
{
	strbuf_addf(out,
		"{\"status\": \"%s\", \"created\": %lld, \"updated\": %lld, \"skipped\": "
		"%lld, ",
		result->status, (long long)result->created, (long long)result->updated,
		(long long)result->skipped);
	add_text(out, "message", result->message);
	strbuf_addstr(out, "}\n");
}
