/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending a file in pieces, each a PUT with Content-Range that the service appends to what it
 * has (RFC 9110, 14.5). Upload-Offset of its answers says how much that is: after a cut it is
 * asked, and the rest is sent. Repr-Digest (RFC 9530) is the whole file's, in every piece.
 *
 * A service whose store takes no pieces says so (501); then the file goes whole, in one
 * request.
 */
#include <inttypes.h>

#include "base/base64.h"
#include "base/fd.h"
#include "source/registry_client_private.h"

#define ATTEMPTS      5u    /* without any progress */
#define PIECE_SECONDS 600.0 /* a piece, and the digest of the whole behind the last */
#define SLOWEST       1e6   /* bytes a second that a whole file is given time for */
#define PAUSE         0.5   /* seconds before the second; doubled for each further one */

struct sending {
	struct registry_client *client;
	struct registry_upload *upload;
	struct strbuf url;
	char *digest; /* the header */
	char *tag;    /* the ETag that the service gives this content */
	uint8_t *piece;
	uint64_t offset; /* bytes that the service has */
	bool whole;      /* it has all of them, and they are ours */
	bool anew;       /* what it had was something else, and it starts from 0 */
	bool at_once;    /* it takes no pieces */
};

static void sending_release(struct sending *s)
{
	strbuf_release(&s->url);
	free(s->digest);
	free(s->tag);
	free(s->piece);
}

static void prepare(struct sending *s, const char *model, int64_t version)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	char hex[65];

	hex_encode(s->upload->sha256, sizeof(s->upload->sha256), hex);
	base64_encode(BASE64_STANDARD, s->upload->sha256, sizeof(s->upload->sha256), &text);
	s->digest = xasprintf("Repr-Digest: sha-256=:%s:", text.data);
	s->tag = xasprintf("\"%s\"", hex);
	s->piece = xmalloc(REGISTRY_PIECE);
	registry_file_url(s->client, model, version, s->upload->path, &s->url);
}

/* Takes what an answer says that the service has; false where it does not say it. */
static bool take_offset(struct sending *s, const struct http_response *r)
{
	const char *said = http_header_get(r, "Upload-Offset");
	int64_t n;

	if (!said || !parse_int(said, 0, INT64_MAX, &n))
		return false;
	s->offset = (uint64_t)n <= s->upload->size ? (uint64_t)n : 0;
	return true;
}

/* Asks what the service has of the file. */
static int look(struct sending *s, struct err *err)
{
	AUTO(http_response_release) struct http_response r = {0};
	AUTO(arena_release) struct arena arena = {0};
	const struct source_message head = {.method = "HEAD"};
	struct err why = {0};

	s->offset = 0;
	if (source_send(registry_server(s->client), &arena, s->url.data, &head, &r, &why)) {
		const char *tag = http_header_get(&r, "ETag");
		s->whole = tag && strcmp(tag, s->tag) == 0;
		return 0;
	}
	if (why.code != ERR_NOTFOUND)
		return err_set(err, why.code, "%s", why.text);
	take_offset(s, &r);
	return 0;
}

static const struct value *put(struct sending *s, struct arena *arena, size_t n,
	struct http_response *r, struct err *err)
{
	const struct registry_upload *u = s->upload;
	autofree char *range = NULL;
	struct source_message message = {.method = "PUT",
		.type = "application/octet-stream",
		.body = s->piece,
		.body_len = n,
		.headers = {s->digest},
		.seconds = PIECE_SECONDS};

	const struct http_body_file file = {.fd = u->fd, .size = u->size};

	if (s->at_once) {
		message.body = NULL;
		message.file = &file;
		message.seconds += (double)u->size / SLOWEST;
	} else if (n < u->size) {
		range = xasprintf("Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
			s->offset, s->offset + n - 1, u->size);
		message.headers[1] = range;
	}
	return source_send(registry_server(s->client), arena, s->url.data, &message, r, err);
}

/* What an error of a piece asks for: 0 to go on from s->offset, else -1 with err. */
static int recover(struct sending *s, const struct http_response *r, struct err *err)
{
	if (r->status == 409 && take_offset(s, r))
		return 0;
	if (r->status == 501 && !s->at_once) {
		s->at_once = true;
		s->offset = 0;
		err_clear(err);
		return 0;
	}
	/* All came, and it is not this file: what lay there before was of another. */
	if (err->code != ERR_INPUT || s->anew)
		return -1;
	s->anew = true;
	s->offset = 0;
	err_clear(err);
	return 0;
}

static int read_piece(struct sending *s, size_t n, struct err *err)
{
	const struct registry_upload *u = s->upload;
	ssize_t got = fd_pread_full(u->fd, s->piece, n, s->offset);

	if (got < 0)
		return err_sys(err, "read %s", u->path);
	if ((size_t)got < n)
		return err_set(err, ERR_INTEGRITY, "%s: became shorter meanwhile", u->path);
	return 0;
}

static int send_piece(struct sending *s, struct err *err)
{
	AUTO(http_response_release) struct http_response r = {0};
	AUTO(arena_release) struct arena arena = {0};
	struct registry_upload *u = s->upload;
	uint64_t left = u->size - s->offset;
	size_t n = left < REGISTRY_PIECE ? (size_t)left : REGISTRY_PIECE;

	if (!s->at_once && read_piece(s, n, err) < 0)
		return -1;
	if (!put(s, &arena, n, &r, err))
		return recover(s, &r, err);
	u->sent += s->at_once ? u->size : n;
	s->whole = r.status == 201 || r.status == 200;
	if (!s->whole && !take_offset(s, &r))
		return err_set(err, ERR_PROTOCOL,
			"%s: the service does not say what it has of it", u->path);
	return 0;
}

/* After a cut: waits, and asks again. */
static int take_up(struct sending *s, unsigned attempt, struct err *err)
{
	const struct cancel *cancel = source_server_cancel(registry_server(s->client));

	if (wait_until(deadline_in(PAUSE * (double)(1u << attempt)), cancel, err) < 0)
		return -1;
	return look(s, err);
}

int registry_client_upload(struct registry_client *client, const char *model, int64_t version,
	struct registry_upload *upload, struct err *err)
{
	AUTO(sending_release)
	struct sending s = {.client = client, .upload = upload, .url = STRBUF_INIT};
	unsigned failures = 0;

	upload->sent = 0;
	prepare(&s, model, version);
	if (look(&s, err) < 0)
		return err_wrap(err, "%s", upload->path);
	while (!s.whole) {
		struct err why = {0};
		uint64_t before = s.offset;
		if (send_piece(&s, &why) < 0) {
			if (why.code != ERR_UNREACHABLE || ++failures == ATTEMPTS ||
				take_up(&s, failures, &why) < 0)
				return err_set(err, why.code, "%s", why.text);
		} else if (s.offset > before || s.whole) {
			failures = 0;
		} else if (++failures == ATTEMPTS) {
			return err_set(err, ERR_PROTOCOL,
				"%s: the service takes no more of it than %" PRIu64 " bytes",
				upload->path, s.offset);
		}
		if (upload->progress)
			upload->progress(
				upload->progress_data, s.whole ? upload->size : s.offset);
	}
	return 0;
}
