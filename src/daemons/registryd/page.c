/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/page.h"

#include "daemons/registryd/registryd.h"

/* The page's own files are all that it may load, and this service all that it may ask. */
static const char *const headers[] = {
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
	"img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
	"frame-ancestors 'none'",
	"X-Content-Type-Options: nosniff",
	"Referrer-Policy: no-referrer",
	"Cache-Control: no-cache",
};

static const struct page_file *find(const char *name)
{
	for (const struct page_file *f = page_files; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static void give(const char *name, const struct http_call *call, struct http_answer *answer)
{
	const struct page_file *f = find(name);

	if (!f) {
		http_answer_problem(answer, 404, "the page has no file %s", name);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		strlist_add(&answer->headers, headers[i]);
	strlist_addf(&answer->headers, "ETag: %s", f->etag);
	if (http_call_has_tag(call, "If-None-Match", f->etag, true)) {
		answer->status = 304;
		return;
	}
	answer->type = f->type;
	strbuf_add(&answer->body, f->data, f->size);
}

static void give_page(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	give("index.html", call, answer);
}

static void give_file(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	give(call->segments[0], call, answer);
}

static const struct api_about about_page = {.id = "getPage",
	.what = "The page for people",
	.replies = {{200, "Page", "text/html"}, {304, NULL, NULL}}};

static const struct api_about about_ui = {.id = "getUi",
	.what = "The same page",
	.replies = {{200, "Page", "text/html"}, {304, NULL, NULL}}};

static const struct api_about about_file = {.id = "getPageFile",
	.what = "A part of the page",
	.names = {"file"},
	.replies = {{200, "Page", "*/*"}, {304, NULL, NULL}},
	.problems = {404}};

const struct http_route page_routes[] = {
	HTTP_ROUTE("GET", "/", give_page, .about = &about_page),
	HTTP_ROUTE("GET", "/ui", give_page, .about = &about_ui),
	HTTP_ROUTE("GET", "/ui/{}", give_file, .about = &about_file),
	{0},
};
