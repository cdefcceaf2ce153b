/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A method, a path and a Range header, one a line: what a route leaves open, put back together,
 * is the path; a range lies within its content.
 */
#include "http/serve_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void handle(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	(void)call;
	(void)answer;
}

static const struct http_route routes[] = {
	HTTP_ROUTE("GET", "/health", handle),
	HTTP_ROUTE("GET", "/models", handle),
	HTTP_ROUTE("POST", "/models", handle),
	HTTP_ROUTE("PUT", "/models/{}/{}/activate", handle),
	HTTP_ROUTE("GET", "/models/{}/{}/{}/{}", handle),
	HTTP_ROUTE("GET", "/models/{}/{}/files/{+}", handle),
	{0},
};

static void check_route(const char *method, const char *path)
{
	const char *segments[HTTP_SEGMENTS_MAX];
	autofree char *scratch = xmalloc(strlen(path) + 1);
	AUTO(strbuf_release) struct strbuf again = STRBUF_INIT;
	unsigned status, n = 0;
	const struct http_route *r =
		http_route_find(routes, method, path, scratch, segments, &status);

	if (!r) {
		if (status != 404 && status != 405)
			abort();
		return;
	}
	for (const char *p = r->path; *p; p++) {
		if (*p != '{') {
			strbuf_addch(&again, *p);
			continue;
		}
		strbuf_addstr(&again, segments[n++]);
		p = strchr(p, '}');
	}
	if (strcmp(again.data, path) != 0)
		abort();
}

static void check_range(const char *header)
{
	static const uint64_t sizes[] = {0, 1, 10, 1ull << 40, UINT64_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t first = 0, count = 0;
		if (http_range_read(header, sizes[i], &first, &count) != HTTP_RANGE_PART)
			continue;
		if (count == 0 || first >= sizes[i] || count > sizes[i] - first)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(strlist_release) struct strlist lines = {0};
	autofree char *text = xstrndup((const char *)data, size);

	strlist_split(&lines, text, "\n");
	if (lines.count > 1)
		check_route(lines.items[0], lines.items[1]);
	for (size_t i = 2; i < lines.count; i++)
		check_range(lines.items[i]);
	return 0;
}
