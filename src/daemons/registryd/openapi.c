/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/openapi.h"

#include <ctype.h>

#include "daemons/registryd/openapi_schemas.h"

#define PROBLEM "application/problem+json"

/* ---- paths ---- */

/* Appends a path with the names of what it leaves open. */
static void add_path(struct strbuf *out, const struct http_route *r)
{
	const struct api_about *about = r->about;
	size_t n = 0;

	for (const char *p = r->path; *p; p++) {
		if (*p != '{') {
			strbuf_addch(out, *p);
			continue;
		}
		strbuf_addf(out, "{%s}", about->names[n++]);
		p = strchr(p, '}');
	}
}

static bool same_path(const struct http_route *a, const struct http_route *b)
{
	AUTO(strbuf_release) struct strbuf one = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf other = STRBUF_INIT;

	add_path(&one, a);
	add_path(&other, b);
	return strcmp(one.data, other.data) == 0;
}

static bool is_first_of_path(const struct http_route *routes, const struct http_route *r)
{
	for (const struct http_route *o = routes; o < r; o++)
		if (same_path(o, r))
			return false;
	return true;
}

/* ---- parameters ---- */

static void add_parameter(struct strbuf *out, bool *first, const char *where, const char *name,
	const char *schema, const char *what)
{
	strbuf_addf(out,
		"%s{\"name\": \"%s\", \"in\": \"%s\", \"required\": %s, \"schema\": %s",
		*first ? "" : ", ", name, where, strcmp(where, "path") == 0 ? "true" : "false",
		schema);
	if (what) {
		strbuf_addstr(out, ", \"description\": ");
		strbuf_addjson(out, what, strlen(what));
	}
	strbuf_addch(out, '}');
	*first = false;
}

static void add_parameters(struct strbuf *out, const struct api_about *about)
{
	bool first = true;

	strbuf_addstr(out, "\"parameters\": [");
	for (size_t i = 0; i < HTTP_SEGMENTS_MAX && about->names[i]; i++)
		add_parameter(out, &first, "path", about->names[i],
			openapi_segment(about->names[i]), NULL);
	for (const struct api_query *q = about->query; q && q->name; q++)
		add_parameter(out, &first, "query", q->name, q->schema, q->what);
	strbuf_addstr(out, "], ");
}

/* ---- bodies and answers ---- */

static void add_content(struct strbuf *out, const char *type, const char *schema)
{
	if (openapi_has_schema(schema))
		strbuf_addf(out,
			"\"content\": {\"%s\": {\"schema\": {\"$ref\": "
			"\"#/components/schemas/%s\"}}}",
			type, schema);
	else
		strbuf_addf(out, "\"content\": {\"%s\": {\"schema\": {}}}", type);
}

static void add_reply(
	struct strbuf *out, bool *first, unsigned status, const char *type, const char *schema)
{
	strbuf_addf(out, "%s\"%u\": {\"description\": \"%s\"", *first ? "" : ", ", status,
		openapi_status(status));
	if (schema) {
		strbuf_addstr(out, ", ");
		add_content(out, type, schema);
	}
	strbuf_addch(out, '}');
	*first = false;
}

static void add_problem(struct strbuf *out, bool *first, unsigned status)
{
	add_reply(out, first, status, PROBLEM, "Problem");
}

static void add_replies(struct strbuf *out, const struct http_route *r)
{
	const struct api_about *about = r->about;
	bool first = true;

	strbuf_addstr(out, "\"responses\": {");
	for (size_t i = 0; i < API_REPLIES && about->replies[i].status; i++) {
		const struct api_reply *reply = &about->replies[i];
		add_reply(out, &first, reply->status,
			reply->type ? reply->type : "application/json", reply->schema);
	}
	for (size_t i = 0; i < API_PROBLEMS && about->problems[i]; i++)
		add_problem(out, &first, about->problems[i]);
	if (about->role != ROLE_NOBODY) {
		add_problem(out, &first, 401);
		add_problem(out, &first, 403);
	}
	strbuf_addch(out, '}');
}

/* ---- the document ---- */

static void add_operation(struct strbuf *out, const struct http_route *r)
{
	const struct api_about *about = r->about;

	strbuf_addch(out, '"');
	for (const char *p = r->method; *p; p++)
		strbuf_addch(out, (char)tolower((unsigned char)*p));
	strbuf_addf(out, "\": {\"operationId\": \"%s\", \"summary\": ", about->id);
	strbuf_addjson(out, about->what, strlen(about->what));
	strbuf_addf(out, ", \"x-role\": \"%s\", ", role_name(about->role));
	strbuf_addstr(out, about->role == ROLE_NOBODY
				   ? "\"security\": [], "
				   : "\"security\": [{\"key\": []}, {\"bearer\": []}, {}], ");
	add_parameters(out, about);
	if (about->body) {
		strbuf_addstr(out, "\"requestBody\": {\"required\": true, ");
		add_content(out, about->body_type ? about->body_type : "application/json",
			about->body);
		strbuf_addstr(out, "}, ");
	}
	add_replies(out, r);
	strbuf_addch(out, '}');
}

static void add_item(
	struct strbuf *out, const struct http_route *routes, const struct http_route *r)
{
	bool first = true;

	strbuf_addch(out, '"');
	add_path(out, r);
	strbuf_addstr(out, "\": {");
	for (const struct http_route *o = routes; o->method; o++) {
		if (!same_path(o, r))
			continue;
		strbuf_addstr(out, first ? "" : ",\n ");
		add_operation(out, o);
		first = false;
	}
	strbuf_addch(out, '}');
}

void openapi_write(const struct http_route *routes, const char *version, struct strbuf *out)
{
	bool first = true;

	strbuf_addf(out,
		"{\"openapi\": \"3.1.0\",\n\"info\": {\"title\": \"model-registryd\", "
		"\"version\": \"%s\", \"license\": {\"name\": \"Apache-2.0\", "
		"\"identifier\": \"Apache-2.0\"}},\n\"servers\": [{\"url\": \"/\"}],\n"
		"\"paths\": {\n",
		version);
	for (const struct http_route *r = routes; r->method; r++) {
		if (!is_first_of_path(routes, r))
			continue;
		strbuf_addstr(out, first ? "" : ",\n");
		add_item(out, routes, r);
		first = false;
	}
	strbuf_addf(out, "},\n\"components\": %s}\n", openapi_components);
}
