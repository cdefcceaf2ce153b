/* SPDX-License-Identifier: Apache-2.0 */
/* Which route a request has. */
#include "http/serve.h"

/* The length of the segment that begins here. */
static size_t segment(const char *path)
{
	return strcspn(path, "/");
}

static bool is_segment(const char *route, size_t n, const char *expected)
{
	return n == strlen(expected) && memcmp(route, expected, n) == 0;
}

/*
 * Whether a path is the route's, with the segments that it leaves open put into `found`, cut
 * out of `scratch`, which holds a copy of the path.
 */
static bool match(const char *route, char *scratch, const char *found[HTTP_SEGMENTS_MAX])
{
	size_t count = 0;

	memset(found, 0, HTTP_SEGMENTS_MAX * sizeof(*found));
	for (;;) {
		size_t expected = segment(route), n = segment(scratch);
		bool open = is_segment(route, expected, "{}");
		bool rest = is_segment(route, expected, "{+}");
		if (open || rest ? n == 0 || count == HTTP_SEGMENTS_MAX
				 : n != expected || memcmp(route, scratch, n) != 0)
			return false;
		if (open || rest)
			found[count++] = scratch;
		if (rest)
			return true;
		bool more = scratch[n] == '/';
		if (more != (route[expected] == '/'))
			return false;
		if (open)
			scratch[n] = '\0';
		if (!more)
			return true;
		route += expected + 1;
		scratch += n + 1;
	}
}

static bool is_method(const char *asked, const char *routed)
{
	return strcmp(asked, routed) == 0 ||
	       (strcmp(asked, "HEAD") == 0 && strcmp(routed, "GET") == 0);
}

const struct http_route *http_route_find(const struct http_route *routes, const char *method,
	const char *path, char *scratch, const char *segments[HTTP_SEGMENTS_MAX],
	unsigned *status)
{
	size_t size = strlen(path) + 1;

	*status = 404;
	for (const struct http_route *r = routes; r->method; r++) {
		memcpy(scratch, path, size);
		if (!match(r->path, scratch, segments))
			continue;
		if (is_method(method, r->method))
			return r;
		*status = 405;
	}
	return NULL;
}
