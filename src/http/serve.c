/* SPDX-License-Identifier: Apache-2.0 */
#include "http/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdlib.h>

#include "crypto/hmac.h"

struct http_server {
	struct MHD_Daemon *daemon;
	struct http_server_options o;
	uint16_t port;
};

/* A request under way. */
struct request {
	struct strbuf body;
	bool too_long;
};

/* ---- routes ---- */

/* The length of the segment that begins here. */
static size_t segment(const char *path)
{
	return strcspn(path, "/");
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
		bool open = expected == 2 && memcmp(route, "{}", 2) == 0;
		if (open ? n == 0 || count == HTTP_SEGMENTS_MAX
			 : n != expected || memcmp(route, scratch, n) != 0)
			return false;
		bool more = scratch[n] == '/';
		if (more != (route[expected] == '/'))
			return false;
		if (open) {
			found[count++] = scratch;
			scratch[n] = '\0';
		}
		if (!more)
			return true;
		route += expected + 1;
		scratch += n + 1;
	}
}

/* Answers to a method that a path has not. */
static void refuse_method(const struct strlist *allowed, struct http_answer *answer)
{
	struct strbuf words = STRBUF_INIT;

	for (size_t i = 0; i < allowed->count; i++)
		strbuf_addf(&words, "%s%s", i ? ", " : "", allowed->items[i]);
	http_answer_problem(answer, 405, "this path takes %s", words.data);
	strlist_addf(&answer->headers, "Allow: %s", words.data);
	strbuf_release(&words);
}

static bool is_method(const char *asked, const char *routed)
{
	return strcmp(asked, routed) == 0 ||
	       (strcmp(asked, "HEAD") == 0 && strcmp(routed, "GET") == 0);
}

static void dispatch(
	const struct http_server *s, struct http_call *call, struct http_answer *answer)
{
	AUTO(strlist_release) struct strlist allowed = {0};

	for (const struct http_route *r = s->o.routes; r->method; r++) {
		autofree char *scratch = xstrdup(call->path);
		if (!match(r->path, scratch, call->segments))
			continue;
		if (is_method(call->method, r->method)) {
			r->handle(s->o.data, call, answer);
			return;
		}
		strlist_add(&allowed, r->method);
	}
	if (allowed.count)
		refuse_method(&allowed, answer);
	else
		http_answer_problem(answer, 404, "there is nothing at %s", call->path);
}

/* ---- requests ---- */

const char *http_call_header(const struct http_call *call, const char *name)
{
	return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

const char *http_call_query(const struct http_call *call, const char *name)
{
	const char *value = NULL;
	size_t n;

	if (MHD_lookup_connection_value_n(call->connection, MHD_GET_ARGUMENT_KIND, name,
		    strlen(name), &value, &n) != MHD_YES)
		return NULL;
	return value ? value : "";
}

bool http_call_has_token(const struct http_call *call, const char *token)
{
	static const char scheme[] = "Bearer ";
	const char *said = http_call_header(call, "Authorization");

	if (!said || strncasecmp(said, scheme, strlen(scheme)) != 0)
		return false;
	said += strlen(scheme);
	/* Digests, so that neither length nor content can be told by the time it takes. */
	unsigned char a[DIGEST_MAX], b[DIGEST_MAX];
	if (digest_data(DIGEST_SHA256, said, strlen(said), a, NULL) < 0 ||
		digest_data(DIGEST_SHA256, token, strlen(token), b, NULL) < 0)
		return false;
	return crypto_equal(a, b, digest_size(DIGEST_SHA256));
}

void http_answer_problem(struct http_answer *answer, unsigned status, const char *detail, ...)
{
	va_list ap;

	va_start(ap, detail);
	autofree char *text = xvasprintf(detail, ap);
	va_end(ap);
	const char *title = MHD_get_reason_phrase_for(status);
	answer->status = status;
	answer->type = "application/problem+json";
	strbuf_clear(&answer->body);
	strbuf_addf(&answer->body,
		"{\"title\": \"%s\", \"status\": %u, \"detail\": ", title ? title : "Error",
		status);
	strbuf_addjson(&answer->body, text, strlen(text));
	strbuf_addstr(&answer->body, "}\n");
}

/* ---- libmicrohttpd ---- */

static void add_header(struct MHD_Response *response, const char *line)
{
	const char *colon = strchr(line, ':');
	autofree char *name = xstrndup(line, (size_t)(colon - line));

	MHD_add_response_header(response, name, colon + 1 + strspn(colon + 1, " "));
}

/* Hands the answer over, body and all. */
static enum MHD_Result send_answer(
	struct MHD_Connection *connection, struct http_answer *answer)
{
	size_t n;
	char *body = strbuf_detach(&answer->body, &n);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(n, body, MHD_RESPMEM_MUST_FREE);

	if (!response) {
		free(body);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
		answer->type ? answer->type : "application/json");
	for (size_t i = 0; i < answer->headers.count; i++)
		add_header(response, answer->headers.items[i]);
	enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_request(const struct http_server *s,
	struct MHD_Connection *connection, const char *url, const char *method,
	const struct request *q)
{
	struct http_call call = {.method = method,
		.path = url,
		.body = q->body.data,
		.body_len = q->body.len,
		.connection = connection};
	struct http_answer answer = {.status = 200, .body = STRBUF_INIT};

	if (q->too_long)
		http_answer_problem(
			&answer, 413, "the body is longer than %zu bytes", s->o.body_max);
	else
		dispatch(s, &call, &answer);
	enum MHD_Result result = send_answer(connection, &answer);
	strbuf_release(&answer.body);
	strlist_release(&answer.headers);
	return result;
}

/* Keeps a piece of a body; what is too long is read and dropped, so that it can be told. */
static void take_piece(
	const struct http_server *s, struct request *q, const char *piece, size_t n)
{
	if (q->too_long || n > s->o.body_max - q->body.len) {
		q->too_long = true;
		strbuf_release(&q->body);
		return;
	}
	strbuf_add(&q->body, piece, n);
}

/* A body that says beforehand that it is too long is not waited for. */
static bool announces_too_much(const struct http_server *s, struct MHD_Connection *connection)
{
	const char *length =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");

	return length && strtoull(length, NULL, 10) > s->o.body_max;
}

static enum MHD_Result on_request(void *server, struct MHD_Connection *connection,
	const char *url, const char *method, const char *version, const char *piece, size_t *n,
	void **state)
{
	const struct http_server *s = server;
	struct request *q = *state;

	(void)version;
	if (!q) {
		q = xcalloc(1, sizeof(*q));
		strbuf_init(&q->body);
		*state = q;
		q->too_long = announces_too_much(s, connection);
		return q->too_long ? answer_request(s, connection, url, method, q) : MHD_YES;
	}
	if (*n) {
		take_piece(s, q, piece, *n);
		*n = 0;
		return MHD_YES;
	}
	return answer_request(s, connection, url, method, q);
}

static void on_end(void *server, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	struct request *q = *state;

	(void)server;
	(void)connection;
	(void)code;
	if (!q)
		return;
	strbuf_release(&q->body);
	free(q);
	*state = NULL;
}

/* ---- start and end ---- */

struct endpoint {
	struct sockaddr_storage address;
	bool ipv6;
};

static int parse_address(const char *text, uint16_t port, struct endpoint *e, struct err *err)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&e->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&e->address;

	*e = (struct endpoint){0};
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		e->ipv6 = true;
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return 0;
	}
	return err_set(err, ERR_INPUT, "\"%s\" is no IPv4 or IPv6 address to listen on", text);
}

static void set_defaults(struct http_server_options *o)
{
	if (!o->address)
		o->address = "127.0.0.1";
	if (!o->connections)
		o->connections = HTTP_SERVER_CONNECTIONS;
	if (!o->idle)
		o->idle = HTTP_SERVER_IDLE;
	if (!o->body_max)
		o->body_max = HTTP_SERVER_BODY;
}

static int cannot_listen(const struct http_server_options *o, struct err *err)
{
	if (errno == EADDRINUSE)
		return err_set(err, ERR_BUSY,
			"cannot listen on %s port %u: another program does", o->address,
			o->port);
	return err_sys(err, "cannot listen on %s port %u", o->address, o->port);
}

struct http_server *http_server_start(
	const struct http_server_options *options, struct err *err)
{
	struct http_server *s = xcalloc(1, sizeof(*s));
	struct endpoint e;

	s->o = *options;
	set_defaults(&s->o);
	if (parse_address(s->o.address, s->o.port, &e, err) < 0) {
		free(s);
		return NULL;
	}
	errno = 0;
	s->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | (e.ipv6 ? MHD_USE_IPv6 : 0u), s->o.port, NULL,
		NULL, on_request, s, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&e.address,
		MHD_OPTION_CONNECTION_LIMIT, s->o.connections, MHD_OPTION_CONNECTION_TIMEOUT,
		s->o.idle, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_SERVER_HEAD,
		MHD_OPTION_NOTIFY_COMPLETED, on_end, s, MHD_OPTION_END);
	if (!s->daemon) {
		cannot_listen(&s->o, err);
		free(s);
		return NULL;
	}
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
	s->port = info ? info->port : s->o.port;
	return s;
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}

void http_server_stop(struct http_server *server)
{
	if (!server)
		return;
	MHD_stop_daemon(server->daemon);
	free(server);
}
