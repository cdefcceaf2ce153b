/* SPDX-License-Identifier: Apache-2.0 */
#include "source/canned.h"

#include <stdlib.h>

/* A connection for one request. */
struct line {
	struct canned *canned;
	struct strbuf sent;
};

static void *line_open(
	void *data, const char *host, unsigned port, deadline until, struct err *err)
{
	struct line *line = xcalloc(1, sizeof(*line));

	(void)host;
	(void)port;
	(void)until;
	(void)err;
	*line = (struct line){.canned = data, .sent = STRBUF_INIT};
	return line;
}

static void answer(const struct canned *canned, const char *target, struct strbuf *in)
{
	static const struct canned_answer missing = {.status = 404, .body = "not here"};
	const struct canned_answer *a = canned->answers;

	while (a->target && !str_starts(target, a->target))
		a++;
	if (!a->target)
		a = &missing;
	size_t n = a->body_len || !a->body ? a->body_len : strlen(a->body);
	strbuf_addf(in, "HTTP/1.1 %u Canned\r\n%sContent-Length: %zu\r\n\r\n",
		a->status ? a->status : 200, a->headers ? a->headers : "", n);
	strbuf_add(in, a->body, n);
}

static int line_exchange(void *connection, const void *bytes, size_t n, unsigned ms,
	struct strbuf *in, bool *ended, struct err *err)
{
	struct line *line = connection;

	(void)ms;
	(void)err;
	strbuf_add(&line->sent, bytes, n);
	if (!strstr(line->sent.data, "\r\n\r\n"))
		return 0;
	const char *target = line->sent.data + strcspn(line->sent.data, " ") + 1;
	autofree char *alone = xstrndup(target, strcspn(target, " "));
	strlist_add(&line->canned->asked, alone);
	answer(line->canned, alone, in);
	strbuf_clear(&line->sent);
	*ended = true;
	return 0;
}

static void line_close(void *connection)
{
	struct line *line = connection;

	strbuf_release(&line->sent);
	free(line);
}

void canned_open(struct canned *canned, struct source_server *server)
{
	static const struct http_connector connector = {line_open, line_exchange, line_close};

	*server = (struct source_server){.base = xstrdup(CANNED_BASE), .timeout = 60};
	server->client = http_client_new(
		&(struct http_options){.connector = &connector, .connector_data = canned});
}

void canned_release(struct canned *canned)
{
	strlist_release(&canned->asked);
}
