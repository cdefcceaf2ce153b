/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of hosts and their models: from rollouts, and from looks of fleet-status. */
#include "daemons/registryd/fleet_private.h"
#include "value/json.h"

#define DRIFTED_MAX 2048 /* bytes of what differs, in words */

/* A list of texts as JSON; an empty one where there is none, or too much of it. */
static void write_list(const struct value *list, struct strbuf *out)
{
	if (list && list->kind == VALUE_LIST && json_write(list, NULL, out, NULL) == 0 &&
		out->len <= DRIFTED_MAX)
		return;
	strbuf_clear(out);
	strbuf_addstr(out, "[]");
}

int taking_put_state(struct taking *t, const struct model_state *s, struct err *err)
{
	AUTO(strbuf_release) struct strbuf drifted = STRBUF_INIT;

	write_list(s->drifted, &drifted);
	const struct sql_arg args[] = {sql_text(s->host), sql_text(s->model), s->version,
		s->wanted, sql_text(s->state), sql_int(s->drift), sql_text(drifted.data),
		s->error, sql_text(t->batch->rollout), sql_text(t->at)};
	t->may_exceed = true;
	return taking_run(t,
		"INSERT INTO fleet_states (host, model, version, wanted, state, drift, "
		"drifted, error, rollout, seen) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
		"$10) ON CONFLICT (host, model) DO UPDATE SET version = excluded.version, "
		"wanted = excluded.wanted, state = excluded.state, drift = excluded.drift, "
		"drifted = excluded.drifted, error = excluded.error, rollout = "
		"excluded.rollout, seen = excluded.seen WHERE fleet_states.seen <= "
		"excluded.seen",
		args, ARRAY_SIZE(args), err);
}

int taking_put_host(struct taking *t, const char *host, const char *state, const char *health,
	struct sql_arg error, struct err *err)
{
	const struct sql_arg args[] = {
		sql_text(host), sql_text(state), sql_text(health), error, sql_text(t->at)};

	return taking_run(t,
		"INSERT INTO fleet_hosts (host, state, health, error, seen) VALUES ($1, $2, "
		"$3, $4, $5) ON CONFLICT (host) DO UPDATE SET state = excluded.state, health = "
		"coalesce(excluded.health, fleet_hosts.health), error = excluded.error, seen = "
		"excluded.seen WHERE fleet_hosts.seen <= excluded.seen",
		args, ARRAY_SIZE(args), err);
}

/* ---- a look ---- */

/* The first text of a list; NULL where it has none. */
static const char *first_of(const struct value *list)
{
	return list && list->kind == VALUE_LIST && list->count ? value_text(list->items[0])
							       : NULL;
}

/* What a host runs; else what it was to have, where that is there; else what is there. */
static struct sql_arg version_of(const struct value *model)
{
	const char *runs = first_of(value_dict_get(model, "runs"));
	const char *there = first_of(value_dict_get(model, "there"));
	const char *state = value_text(value_dict_get(model, "state"));

	if (runs)
		return sql_text(runs);
	if (state && (strcmp(state, "ok") == 0 || strcmp(state, "drifted") == 0))
		return taking_text(model, "wanted");
	return sql_text(there);
}

static int look_at_model(
	struct taking *t, const char *host, const struct value *model, struct err *err)
{
	const struct value *drift = value_dict_get(model, "drift");
	const char *state = taking_name(model, "state", err);
	struct model_state s = {.host = host,
		.state = state,
		.version = version_of(model),
		.wanted = taking_text(model, "wanted"),
		.error = taking_error(model),
		.drift = drift && drift->kind == VALUE_INT ? drift->integer : 0,
		.drifted = value_dict_get(model, "drifted")};

	if (!state || !(s.model = taking_name(model, "model", err)))
		return -1;
	return taking_put_state(t, &s, err);
}

/* Whether the services of a host are up, in a word; NULL where it has none. */
static const char *health_of(const struct value *services)
{
	if (!services || services->kind != VALUE_LIST || services->count == 0)
		return NULL;
	for (size_t i = 0; i < services->count; i++) {
		const char *active = value_text(value_dict_get(services->items[i], "active"));
		if (!active || strcmp(active, "active") != 0)
			return "unhealthy";
	}
	return "healthy";
}

int take_look(struct taking *t, const struct value *event, struct err *err)
{
	const char *host = taking_name(event, "host", err);
	const char *state = host ? taking_name(event, "state", err) : NULL;
	const struct value *models = value_dict_get(event, "models");

	if (!state ||
		taking_put_host(t, host, state, health_of(value_dict_get(event, "services")),
			taking_error(event), err) < 0)
		return -1;
	/* Of a host that is away nothing is known but what was. */
	if (strcmp(state, "away") == 0 || !models || models->kind != VALUE_LIST)
		return 0;
	for (size_t i = 0; i < models->count; i++)
		if (look_at_model(t, host, models->items[i], err) < 0)
			return err_wrap(err, "models[%zu]", i);
	return 0;
}
