/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the S3 client share. */
#ifndef HTTP_S3_PRIVATE_H
#define HTTP_S3_PRIVATE_H

#include <pthread.h>

#include "http/s3.h"

#define S3_CLIENTS 8 /* that are kept */

struct s3 {
	char *base; /* "https://HOST" or "https://HOST/BUCKET" */
	char *host; /* as the header has it */
	char *path; /* in front of "/KEY": "" or "/BUCKET" */
	char *region, *prefix;
	char *bucket; /* for messages */
	uint64_t part_size;
	char *access_key, *secret_key, *session_token, *ca_path, *ca_setting;
	const struct cancel *cancel;
	pthread_mutex_t lock; /* of what follows */
	struct http_client *idle[S3_CLIENTS];
	size_t idle_count;
};

/* ---- requests ---- */

/* What is asked, and what takes the answer. */
struct s3_question {
	struct s3_signed what;
	const struct http_body_file *body;
	const char *text; /* a body that is a text, instead of it; NULL: none */
	size_t body_max;
	uint64_t expected; /* bytes of a body that comes, or is worked on before an answer,
			      for the time that it may take */
	bool repeat;       /* ask again after a cut, too */
	bool last;         /* ask in spite of the cancel token, for S3_LAST seconds */
	http_sink sink;
	int (*begin)(void *data, const struct http_response *response, struct err *err);
	void *sink_data;
};

#define S3_TRIES 3u
#define S3_PAUSE 0.3  /* seconds before the second try; doubled for the next */
#define S3_LAST  10.0 /* seconds that a last word may take */

/* Asks, and asks a store again that says that it is busy. Success: any 2xx. */
int s3_ask(struct s3 *s, struct s3_question *q, struct http_response *r, struct err *err);

/* ---- uploads in parts ---- */

/*
 * Puts an object in parts, as s3_put does at once; the status of an answer that refuses it is
 * told. What came of it is given up when it fails.
 */
int s3_put_parts(struct s3 *s, const struct s3_new *object, bool condition, int *status,
	struct err *err);
/* Bytes of a part, for an object of so many, where parts of part_size are wanted. */
uint64_t s3_part_size(uint64_t size, uint64_t part_size);

/* An upload in parts that is under way. */
struct s3_upload {
	char *key, *id;
	time_t begun;
};
struct s3_uploads {
	struct s3_upload *items;
	size_t count, cap;
};
/* Reads an answer of ListMultipartUploads whose keys are percent-encoded. ERR_PROTOCOL. */
int s3_uploads_read(const char *text, size_t n, struct s3_uploads *uploads, struct err *err);
/* Frees them. */
void s3_uploads_release(struct s3_uploads *uploads);

/* ---- XML of a plain kind ---- */

/* A piece of text. */
struct s3_span {
	const char *at;
	size_t n;
};

/* The text between <NAME> and </NAME>, the first; `rest` begins behind it. False: none. */
bool s3_element(
	struct s3_span in, const char *name, struct s3_span *text, struct s3_span *rest);
/* Undoes the entities that XML has of itself, and references to characters of ASCII. */
bool s3_add_text(struct s3_span text, struct strbuf *out);
/* Undoes percent-encoding; a "+" is a space there. False for what is none, and for a NUL. */
bool s3_decode(const struct strbuf *text, struct strbuf *out);

/* Appends a text percent-encoded as signatures want it; characters of `also` stay. */
void s3_encode(struct strbuf *out, const char *text, const char *also);

#endif
