/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of changes that model_registry.yaml has a say in; see files_api.h. */
#include <inttypes.h>

#include "daemons/registryd/api.h"
#include "daemons/registryd/files_api_private.h"

/* On a worker: a commit takes its time, and the site's lock may be somebody's. */
static void make_current(
	struct registryd *r, const struct http_call *call, struct http_answer *answer)
{
	AUTO(arena_release) struct arena a = {0};
	struct entry_change change = {.kind = ENTRY_ACTIVATE, .model_name = call->segments[0]};
	const struct caller *caller = call->context;
	struct err why = {0};

	if (!api_read_version(call->segments[1], &change.version, answer) ||
		!api_read_condition(r, call, &a, &change, answer))
		return;
	if (truth_activate(r->files.truth, &change, caller ? caller->name : "local", &why) <
		0) {
		http_answer_problem(answer, 503, "nothing was changed: %s", why.text);
		strlist_add(&answer->headers, "Retry-After: 5");
	} else {
		writer_answer(&change, answer);
	}
	entry_change_release(&change);
}

/* What the file names as current is archived by making another version current. */
static void make_archived(
	struct registryd *r, const struct http_call *call, struct http_answer *answer)
{
	AUTO(arena_release) struct arena a = {0};
	struct entry_change change = {.kind = ENTRY_ARCHIVE, .model_name = call->segments[0]};
	struct err why = {0};

	if (!api_read_version(call->segments[1], &change.version, answer) ||
		!api_read_condition(r, call, &a, &change, answer))
		return;
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_last(r->store);
	const struct entry *e = entry_list_production(list, change.model_name);
	if (e && e->version == change.version && e->date) {
		http_answer_problem(answer, 409,
			"%s %" PRId64
			" is current in model_registry.yaml; activate another one "
			"first",
			change.model_name, change.version);
		return;
	}
	(void)writer_apply(r->writer, &change, &why); /* the outcome tells */
	writer_answer(&change, answer);
	entry_change_release(&change);
}

static void activate(void *data, const struct http_call *call, struct http_answer *answer)
{
	make_current(data, call, answer);
	files_audit(data, call, answer->status);
}

static void archive(void *data, const struct http_call *call, struct http_answer *answer)
{
	make_archived(data, call, answer);
	files_audit(data, call, answer->status);
}

#define VERSION_SEGMENTS .names = {"model_name", "version"}

static const struct api_about about_activate = {.id = "activateModel",
	.what = "Makes a version the production one, and current in model_registry.yaml, by a "
		"commit, where its files are in the store; the former becomes staging",
	.role = ROLE_WRITE,
	.change = true,
	VERSION_SEGMENTS,
	.replies = {{200, "Entry", NULL}},
	.problems = {404, 409, 412, 413, 422, 503}};

static const struct api_about about_archive = {.id = "archiveModel",
	.what = "Makes a version archived; not one that is current in model_registry.yaml",
	.role = ROLE_WRITE,
	.change = true,
	VERSION_SEGMENTS,
	.replies = {{200, "Entry", NULL}},
	.problems = {404, 409, 412, 413, 422, 503}};

#define VERSION "/api/v1/registry/models/{}/{}"

const struct http_route truth_routes[] = {
	HTTP_ROUTE(
		"PUT", VERSION "/activate", activate, .slow = true, .about = &about_activate),
	HTTP_ROUTE("PUT", VERSION "/archive", archive, .slow = true, .about = &about_archive),
	{0},
};
