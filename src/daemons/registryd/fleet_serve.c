/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet's part of the API. Its handlers run on the server's workers. */
#include "daemons/registryd/api.h"
#include "daemons/registryd/problem.h"

#define BATCH_BYTES (4u << 20)

static void answer_failure(struct http_answer *answer, const struct err *why)
{
	if (why->code == ERR_NOTFOUND) {
		http_answer_problem(answer, 404, "%s", why->text);
	} else if (why->code == ERR_INPUT) {
		http_answer_problem(answer, 422, "%s", why->text);
	} else {
		http_answer_problem(answer, 503, "%s", why->text);
		strlist_add(&answer->headers, "Retry-After: 5");
	}
}

/* ---- events come ---- */

/* A text that is a name, or nothing. */
static const char *take_name(const struct value *body, const char *member, struct problem *p)
{
	const struct value *v = value_dict_get(body, member);
	const char *text = value_text(v);

	if (!v || v->kind == VALUE_NULL)
		return NULL;
	if (text && *text && strlen(text) <= FLEET_NAME_MAX)
		return text;
	problem_add(p, member, "expected a text of 1 to %d bytes", FLEET_NAME_MAX);
	return NULL;
}

static bool are_events(const struct value *v)
{
	if (!v || v->kind != VALUE_LIST || v->count > FLEET_BATCH)
		return false;
	for (size_t i = 0; i < v->count; i++)
		if (!value_text(value_dict_get(v->items[i], "event")))
			return false;
	return true;
}

static bool read_batch(
	const struct value *body, struct fleet_batch *batch, struct http_answer *answer)
{
	const struct value *first = value_dict_get(body, "first");
	struct problem p = {0};

	*batch = (struct fleet_batch){.rollout = take_name(body, "rollout", &p),
		.name = take_name(body, "name", &p),
		.by = take_name(body, "by", &p),
		.events = value_dict_get(body, "events")};
	if (first && first->kind == VALUE_INT && first->integer >= 0 &&
		first->integer < INT64_MAX - FLEET_BATCH)
		batch->first = first->integer;
	else if (first)
		problem_add(&p, "first", "expected a whole number from 0");
	if (!are_events(batch->events))
		problem_add(&p, "events",
			"expected a list of at most %d objects, each with a text \"event\"",
			FLEET_BATCH);
	return !problem_answer(&p, answer);
}

static void take_events(void *data, const struct http_call *call, struct http_answer *answer)
{
	AUTO(arena_release) struct arena arena = {0};
	struct registryd *r = data;
	struct fleet_batch batch;
	struct err why = {0};
	const struct value *body = api_read_body(&arena, call, answer);

	if (!body || !read_batch(body, &batch, answer))
		return;
	int64_t taken = fleet_take(r->fleet, &batch, &why);
	if (taken < 0)
		answer_failure(answer, &why);
	else
		strbuf_addf(&answer->body, "{\"taken\": %lld}\n", (long long)taken);
}

static void forget_host(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct registryd *r = data;
	struct err why = {0};

	if (fleet_forget(r->fleet, call->segments[0], &why) < 0)
		answer_failure(answer, &why);
	else
		answer->status = 204;
}

/* ---- what is known ---- */

static void give_fleet(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct registryd *r = data;
	struct err why = {0};
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_last(r->store);

	(void)call;
	if (fleet_hosts_json(r->fleet, list, &answer->body, &why) < 0)
		answer_failure(answer, &why);
}

static void give_rollouts(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct registryd *r = data;
	struct err why = {0};

	(void)call;
	if (fleet_rollouts_json(r->fleet, &answer->body, &why) < 0)
		answer_failure(answer, &why);
}

static void give_rollout(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct registryd *r = data;
	struct err why = {0};

	if (fleet_rollout_json(r->fleet, call->segments[0], &answer->body, &why) < 0)
		answer_failure(answer, &why);
}

static void give_events(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct registryd *r = data;

	events_subscribe(r->events, call, answer);
}

/* ---- the table ---- */

static const struct api_about about_take = {.id = "postFleetEvents",
	.what = "Takes what a deploy or a look at the fleet reports",
	.role = ROLE_WRITE,
	.body = "FleetBatch",
	.replies = {{200, "FleetTaken", NULL}},
	.problems = {400, 413, 415, 422, 503}};

static const struct api_about about_fleet = {.id = "getFleet",
	.what = "Which host has which version of which model",
	.role = ROLE_READ,
	.replies = {{200, "Fleet", NULL}},
	.problems = {503}};

static const struct api_about about_forget = {.id = "forgetHost",
	.what = "Forgets what is known of a host",
	.role = ROLE_WRITE,
	.change = true,
	.names = {"host"},
	.replies = {{204, NULL, NULL}},
	.problems = {404, 413, 503}};

static const struct api_about about_rollouts = {.id = "listRollouts",
	.what = "The last rollouts, the newest first",
	.role = ROLE_READ,
	.replies = {{200, "Rollouts", NULL}},
	.problems = {503}};

static const struct api_about about_rollout = {.id = "getRollout",
	.what = "A rollout, host by host",
	.role = ROLE_READ,
	.names = {"rollout"},
	.replies = {{200, "Rollout", NULL}},
	.problems = {404, 503}};

static const struct api_about about_events = {.id = "watchEvents",
	.what = "What happens, as server-sent events; goes on behind Last-Event-ID",
	.role = ROLE_READ,
	.replies = {{200, "Events", "text/event-stream"}},
	.problems = {422, 503}};

#define FLEET "/api/v1/fleet"

const struct http_route fleet_routes[] = {
	HTTP_ROUTE("POST", FLEET "/events", take_events, .slow = true, .body_max = BATCH_BYTES,
		.about = &about_take),
	HTTP_ROUTE("GET", FLEET, give_fleet, .slow = true, .about = &about_fleet),
	HTTP_ROUTE(
		"DELETE", FLEET "/hosts/{}", forget_host, .slow = true, .about = &about_forget),
	HTTP_ROUTE("GET", FLEET "/rollouts", give_rollouts, .slow = true,
		.about = &about_rollouts),
	HTTP_ROUTE("GET", FLEET "/rollouts/{}", give_rollout, .slow = true,
		.about = &about_rollout),
	HTTP_ROUTE("GET", "/api/v1/events", give_events, .slow = true, .about = &about_events),
	{0},
};
