/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to an S3 store, each by a URL that was presigned for it; see s3.h. */
#include "http/s3_private.h"

#include "base/base64.h"
#include "base/fd.h"
#include "base/vec.h"

#define SECONDS   60.0       /* of a request, and of silence */
#define SLOWEST   1e6        /* bytes a second that a body is given time for */
#define URL_LIVES 900u       /* seconds, of a request of ours: clocks differ */
#define PAGE_MAX  (4u << 20) /* bytes of a page of a list */
#define ERROR_MAX (64u << 10)
#define CODE_MAX  64 /* characters of an error's code that are told */

/* ---- clients ---- */

static struct http_client *new_client(const struct cancel *cancel)
{
	return http_client_new(&(struct http_options){.cancel = cancel, .use_proxy = true});
}

static struct http_client *borrow(struct s3 *s)
{
	struct http_client *client = NULL;

	pthread_mutex_lock(&s->lock);
	if (s->idle_count)
		client = s->idle[--s->idle_count];
	pthread_mutex_unlock(&s->lock);
	return client ? client : new_client(s->cancel);
}

static void give_back(struct s3 *s, struct http_client *client)
{
	pthread_mutex_lock(&s->lock);
	if (s->idle_count < S3_CLIENTS) {
		s->idle[s->idle_count++] = client;
		client = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	http_client_free(client);
}

/* ---- one request ---- */

/* The text of an answer's <Code>, "" where it has none. */
static void error_code(const struct http_response *r, char code[CODE_MAX])
{
	const char *at = strstr(r->body.data, "<Code>");
	size_t n =
		at ? strspn(at + 6, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") : 0;

	snprintf(code, CODE_MAX, "%.*s", (int)(n < CODE_MAX ? n : CODE_MAX - 1),
		at ? at + 6 : "");
}

static enum err_code meaning(int status)
{
	static const struct {
		int status;
		enum err_code code;
	} codes[] = {{401, ERR_DENIED}, {403, ERR_DENIED}, {404, ERR_NOTFOUND},
		{409, ERR_EXISTS}, {412, ERR_EXISTS}, {413, ERR_LIMIT}, {416, ERR_LIMIT},
		{507, ERR_NOSPACE}};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].status == status)
			return codes[i].code;
	return status >= 500 || status == 429 ? ERR_UNREACHABLE : ERR_PROTOCOL;
}

static int refuse(const struct s3 *s, const struct s3_question *q,
	const struct http_response *r, struct err *err)
{
	enum err_code what = meaning(r->status);
	char code[CODE_MAX];

	error_code(r, code);
	if (strcmp(code, "NoSuchBucket") == 0)
		what = ERR_UNREACHABLE;
	return err_set(err, what, "s3://%s/%s%s: the store says %d %s%s%s", s->bucket,
		*q->what.key ? s->prefix : "", q->what.key, r->status, r->reason,
		*code ? ": " : "", code);
}

static int perform_once(
	struct s3 *s, const struct s3_question *q, struct http_response *r, struct err *err)
{
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;
	double limit = SECONDS + (double)(q->body ? q->body->size : q->expected) / SLOWEST;

	if (s3_presign(s, &q->what, &url, err) < 0)
		return -1;
	const struct http_request request = {.url = url.data,
		.method = q->what.method,
		.headers = q->what.headers,
		.body = q->text,
		.body_len = q->text ? strlen(q->text) : 0,
		.body_file = q->body,
		.redirects = HTTP_REDIRECTS_NONE, /* a signature is of one address */
		.tls = {.ca_path = s->ca_path, .ca_setting = s->ca_setting},
		.until = deadline_in(q->last ? S3_LAST : limit),
		/* (Of a text it is told when all of it is done.) */
		.stall = q->text ? limit : SECONDS,
		.body_max = q->body_max ? q->body_max
			    : q->sink   ? 0
					: ERROR_MAX,
		.sink = q->sink,
		.begin = q->begin,
		.sink_data = q->sink_data};
	struct http_client *client = q->last ? new_client(NULL) : borrow(s);
	int result = http_perform(client, &request, r, err);
	if (q->last)
		http_client_free(client);
	else
		give_back(s, client);
	return result;
}

static bool is_busy(int status)
{
	return status == 429 || status == 500 || status == 502 || status == 503 ||
	       status == 504;
}

/* True if a question that got no answer is asked again. */
static bool may_repeat(const struct s3_question *q, const struct err *why)
{
	return q->repeat && (why->code == ERR_UNREACHABLE || why->code == ERR_TIMEOUT);
}

int s3_ask(struct s3 *s, struct s3_question *q, struct http_response *r, struct err *err)
{
	double pause = S3_PAUSE;

	q->what.seconds = URL_LIVES;
	for (unsigned tries = 1;; tries++, pause *= 2) {
		struct err why = {0};
		int rc = perform_once(s, q, r, &why);
		if (rc == 0 && r->status >= 200 && r->status < 300)
			return 0;
		if (rc < 0 && (tries == S3_TRIES || !may_repeat(q, &why)))
			return err_set(err, why.code, "%s", why.text);
		if (rc == 0 && (tries == S3_TRIES || !is_busy(r->status)))
			return refuse(s, q, r, err);
		if (wait_until(deadline_in(pause), q->last ? NULL : s->cancel, err) < 0)
			return -1;
	}
}

/* ---- objects ---- */

void s3_object_release(struct s3_object *object)
{
	http_response_release(&object->response);
}

int s3_head(struct s3 *s, const char *key, struct s3_object *object, struct err *err)
{
	struct s3_question q = {.what = {.method = "HEAD", .key = key}};
	int64_t size;

	*object = (struct s3_object){0};
	if (s3_ask(s, &q, &object->response, err) < 0)
		return -1;
	const char *length = http_header_get(&object->response, "Content-Length");
	if (!length || !parse_int(length, 0, INT64_MAX, &size))
		return err_set(err, ERR_PROTOCOL,
			"s3://%s/%s%s: the store does not say its size", s->bucket, s->prefix,
			key);
	object->size = (uint64_t)size;
	return 0;
}

/* Asks for a put, with the condition that a store may not know; the answer's status is told. */
static int put_whole(
	struct s3 *s, const struct s3_new *o, bool condition, int *status, struct err *err)
{
	AUTO(http_response_release) struct http_response r = {0};
	AUTO(strbuf_release) struct strbuf sum = STRBUF_INIT;
	const char *headers[S3_META_MAX + 3] = {0};
	size_t n = 0;

	base64_encode(BASE64_STANDARD, o->sha256, sizeof(o->sha256), &sum);
	autofree char *checksum = xasprintf("x-amz-checksum-sha256: %s", sum.data);
	headers[n++] = checksum;
	for (size_t i = 0; i < S3_META_MAX && o->meta[i]; i++)
		headers[n++] = o->meta[i];
	if (condition)
		headers[n++] = "if-none-match: *";
	struct s3_question q = {
		.what = {.method = "PUT", .key = o->key, .headers = headers}, .body = &o->body};
	int result = s3_ask(s, &q, &r, err);
	*status = r.status;
	return result;
}

/* Puts it with the condition; to a store that knows none without. */
static int put(struct s3 *s, const struct s3_new *o, int *status, struct err *err)
{
	int (*how)(struct s3 *, const struct s3_new *, bool, int *, struct err *) =
		o->body.size > s->part_size ? s3_put_parts : put_whole;
	int result = how(s, o, true, status, err);

	if (result == 0 || *status != 501)
		return result;
	err_clear(err);
	return how(s, o, false, status, err);
}

/* Puts what a look finds missing: many stores pass over a condition that they do not know. */
static int put_missing(struct s3 *s, const struct s3_new *o, int *status, struct err *err)
{
	AUTO(s3_object_release) struct s3_object there = {0};
	struct err why = {0};

	*status = 0;
	if (s3_head(s, o->key, &there, &why) == 0)
		return err_set(err, ERR_EXISTS, "s3://%s/%s%s is there already", s->bucket,
			s->prefix, o->key);
	if (why.code != ERR_NOTFOUND)
		return err_set(err, why.code, "%s", why.text);
	return put(s, o, status, err);
}

int s3_put(struct s3 *s, const struct s3_new *o, struct err *err)
{
	double pause = S3_PAUSE;
	int status;

	if (o->body.size > S3_OBJECT_MAX)
		return err_set(err, ERR_LIMIT,
			"%s has more than the 5 TiB that S3 takes; split it, or keep the files "
			"in a store on disk",
			o->key);
	for (unsigned tries = 1; put_missing(s, o, &status, err) < 0; tries++, pause *= 2) {
		/* Of a bucket that is not there, or a store that takes no objects. */
		if (status == 404 && err)
			err->code = ERR_UNREACHABLE;
		if (status != 409 || tries == S3_TRIES)
			return -1;
		/* Requests met, and this one is to be made again; nobody may have won. */
		err_clear(err);
		if (wait_until(deadline_in(pause), s->cancel, err) < 0)
			return -1;
	}
	return 0;
}

int s3_get(struct s3 *s, const char *key, size_t max, struct strbuf *out, struct err *err)
{
	AUTO(http_response_release) struct http_response r = {0};
	struct s3_question q = {.what = {.key = key}, .body_max = max};

	if (s3_ask(s, &q, &r, err) < 0)
		return -1;
	strbuf_add(out, r.body.data, r.body.len);
	return 0;
}

int s3_delete(struct s3 *s, const char *key, struct err *err)
{
	AUTO(http_response_release) struct http_response r = {0};
	struct s3_question q = {.what = {.method = "DELETE", .key = key}};

	if (s3_ask(s, &q, &r, err) == 0 || r.status != 404)
		return r.status >= 200 && r.status < 300 ? 0 : -1;
	err_clear(err);
	return 0;
}

/* ---- into a file ---- */

struct landing {
	int fd;
	uint64_t at;
	bool taking; /* the body is the object, not an error's text */
};

static int begin_landing(void *data, const struct http_response *r, struct err *err)
{
	struct landing *l = data;

	(void)err;
	l->at = 0;
	l->taking = r->status == 200;
	return 0;
}

static int land(void *data, const void *bytes, size_t n, struct err *err)
{
	struct landing *l = data;

	if (!l->taking)
		return 0;
	if (fd_pwrite_all(l->fd, bytes, n, l->at) < 0)
		return err_sys(err, "write what the store sends");
	l->at += n;
	return 0;
}

int s3_fetch(struct s3 *s, const char *key, int fd, struct err *err)
{
	AUTO(http_response_release) struct http_response r = {0};
	struct landing l = {.fd = fd};
	struct s3_question q = {.what = {.key = key},
		.expected = S3_OBJECT_MAX,
		.sink = land,
		.begin = begin_landing,
		.sink_data = &l};

	return s3_ask(s, &q, &r, err);
}

/* ---- lists ---- */

void s3_list_release(struct s3_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].key);
	free(list->items);
	*list = (struct s3_list){0};
}

static int list_page(struct s3 *s, const char *prefix, struct s3_list *list,
	struct strbuf *more, struct err *err)
{
	AUTO(http_response_release) struct http_response r = {0};
	AUTO(strbuf_release) struct strbuf begin = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf token = STRBUF_INIT;
	const char *query[] = {"list-type=2", "encoding-type=url", begin.data, NULL, NULL};
	struct s3_question q = {.what = {.key = "", .query = query}, .body_max = PAGE_MAX};

	strbuf_addstr(&begin, "prefix=");
	s3_encode(&begin, prefix, "");
	query[2] = begin.data;
	if (more->len) {
		strbuf_addstr(&token, "continuation-token=");
		s3_encode(&token, more->data, "");
		query[3] = token.data;
	}
	strbuf_clear(more);
	if (s3_ask(s, &q, &r, err) == 0)
		return s3_list_read(r.body.data, r.body.len, list, more, err);
	if (err && err->code == ERR_NOTFOUND)
		err->code = ERR_UNREACHABLE; /* of the bucket */
	return -1;
}

/* Takes the client's prefix off the keys that came since `first`. */
static int shorten(const struct s3 *s, struct s3_list *list, size_t first, struct err *err)
{
	size_t n = strlen(s->prefix);

	for (size_t i = first; i < list->count; i++) {
		char *key = list->items[i].key;
		if (!str_starts(key, s->prefix))
			return err_set(err, ERR_PROTOCOL,
				"s3://%s: the store lists what it was not asked for",
				s->bucket);
		memmove(key, key + n, strlen(key + n) + 1);
	}
	return 0;
}

int s3_list(struct s3 *s, const char *key, struct s3_list *list, struct err *err)
{
	AUTO(strbuf_release) struct strbuf more = STRBUF_INIT;
	autofree char *prefix = xasprintf("%s%s", s->prefix, key);

	do {
		size_t first = list->count;
		if (list_page(s, prefix, list, &more, err) < 0 ||
			shorten(s, list, first, err) < 0)
			return -1;
		if (more.len && list->count == first)
			return err_set(err, ERR_PROTOCOL, "s3://%s: a page without objects",
				s->bucket);
	} while (more.len);
	return 0;
}
