/* SPDX-License-Identifier: Apache-2.0 */
/* What the service says of itself: health, readiness, metrics, its API. */
#include "daemons/registryd/registryd.h"

static void give_health(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	(void)call;
	strbuf_addstr(&answer->body, "{\"status\": \"ok\"}\n");
}

/* Ready is who can read the store, and could write to it when that was last wanted. */
static void give_ready(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct registryd *r = data;
	struct err why = {0};
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_list(r->store, &why);

	(void)call;
	if (!list)
		http_answer_problem(answer, 503, "%s", why.text);
	else if (writer_counters(r->writer).failing)
		http_answer_problem(answer, 503, "%s: the last change could not be written",
			entry_store_name(r->store));
	else
		strbuf_addstr(&answer->body, "{\"status\": \"ready\"}\n");
}

static void add_store(struct registryd *r, struct strbuf *out)
{
	struct writer_counters w = writer_counters(r->writer);
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_last(r->store);

	metrics_add(out, "entries", "gauge", "Entries of the registry.", (double)list->count);
	metrics_add(out, "changes_total", "counter", "Changes that are on the disk.",
		(double)w.changes);
	metrics_add(out, "changes_refused_total", "counter",
		"Changes that cannot be as things stand.", (double)w.refused);
	metrics_add(out, "changes_failed_total", "counter",
		"Changes that the store could not take.", (double)w.failed);
	metrics_add(out, "commits_total", "counter",
		"Commits of the store; each has one change or more.", (double)w.commits);
	metrics_add(out, "changes_waiting", "gauge", "Changes that wait for the store.",
		(double)w.waiting);
	metrics_add(out, "store_up", "gauge", "1 if the last commit of the store went well.",
		w.failing ? 0 : 1);
}

static void give_metrics(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct registryd *r = data;

	(void)call;
	answer->type = "text/plain; version=0.0.4";
	metrics_write(r->metrics, &answer->body);
	add_store(r, &answer->body);
	catalogue_metrics(r->catalogue, &answer->body);
	strbuf_addf(&answer->body,
		"# HELP model_registryd_build_info The version that runs.\n"
		"# TYPE model_registryd_build_info gauge\n"
		"model_registryd_build_info{version=\"%s\"} 1\n",
		r->version);
}

static void give_openapi(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct registryd *r = data;

	(void)call;
	http_answer_shared(answer, r->openapi);
}

static const struct api_about about_health = {.id = "getHealth",
	.what = "That the service lives",
	.replies = {{200, "Status", NULL}}};

static const struct api_about about_ready = {.id = "getReady",
	.what = "Whether the service can read and write its store",
	.replies = {{200, "Status", NULL}},
	.problems = {503}};

static const struct api_about about_metrics = {.id = "getMetrics",
	.what = "Counters for Prometheus",
	.replies = {{200, "Text", "text/plain"}}};

static const struct api_about about_openapi = {
	.id = "getOpenapi", .what = "This document", .replies = {{200, "Document", NULL}}};

const struct http_route service_routes[] = {
	HTTP_ROUTE("GET", "/health", give_health, .about = &about_health),
	HTTP_ROUTE("GET", "/ready", give_ready, .about = &about_ready),
	HTTP_ROUTE("GET", "/metrics", give_metrics, .about = &about_metrics),
	HTTP_ROUTE("GET", "/openapi.json", give_openapi, .about = &about_openapi),
	{0},
};
