/* SPDX-License-Identifier: Apache-2.0 */
/* Presigned URLs; see s3.h for where the algorithm is told. */
#include <ctype.h>

#include "crypto/digest.h"
#include "crypto/hmac.h"
#include "http/private.h"
#include "http/s3_private.h"

#define REGION    "us-east-1"
#define ALGORITHM "AWS4-HMAC-SHA256"
#define SERVICE   "s3"

/* ---- opening ---- */

bool s3_bucket_is_valid(const char *bucket)
{
	size_t n = strlen(bucket);

	if (n < 3 || n > 63 || !isalnum((unsigned char)*bucket) ||
		!isalnum((unsigned char)bucket[n - 1]))
		return false;
	return strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-") == n;
}

static bool is_default_port(const struct http_url *url)
{
	return url->port == (strcmp(url->scheme, "https") == 0 ? 443u : 80u);
}

static int set_address(struct s3 *s, const struct s3_options *o, struct err *err)
{
	AUTO(http_url_release) struct http_url url = {0};
	autofree char *amazon = xasprintf("https://s3.%s.amazonaws.com", s->region);
	const char *endpoint = o->endpoint ? o->endpoint : amazon;

	if (http_url_parse(endpoint, &url, err) < 0)
		return err_wrap(err, "the S3 endpoint");
	const char *rest = strstr(endpoint, "://") + 3;
	if (url.user || rest[strcspn(rest, "/?#")] == '?' ||
		rest[strcspn(rest, "/?#")] == '#' || strlen(rest) > strcspn(rest, "/") + 1)
		return err_set(err, ERR_INPUT,
			"the S3 endpoint: expected http(s)://HOST[:PORT] and no more");
	bool v6 = strchr(url.host, ':') != NULL;
	autofree char *port = is_default_port(&url) ? xstrdup("") : xasprintf(":%u", url.port);
	s->host = xasprintf("%s%s%s%s%s%s", o->path_style ? "" : o->bucket,
		o->path_style ? "" : ".", v6 ? "[" : "", url.host, v6 ? "]" : "", port);
	s->path = o->path_style ? xasprintf("/%s", o->bucket) : xstrdup("");
	s->base = xasprintf("%s://%s%s", url.scheme, s->host, s->path);
	return 0;
}

struct s3 *s3_open(const struct s3_options *o, struct err *err)
{
	if (!s3_bucket_is_valid(o->bucket)) {
		err_set(err, ERR_INPUT,
			"\"%.80s\" is no name of a bucket: expected 3 to 63 characters of a-z, "
			"0-9, \".\" and \"-\"",
			o->bucket);
		return NULL;
	}
	struct s3 *s = xcalloc(1, sizeof(*s));
	*s = (struct s3){.region = xstrdup(o->region ? o->region : REGION),
		.prefix = xasprintf("%s%s", o->prefix, *o->prefix ? "/" : ""),
		.bucket = xstrdup(o->bucket),
		.access_key = xstrdup(o->access_key),
		.secret_key = xstrdup(o->secret_key),
		.session_token = o->session_token ? xstrdup(o->session_token) : NULL,
		.ca_path = o->ca_path ? xstrdup(o->ca_path) : NULL,
		.ca_setting = o->ca_setting ? xstrdup(o->ca_setting) : NULL,
		.part_size = o->part_size ? o->part_size : S3_PART_SIZE,
		.cancel = o->cancel};
	pthread_mutex_init(&s->lock, NULL);
	if (set_address(s, o, err) == 0)
		return s;
	s3_close(s);
	return NULL;
}

void s3_close(struct s3 *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->idle_count; i++)
		http_client_free(s->idle[i]);
	pthread_mutex_destroy(&s->lock);
	mem_wipe(s->secret_key, strlen(s->secret_key));
	if (s->session_token)
		mem_wipe(s->session_token, strlen(s->session_token));
	char *const texts[] = {s->base, s->host, s->path, s->region, s->prefix, s->bucket,
		s->access_key, s->secret_key, s->session_token, s->ca_path, s->ca_setting};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(texts[i]);
	free(s);
}

/* ---- signing ---- */

void s3_encode(struct strbuf *out, const char *text, const char *also)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if ((*c < 0x80 && isalnum(*c)) || strchr("-._~", *c) || strchr(also, *c))
			strbuf_addch(out, (char)*c);
		else
			strbuf_addf(out, "%%%02X", *c);
	}
}

/* What a signature holds for. */
struct scope {
	char stamp[17], day[9];       /* 20130524T000000Z, 20130524 */
	char *text;                   /* DAY/REGION/s3/aws4_request */
	struct strbuf signed_headers; /* "host;x-amz-meta-a" */
	struct strbuf headers;        /* "host:...\n..." */
	struct strlist query;
	struct strbuf path;
};

static void scope_release(struct scope *c)
{
	free(c->text);
	strbuf_release(&c->signed_headers);
	strbuf_release(&c->headers);
	strlist_release(&c->query);
	strbuf_release(&c->path);
}

/* Headers are signed in the order of their names, each as "name:value". */
static void sign_headers(const struct s3 *s, const struct s3_signed *what, struct scope *c)
{
	AUTO(strlist_release) struct strlist lines = {0};

	strlist_addf(&lines, "host:%s", s->host);
	for (const char *const *h = what->headers; h && *h; h++) {
		size_t name = strcspn(*h, ":");
		const char *value = *h + name + 1;
		strlist_addf(&lines, "%.*s:%s", (int)name, *h, value + strspn(value, " "));
	}
	strlist_sort(&lines);
	for (size_t i = 0; i < lines.count; i++) {
		strbuf_addf(&c->headers, "%s\n", lines.items[i]);
		strbuf_addf(&c->signed_headers, "%s%.*s", i ? ";" : "",
			(int)strcspn(lines.items[i], ":"), lines.items[i]);
	}
}

static void add_member(struct scope *c, const char *name, const char *value)
{
	AUTO(strbuf_release) struct strbuf member = STRBUF_INIT;

	strbuf_addf(&member, "%s=", name);
	s3_encode(&member, value, "");
	strlist_add(&c->query, member.data);
}

static void add_query(const struct s3 *s, const struct s3_signed *what, struct scope *c)
{
	autofree char *credential = xasprintf("%s/%s", s->access_key, c->text);
	char seconds[16];

	snprintf(seconds, sizeof(seconds), "%u", what->seconds);
	for (const char *const *q = what->query; q && *q; q++)
		strlist_add(&c->query, *q);
	add_member(c, "X-Amz-Algorithm", ALGORITHM);
	add_member(c, "X-Amz-Credential", credential);
	add_member(c, "X-Amz-Date", c->stamp);
	add_member(c, "X-Amz-Expires", seconds);
	if (s->session_token)
		add_member(c, "X-Amz-Security-Token", s->session_token);
	add_member(c, "X-Amz-SignedHeaders", c->signed_headers.data);
	strlist_sort(&c->query); /* no name here is the beginning of another */
}

static void join_query(const struct scope *c, struct strbuf *out)
{
	for (size_t i = 0; i < c->query.count; i++)
		strbuf_addf(out, "%s%s", i ? "&" : "", c->query.items[i]);
}

/* The key of a day, a region and a service, and with it the signature. */
static int sign_text(const struct s3 *s, const struct scope *c, const char *text, char hex[65],
	struct err *err)
{
	const char *const steps[] = {c->day, s->region, SERVICE, "aws4_request", text};
	AUTO(strbuf_release) struct strbuf first = STRBUF_INIT;
	uint8_t key[DIGEST_MAX];
	int result = 0;

	strbuf_addf(&first, "AWS4%s", s->secret_key);
	for (size_t i = 0; i < ARRAY_SIZE(steps) && result == 0; i++)
		result = hmac_data(DIGEST_SHA256, i ? (const char *)key : first.data,
			i ? 32 : first.len, steps[i], strlen(steps[i]), key, err);
	hex_encode(key, 32, hex);
	mem_wipe(key, sizeof(key));
	mem_wipe(first.data, first.len);
	return result;
}

static int sign(const struct s3 *s, const struct s3_signed *what, const struct scope *c,
	char hex[65], struct err *err)
{
	AUTO(strbuf_release) struct strbuf request = STRBUF_INIT;
	char digest[DIGEST_HEX_MAX];

	strbuf_addf(&request, "%s\n%s\n", what->method ? what->method : "GET", c->path.data);
	join_query(c, &request);
	strbuf_addf(&request, "\n%s\n%s\nUNSIGNED-PAYLOAD", c->headers.data,
		c->signed_headers.data);
	if (digest_hex(DIGEST_SHA256, request.data, request.len, digest, err) < 0)
		return -1;
	autofree char *text = xasprintf(ALGORITHM "\n%s\n%s\n%s", c->stamp, c->text, digest);
	return sign_text(s, c, text, hex, err);
}

int s3_presign(struct s3 *s, const struct s3_signed *what, struct strbuf *url, struct err *err)
{
	AUTO(scope_release)
	struct scope c = {
		.signed_headers = STRBUF_INIT, .headers = STRBUF_INIT, .path = STRBUF_INIT};
	time_t now = what->now ? what->now : time(NULL);
	char signature[65];
	struct tm utc;

	if (*what->key && strlen(s->prefix) + strlen(what->key) > S3_KEY_MAX)
		return err_set(err, ERR_LIMIT, "a key of S3 has at most %u bytes", S3_KEY_MAX);
	gmtime_r(&now, &utc);
	strftime(c.stamp, sizeof(c.stamp), "%Y%m%dT%H%M%SZ", &utc);
	strftime(c.day, sizeof(c.day), "%Y%m%d", &utc);
	c.text = xasprintf("%s/%s/" SERVICE "/aws4_request", c.day, s->region);
	strbuf_addf(&c.path, "%s/", s->path);
	if (*what->key) {
		s3_encode(&c.path, s->prefix, "/");
		s3_encode(&c.path, what->key, "/");
	}
	sign_headers(s, what, &c);
	add_query(s, what, &c);
	if (sign(s, what, &c, signature, err) < 0)
		return -1;
	strbuf_addf(
		url, "%.*s%s?", (int)(strlen(s->base) - strlen(s->path)), s->base, c.path.data);
	join_query(&c, url);
	strbuf_addf(url, "&X-Amz-Signature=%s", signature);
	return 0;
}
