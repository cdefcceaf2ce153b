/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet as JSON. */
#include <inttypes.h>

#include "daemons/registryd/fleet_private.h"

/* ---- texts of rows ---- */

/* A column that is to be a member of that name; NULL as null. */
struct column {
	const char *name;
	enum { COLUMN_TEXT, COLUMN_INT, COLUMN_JSON, COLUMN_LIST } kind;
};

static void add_column(
	const struct sql_result *row, size_t i, const struct column *column, struct strbuf *out)
{
	size_t n = 0;
	const char *text = sql_column_text(row, i, &n);

	strbuf_addf(out, "%s\"%s\": ", i ? ", " : "", column->name);
	if (!text)
		strbuf_addstr(out, "null");
	else if (column->kind == COLUMN_TEXT)
		strbuf_addjson(out, text, n);
	else
		strbuf_addf(out, column->kind == COLUMN_LIST ? "[%s]" : "%s", text);
}

static void add_columns(const struct sql_result *row, const struct column *columns,
	size_t count, struct strbuf *out)
{
	for (size_t i = 0; i < count; i++)
		add_column(row, i, &columns[i], out);
}

/* Shows rows as objects of a list; `finish` may add to each. */
typedef void (*row_finisher)(
	const struct sql_result *row, const void *data, struct strbuf *out);

struct listing {
	const char *statement;
	struct sql_arg arg;
	size_t args;
	const struct column *columns;
	size_t count;
	row_finisher finish;
	const void *data;
};

static int add_list(
	struct sql *sql, const struct listing *l, struct strbuf *out, struct err *err)
{
	struct sql_result *rows = sql_query(sql, l->statement, &l->arg, l->args, err);
	int more = -1, count = 0;

	while (rows && (more = sql_next(rows, err)) > 0) {
		strbuf_addstr(out, count++ ? ",\n{" : "{");
		add_columns(rows, l->columns, l->count, out);
		if (l->finish)
			l->finish(rows, l->data, out);
		strbuf_addch(out, '}');
	}
	sql_finish(rows);
	return more < 0 ? -1 : count;
}

/* ---- hosts ---- */

/* The columns of fleet_states from the model on, and how a host begins in them. */
static const struct column state_columns[] = {{"host", COLUMN_TEXT}, {"model", COLUMN_TEXT},
	{"version", COLUMN_TEXT}, {"wanted", COLUMN_TEXT}, {"drift", COLUMN_INT},
	{"drifted", COLUMN_JSON}, {"error", COLUMN_TEXT}, {"rollout", COLUMN_TEXT},
	{"seen", COLUMN_TEXT}};

/* The date that is in production, and whether the host's version is another one. */
static void finish_state(const struct sql_result *row, const void *data, struct strbuf *out)
{
	const struct entry_list *registry = data;
	const char *model = sql_column_text(row, 1, NULL);
	const char *version = sql_column_text(row, 2, NULL);
	const char *state = sql_column_text(row, ARRAY_SIZE(state_columns), NULL);
	const struct entry *production = entry_list_production(registry, model);
	const char *date = production ? production->date : NULL;

	if (date && version && strcmp(state, "ok") == 0 && strcmp(date, version) != 0)
		state = "behind";
	strbuf_addstr(out, ", \"state\": ");
	strbuf_addjson(out, state, strlen(state));
	strbuf_addf(out, date ? ", \"production\": \"%s\"" : ", \"production\": null", date);
}

static int add_hosts(struct sql *sql, struct strbuf *out, struct err *err)
{
	static const struct column columns[] = {{"host", COLUMN_TEXT}, {"state", COLUMN_TEXT},
		{"health", COLUMN_TEXT}, {"error", COLUMN_TEXT}, {"seen", COLUMN_TEXT}};
	const struct listing hosts = {
		.statement = "SELECT host, state, health, error, seen FROM fleet_hosts "
			     "ORDER BY host",
		.columns = columns,
		.count = ARRAY_SIZE(columns)};

	return add_list(sql, &hosts, out, err);
}

static int add_states(
	struct sql *sql, const struct entry_list *registry, struct strbuf *out, struct err *err)
{
	const struct listing states = {
		.statement = "SELECT host, model, version, wanted, drift, drifted, error, "
			     "rollout, seen, state FROM fleet_states ORDER BY host, model",
		.columns = state_columns,
		.count = ARRAY_SIZE(state_columns),
		.finish = finish_state,
		.data = registry};

	return add_list(sql, &states, out, err);
}

int fleet_hosts_json(
	struct fleet *f, const struct entry_list *registry, struct strbuf *out, struct err *err)
{
	strbuf_addstr(out, "{\"hosts\": [");
	pthread_mutex_lock(&f->lock);
	int rc = sql_begin(f->sql, SQL_READING, err);
	if (rc == 0)
		rc = add_hosts(f->sql, out, err);
	strbuf_addstr(out, "],\n\"models\": [");
	if (rc >= 0)
		rc = add_states(f->sql, registry, out, err);
	sql_rollback(f->sql);
	pthread_mutex_unlock(&f->lock);
	strbuf_addstr(out, "]}\n");
	return rc < 0 ? -1 : 0;
}

/* ---- rollouts ---- */

#define ROLLOUT_COLUMNS                                                                        \
	"id, name, person, playbook, state, exit_code, started, ended, heard, "                \
	"(SELECT count(*) FROM fleet_rollout_hosts h WHERE h.rollout = fleet_rollouts.id), "   \
	"(SELECT count(*) FROM fleet_rollout_hosts h WHERE h.rollout = fleet_rollouts.id AND " \
	"h.state IN ('unchanged', 'changed', 'drifted')), "                                    \
	"(SELECT count(*) FROM fleet_rollout_hosts h WHERE h.rollout = fleet_rollouts.id AND " \
	"h.state IN ('failed', 'unreachable', 'rolled_back'))"

static const struct column rollout_columns[] = {{"id", COLUMN_TEXT}, {"name", COLUMN_TEXT},
	{"by", COLUMN_TEXT}, {"playbook", COLUMN_TEXT}, {"state", COLUMN_TEXT},
	{"exit_code", COLUMN_INT}, {"started", COLUMN_TEXT}, {"ended", COLUMN_TEXT},
	{"heard", COLUMN_TEXT}, {"hosts", COLUMN_INT}, {"done", COLUMN_INT},
	{"failed", COLUMN_INT}};

/* One that runs but has said nothing for long may have lost its engine. */
static void finish_rollout(const struct sql_result *row, const void *data, struct strbuf *out)
{
	const time_t *now = data;
	time_t heard;
	bool silent = strcmp(sql_column_text(row, 4, NULL), "running") == 0 &&
		      clock_parse_rfc3339(sql_column_text(row, 8, NULL), &heard) &&
		      *now - heard > FLEET_SILENCE;

	strbuf_addf(out, ", \"silent\": %s", silent ? "true" : "false");
}

static int add_rollouts(struct sql *sql, const char *statement, const char *id,
	struct strbuf *out, struct err *err)
{
	const time_t now = time(NULL);
	const struct listing rollouts = {.statement = statement,
		.arg = sql_text(id),
		.args = id != NULL,
		.columns = rollout_columns,
		.count = ARRAY_SIZE(rollout_columns),
		.finish = finish_rollout,
		.data = &now};

	return add_list(sql, &rollouts, out, err);
}

int fleet_rollouts_json(struct fleet *f, struct strbuf *out, struct err *err)
{
	strbuf_addstr(out, "{\"rollouts\": [");
	pthread_mutex_lock(&f->lock);
	int rc = add_rollouts(f->sql,
		"SELECT " ROLLOUT_COLUMNS " FROM fleet_rollouts ORDER BY number DESC", NULL,
		out, err);
	pthread_mutex_unlock(&f->lock);
	strbuf_addstr(out, "]}\n");
	return rc < 0 ? -1 : 0;
}

static int add_rollout_hosts(
	struct sql *sql, const char *id, struct strbuf *out, struct err *err)
{
	static const struct column columns[] = {{"host", COLUMN_TEXT}, {"state", COLUMN_TEXT},
		{"phase", COLUMN_TEXT}, {"error", COLUMN_TEXT}, {"models", COLUMN_LIST}};
	const struct listing hosts = {
		.statement = "SELECT host, state, phase, error, models FROM "
			     "fleet_rollout_hosts WHERE rollout = $1 ORDER BY place, host",
		.arg = sql_text(id),
		.args = 1,
		.columns = columns,
		.count = ARRAY_SIZE(columns)};

	return add_list(sql, &hosts, out, err);
}

static int read_rollout(struct sql *sql, const char *id, struct strbuf *out, struct err *err)
{
	int found = add_rollouts(sql,
		"SELECT " ROLLOUT_COLUMNS " FROM fleet_rollouts WHERE id = $1", id, out, err);

	if (found == 0)
		return err_set(err, ERR_NOTFOUND, "no rollout %s is known", id);
	if (found < 0)
		return -1;
	strbuf_addstr(out, ",\n\"hosts\": [");
	return add_rollout_hosts(sql, id, out, err) < 0 ? -1 : 0;
}

int fleet_rollout_json(struct fleet *f, const char *id, struct strbuf *out, struct err *err)
{
	strbuf_addstr(out, "{\"rollout\": ");
	pthread_mutex_lock(&f->lock);
	int rc = sql_begin(f->sql, SQL_READING, err);
	if (rc == 0)
		rc = read_rollout(f->sql, id, out, err);
	sql_rollback(f->sql);
	pthread_mutex_unlock(&f->lock);
	strbuf_addstr(out, "]}\n");
	return rc;
}

/* ---- events ---- */

static int64_t last_number(struct sql *sql, struct err *err)
{
	struct sql_result *rows =
		sql_query(sql, "SELECT last FROM fleet_clock WHERE id = 1", NULL, 0, err);
	int64_t last = rows && sql_next(rows, err) > 0 ? sql_column_int(rows, 0) : -1;

	sql_finish(rows);
	return last;
}

static int tell_events(struct sql *sql, int64_t after, int64_t until, fleet_teller tell,
	void *data, struct err *err)
{
	const struct sql_arg args[] = {sql_int(after), sql_int(until)};
	struct sql_result *rows = sql_query(sql,
		"SELECT number, name, data FROM fleet_events WHERE number > $1 AND number <= "
		"$2 ORDER BY number",
		args, ARRAY_SIZE(args), err);
	int more = -1;

	while (rows && (more = sql_next(rows, err)) > 0) {
		const struct fleet_event event = {.number = sql_column_int(rows, 0),
			.name = sql_column_text(rows, 1, NULL),
			.data = sql_column_text(rows, 2, NULL)};
		tell(data, &event);
	}
	sql_finish(rows);
	return more;
}

int64_t fleet_events(struct sql *sql, int64_t after, int64_t until, fleet_teller tell,
	void *data, struct err *err)
{
	if (sql_begin(sql, SQL_READING, err) < 0)
		return -1;
	int64_t last = last_number(sql, err);
	int rc = last < 0 ? -1 : 0;
	if (last > after && until > after)
		rc = tell_events(sql, after, until, tell, data, err);
	sql_rollback(sql);
	return rc < 0 ? -1 : last;
}
