/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the routes of files share. Internal to files_*.c.
 */
#ifndef REGISTRYD_FILES_API_PRIVATE_H
#define REGISTRYD_FILES_API_PRIVATE_H

#include "base/base64.h"
#include "daemons/registryd/registryd.h"

#define TRUTH_DATE_MAX 11 /* YYYY-MM-DD and a NUL */

/* Which version a request is about. */
struct files_call {
	const char *model; /* the request's */
	int64_t version;
	bool registered;
	char date[TRUTH_DATE_MAX]; /* of the entry; "": it has no files in the store */
};

/* Finds it; false with an answer. A version that is not registered is fine. */
bool files_find(struct registryd *r, const struct http_call *call, struct files_call *c,
	struct http_answer *answer);
/* The body of a request that makes a version; texts are in its arena, or NULL. */
struct files_body {
	char date[TRUTH_DATE_MAX]; /* today unless it says another */
	const char *note, *name, *revision;
};

/* Reads it, all of it optional, as is the body itself. False with an answer. */
bool files_read_body(struct arena *a, const struct http_call *call, struct files_body *body,
	struct http_answer *answer);
/* Makes the answer of an error. */
void files_answer_error(const struct err *why, struct http_answer *answer);
/* Adds Repr-Digest. */
void files_add_digest(const uint8_t sha256[32], struct http_answer *answer);
/*
 * Writes a change that was asked for, and what came of it, into the audit log: before its
 * answer is sent. For handlers on workers.
 */
void files_audit(struct registryd *r, const struct http_call *call, unsigned status);
/* Appends a file as JSON: path, size, sha256. */
void files_add_file(
	const char *path, uint64_t size, const uint8_t sha256[32], struct strbuf *out);

/* Reads Content-Range (RFC 9110, 14.4); NULL is the whole. False for what is none of ours. */
bool files_read_range(const char *said, struct files_range *range);
/* Reads Repr-Digest's SHA-256, if it has one (*there). False for what is not 32 bytes. */
bool files_read_digest(const char *said, uint8_t sha256[32], bool *there);
/* POST /models/{}/versions (import_api.c). */
void import_version(void *data, const struct http_call *call, struct http_answer *answer);
/* PUT .../files/PATH, and how its body is taken (files_put.c). */
void files_put(void *data, const struct http_call *call, struct http_answer *answer);
extern const struct http_upload files_upload;

#endif
