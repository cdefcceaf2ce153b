/* SPDX-License-Identifier: Apache-2.0 */
/* A request from its headers to its answer; see serve_private.h. */
#include "base/clock.h"
#include "http/serve_peer.h"

/* What is read of a body that nobody wants, so that the client gets to read the answer. */
#define DROPPED_MAX (4u << 20)

/* ---- its life ---- */

static struct http_later *request_new(struct http_server *s, struct MHD_Connection *connection,
	const char *url, const char *method)
{
	struct http_later *q = xcalloc(1, sizeof(*q));

	q->server = s;
	q->connection = connection;
	q->path = xstrdup(url);
	q->scratch = xmalloc(strlen(url) + 1);
	strbuf_init(&q->body);
	q->answer = (struct http_answer)HTTP_ANSWER_INIT;
	q->call =
		(struct http_call){.method = method, .path = q->path, .connection = connection};
	q->began = clock_ns();
	pthread_mutex_lock(&s->lock);
	s->active++;
	pthread_mutex_unlock(&s->lock);
	return q;
}

static void end_upload(struct http_later *q)
{
	if (q->call.upload)
		q->call.route->upload->end(q->call.upload);
	q->call.upload = NULL;
}

void http_on_end(void *server, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	struct http_server *s = server;
	struct http_later *q = *state;

	(void)code;
	if (!q)
		return;
	*state = NULL;
	http_peer_awaits_head(s, connection);
	end_upload(q);
	if (!q->sent && s->o.done)
		s->o.done(s->o.data, &q->call, 0, 0);
	http_answer_release(&q->answer);
	strbuf_release(&q->body);
	free(q->path);
	free(q->scratch);
	free(q);
	pthread_mutex_lock(&s->lock);
	s->active--;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* Sends the answer that a request has. */
static enum MHD_Result send_answer(struct http_later *q)
{
	struct http_server *s = q->server;
	unsigned status = q->answer.status;

	end_upload(q);
	http_peer_is_served(s, q->connection);
	q->handled = true;
	q->sent = true;
	enum MHD_Result result = http_send(s, q->connection, &q->answer);
	if (s->o.done)
		s->o.done(s->o.data, &q->call, status, (double)(clock_ns() - q->began) / 1e9);
	return result;
}

/* ---- its headers ---- */

/* Answers to a method that a path has not. */
static void refuse_method(struct http_later *q)
{
	AUTO(strbuf_release) struct strbuf words = STRBUF_INIT;
	unsigned status;

	for (const struct http_route *r = q->server->o.routes; r->method; r++) {
		const struct http_route one[] = {*r, {0}};
		if (http_route_find(
			    one, r->method, q->path, q->scratch, q->call.segments, &status))
			strbuf_addf(&words, "%s%s", words.len ? ", " : "", r->method);
	}
	http_answer_problem(&q->answer, 405, "this path takes %s", words.data);
	strlist_addf(&q->answer.headers, "Allow: %s", words.data);
}

static bool find_route(struct http_later *q)
{
	unsigned status;

	q->call.route = http_route_find(q->server->o.routes, q->call.method, q->path,
		q->scratch, q->call.segments, &status);
	if (q->call.route)
		return true;
	if (status == 405)
		refuse_method(q);
	else
		http_answer_problem(&q->answer, status, "there is nothing at %s", q->call.path);
	return false;
}

static size_t body_max(const struct http_later *q)
{
	return q->call.route && q->call.route->body_max ? q->call.route->body_max
							: q->server->o.body_max;
}

static void refuse_length(struct http_later *q)
{
	http_answer_problem(&q->answer, 413, "the body is longer than %zu bytes", body_max(q));
	q->handled = true;
	strbuf_release(&q->body);
}

/* Bytes of a body as it was announced; 0 without that. */
static uint64_t announced(const struct http_later *q)
{
	const char *length = http_call_header(&q->call, "Content-Length");

	return length ? strtoull(length, NULL, 10) : 0;
}

/* Whether a request whose headers are there may go on; false: it has its answer. */
static bool admit(struct http_later *q)
{
	const struct http_server_options *o = &q->server->o;

	if (!find_route(q))
		return false;
	if (o->guard && !o->guard(o->data, &q->call, &q->answer))
		return false;
	const struct http_upload *upload = q->call.route->upload;
	if (upload) {
		q->call.upload = upload->begin(o->data, &q->call, &q->answer);
		return q->call.upload != NULL;
	}
	if (announced(q) <= body_max(q))
		return true;
	refuse_length(q);
	return false;
}

/*
 * A body that is refused is not waited for where it is long or the client asks first. Else it
 * is read, because a client that still sends would not see the answer.
 */
static enum MHD_Result begin(struct http_later *q)
{
	http_peer_awaits_body(q->server, q->connection);
	if (admit(q)) {
		if (q->call.upload)
			http_peer_is_served(q->server, q->connection);
		return MHD_YES;
	}
	q->handled = true;
	return announced(q) > DROPPED_MAX || http_call_header(&q->call, "Expect")
		       ? send_answer(q)
		       : MHD_YES;
}

/* ---- its body ---- */

/* A piece of a body; what is too long is read and dropped, so that it can be told. */
static enum MHD_Result take_piece(struct http_later *q, const char *piece, size_t n)
{
	if (q->handled) {
		q->dropped += n;
		return q->dropped > DROPPED_MAX ? MHD_NO : MHD_YES;
	}
	if (q->call.upload) {
		q->handled =
			q->call.route->upload->piece(q->call.upload, piece, n, &q->answer) < 0;
		if (q->handled)
			http_peer_awaits_body(q->server, q->connection);
		return MHD_YES;
	}
	if (n > body_max(q) - q->body.len)
		refuse_length(q);
	else
		strbuf_add(&q->body, piece, n);
	return MHD_YES;
}

/* ---- its answer ---- */

struct http_later *http_call_later(const struct http_call *call)
{
	struct http_later *q = (struct http_later *)call;
	struct http_server *s = q->server;

	pthread_mutex_lock(&s->lock);
	s->laters++;
	pthread_mutex_unlock(&s->lock);
	q->later = true;
	MHD_suspend_connection(q->connection);
	return q;
}

const struct http_call *http_later_call(const struct http_later *later)
{
	return &later->call;
}

void http_later_answer(struct http_later *later, struct http_answer *answer)
{
	struct http_server *s = later->server;

	if (answer != &later->answer) {
		http_answer_release(&later->answer);
		later->answer = *answer;
		*answer = (struct http_answer)HTTP_ANSWER_INIT;
	}
	/* Under the lock, so that a server that stops does not do so before this is over. */
	pthread_mutex_lock(&s->lock);
	MHD_resume_connection(later->connection);
	s->laters--;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void turn_away(struct http_later *q)
{
	http_answer_problem(&q->answer, 503, "too many requests of this kind wait already");
	strlist_add(&q->answer.headers, "Retry-After: 1");
}

/* Runs the handler of a request that is whole. */
static enum MHD_Result handle(struct http_later *q)
{
	struct http_server *s = q->server;
	const struct http_route *route = q->call.route;

	http_peer_is_served(s, q->connection);
	q->handled = true;
	q->call.body = q->body.data;
	q->call.body_len = q->body.len;
	if (route->slow) {
		http_call_later(&q->call);
		if (!http_workers_take(s, q)) {
			turn_away(q);
			http_later_answer(q, &q->answer);
		}
		return MHD_YES;
	}
	struct http_answer answer = HTTP_ANSWER_INIT;
	route->handle(s->o.data, &q->call, &answer);
	if (q->later) {
		http_answer_release(&answer);
		return MHD_YES;
	}
	q->answer = answer;
	return send_answer(q);
}

enum MHD_Result http_on_request(void *server, struct MHD_Connection *connection,
	const char *url, const char *method, const char *version, const char *piece, size_t *n,
	void **state)
{
	struct http_later *q = *state;

	(void)version;
	if (!q) {
		q = *state = request_new(server, connection, url, method);
		return begin(q);
	}
	if (*n) {
		size_t size = *n;
		*n = 0;
		return take_piece(q, piece, size);
	}
	return q->handled ? send_answer(q) : handle(q);
}
