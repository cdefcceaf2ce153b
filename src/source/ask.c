/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources that speak HTTP share: URLs, questions, downloads. */
#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "http/download.h"
#include "source/hub.h"
#include "value/json.h"

#define TRIES      3u
#define PAUSE      0.5  /* seconds before the second try; doubled for the next */
#define PAUSE_MAX  30.0 /* whatever a server asks for */
#define PAUSE_SAID 5.0  /* seconds of a pause that the log tells */
#define ANSWER_MAX (16u << 20)
#define ROOM                                                                                   \
	(SOURCE_HEADERS_MAX + 3) /* headers: the server's, the message's, a type, an end       \
				  */
#define SAID_MAX 300             /* characters of what a server says of an error */
#define SLOWEST  1000u           /* bytes a second; what comes slower counts as nothing */
#define PATIENCE 86400.0         /* seconds of a download that is cut and gets forward */

/* ---- URLs ---- */

static void add_encoded(struct strbuf *url, const char *text, const char *also)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (isalnum(*c) || strchr("-._~", *c) || strchr(also, *c))
			strbuf_addch(url, (char)*c);
		else
			strbuf_addf(url, "%%%02X", *c);
	}
}

void source_add_query(struct strbuf *url, const char *name, const char *value)
{
	strbuf_addf(url, "%c%s=", strchr(url->data, '?') ? '&' : '?', name);
	add_encoded(url, value, "");
}

void source_add_path(struct strbuf *url, const char *path)
{
	add_encoded(url, path, "/");
}

void source_add_segment(struct strbuf *url, const char *segment)
{
	add_encoded(url, segment, "");
}

/* ---- servers ---- */

int source_server_open(struct source_server *s, const char *url,
	const struct source_options *options, struct err *err)
{
	size_t n = strlen(url);

	if (!str_starts(url, "http://") && !str_starts(url, "https://"))
		return err_set(err, ERR_INPUT,
			"\"%s\" is no address of a server: it begins with http:// or https://",
			url);
	while (n && url[n - 1] == '/')
		n--;
	s->base = xstrndup(url, n);
	s->rate = options->rate;
	s->client = http_client_new(
		&(struct http_options){.cancel = options->cancel, .use_proxy = true});
	return 0;
}

void source_server_close(struct source_server *s)
{
	http_client_free(s->client);
	free(s->base);
	free(s->authorization);
	free(s->user);
	free(s->password);
}

const struct cancel *source_server_cancel(const struct source_server *s)
{
	return http_client_cancel(s->client);
}

/* A request with what the server is told each time; headers are in `room`, of all NULL. */
static struct http_request request_to(
	const struct source_server *s, const char *url, const char *room[ROOM])
{
	room[0] = s->authorization;
	return (struct http_request){.url = url,
		.headers = s->authorization ? room : NULL,
		.user = s->user,
		.password = s->password,
		.basic_first = s->user != NULL,
		.tls = s->tls,
		.stall = s->timeout};
}

/* ---- questions ---- */

bool source_is_sha256(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdefABCDEF") == 64;
}

const char *source_text(const struct value *v, const char *name)
{
	const struct value *member = value_dict_get(v, name);

	return member ? value_text(member) : NULL;
}

static bool is_busy(int status)
{
	return status == 408 || status == 429 || status == 500 || status == 502 ||
	       status == 503 || status == 504;
}

/* Seconds until the next try: a growing time of which a part is luck. */
static double pause_of(double seconds)
{
	return seconds * (1 + (double)random() / (double)RAND_MAX / 2);
}

/* The same when a server has answered that it is busy, and may have said how long. */
static double pause_after(
	const struct source_server *s, const struct http_response *r, double seconds)
{
	double max = s->pause_max > 0 ? s->pause_max : PAUSE_MAX;
	const char *limit = r->status == 429 ? http_header_get(r, "RateLimit") : NULL;
	const char *said = http_header_get(r, "Retry-After");
	double window = limit ? hub_rate_limit(limit) : -1;
	int64_t n;

	if (window >= 0)
		return window < max ? window + 1 : max;
	return pause_of(said && parse_int(said, 0, (int64_t)max, &n) ? (double)n : seconds);
}

/* What a server says of an error: MLflow's and the Hub's JSON, a problem document (RFC 9457),
 * else the reason. */
static void add_said(const struct http_response *r, struct strbuf *out)
{
	static const char *const names[] = {"message", "error", "detail"};
	AUTO(arena_release) struct arena arena = {0};
	const struct value *v =
		json_read(&arena, r->body.data, r->body.len, NULL, NULL, NULL, NULL);
	const char *text = NULL;

	for (size_t i = 0; v && v->kind == VALUE_DICT && !text && i < ARRAY_SIZE(names); i++)
		text = source_text(v, names[i]);
	if (text)
		strbuf_addf(out, ": %.*s", SAID_MAX, text);
}

static enum err_code code_of(int status)
{
	static const struct {
		int status;
		enum err_code code;
	} codes[] = {{401, ERR_DENIED}, {403, ERR_DENIED}, {404, ERR_NOTFOUND},
		{409, ERR_EXISTS}, {412, ERR_BUSY}, {413, ERR_LIMIT}, {422, ERR_INPUT}};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].status == status)
			return codes[i].code;
	return is_busy(status) ? ERR_UNREACHABLE : ERR_PROTOCOL;
}

static int refuse(const struct http_response *r, struct err *err)
{
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf said = STRBUF_INIT;

	http_url_for_people(r->url, &url);
	add_said(r, &said);
	return err_set(err, code_of(r->status), "%s: the server says %d %s%s", url.data,
		r->status, r->reason, said.data);
}

/* True if a request may be sent again without asking whether it has been done. */
static bool may_repeat(const struct http_request *q)
{
	return !q->method || strcmp(q->method, "GET") == 0 || strcmp(q->method, "HEAD") == 0 ||
	       strcmp(q->method, "PUT") == 0;
}

/* Whether a request that failed may be sent again: where we have patience. */
static bool was_cut(const struct source_server *s, const struct err *err)
{
	return s->tries && (err->code == ERR_UNREACHABLE || err->code == ERR_TIMEOUT);
}

/* Sends a request up to the server's number of tries; each has its own time, unless
 * the request brings a deadline. */
static int perform(struct source_server *s, struct http_request *q, struct http_response *r,
	struct err *err)
{
	unsigned last = s->tries ? s->tries : TRIES;
	double seconds = PAUSE;
	bool limited = q->until != 0;
	struct err why = {0};

	for (unsigned tries = 1;; tries++, seconds *= 2) {
		if (!limited)
			q->until = deadline_in(s->timeout);
		int rc = http_perform(s->client, q, r, &why);
		if (tries == last || !may_repeat(q) ||
			!(rc < 0 ? was_cut(s, &why) : is_busy(r->status))) {
			if (rc < 0 && err)
				*err = why;
			return rc;
		}
		double pause = rc < 0 ? pause_of(seconds) : pause_after(s, r, seconds);
		if (pause >= PAUSE_SAID)
			log_info("the server is asked again in %.0f seconds", pause);
		if (wait_until(deadline_in(pause), http_client_cancel(s->client), err) < 0)
			return -1;
	}
}

int source_get(
	struct source_server *s, const char *url, struct http_response *r, struct err *err)
{
	const char *room[ROOM] = {0};
	struct http_request q = request_to(s, url, room);

	q.body_max = ANSWER_MAX;
	if (perform(s, &q, r, err) < 0)
		return -1;
	return r->status == 200 ? 0 : refuse(r, err);
}

/* The JSON of a body, or NULL with err. */
static const struct value *read_answer(
	struct arena *arena, const struct http_response *r, struct err *err)
{
	static const struct json_options options = {.unsafe = true};
	AUTO(strbuf_release) struct strbuf people = STRBUF_INIT;
	struct err why = {0};
	const struct value *v =
		json_read(arena, r->body.data, r->body.len, NULL, &options, NULL, &why);

	if (v && (v->kind == VALUE_DICT || v->kind == VALUE_LIST))
		return v;
	http_url_for_people(r->url, &people);
	err_set(err, ERR_PROTOCOL, "%s: the answer is no JSON that could be one: %s",
		people.data, v ? "it is neither object nor list" : why.text);
	return NULL;
}

const struct value *source_ask(struct source_server *s, struct arena *arena, const char *url,
	struct http_response *response, struct err *err)
{
	AUTO(http_response_release) struct http_response own = {0};
	struct http_response *r = response ? response : &own;

	return source_get(s, url, r, err) < 0 ? NULL : read_answer(arena, r, err);
}

/* Adds a message to a request; its type's header is in `type`. */
static void add_message(struct http_request *q, const struct source_message *m,
	const char *room[ROOM], struct strbuf *type)
{
	size_t n = room[0] ? 1 : 0;

	for (size_t i = 0; i < SOURCE_HEADERS_MAX && m->headers[i]; i++)
		room[n++] = m->headers[i];
	if (m->type) {
		strbuf_addf(type, "Content-Type: %s", m->type);
		room[n] = type->data;
	}
	q->headers = room;
	q->method = m->method;
	q->body = m->body;
	q->body_len = m->body_len;
	q->body_file = m->file;
	if (m->seconds > 0) {
		q->until = deadline_in(m->seconds);
		q->stall = m->seconds;
	}
}

const struct value *source_send(struct source_server *s, struct arena *arena, const char *url,
	const struct source_message *message, struct http_response *response, struct err *err)
{
	AUTO(http_response_release) struct http_response own = {0};
	AUTO(strbuf_release) struct strbuf type = STRBUF_INIT;
	struct http_response *r = response ? response : &own;
	const char *room[ROOM] = {0};
	struct http_request q = request_to(s, url, room);

	add_message(&q, message, room, &type);
	q.body_max = ANSWER_MAX;
	if (perform(s, &q, r, err) < 0)
		return NULL;
	if (r->status < 200 || r->status > 299) {
		refuse(r, err);
		return NULL;
	}
	return r->body.len ? read_answer(arena, r, err) : &value_null;
}

/* ---- downloads ---- */

/* A file of another size than the source lists is removed. */
static int check_size(const struct http_download *d, uint64_t size, struct err *err)
{
	if (size == SOURCE_SIZE_UNKNOWN || d->size == size)
		return 0;
	unlink(d->path);
	return err_set(err, ERR_INTEGRITY, "%llu bytes came, and the source lists %llu",
		(unsigned long long)d->size, (unsigned long long)size);
}

int source_download(struct source_server *s, const char *url, const char *content,
	const char *sha256, uint64_t size, struct source_fetch *fetch, struct err *err)
{
	const char *room[ROOM] = {0};
	AUTO(http_download_release)
	struct http_download d = {.request = request_to(s, url, room),
		.path = fetch->to,
		.mode = 0644,
		.size_max = fetch->size_max,
		.room = fetch->room,
		.content = content,
		.digest_name = sha256 ? "sha256" : NULL,
		.digest_hex = sha256,
		.patience = PATIENCE,
		.progress = fetch->progress,
		.progress_data = fetch->progress_data};

	d.request.until = fetch->until;
	d.request.rate = s->rate;
	d.request.slowest = s->rate && s->rate / 2 < SLOWEST ? s->rate / 2 : SLOWEST;
	if (http_download(s->client, &d, err) < 0)
		return -1;
	fetch->size = d.size;
	fetch->resumed_from = d.resumed_from;
	return check_size(&d, size, err);
}
