/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that are put in parts ("Uploading and copying objects using multipart upload" of
 * Amazon's S3 user guide), each part with its SHA-256, which the store compares if it can.
 *
 * Nothing but the list of the parts' digests is in memory: a part is read from the file while
 * it is sent. An upload that fails is given up at once (AbortMultipartUpload). One whose
 * process was killed stays under way until s3_give_up finds it.
 */
#include "http/s3_private.h"

#include "base/base64.h"
#include "base/fd.h"
#include "base/vec.h"
#include "crypto/digest.h"

#define PIECE    65536u
#define TAG_MAX  256        /* characters of a part's ETag */
#define PAGE_MAX (4u << 20) /* bytes of a page of a list */
#define ID_MAX   2048       /* characters of an upload's name */

uint64_t s3_part_size(uint64_t size, uint64_t part_size)
{
	uint64_t least = (size + S3_PARTS_MAX - 1) / S3_PARTS_MAX;

	return least > part_size ? least : part_size;
}

/* An upload under way. */
struct parts {
	struct s3 *s3;
	const struct s3_new *object;
	char *id;   /* "uploadId=..." of its requests, percent-encoded; NULL: not begun */
	int status; /* of the last answer */
	struct strbuf done; /* the parts' elements for the last request */
};

static void parts_release(struct parts *p)
{
	free(p->id);
	strbuf_release(&p->done);
}

/* ---- the beginning ---- */

static int no_answer(const struct parts *p, const char *what, struct err *err)
{
	return err_set(err, ERR_PROTOCOL, "s3://%s/%s%s: %s", p->s3->bucket, p->s3->prefix,
		p->object->key, what);
}

/* "uploadId=ID" of an answer, in new memory; NULL: it has none. */
static char *read_id(const char *text, size_t n, const char *element)
{
	AUTO(strbuf_release) struct strbuf id = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf encoded = STRBUF_INIT;
	struct s3_span found, rest;

	if (!s3_element((struct s3_span){text, n}, element, &found, &rest) ||
		!s3_add_text(found, &id) || !id.len || id.len > ID_MAX)
		return NULL;
	s3_encode(&encoded, id.data, "");
	return xasprintf("uploadId=%s", encoded.data);
}

static int begin(struct parts *p, struct err *err)
{
	static const char *const query[] = {"uploads=", NULL};
	AUTO(http_response_release) struct http_response r = {0};
	const char *headers[S3_META_MAX + 3] = {
		"x-amz-checksum-algorithm: SHA256", "content-type: application/octet-stream"};
	struct s3_question q = {.what = {.method = "POST",
					.key = p->object->key,
					.query = query,
					.headers = headers}};

	for (size_t i = 0; i < S3_META_MAX && p->object->meta[i]; i++)
		headers[i + 2] = p->object->meta[i];
	int result = s3_ask(p->s3, &q, &r, err);
	p->status = r.status;
	if (result < 0)
		return -1;
	p->id = read_id(r.body.data, r.body.len, "UploadId");
	return p->id ? 0 : no_answer(p, "the store does not name the upload", err);
}

/* ---- parts ---- */

/* The SHA-256 of a part, in base64. */
static int digest_part(const struct http_body_file *part, struct strbuf *sum, struct err *err)
{
	AUTO(digest_release) struct digest d = {0};
	char piece[PIECE];
	uint8_t out[32];

	if (digest_init(&d, DIGEST_SHA256, err) < 0)
		return -1;
	for (uint64_t at = 0; at < part->size;) {
		size_t n = part->size - at < PIECE ? (size_t)(part->size - at) : PIECE;
		ssize_t got = fd_pread_full(part->fd, piece, n, part->offset + at);
		if (got < 0)
			return err_sys(err, "read a file that is uploaded");
		if ((size_t)got != n)
			return err_set(err, ERR_INTEGRITY,
				"a file became shorter while it was uploaded");
		digest_update(&d, piece, n);
		at += n;
	}
	digest_final(&d, out);
	base64_encode(BASE64_STANDARD, out, sizeof(out), sum);
	return 0;
}

/* True for the text of an ETag that XML can have as it is, but for its quotes. */
static bool is_tag(const char *tag)
{
	size_t n = strlen(tag);

	return n && n <= TAG_MAX &&
	       strspn(tag, "\"-_.+/=0123456789abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == n;
}

static void add_part(struct parts *p, unsigned number, const char *tag, const char *sum)
{
	strbuf_addf(&p->done, "<Part><PartNumber>%u</PartNumber><ETag>", number);
	for (; *tag; tag++) {
		if (*tag == '"')
			strbuf_addstr(&p->done, "&quot;");
		else
			strbuf_addch(&p->done, *tag);
	}
	strbuf_addf(&p->done, "</ETag><ChecksumSHA256>%s</ChecksumSHA256></Part>", sum);
}

static int send_part(
	struct parts *p, unsigned number, const struct http_body_file *part, struct err *err)
{
	AUTO(http_response_release) struct http_response r = {0};
	AUTO(strbuf_release) struct strbuf sum = STRBUF_INIT;
	autofree char *which = xasprintf("partNumber=%u", number);

	if (digest_part(part, &sum, err) < 0)
		return -1;
	autofree char *checksum = xasprintf("x-amz-checksum-sha256: %s", sum.data);
	const char *const query[] = {which, p->id, NULL}, *const headers[] = {checksum, NULL};
	struct s3_question q = {.what = {.method = "PUT",
					.key = p->object->key,
					.query = query,
					.headers = headers},
		.body = part,
		.repeat = true};
	int result = s3_ask(p->s3, &q, &r, err);
	p->status = r.status;
	if (result < 0)
		return -1;
	const char *tag = http_header_get(&r, "ETag");
	if (!tag || !is_tag(tag))
		return no_answer(p, "the store does not name a part", err);
	add_part(p, number, tag, sum.data);
	return 0;
}

static int send_parts(struct parts *p, struct err *err)
{
	const struct http_body_file *whole = &p->object->body;
	uint64_t size = s3_part_size(whole->size, p->s3->part_size);
	unsigned number = 1;

	for (uint64_t at = 0; at < whole->size; at += size) {
		const struct http_body_file part = {.fd = whole->fd,
			.size = whole->size - at < size ? whole->size - at : size,
			.offset = whole->offset + at};
		if (send_part(p, number++, &part, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the end ---- */

/*
 * The upload is not there any more: it was given up by somebody, or an answer to us was lost
 * and the object is there. ERR_EXISTS, which the caller knows what to make of.
 */
static int look_again(struct parts *p, struct err *err)
{
	AUTO(s3_object_release) struct s3_object there = {0};

	if (s3_head(p->s3, p->object->key, &there, NULL) == 0 &&
		there.size == p->object->body.size)
		return err_set(err, ERR_EXISTS, "s3://%s/%s%s is there already", p->s3->bucket,
			p->s3->prefix, p->object->key);
	return err_set(err, ERR_BUSY,
		"s3://%s/%s%s: the upload was given up by somebody else; send it again",
		p->s3->bucket, p->s3->prefix, p->object->key);
}

/* An error may come with the status of a success: it was sent before all was done. */
static int check_end(const struct parts *p, const struct http_response *r, struct err *err)
{
	if (strstr(r->body.data, "<CompleteMultipartUploadResult"))
		return 0;
	err_set(err, ERR_UNREACHABLE, "s3://%s/%s%s: the store could not join the parts",
		p->s3->bucket, p->s3->prefix, p->object->key);
	return -1;
}

static int end(struct parts *p, bool condition, struct err *err)
{
	const char *const headers[] = {
		"content-type: application/xml", condition ? "if-none-match: *" : NULL, NULL};
	AUTO(http_response_release) struct http_response r = {0};
	autofree char *text = xasprintf(
		"<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
		"%s</CompleteMultipartUpload>",
		p->done.data);
	const char *const query[] = {p->id, NULL};
	struct s3_question q = {.what = {.method = "POST",
					.key = p->object->key,
					.query = query,
					.headers = headers},
		.text = text,
		.expected = p->object->body.size,
		.repeat = true};
	struct err why = {0};

	int result = s3_ask(p->s3, &q, &r, &why);
	p->status = r.status;
	if (result == 0)
		return check_end(p, &r, err);
	if (why.code != ERR_NOTFOUND)
		return err_set(err, why.code, "%s", why.text);
	p->status = 0;
	return look_again(p, err);
}

/* Tells the store to forget it; what it does not hear, s3_give_up tells it. */
static int give_up(struct s3 *s, const char *key, const char *id, bool last, struct err *err)
{
	AUTO(http_response_release) struct http_response r = {0};
	const char *const query[] = {id, NULL};
	struct s3_question q = {
		.what = {.method = "DELETE", .key = key, .query = query}, .last = last};

	if (s3_ask(s, &q, &r, err) == 0 || r.status != 404)
		return r.status >= 200 && r.status < 300 ? 0 : -1;
	err_clear(err);
	return 0;
}

int s3_put_parts(
	struct s3 *s, const struct s3_new *object, bool condition, int *status, struct err *err)
{
	AUTO(parts_release)
	struct parts p = {.s3 = s, .object = object, .done = STRBUF_INIT};

	int result =
		begin(&p, err) < 0 || send_parts(&p, err) < 0 ? -1 : end(&p, condition, err);
	*status = p.status;
	if (result < 0 && p.id)
		give_up(s, object->key, p.id, true, NULL);
	return result;
}

/* ---- what crashes left ---- */

void s3_uploads_release(struct s3_uploads *uploads)
{
	for (size_t i = 0; i < uploads->count; i++) {
		free(uploads->items[i].key);
		free(uploads->items[i].id);
	}
	free(uploads->items);
	*uploads = (struct s3_uploads){0};
}

/* A time as S3 writes it, with or without a fraction of a second. */
static bool read_time(struct s3_span text, time_t *out)
{
	char seconds[32];

	if (text.n < 20)
		return false;
	snprintf(seconds, sizeof(seconds), "%.19sZ", text.at);
	return clock_parse_rfc3339(seconds, out);
}

static bool read_upload(struct s3_span item, struct s3_uploads *uploads)
{
	AUTO(strbuf_release) struct strbuf encoded = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf key = STRBUF_INIT;
	struct s3_span text, rest;
	time_t begun;

	if (!s3_element(item, "Initiated", &text, &rest) || !read_time(text, &begun) ||
		!s3_element(item, "Key", &text, &rest) || !s3_add_text(text, &encoded) ||
		!s3_decode(&encoded, &key) || !key.len)
		return false;
	char *id = read_id(item.at, item.n, "UploadId");
	if (!id)
		return false;
	*VEC_PUSH(uploads) = (struct s3_upload){strbuf_detach(&key, NULL), id, begun};
	return true;
}

int s3_uploads_read(const char *text, size_t n, struct s3_uploads *uploads, struct err *err)
{
	struct s3_span rest = {text, n}, item;

	if (!memmem(text, n, "<ListMultipartUploadsResult",
		    strlen("<ListMultipartUploadsResult")))
		return err_set(err, ERR_PROTOCOL,
			"the store's list of uploads is none: it is not what S3 answers");
	while (s3_element(rest, "Upload", &item, &rest))
		if (!read_upload(item, uploads))
			return err_set(err, ERR_PROTOCOL,
				"the store's list of uploads is none: one has no key, name or "
				"time");
	return 0;
}

/* (A page has a thousand of them; what lies behind it has its turn later.) */
static int list(struct s3 *s, const char *prefix, struct s3_uploads *uploads, struct err *err)
{
	AUTO(http_response_release) struct http_response r = {0};
	AUTO(strbuf_release) struct strbuf beginning = STRBUF_INIT;

	strbuf_addstr(&beginning, "prefix=");
	s3_encode(&beginning, prefix, "");
	const char *const query[] = {"uploads=", "encoding-type=url", beginning.data, NULL};
	struct s3_question q = {.what = {.key = "", .query = query}, .body_max = PAGE_MAX};
	return s3_ask(s, &q, &r, err) < 0
		       ? -1
		       : s3_uploads_read(r.body.data, r.body.len, uploads, err);
}

int s3_give_up(struct s3 *s, const char *key, time_t before, size_t *count, struct err *err)
{
	AUTO(s3_uploads_release) struct s3_uploads uploads = {0};
	autofree char *prefix = xasprintf("%s%s", s->prefix, key);

	*count = 0;
	if (list(s, prefix, &uploads, err) < 0)
		return -1;
	for (size_t i = 0; i < uploads.count; i++) {
		const struct s3_upload *u = &uploads.items[i];
		if (!str_starts(u->key, prefix) || u->begun >= before)
			continue;
		if (give_up(s, u->key + strlen(s->prefix), u->id, false, err) < 0)
			return -1;
		++*count;
	}
	return 0;
}
