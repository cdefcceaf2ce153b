/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes back: status line, headers, body; each counted before it is kept.
 */
#include "http/private.h"

#include <ctype.h>

#include "base/vec.h"

/* A redirect's body is read to keep the connection, but not beyond this. */
#define REDIRECT_BODY_MAX 65536u

static void drop_headers(struct http_response *r)
{
	for (size_t i = 0; i < r->headers.count; i++) {
		free(r->headers.items[i].name);
		free(r->headers.items[i].value);
	}
	r->headers.count = 0;
}

void http_response_release(struct http_response *r)
{
	drop_headers(r);
	free(r->headers.items);
	free(r->reason);
	free(r->url);
	if (r->body.cap)
		strbuf_release(&r->body);
	*r = (struct http_response){.body = STRBUF_INIT};
}

void http_response_begin(struct http_response *r)
{
	http_response_release(r);
	r->reason = xstrdup("");
}

const char *http_header_get(const struct http_response *r, const char *name)
{
	for (size_t i = 0; i < r->headers.count; i++)
		if (strcasecmp(r->headers.items[i].name, name) == 0)
			return r->headers.items[i].value;
	return NULL;
}

/* "HTTP/1.1 404 Not Found": a new answer begins, the one before (100, 401) is history. */
static void take_status(struct http_response *r, const char *line, size_t n)
{
	size_t at = 0;
	int status = 0;

	while (at < n && line[at] != ' ')
		at++;
	while (at < n && line[at] == ' ')
		at++;
	for (; at < n && isdigit((unsigned char)line[at]) && status < 1000; at++)
		status = status * 10 + (line[at] - '0');
	while (at < n && line[at] == ' ')
		at++;
	drop_headers(r);
	r->status = status;
	free(r->reason);
	r->reason = xstrndup(line + at, n - at);
}

/* A line that begins with white space goes on with the header before it. */
static void continue_header(struct http_response *r, const char *line, size_t n)
{
	if (r->headers.count == 0)
		return;
	struct http_header *last = &r->headers.items[r->headers.count - 1];
	char *joined = xasprintf("%s %.*s", last->value, (int)n, line);
	free(last->value);
	last->value = joined;
}

static void trim(const char **s, size_t *n)
{
	while (*n && isspace((unsigned char)**s)) {
		++*s;
		--*n;
	}
	while (*n && isspace((unsigned char)(*s)[*n - 1]))
		--*n;
}

static void take_line(struct http_response *r, const char *line, size_t n)
{
	bool folded = n && (*line == ' ' || *line == '\t');
	const char *colon;

	trim(&line, &n);
	if (n == 0)
		return;
	if (folded) {
		continue_header(r, line, n);
		return;
	}
	if (n > 5 && strncasecmp(line, "HTTP/", 5) == 0) {
		take_status(r, line, n);
		return;
	}
	colon = memchr(line, ':', n);
	if (!colon)
		return;
	size_t name_len = (size_t)(colon - line);
	const char *value = colon + 1;
	size_t value_len = n - name_len - 1;
	trim(&line, &name_len);
	trim(&value, &value_len);
	*VEC_PUSH(&r->headers) = (struct http_header){
		.name = xstrndup(line, name_len), .value = xstrndup(value, value_len)};
}

size_t http_take_header(char *data, size_t size, size_t count, void *transfer)
{
	struct http_transfer *t = transfer;
	size_t n = size * count;
	size_t max = t->request->headers_max ? t->request->headers_max : HTTP_HEADERS_MAX;

	t->header_bytes += n;
	if (t->header_bytes > max) {
		err_set(&t->failure, ERR_LIMIT, "the answer has more than %zu bytes of headers",
			max);
		return 0;
	}
	take_line(t->response, data, n);
	return n;
}

const char *http_redirect_method(const struct http_transfer *t)
{
	int status = t->response->status;
	bool head = strcmp(t->method, "HEAD") == 0;
	bool post = strcmp(t->method, "POST") == 0;
	bool safe = head || strcmp(t->method, "GET") == 0;

	if ((status != 301 && status != 302 && status != 303 && status != 307 &&
		    status != 308) ||
		!http_header_get(t->response, "Location"))
		return NULL;
	if (t->request->redirects == HTTP_REDIRECTS_NONE ||
		(t->request->redirects == HTTP_REDIRECTS_SAFE && !safe))
		return NULL;
	if (!head && (status == 303 || status == 302 || (status == 301 && post)))
		return "GET";
	return t->method;
}

/* True when the piece was taken, else the failure is set. */
static bool keep(struct http_transfer *t, const char *data, size_t n)
{
	const struct http_request *q = t->request;
	struct http_response *r = t->response;
	uint64_t max = q->body_max ? q->body_max : q->sink ? UINT64_MAX : HTTP_BODY_MAX;

	if (!t->begun && q->begin && q->begin(q->sink_data, r, &t->failure) < 0)
		return false;
	t->begun = true;
	if (n > max - r->received) {
		err_set(&t->failure, ERR_LIMIT, "the answer's body is larger than %llu bytes",
			(unsigned long long)max);
		return false;
	}
	r->received += n;
	if (q->sink)
		return q->sink(q->sink_data, data, n, &t->failure) == 0;
	strbuf_add(&r->body, data, n);
	return true;
}

size_t http_take_body(char *data, size_t size, size_t count, void *transfer)
{
	struct http_transfer *t = transfer;
	size_t n = size * count;

	if (http_redirect_method(t)) {
		t->dropped += n;
		return t->dropped > REDIRECT_BODY_MAX ? 0 : n;
	}
	return keep(t, data, n) ? n : 0;
}
