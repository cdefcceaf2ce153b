/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PUT of a file: pieces are written as they come, on the server's thread; what has to be read
 * again for its digest is read by a worker, in the handler.
 */
#include <inttypes.h>

#include "daemons/registryd/files_api_private.h"

/* A PUT under way. */
struct put {
	const struct files_backend *backend;
	void *upload; /* the backend's */
	uint8_t sha256[32];
	bool has_digest;
};

/* ---- headers ---- */

/* A number of digits at *text, which moves behind it. */
static bool take_number(const char **text, uint64_t *out)
{
	size_t n = strspn(*text, "0123456789");
	autofree char *digits = xstrndup(*text, n);
	int64_t value;

	if (!n || !parse_int(digits, 0, INT64_MAX, &value))
		return false;
	*text += n;
	*out = (uint64_t)value;
	return true;
}

static bool take_char(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

bool files_read_range(const char *said, struct files_range *range)
{
	uint64_t last;

	*range = (struct files_range){0};
	if (!said)
		return true;
	range->partial = true;
	if (strncasecmp(said, "bytes ", 6) != 0)
		return false;
	said += 6;
	return take_number(&said, &range->first) && take_char(&said, '-') &&
	       take_number(&said, &last) && take_char(&said, '/') &&
	       take_number(&said, &range->total) && !*said && range->first <= last &&
	       last < range->total;
}

bool files_read_digest(const char *said, uint8_t sha256[32], bool *there)
{
	static const char name[] = "sha-256=:";
	AUTO(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	const char *text = said ? strstr(said, name) : NULL;

	*there = false;
	if (!text)
		return true; /* other digests are passed over, as RFC 9530 has it */
	text += sizeof(name) - 1;
	if (!base64_decode(BASE64_STANDARD, text, strcspn(text, ":"), &bytes) ||
		bytes.len != 32)
		return false;
	memcpy(sha256, bytes.data, 32);
	*there = true;
	return true;
}

static bool read_headers(const struct http_call *call, struct put *put,
	struct files_range *range, struct http_answer *answer)
{
	const char *said = http_call_header(call, "Content-Range");

	if (!files_read_range(said, range))
		http_answer_problem(answer, 400,
			"Content-Range: found %.80s, expected bytes FIRST-LAST/SIZE", said);
	else if (!files_read_digest(
			 http_call_header(call, "Repr-Digest"), put->sha256, &put->has_digest))
		http_answer_problem(
			answer, 400, "Repr-Digest: expected sha-256=:BASE64: of 32 bytes");
	else
		return true;
	return false;
}

/* ---- the body ---- */

static void *begin(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct registryd *r = data;
	const struct files_keeper *k = &r->files.keeper;
	struct put put = {.backend = k->backend};
	struct files_range range;
	struct files_call c;
	struct err why = {0};
	uint64_t offset;

	if (!read_headers(call, &put, &range, answer) || !files_find(r, call, &c, answer))
		return NULL;
	if (*c.date) {
		http_answer_problem(answer, 409,
			"%s %" PRId64 " is sealed, as %s, and does not change any more",
			c.model, c.version, c.date);
		return NULL;
	}
	const struct files_name name = {c.model, c.version, call->segments[2]};
	put.upload = k->backend->begin(k->state, &name, &range, &offset, &why);
	if (put.upload)
		return xmemdup(&put, sizeof(put));
	files_answer_error(&why, answer);
	if (why.code == ERR_EXISTS)
		strlist_addf(&answer->headers, "Upload-Offset: %" PRIu64, offset);
	return NULL;
}

static int piece(void *data, const void *bytes, size_t n, struct http_answer *answer)
{
	struct put *put = data;
	struct err why = {0};

	if (put->backend->piece(put->upload, bytes, n, &why) == 0)
		return 0;
	files_answer_error(&why, answer);
	return -1;
}

static void end(void *data)
{
	struct put *put = data;

	put->backend->end(put->upload);
	free(put);
}

const struct http_upload files_upload = {.begin = begin, .piece = piece, .end = end};

void files_put(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct put *put = call->upload;
	struct files_state state;
	struct err why = {0};

	(void)data;
	if (put->backend->finish(
		    put->upload, put->has_digest ? put->sha256 : NULL, &state, &why) < 0) {
		files_answer_error(&why, answer);
		return;
	}
	if (!state.whole) {
		answer->status = 202;
		strlist_addf(&answer->headers, "Upload-Offset: %" PRIu64, state.size);
		return;
	}
	answer->status = 201;
	files_add_digest(state.sha256, answer);
	files_add_file(call->segments[2], state.size, state.sha256, &answer->body);
	strbuf_addch(&answer->body, '\n');
}
