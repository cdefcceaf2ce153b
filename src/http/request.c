/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libcurl is told about a request: everything that is not a default, for one hop.
 */
#include "http/private.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/path.h"

/* Bytes that libcurl receives at once for a body that may be long; else it takes 16 KiB. */
#define SINK_BUFFER 131072L

/* Headers that hold no secret: these follow a redirect to another origin. */
static const char *const harmless[] = {"accept", "accept-charset", "accept-encoding",
	"accept-language", "cache-control", "content-encoding", "content-language",
	"content-type", "if-match", "if-modified-since", "if-none-match", "if-range",
	"if-unmodified-since", "range", "user-agent"};

/* Sets options that cannot fail but for want of memory; the first failure sticks. */
#define SET(t, option, value)                                                                  \
	do {                                                                                   \
		CURLcode code_ = curl_easy_setopt((t)->client->easy, option, value);           \
		if (code_ != CURLE_OK && !(t)->failure.code)                                   \
			err_set(&(t)->failure, ERR_UNSUPPORTED, "libcurl refuses %s: %s",      \
				#option, curl_easy_strerror(code_));                           \
	} while (0)

static bool is_token(const char *s, size_t n)
{
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("!#$%&'*+-.^_`|~", s[i]))
			return false;
	return true;
}

/* A header that could smuggle another one, or is none, is refused; its value is not shown. */
static int check_header(const char *line, struct err *err)
{
	size_t name = strcspn(line, ":");

	if (!line[name] || !is_token(line, name))
		return err_set(
			err, ERR_INPUT, "a header's name is not one; expected \"Name: value\"");
	for (const char *c = line + name + 1; *c; c++)
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
			return err_set(err, ERR_INPUT,
				"the value of the header %.*s has a control character",
				(int)name, line);
	return 0;
}

static bool is_named(const char *line, const char *const *names, size_t count)
{
	size_t n = strcspn(line, ":");

	for (size_t i = 0; i < count; i++)
		if (strlen(names[i]) == n && strncasecmp(line, names[i], n) == 0)
			return true;
	return false;
}

static bool goes_along(const struct http_transfer *t, const char *line)
{
	const char *const *kept = t->request->unredirected;
	size_t count = 0;

	while (kept && kept[count])
		count++;
	if (t->hops > 0 && is_named(line, kept, count))
		return false;
	if (!t->with_body && strncasecmp(line, "content-", 8) == 0 &&
		http_request_has_body(t->request))
		return false;
	return t->trusted || is_named(line, harmless, ARRAY_SIZE(harmless));
}

static int append_header(struct http_transfer *t, const char *line, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *value = line + strcspn(line, ":") + 1;

	if (check_header(line, err) < 0)
		return -1;
	if (!goes_along(t, line))
		return 0;
	value += strspn(value, " \t");
	/* libcurl's way to say that a header has no value; "Name:" would remove it. */
	if (*value)
		strbuf_addstr(&text, line);
	else
		strbuf_addf(&text, "%.*s;", (int)strcspn(line, ":"), line);
	t->headers = curl_slist_append(t->headers, text.data);
	return 0;
}

static int prepare_headers(struct http_transfer *t, struct err *err)
{
	const char *const *lines = t->request->headers;

	t->headers = curl_slist_append(NULL, "Expect:");
	for (; lines && *lines; lines++)
		if (append_header(t, *lines, err) < 0)
			return -1;
	SET(t, CURLOPT_HTTPHEADER, t->headers);
	return 0;
}

bool http_request_has_body(const struct http_request *q)
{
	return q->body || q->body_file;
}

size_t http_give_body(char *to, size_t size, size_t count, void *transfer)
{
	struct http_transfer *t = transfer;
	const struct http_body_file *file = t->request->body_file;
	uint64_t left = file->size - t->sent;
	size_t n = size * count < left ? size * count : (size_t)left;
	ssize_t got = fd_pread_full(file->fd, to, n, file->offset + t->sent);

	if (got >= 0 && (size_t)got == n) {
		t->sent += n;
		return n;
	}
	if (got < 0)
		err_sys(&t->failure, "read the body");
	else
		err_set(&t->failure, ERR_INTEGRITY,
			"the body became shorter while it was sent");
	return CURL_READFUNC_ABORT;
}

int http_rewind_body(void *transfer, curl_off_t offset, int origin)
{
	struct http_transfer *t = transfer;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > t->request->body_file->size)
		return CURL_SEEKFUNC_FAIL;
	t->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static void prepare_body_file(struct http_transfer *t)
{
	t->sent = 0;
	SET(t, CURLOPT_UPLOAD, 1L);
	SET(t, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->request->body_file->size);
	SET(t, CURLOPT_READFUNCTION, http_give_body);
	SET(t, CURLOPT_READDATA, t);
	SET(t, CURLOPT_SEEKFUNCTION, http_rewind_body);
	SET(t, CURLOPT_SEEKDATA, t);
	SET(t, CURLOPT_CUSTOMREQUEST, t->method);
}

static void prepare_body(struct http_transfer *t)
{
	static const char *const with_length[] = {"POST", "PUT", "PATCH"};
	const struct http_request *q = t->request;
	bool body = q->body && t->with_body;

	if (q->body_file && t->with_body) {
		prepare_body_file(t);
		return;
	}
	if (strcmp(t->method, "HEAD") == 0 && !body) {
		SET(t, CURLOPT_NOBODY, 1L);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(with_length); i++)
		body = body || strcmp(t->method, with_length[i]) == 0;
	if (body) {
		bool given = q->body && t->with_body;
		SET(t, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(given ? q->body_len : 0));
		SET(t, CURLOPT_POSTFIELDS, given ? (const char *)q->body : "");
	}
	SET(t, CURLOPT_CUSTOMREQUEST, t->method);
}

static void prepare_credentials(struct http_transfer *t)
{
	const struct http_request *q = t->request;
	const char *user = q->user ? q->user : t->origin.user;
	const char *password = q->user ? q->password : t->origin.password;

	if (!user || !t->trusted)
		return;
	SET(t, CURLOPT_HTTPAUTH,
		(long)(q->basic_first ? CURLAUTH_BASIC : CURLAUTH_BASIC | CURLAUTH_DIGEST));
	SET(t, CURLOPT_USERNAME, user);
	SET(t, CURLOPT_PASSWORD, password ? password : "");
}

static void prepare_tls(struct http_transfer *t)
{
	const struct http_tls *tls = &t->request->tls;
	const char *ca = tls->ca_path ? tls->ca_path : getenv(HTTP_CA_VARIABLE);

	SET(t, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(t, CURLOPT_SSL_VERIFYPEER, tls->insecure ? 0L : 1L);
	SET(t, CURLOPT_SSL_VERIFYHOST, tls->insecure ? 0L : 2L);
	if (ca && *ca) { /* these alone, and not the system's besides */
		bool is_dir = path_is_dir(ca);
		SET(t, CURLOPT_CAINFO, is_dir ? NULL : ca);
		SET(t, CURLOPT_CAPATH, is_dir ? ca : NULL);
	}
	if (tls->ciphers)
		SET(t, CURLOPT_SSL_CIPHER_LIST, tls->ciphers);
	if (tls->client_cert && t->trusted) {
		SET(t, CURLOPT_SSLCERT, tls->client_cert);
		SET(t, CURLOPT_SSLKEY, tls->client_key ? tls->client_key : tls->client_cert);
	}
}

static void prepare_limits(struct http_transfer *t)
{
	const struct http_request *q = t->request;
	double connect = q->connect_timeout > 0 ? q->connect_timeout : HTTP_CONNECT_TIMEOUT;
	double stall = q->stall > 0 ? q->stall : HTTP_STALL;

	SET(t, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect * 1000));
	SET(t, CURLOPT_LOW_SPEED_LIMIT, q->slowest ? (long)q->slowest : 1L);
	SET(t, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)t->request->rate);
	SET(t, CURLOPT_LOW_SPEED_TIME, stall < 1 ? 1L : (long)stall);
	/* (To libcurl the limit is one of what HEAD tells, too.) */
	if ((q->body_max || !q->sink) && strcmp(t->method, "HEAD") != 0)
		SET(t, CURLOPT_MAXFILESIZE_LARGE,
			(curl_off_t)(q->body_max ? q->body_max : HTTP_BODY_MAX));
}

int http_transfer_prepare(struct http_transfer *t, struct err *err)
{
	const struct http_options *o = &t->client->o;

	if (!is_token(t->method, strlen(t->method)))
		return err_set(err, ERR_INPUT, "the method is not one; expected e.g. GET");
	SET(t, CURLOPT_URL, t->url);
	SET(t, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(t, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(t, CURLOPT_NOSIGNAL, 1L);
	/* A name lookup that hangs is left to its thread, not waited for. */
	SET(t, CURLOPT_QUICK_EXIT, 1L);
	SET(t, CURLOPT_USERAGENT, o->user_agent ? o->user_agent : "modelfleet");
	if (!o->use_proxy)
		SET(t, CURLOPT_PROXY, "");
	if (t->request->unix_socket && !o->connector)
		SET(t, CURLOPT_UNIX_SOCKET_PATH, t->request->unix_socket);
	if (t->request->decompress)
		SET(t, CURLOPT_ACCEPT_ENCODING, "");
	SET(t, CURLOPT_HEADERFUNCTION, http_take_header);
	SET(t, CURLOPT_HEADERDATA, t);
	/* (libcurl keeps a rate the worse, the more it takes at once.) */
	if (t->request->sink && !t->request->rate)
		SET(t, CURLOPT_BUFFERSIZE, SINK_BUFFER);
	SET(t, CURLOPT_WRITEFUNCTION, http_take_body);
	SET(t, CURLOPT_WRITEDATA, t);
	prepare_body(t);
	prepare_credentials(t);
	prepare_tls(t);
	prepare_limits(t);
	if (prepare_headers(t, err) < 0)
		return -1;
	if (t->failure.code)
		return err_set(err, t->failure.code, "%s", t->failure.text);
	return 0;
}
