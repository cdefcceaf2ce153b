/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches: a transaction each. The row of the last number is changed first, which keeps other
 * batches waiting until this one has ended.
 */
#include "daemons/registryd/fleet_private.h"
#include "value/json.h"

/* ---- what the kinds of events share ---- */

int taking_run(struct taking *t, const char *statement, const struct sql_arg *args, size_t n,
	struct err *err)
{
	return sql_change(t->sql, statement, args, n, err) < 0 ? -1 : 0;
}

struct sql_arg taking_text(const struct value *event, const char *name)
{
	return sql_text(value_text(value_dict_get(event, name)));
}

struct sql_arg taking_error(const struct value *event)
{
	return taking_text(value_dict_get(event, "error"), "text");
}

const char *taking_name(const struct value *event, const char *name, struct err *err)
{
	const char *text = value_text(value_dict_get(event, name));

	if (text && *text && strlen(text) <= FLEET_NAME_MAX)
		return text;
	err_set(err, ERR_INPUT, "%s: expected a name of at most %d bytes", name,
		FLEET_NAME_MAX);
	return NULL;
}

/* ---- events ---- */

static const struct kind {
	const char *event;
	bool of_rollout;
	int (*take)(struct taking *t, const struct value *event, struct err *err);
} kinds[] = {
	{"run_start", true, take_run_start},
	{"batch", true, NULL},
	{"host_start", true, take_progress},
	{"phase", true, take_progress},
	{"model", true, take_model},
	{"warning", true, NULL},
	{"undo", true, NULL},
	{"stop", true, NULL},
	{"host_end", true, take_host_end},
	{"run_end", true, take_run_end},
	{"host", false, take_look},
};

static const struct kind *kind_of(const struct taking *t, const struct value *event)
{
	const char *name = value_text(value_dict_get(event, "event"));

	for (size_t i = 0; name && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].event, name) == 0 &&
			kinds[i].of_rollout == (t->batch->rollout != NULL))
			return &kinds[i];
	return NULL;
}

/* When an event was: its own time, where that is one and not in the future. */
static void set_time(struct taking *t, const struct value *event)
{
	const char *said = value_text(value_dict_get(event, "time"));
	time_t at;

	if (said && clock_parse_rfc3339(said, &at))
		clock_rfc3339(at, t->at);
	if (!said || strcmp(t->at, t->now) > 0)
		memcpy(t->at, t->now, sizeof(t->at));
}

/* The event as those who watch get it: as it came, with the rollout that it belongs to. */
static int write_event(
	const struct taking *t, const struct value *event, struct strbuf *out, struct err *err)
{
	static const struct json_write_options options = {
		.compact = true, .strict_numbers = true};
	static const char *const head[] = {"event", "time", "host", "state"};
	AUTO(arena_release) struct arena scratch = {0};
	struct value *short_one = value_new_dict(&scratch);

	for (size_t i = 0; i < ARRAY_SIZE(head); i++) {
		const char *text = value_text(value_dict_get(event, head[i]));
		if (text)
			value_dict_set(
				&scratch, short_one, head[i], value_new_string(&scratch, text));
	}
	/* What was seen of a host is long, and to be asked for. */
	if (t->batch->rollout && json_write(event, &options, out, err) < 0)
		return -1;
	if (!t->batch->rollout || out->len > FLEET_EVENT_MAX) {
		strbuf_clear(out);
		if (json_write(short_one, &options, out, err) < 0)
			return -1;
	}
	if (!t->batch->rollout)
		return 0;
	strbuf_truncate(out, out->len - 1);
	strbuf_addstr(out, ",\"rollout\":");
	strbuf_addjson(out, t->batch->rollout, strlen(t->batch->rollout));
	strbuf_addch(out, '}');
	return 0;
}

static int keep_event(struct taking *t, const struct value *event, struct err *err)
{
	AUTO(strbuf_release) struct strbuf data = STRBUF_INIT;

	if (write_event(t, event, &data, err) < 0)
		return -1;
	t->number++;
	const struct sql_arg args[] = {sql_int(t->number),
		sql_text(t->batch->rollout ? "rollout" : "fleet"), sql_text(data.data)};
	return taking_run(t,
		"INSERT INTO fleet_events (number, name, data) VALUES ($1, $2, $3)", args,
		ARRAY_SIZE(args), err);
}

static int take_event(struct taking *t, const struct value *event, struct err *err)
{
	const struct kind *kind = kind_of(t, event);

	if (!kind)
		return 0;
	set_time(t, event);
	if (kind->take && kind->take(t, event, err) < 0)
		return err_wrap(err, "%s", kind->event);
	t->taken++;
	return keep_event(t, event, err);
}

/* ---- batches ---- */

/* The first column of the only row of a query; -1 where there is none, with err on failure. */
static int64_t ask_number(struct sql *sql, const char *statement, const struct sql_arg *args,
	size_t n, struct err *err)
{
	struct sql_result *rows = sql_query(sql, statement, args, n, err);
	int64_t number = rows && sql_next(rows, err) > 0 ? sql_column_int(rows, 0) : -1;

	sql_finish(rows);
	return number;
}

static int begin(struct taking *t, struct err *err)
{
	clock_rfc3339(time(NULL), t->now);
	if (taking_run(t, "UPDATE fleet_clock SET last = last + 0 WHERE id = 1", NULL, 0, err) <
		0)
		return -1;
	t->number =
		ask_number(t->sql, "SELECT last FROM fleet_clock WHERE id = 1", NULL, 0, err);
	return t->number < 0 ? -1 : 0;
}

/* Makes the rollout's row or finds it; *skip is how many of the events it has already. */
static int enter_rollout(struct taking *t, size_t *skip, struct err *err)
{
	const struct fleet_batch *b = t->batch;
	const struct sql_arg args[] = {sql_text(b->rollout), sql_int(t->number + 1),
		sql_text(b->name), sql_text(b->by), sql_text(t->now)};
	int64_t made = sql_change(t->sql,
		"INSERT INTO fleet_rollouts (id, number, name, person, state, started, heard) "
		"VALUES ($1, $2, $3, $4, 'running', $5, $5) ON CONFLICT (id) DO NOTHING",
		args, ARRAY_SIZE(args), err);

	if (made < 0)
		return -1;
	t->may_exceed |= made > 0;
	int64_t had = ask_number(
		t->sql, "SELECT taken FROM fleet_rollouts WHERE id = $1", args, 1, err);
	if (had < 0)
		return -1;
	*skip = had > b->first ? (size_t)(had - b->first) : 0;
	const struct sql_arg heard[] = {sql_text(b->rollout), sql_text(t->now),
		sql_int(b->first + (int64_t)b->events->count)};
	return taking_run(t,
		"UPDATE fleet_rollouts SET heard = $2, taken = CASE WHEN taken < $3 THEN $3 "
		"ELSE taken END WHERE id = $1",
		heard, ARRAY_SIZE(heard), err);
}

/* Forgets what is more than is kept. */
static int trim(struct taking *t, struct err *err)
{
	static const char *const statements[] = {
		"DELETE FROM fleet_rollouts WHERE number <= (SELECT number FROM fleet_rollouts "
		"ORDER BY number DESC LIMIT 1 OFFSET $1)",
		"DELETE FROM fleet_rollout_hosts WHERE rollout NOT IN (SELECT id FROM "
		"fleet_rollouts)",
		"DELETE FROM fleet_states WHERE seen < (SELECT seen FROM fleet_states ORDER BY "
		"seen DESC LIMIT 1 OFFSET $1)",
		"DELETE FROM fleet_hosts WHERE seen < (SELECT seen FROM fleet_hosts ORDER BY "
		"seen DESC LIMIT 1 OFFSET $1)",
	};
	static const int64_t limits[] = {FLEET_ROLLOUTS, 0, FLEET_STATES, FLEET_STATES};

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		const struct sql_arg limit = sql_int(limits[i]);
		if (taking_run(t, statements[i], &limit, limits[i] > 0, err) < 0)
			return -1;
	}
	return 0;
}

static int end(struct taking *t, struct err *err)
{
	const struct sql_arg last = sql_int(t->number),
			     oldest = sql_int(t->number - FLEET_EVENTS);

	if (t->may_exceed && trim(t, err) < 0)
		return -1;
	if (taking_run(t, "UPDATE fleet_clock SET last = $1 WHERE id = 1", &last, 1, err) < 0 ||
		taking_run(t, "DELETE FROM fleet_events WHERE number <= $1", &oldest, 1, err) <
			0)
		return -1;
	return sql_notify(t->sql, FLEET_CHANNEL, err);
}

static int take_events(struct taking *t, struct err *err)
{
	const struct value *events = t->batch->events;
	size_t skip = 0;

	if (begin(t, err) < 0 || (t->batch->rollout && enter_rollout(t, &skip, err) < 0))
		return -1;
	for (size_t i = skip; i < events->count; i++)
		if (take_event(t, events->items[i], err) < 0)
			return err_wrap(err, "events[%zu]", i);
	return end(t, err);
}

int64_t fleet_take(struct fleet *f, const struct fleet_batch *batch, struct err *err)
{
	struct taking t = {.sql = f->sql, .batch = batch};

	pthread_mutex_lock(&f->lock);
	int rc = sql_begin(f->sql, SQL_WRITING, err);
	if (rc == 0)
		rc = take_events(&t, err);
	if (rc == 0)
		rc = sql_commit(f->sql, err);
	else
		sql_rollback(f->sql);
	pthread_mutex_unlock(&f->lock);
	return rc < 0 ? -1 : t.taken;
}
