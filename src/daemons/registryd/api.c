/* SPDX-License-Identifier: Apache-2.0 */
/* The registry's API: what is read. Changes are in api_change.c. */
#include "daemons/registryd/api.h"

#include "daemons/registryd/problem.h"

#define PAGE_MAX 1000

/* ---- what several handlers need ---- */

/* The list as it is now; NULL with an answer of 503. */
static struct entry_list *current(struct registryd *r, struct http_answer *answer)
{
	struct err why = {0};
	struct entry_list *list = entry_store_list(r->store, &why);

	if (!list) {
		http_answer_problem(answer, 503, "%s", why.text);
		strlist_add(&answer->headers, "Retry-After: 5");
	}
	return list;
}

/* Adds an ETag; true if the client has that already, and gets 304. */
static bool is_known(const struct http_call *call, const char *etag, struct http_answer *answer)
{
	autofree char *quoted = xasprintf("\"%s\"", etag);

	strlist_addf(&answer->headers, "ETag: %s", quoted);
	if (!http_call_has_tag(call, "If-None-Match", quoted, true))
		return false;
	answer->status = 304;
	return true;
}

bool api_read_version(const char *text, int64_t *version, struct http_answer *answer)
{
	struct problem p = {0};

	if (parse_int(text, 1, INT64_MAX, version))
		return true;
	problem_add(&p, "version", "expected a whole number from 1");
	return !problem_answer(&p, answer);
}

/* ---- lists ---- */

static void add_entries(struct strbuf *out, const struct entry **items, size_t count)
{
	strbuf_addstr(out, "{\"models\":[");
	for (size_t i = 0; i < count; i++) {
		if (i)
			strbuf_addch(out, ',');
		strbuf_add(out, items[i]->json, items[i]->json_len);
	}
	strbuf_addch(out, ']');
}

/* The whole list, from the text that all get. */
static void give_all(
	struct registryd *r, const struct entry_list *list, struct http_answer *answer)
{
	if (!r->list || r->list_generation != list->generation) {
		struct strbuf text = STRBUF_INIT;
		add_entries(&text, list->items, list->count);
		strbuf_addstr(&text, "}\n");
		http_shared_drop(r->list);
		r->list = http_shared_new(&text);
		r->list_generation = list->generation;
	}
	http_answer_shared(answer, r->list);
}

struct list_query {
	const char *model_name, *cursor;
	int64_t limit; /* 0: all */
};

static bool read_query(
	const struct http_call *call, struct list_query *q, struct http_answer *answer)
{
	const char *limit = http_call_query(call, "limit");
	struct problem p = {0};

	*q = (struct list_query){.model_name = http_call_query(call, "model_name"),
		.cursor = http_call_query(call, "cursor")};
	if (limit && !parse_int(limit, 1, PAGE_MAX, &q->limit))
		problem_add(&p, "limit", "expected a whole number from 1 to %d", PAGE_MAX);
	if (q->cursor && !limit)
		q->limit = PAGE_MAX;
	return !problem_answer(&p, answer);
}

static void add_link(struct http_answer *answer, const struct list_query *q, const char *next)
{
	bool named = q->model_name && entry_name_is_valid(q->model_name);

	strlist_addf(&answer->headers,
		"Link: </api/v1/registry/models?%s%s%slimit=%lld&cursor=%s>; rel=\"next\"",
		named ? "model_name=" : "", named ? q->model_name : "", named ? "&" : "",
		(long long)q->limit, next);
}

static void give_page(
	const struct entry_list *list, const struct list_query *q, struct http_answer *answer)
{
	AUTO(entry_page_release) struct entry_page page = {0};
	struct err why = {0};

	if (entry_list_page(list, q->model_name, q->cursor, (size_t)q->limit, &page, &why) <
		0) {
		struct problem p = {0};
		problem_add(&p, "cursor", "%s", why.text);
		(void)problem_answer(&p, answer);
		return;
	}
	add_entries(&answer->body, page.items, page.count);
	if (*page.next) {
		strbuf_addstr(&answer->body, ",\"next_cursor\":");
		strbuf_addjson(&answer->body, page.next, strlen(page.next));
		add_link(answer, q, page.next);
	}
	strbuf_addstr(&answer->body, "}\n");
}

static void list_models(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct registryd *r = data;
	struct list_query q;

	if (!read_query(call, &q, answer))
		return;
	AUTO(entry_list_unrefp) struct entry_list *list = current(r, answer);
	if (!list || is_known(call, list->etag, answer))
		return;
	if (q.model_name || q.cursor || q.limit)
		give_page(list, &q, answer);
	else
		give_all(r, list, answer);
}

/* ---- one entry ---- */

static void give_entry(
	const struct http_call *call, const struct entry *e, struct http_answer *answer)
{
	if (is_known(call, e->etag, answer))
		return;
	strbuf_add(&answer->body, e->json, e->json_len);
	strbuf_addch(&answer->body, '\n');
}

static void get_model(void *data, const struct http_call *call, struct http_answer *answer)
{
	int64_t version;

	if (!api_read_version(call->segments[1], &version, answer))
		return;
	AUTO(entry_list_unrefp) struct entry_list *list = current(data, answer);
	if (!list)
		return;
	const struct entry *e = entry_list_find(list, call->segments[0], version);
	if (e)
		give_entry(call, e, answer);
	else
		http_answer_problem(answer, 404, "%s has no version %lld", call->segments[0],
			(long long)version);
}

static void get_production(void *data, const struct http_call *call, struct http_answer *answer)
{
	AUTO(entry_list_unrefp) struct entry_list *list = current(data, answer);

	if (!list)
		return;
	const struct entry *e = entry_list_production(list, call->segments[0]);
	if (e)
		give_entry(call, e, answer);
	else
		http_answer_problem(
			answer, 404, "%s has no version in production", call->segments[0]);
}

/* ---- the table ---- */

static const struct api_query list_queries[] = {
	{"model_name", "{\"type\": \"string\"}", "only versions of this model"},
	{"limit", "{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000}",
		"so many at most; next_cursor, and the header Link, tell how to go on"},
	{"cursor", "{\"type\": \"string\", \"minLength\": 1}",
		"go on behind a page; as next_cursor says"},
	{0},
};

#define ENTRY_SEGMENTS .names = {"model_name", "version"}

static const struct api_about about_list = {.id = "listModels",
	.what = "All entries, or those of a model",
	.role = ROLE_READ,
	.query = list_queries,
	.replies = {{200, "Entries", NULL}, {304, NULL, NULL}},
	.problems = {422, 503}};

static const struct api_about about_register = {.id = "registerModel",
	.what = "Registers a version of a model; it is staging",
	.role = ROLE_WRITE,
	.change = true,
	.body = "NewEntry",
	.replies = {{201, "Entry", NULL}},
	.problems = {400, 409, 413, 415, 422, 503}};

static const struct api_about about_production = {.id = "getProductionModel",
	.what = "The version of a model that is in production",
	.role = ROLE_READ,
	.names = {"model_name"},
	.replies = {{200, "Entry", NULL}, {304, NULL, NULL}},
	.problems = {404, 503}};

static const struct api_about about_previous = {.id = "getPreviousModel",
	.what = "The version that a roll back makes production: previous_version of "
		"model_registry.yaml; without a site, or from an entry without a date, the "
		"next "
		"lower one that is not archived",
	.role = ROLE_READ,
	.names = {"model_name"},
	.replies = {{200, "Entry", NULL}},
	.problems = {404, 503}};

static const struct api_about about_get = {.id = "getModel",
	.what = "One version of a model",
	.role = ROLE_READ,
	ENTRY_SEGMENTS,
	.replies = {{200, "Entry", NULL}, {304, NULL, NULL}},
	.problems = {404, 422, 503}};

static const struct api_about about_activate = {.id = "activateModel",
	.what = "Makes a version the production one; the former becomes staging",
	.role = ROLE_WRITE,
	.change = true,
	ENTRY_SEGMENTS,
	.replies = {{200, "Entry", NULL}},
	.problems = {404, 409, 412, 413, 422, 503}};

static const struct api_about about_archive = {.id = "archiveModel",
	.what = "Makes a version archived",
	.role = ROLE_WRITE,
	.change = true,
	ENTRY_SEGMENTS,
	.replies = {{200, "Entry", NULL}},
	.problems = {404, 409, 412, 413, 422, 503}};

static const struct api_about about_patch = {.id = "patchModel",
	.what = "Merges metadata into that of a version (RFC 7396)",
	.role = ROLE_WRITE,
	.change = true,
	ENTRY_SEGMENTS,
	.body = "EntryPatch",
	.replies = {{200, "Entry", NULL}},
	.problems = {400, 404, 412, 413, 415, 422, 503}};

static const struct api_about about_delete = {.id = "deleteModel",
	.what = "Removes an entry; not the one in production",
	.role = ROLE_ADMIN,
	.change = true,
	ENTRY_SEGMENTS,
	.replies = {{204, NULL, NULL}},
	.problems = {404, 409, 412, 413, 422, 503}};

#define MODELS "/api/v1/registry/models"

const struct http_route api_waiting_routes[] = {
	HTTP_ROUTE(
		"POST", MODELS, api_register_waiting, .slow = true, .about = &about_register),
	{0},
};

const struct http_route api_routes[] = {
	HTTP_ROUTE("GET", MODELS, list_models, .about = &about_list),
	HTTP_ROUTE("POST", MODELS, api_register, .about = &about_register),
	HTTP_ROUTE("GET", MODELS "/{}/production", get_production, .about = &about_production),
	HTTP_ROUTE("GET", MODELS "/{}/previous", api_previous, .slow = true,
		.about = &about_previous),
	HTTP_ROUTE("GET", MODELS "/{}/{}", get_model, .about = &about_get),
	HTTP_ROUTE("PATCH", MODELS "/{}/{}", api_patch, .about = &about_patch),
	HTTP_ROUTE("DELETE", MODELS "/{}/{}", api_delete, .about = &about_delete),
	HTTP_ROUTE("PUT", MODELS "/{}/{}/activate", api_activate, .about = &about_activate),
	HTTP_ROUTE("PUT", MODELS "/{}/{}/archive", api_archive, .about = &about_archive),
	{0},
};
