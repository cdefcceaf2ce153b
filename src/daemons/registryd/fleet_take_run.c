/* SPDX-License-Identifier: Apache-2.0 */
/* What a rollout tells: how far each of its hosts is. */
#include "daemons/registryd/fleet_private.h"

#define MODELS_MAX 65536 /* bytes of what became of a host's models */

static int put_host(struct taking *t, const char *host, size_t place, const char *state,
	struct sql_arg phase, struct err *err)
{
	const struct sql_arg args[] = {sql_text(t->batch->rollout), sql_int((int64_t)place),
		sql_text(host), sql_text(state), phase};

	return taking_run(t,
		"INSERT INTO fleet_rollout_hosts (rollout, place, host, state, phase) "
		"VALUES ($1, $2, $3, $4, $5) ON CONFLICT (rollout, host) DO UPDATE SET "
		"state = excluded.state, phase = excluded.phase",
		args, ARRAY_SIZE(args), err);
}

int take_run_start(struct taking *t, const struct value *event, struct err *err)
{
	const struct value *hosts = value_dict_get(event, "hosts");
	const struct sql_arg args[] = {
		sql_text(t->batch->rollout), taking_text(event, "playbook"), sql_text(t->at)};

	if (!hosts || hosts->kind != VALUE_LIST || hosts->count > FLEET_HOSTS)
		return err_set(err, ERR_INPUT, "hosts: expected a list of at most %d names",
			FLEET_HOSTS);
	for (size_t i = 0; i < hosts->count; i++) {
		const char *host = value_text(hosts->items[i]);
		if (!host || !*host || strlen(host) > FLEET_NAME_MAX)
			return err_set(err, ERR_INPUT, "hosts[%zu]: expected a name", i);
		if (put_host(t, host, i, "waiting", sql_null(), err) < 0)
			return -1;
	}
	return taking_run(t,
		"UPDATE fleet_rollouts SET playbook = $2, started = $3 WHERE id = $1", args,
		ARRAY_SIZE(args), err);
}

int take_progress(struct taking *t, const struct value *event, struct err *err)
{
	const char *host = taking_name(event, "host", err);

	return host ? put_host(
			      t, host, FLEET_HOSTS, "running", taking_text(event, "phase"), err)
		    : -1;
}

/* ---- models ---- */

/* The state of a model after a deploy that came to its end with it. */
static const char *state_of(const char *outcome)
{
	static const struct {
		const char *outcome, *state;
	} states[] = {
		{"current", "ok"}, {"sent", "ok"}, {"repaired", "ok"}, {"drifted", "drifted"}};

	for (size_t i = 0; outcome && i < ARRAY_SIZE(states); i++)
		if (strcmp(states[i].outcome, outcome) == 0)
			return states[i].state;
	return "failed";
}

/* Adds to the host's list what became of a model. */
static int note_model(
	struct taking *t, const struct model_state *s, const char *outcome, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *members[] = {"model", s->model, "version", s->wanted.data, "outcome",
		outcome ? outcome : "failed"};

	for (size_t i = 0; i < ARRAY_SIZE(members); i += 2) {
		strbuf_addf(&text, "%s\"%s\": ", i ? ", " : "{", members[i]);
		strbuf_addjson(&text, members[i + 1], strlen(members[i + 1]));
	}
	strbuf_addch(&text, '}');
	const struct sql_arg args[] = {sql_text(t->batch->rollout), sql_text(s->host),
		sql_text(text.data), sql_int(MODELS_MAX)};
	return taking_run(t,
		"UPDATE fleet_rollout_hosts SET models = CASE WHEN models = '' THEN $3 ELSE "
		"models || ', ' || $3 END WHERE rollout = $1 AND host = $2 AND length(models) "
		"< $4",
		args, ARRAY_SIZE(args), err);
}

int take_model(struct taking *t, const struct value *event, struct err *err)
{
	const char *outcome = value_text(value_dict_get(event, "outcome"));
	const struct value *drift = value_dict_get(event, "drift");
	struct model_state s = {.state = state_of(outcome),
		.drifted = value_dict_get(event, "drifted"),
		.error = taking_error(event)};
	const char *version = taking_name(event, "version", err);

	if (!version || !(s.host = taking_name(event, "host", err)) ||
		!(s.model = taking_name(event, "model", err)))
		return -1;
	s.wanted = sql_text(version);
	s.version = strcmp(s.state, "failed") == 0 ? sql_null() : s.wanted;
	s.drift = drift && drift->kind == VALUE_INT ? drift->integer : 0;
	if (note_model(t, &s, outcome, err) < 0)
		return -1;
	return taking_put_state(t, &s, err);
}

/* ---- ends ---- */

/* Hosts whose turn did not come tell nothing of themselves. */
static bool was_seen(const char *state)
{
	return strcmp(state, "not_run") != 0 && strcmp(state, "interrupted") != 0;
}

/* What was brought is not what the host runs, once it was taken back. */
static int take_back(struct taking *t, const char *host, struct err *err)
{
	const struct sql_arg args[] = {sql_text(host), sql_text(t->batch->rollout)};

	return taking_run(t,
		"UPDATE fleet_states SET state = 'rolled_back', version = NULL WHERE host = $1 "
		"AND rollout = $2",
		args, ARRAY_SIZE(args), err);
}

int take_host_end(struct taking *t, const struct value *event, struct err *err)
{
	const char *host = taking_name(event, "host", err);
	const char *state = host ? taking_name(event, "state", err) : NULL;
	const char *undo = value_text(value_dict_get(event, "undo"));

	if (!state ||
		put_host(t, host, FLEET_HOSTS, state, taking_text(event, "phase"), err) < 0)
		return -1;
	const struct sql_arg args[] = {
		sql_text(t->batch->rollout), sql_text(host), taking_error(event)};
	if (taking_run(t,
		    "UPDATE fleet_rollout_hosts SET error = $3 WHERE rollout = $1 AND host = "
		    "$2",
		    args, ARRAY_SIZE(args), err) < 0)
		return -1;
	if (strcmp(state, "rolled_back") == 0 && take_back(t, host, err) < 0)
		return -1;
	return was_seen(state) ? taking_put_host(t, host, state, undo, args[2], err) : 0;
}

int take_run_end(struct taking *t, const struct value *event, struct err *err)
{
	const struct value *code = value_dict_get(event, "exit_code");
	int64_t number = code && code->kind == VALUE_INT ? code->integer : -1;
	const struct sql_arg args[] = {sql_text(t->batch->rollout),
		sql_text(number == 0 ? "done" : "failed"), sql_int(number), sql_text(t->at)};

	return taking_run(t,
		"UPDATE fleet_rollouts SET state = $2, exit_code = $3, ended = $4 WHERE id = "
		"$1",
		args, ARRAY_SIZE(args), err);
}
