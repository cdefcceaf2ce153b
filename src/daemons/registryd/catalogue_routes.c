/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue's place among the service's routes. */
#include "daemons/registryd/catalogue.h"

#include "daemons/registryd/registryd.h"

static struct catalogue *of(void *data)
{
	return ((struct registryd *)data)->catalogue;
}

static void give_models(void *data, const struct http_call *call, struct http_answer *answer)
{
	catalogue_give_models(of(data), call, answer);
}

static void give_model(void *data, const struct http_call *call, struct http_answer *answer)
{
	catalogue_give_model(of(data), call, answer);
}

static void give_status(void *data, const struct http_call *call, struct http_answer *answer)
{
	catalogue_give_status(of(data), call, answer);
}

static void take_sync(void *data, const struct http_call *call, struct http_answer *answer)
{
	catalogue_take_sync(of(data), call, answer);
}

static const struct api_query model_queries[] = {
	{"text", "{\"type\": \"string\"}",
		"words that begin so in the name, the tags or the task"},
	{"task", "{\"type\": \"string\"}", "only of this task"},
	{"license", "{\"type\": \"string\"}", "only under this license"},
	{"tag", "{\"type\": \"string\"}", "only with this tag"},
	{"author", "{\"type\": \"string\"}", "only of this author"},
	{"vanished", "{\"enum\": [\"no\", \"yes\", \"any\"]}",
		"those that the Hub has no longer: without them unless said, they alone, or "
		"both"},
	{"limit", "{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 500}",
		"so many at most; 50 unless said"},
	{"cursor", "{\"type\": \"integer\", \"minimum\": 0}", "go on behind a page"},
	{0},
};

static const struct api_about about_models = {.id = "listCatalogue",
	.what = "Models of the Hub's catalogue",
	.role = ROLE_READ,
	.query = model_queries,
	.replies = {{200, "CatalogueList", NULL}},
	.problems = {422, 503}};

static const struct api_about about_model = {.id = "getCatalogueModel",
	.what = "One model of the catalogue",
	.role = ROLE_READ,
	.names = {"id"},
	.replies = {{200, "CatalogueModel", NULL}},
	.problems = {404, 503}};

static const struct api_about about_status = {.id = "getSyncStatus",
	.what = "Whether a sync of the catalogue runs, and how the last ones went",
	.role = ROLE_READ,
	.replies = {{200, "SyncStatus", NULL}},
	.problems = {503}};

static const struct api_about about_sync = {.id = "syncCatalogue",
	.what = "Synchronises the catalogue with the Hub; answers when that is done",
	.role = ROLE_ADMIN,
	.change = true,
	.replies = {{200, "SyncResult", NULL}, {502, "SyncResult", NULL}},
	.problems = {409, 413, 500, 503}};

const struct http_route catalogue_routes[] = {
	HTTP_ROUTE("GET", "/models", give_models, .slow = true, .about = &about_models),
	HTTP_ROUTE("GET", "/models/{}", give_model, .slow = true, .about = &about_model),
	HTTP_ROUTE("GET", "/sync/status", give_status, .slow = true, .about = &about_status),
	HTTP_ROUTE("POST", "/sync/huggingface/litert", take_sync, .about = &about_sync),
	{0},
};
