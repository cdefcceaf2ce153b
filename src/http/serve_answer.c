/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as libmicrohttpd takes them. */
#include "http/serve_answer.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <unistd.h>

#include "http/serve_private.h"

#define PIECE (32u << 10) /* bytes of a body that is made while it is sent */

struct http_shared {
	atomic_uint holders;
	struct strbuf text;
};

/* ---- bodies that are shared ---- */

struct http_shared *http_shared_new(struct strbuf *text)
{
	struct http_shared *shared = xcalloc(1, sizeof(*shared));

	atomic_init(&shared->holders, 1);
	shared->text = *text;
	strbuf_init(text);
	return shared;
}

struct http_shared *http_shared_hold(struct http_shared *shared)
{
	atomic_fetch_add(&shared->holders, 1);
	return shared;
}

void http_shared_drop(struct http_shared *shared)
{
	if (!shared || atomic_fetch_sub(&shared->holders, 1) > 1)
		return;
	strbuf_release(&shared->text);
	free(shared);
}

const struct strbuf *http_shared_text(const struct http_shared *shared)
{
	return &shared->text;
}

void http_answer_shared(struct http_answer *answer, struct http_shared *shared)
{
	answer->shared = http_shared_hold(shared);
}

static void drop_shared(void *shared)
{
	http_shared_drop(shared);
}

/* ---- bodies made while they are sent ---- */

static void free_reader(struct http_reader *reader)
{
	if (reader->release)
		reader->release(reader->data);
	free(reader);
}

void http_answer_reader(
	struct http_answer *answer, http_read read, void (*release)(void *data), void *data)
{
	answer->reader = xcalloc(1, sizeof(*answer->reader));
	*answer->reader = (struct http_reader){.read = read, .release = release, .data = data};
}

static ssize_t on_read(void *arg, uint64_t at, char *to, size_t n)
{
	struct http_reader *reader = arg;
	ssize_t got = reader->read(reader->data, to, n);

	(void)at;
	if (got == HTTP_READER_END)
		return MHD_CONTENT_READER_END_OF_STREAM;
	return got < 0 ? MHD_CONTENT_READER_END_WITH_ERROR : got;
}

/* The server's list has those that it has to end. */
static void list_reader(struct http_server *s, struct http_reader *reader)
{
	pthread_mutex_lock(&s->lock);
	reader->server = s;
	reader->next = s->readers;
	s->readers = reader;
	if (s->stopping)
		reader->end(reader->data);
	pthread_mutex_unlock(&s->lock);
}

static void unlist_reader(struct http_reader *reader)
{
	struct http_server *s = reader->server;
	struct http_reader **at = &s->readers;

	pthread_mutex_lock(&s->lock);
	while (*at != reader)
		at = &(*at)->next;
	*at = reader->next;
	pthread_mutex_unlock(&s->lock);
}

static void on_read_end(void *arg)
{
	struct http_reader *reader = arg;

	if (reader->server)
		unlist_reader(reader);
	free_reader(reader);
}

static struct MHD_Response *from_reader(
	struct http_server *s, struct MHD_Connection *connection, struct http_answer *answer)
{
	struct http_reader *reader = STEAL(answer->reader);
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, PIECE, on_read, reader, on_read_end);

	if (!response) {
		free_reader(reader);
		return NULL;
	}
	if (reader->attach) {
		reader->attach(reader->data, connection);
		list_reader(s, reader);
	}
	return response;
}

/* ---- handing over ---- */

void http_answer_release(struct http_answer *answer)
{
	strbuf_release(&answer->body);
	strlist_release(&answer->headers);
	http_shared_drop(STEAL(answer->shared));
	if (answer->reader)
		free_reader(STEAL(answer->reader));
	if (answer->file_fd_plus_one)
		close(answer->file_fd_plus_one - 1);
	answer->file_fd_plus_one = 0;
}

static struct MHD_Response *from_text(struct http_answer *answer)
{
	size_t n;
	char *body = strbuf_detach(&answer->body, &n);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(n, body, MHD_RESPMEM_MUST_FREE);

	if (!response)
		free(body);
	return response;
}

static struct MHD_Response *from_shared(struct http_answer *answer)
{
	struct http_shared *shared = STEAL(answer->shared);
	struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
		shared->text.len, shared->text.data, drop_shared, shared);

	if (!response)
		http_shared_drop(shared);
	return response;
}

static struct MHD_Response *from_file(struct http_answer *answer)
{
	struct MHD_Response *response = MHD_create_response_from_fd_at_offset64(
		answer->file_size, answer->file_fd_plus_one - 1, answer->file_offset);

	if (response) /* which closes it */
		answer->file_fd_plus_one = 0;
	return response;
}

static struct MHD_Response *make_response(
	struct http_server *s, struct MHD_Connection *connection, struct http_answer *answer)
{
	if (answer->reader)
		return from_reader(s, connection, answer);
	if (answer->file_fd_plus_one)
		return from_file(answer);
	return answer->shared ? from_shared(answer) : from_text(answer);
}

static void add_header(struct MHD_Response *response, const char *line)
{
	const char *colon = strchr(line, ':');
	autofree char *name = xstrndup(line, (size_t)(colon - line));

	MHD_add_response_header(response, name, colon + 1 + strspn(colon + 1, " "));
}

enum MHD_Result http_send(
	struct http_server *s, struct MHD_Connection *connection, struct http_answer *answer)
{
	bool has_body = answer->status != 304 && answer->status != 204;
	struct MHD_Response *response = make_response(s, connection, answer);

	if (!response) {
		http_answer_release(answer);
		return MHD_NO;
	}
	if (has_body)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
			answer->type ? answer->type : "application/json");
	for (size_t i = 0; i < answer->headers.count; i++)
		add_header(response, answer->headers.items[i]);
	if (s->stopping) /* who sees it late is cut when all others have gone */
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	http_answer_release(answer);
	return result;
}
