/* SPDX-License-Identifier: Apache-2.0 */
/* What the catalogue answers over HTTP, and its metrics. */
#include <inttypes.h>
#include <unistd.h>

#include "daemons/registryd/catalogue_private.h"

#define HISTORY 20

/* ---- errors ---- */

/* An error of the database, which is no client's fault. */
static void answer_failure(struct http_answer *answer, const struct err *why)
{
	unsigned status = why->code == ERR_NOTFOUND ? 404 : 503;

	http_answer_problem(answer, status, "%s", why->text);
}

/* Runs one reading with a connection of the pool. */
typedef int (*reading)(
	struct sql *sql, const void *question, struct strbuf *out, struct err *err);

static void answer_reading(
	struct catalogue *c, reading read_it, const void *question, struct http_answer *answer)
{
	struct err why = {0};
	struct sql *sql = catalogue_reader(c, &why);

	if (!sql || read_it(sql, question, &answer->body, &why) < 0)
		answer_failure(answer, &why);
	if (sql)
		catalogue_reader_done(c, sql);
}

/* ---- lists ---- */

static bool take_number(const struct http_call *call, const char *name, int64_t min,
	int64_t max, int64_t *to, struct http_answer *answer)
{
	const char *text = http_call_query(call, name);

	if (!text || parse_int(text, min, max, to))
		return true;
	http_answer_problem(answer, 422,
		"%s: expected a whole number from %" PRId64 " to %" PRId64, name, min, max);
	return false;
}

/* A condition; an empty one is none. */
static const char *condition(const struct http_call *call, const char *name)
{
	const char *value = http_call_query(call, name);

	return value && *value ? value : NULL;
}

static bool take_vanished(
	const struct http_call *call, struct model_query *q, struct http_answer *answer)
{
	static const char *const words[] = {"no", "yes", "any"};

	q->vanished = condition(call, "vanished");
	for (size_t i = 0; q->vanished && i < ARRAY_SIZE(words); i++)
		if (strcmp(q->vanished, words[i]) == 0)
			return true;
	if (q->vanished)
		http_answer_problem(answer, 422, "vanished: expected no, yes or any");
	return !q->vanished;
}

static bool is_utf8(const char *text)
{
	for (size_t n = strlen(text), len; n; n -= len, text += len) {
		len = utf8_len(text, n);
		if (len == 0)
			return false;
	}
	return true;
}

static bool take_query(
	const struct http_call *call, struct model_query *q, struct http_answer *answer)
{
	static const char *const names[] = {"text", "task", "license", "tag", "author"};
	const char **const to[] = {&q->text, &q->task, &q->license, &q->tag, &q->author};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		*to[i] = condition(call, names[i]);
		if (*to[i] && !is_utf8(*to[i])) {
			http_answer_problem(answer, 422, "%s: this is no UTF-8", names[i]);
			return false;
		}
	}
	return take_vanished(call, q, answer) &&
	       take_number(call, "limit", 1, CATALOGUE_PAGE_MAX, &q->limit, answer) &&
	       take_number(call, "cursor", 0, INT64_MAX, &q->after, answer);
}

static int read_list(struct sql *sql, const void *q, struct strbuf *out, struct err *err)
{
	return model_list(sql, q, out, err);
}

void catalogue_give_models(
	struct catalogue *c, const struct http_call *call, struct http_answer *answer)
{
	struct model_query q = {.limit = CATALOGUE_PAGE};

	if (take_query(call, &q, answer))
		answer_reading(c, read_list, &q, answer);
}

static int read_model(struct sql *sql, const void *id, struct strbuf *out, struct err *err)
{
	return model_get(sql, *(const int64_t *)id, out, err);
}

int catalogue_model(struct catalogue *c, int64_t id, struct strbuf *out, struct err *err)
{
	struct sql *sql = catalogue_reader(c, err);

	if (!sql)
		return -1;
	int rc = model_get(sql, id, out, err);
	catalogue_reader_done(c, sql);
	return rc;
}

void catalogue_give_model(
	struct catalogue *c, const struct http_call *call, struct http_answer *answer)
{
	int64_t id;

	if (parse_int(call->segments[0], 1, INT64_MAX, &id))
		answer_reading(c, read_model, &id, answer);
	else
		http_answer_problem(answer, 404,
			"the catalogue has no model \"%s\": its models "
			"have numbers",
			call->segments[0]);
}

/* ---- syncs ---- */

/* The end of the schedule's part of the status: when it is next. */
static int add_next(struct catalogue *c, struct sql *sql, struct strbuf *out, struct err *err)
{
	time_t last;
	char next[32];

	if (!c->scheduled) {
		strbuf_addstr(out, "null");
		return 0;
	}
	if (run_last(sql, &last, err) < 0)
		return -1;
	clock_rfc3339(cron_next(&c->cron, last), next);
	strbuf_addf(out, "\"%s\"", next);
	return 0;
}

static int read_status(
	struct sql *sql, const void *question, struct strbuf *out, struct err *err)
{
	struct catalogue *c = *(struct catalogue *const *)question;
	const char *schedule = c->config->schedule;
	AUTO(strbuf_release) struct strbuf history = STRBUF_INIT;

	if (run_history(sql, HISTORY, &history, err) < 0)
		return -1;
	bool running = strstr(history.data, "\"status\": \"running\"") != NULL;
	strbuf_addf(out, "{\"running\": %s, \"schedule\": ", running ? "true" : "false");
	strbuf_addjson(out, schedule, strlen(schedule));
	strbuf_addstr(out, ", \"next\": ");
	if (add_next(c, sql, out, err) < 0)
		return -1;
	strbuf_addf(out, ", \"history\": %s}\n", history.data);
	return 0;
}

void catalogue_give_status(
	struct catalogue *c, const struct http_call *call, struct http_answer *answer)
{
	(void)call;
	answer_reading(c, read_status, &c, answer);
}

void catalogue_take_sync(
	struct catalogue *c, const struct http_call *call, struct http_answer *answer)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&c->lock);
	bool stopped = c->stopped || !c->started, busy = c->busy;
	if (!stopped && !busy) {
		c->busy = true;
		c->asked = http_call_later(call);
	}
	pthread_mutex_unlock(&c->lock);
	if (stopped)
		http_answer_problem(answer, 503, "the daemon ends");
	else if (busy)
		http_answer_problem(answer, 409,
			"a sync runs already; /sync/status tells how far "
			"it is");
	else
		(void)!write(c->wake, &one, sizeof(one));
}

/* ---- metrics ---- */

static void add_head(struct strbuf *out, const char *name, const char *type, const char *help)
{
	strbuf_addf(out,
		"# HELP modelfleet_catalogue_%s %s\n# TYPE modelfleet_catalogue_%s %s\n", name,
		help, name, type);
}

static void add_metric(
	struct strbuf *out, const char *name, const char *type, const char *help, double value)
{
	add_head(out, name, type, help);
	strbuf_addf(out, "modelfleet_catalogue_%s %.15g\n", name, value);
}

static void add_models(struct strbuf *out, const struct sync_result *last)
{
	const struct {
		const char *name;
		int64_t count;
	} counts[] = {{"created", last->created}, {"updated", last->updated},
		{"unchanged", last->unchanged}, {"vanished", last->vanished},
		{"skipped", last->skipped}};

	add_head(out, "last_sync_models", "gauge",
		"Models of the last sync, by what became of them.");
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		strbuf_addf(out,
			"modelfleet_catalogue_last_sync_models{outcome=\"%s\"} %" PRId64 "\n",
			counts[i].name, counts[i].count);
}

void catalogue_metrics(struct catalogue *c, struct strbuf *out)
{
	static const char *const names[] = {"success", "failed", "interrupted"};

	pthread_mutex_lock(&c->lock);
	add_head(out, "syncs_total", "counter", "Syncs of this process, by how they ended.");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		strbuf_addf(out,
			"modelfleet_catalogue_syncs_total{status=\"%s\"} %" PRIu64 "\n",
			names[i], c->runs[i]);
	add_metric(out, "sync_running", "gauge", "1 while a sync runs here.", c->busy);
	if (c->last_end) {
		add_models(out, &c->last);
		add_metric(out, "last_sync_seconds", "gauge", "How long the last sync took.",
			c->last_seconds);
	}
	if (c->last_success)
		add_metric(out, "last_success_timestamp_seconds", "gauge",
			"When the last sync succeeded.", (double)c->last_success);
	pthread_mutex_unlock(&c->lock);
}
