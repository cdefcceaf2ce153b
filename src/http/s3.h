/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of an S3 store: presigned URLs, and the few requests that are made of them.
 *
 * Every request is signed in its URL's query ("Authenticating Requests: Using Query Parameters
 * (AWS Signature Version 4)" of Amazon's S3 API reference), so that no credential is in a
 * header. A URL that is handed on does one thing to one object, for as long as it says.
 *
 *     struct s3 *s3 = s3_open(&options, err);
 *     AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;
 *     s3_presign(s3, &(struct s3_signed){.key = "face/3/m.onnx", .seconds = 300}, &url, err);
 *
 * Keys are below the options' prefix. The functions are thread-safe: clients of HTTP, with
 * their connections, are kept and lent to whoever asks.
 *
 * Errors: ERR_NOTFOUND (no such object), ERR_EXISTS (s3_put of what is to be new),
 * ERR_DENIED, ERR_LIMIT; ERR_UNREACHABLE also for a store that is there and does not work, or
 * lacks the bucket. Their texts hold no URL's query and no credential.
 */
#ifndef HTTP_S3_H
#define HTTP_S3_H

#include <time.h>

#include "http/client.h"

#define S3_PUT_MAX     ((uint64_t)5 << 30) /* bytes of an object that is put at once */
#define S3_OBJECT_MAX  ((uint64_t)5 << 40) /* bytes of an object */
#define S3_PART_MIN    ((uint64_t)5 << 20) /* bytes of a part, but for the last */
#define S3_PARTS_MAX   10000u              /* of an object */
#define S3_PART_SIZE   ((uint64_t)1 << 30) /* of parts, where nobody says */
#define S3_OBJECTS_MAX 20000u              /* of one list */
#define S3_KEY_MAX     1024u               /* bytes of a key, as S3 has it */
#define S3_META_MAX    4                   /* headers of an object */
#define S3_SECONDS_MAX 604800u             /* that a URL may live */

struct s3_options {
	const char *endpoint; /* http(s)://HOST[:PORT]; NULL: Amazon's of the region */
	const char *region;   /* NULL: us-east-1 */
	const char *bucket;   /* a name that s3_bucket_is_valid */
	const char *prefix;   /* in front of all keys, "" or "a/b", without slashes around */
	bool path_style;      /* ENDPOINT/BUCKET/KEY instead of BUCKET.ENDPOINT/KEY */
	const char *access_key, *secret_key;
	const char *session_token; /* NULL: none */
	const char *ca_path;       /* see struct http_tls, as of the next */
	const char *ca_setting;
	uint64_t part_size; /* objects of more bytes go in parts; S3_PART_MIN to S3_PUT_MAX; 0:
			       S3_PART_SIZE */
	const struct cancel *cancel; /* of all requests; outlives it; may be NULL */
};

struct s3;

/* True for a name that a bucket may have. */
bool s3_bucket_is_valid(const char *bucket);
/* Makes a client; nothing is asked yet. The texts are copied. ERR_INPUT. */
struct s3 *s3_open(const struct s3_options *options, struct err *err);
/* Closes connections and frees it. NULL is fine. */
void s3_close(struct s3 *s3);

/* What a URL is to allow. */
struct s3_signed {
	const char *method; /* NULL: GET */
	const char *key;    /* "": the bucket */
	/* Further members of the query, "name=value", percent-encoded; NULL-terminated. */
	const char *const *query;
	/* Headers that the request must have, "name: value", names in lower case; likewise. */
	const char *const *headers;
	unsigned seconds; /* that it lives */
	time_t now;       /* 0: the clock's */
};
/* Appends the URL. */
int s3_presign(
	struct s3 *s3, const struct s3_signed *what, struct strbuf *url, struct err *err);

/* What is known of an object. */
struct s3_object {
	uint64_t size;
	/* Its own headers, as s3_put was given them; by http_header_get. */
	struct http_response response;
};
/* Frees the members. */
void s3_object_release(struct s3_object *object);

/* Asks about an object. Released in either case. */
int s3_head(struct s3 *s3, const char *key, struct s3_object *object, struct err *err);

/* An object that is to be. */
struct s3_new {
	const char *key;
	struct http_body_file body;
	uint8_t sha256[32];            /* of the body: the store compares it, if it can */
	const char *meta[S3_META_MAX]; /* "x-amz-meta-NAME: value", up to a NULL */
};
/*
 * Puts an object that is not there yet, a large one in parts; ERR_EXISTS where it is. A store
 * that does not know the condition (If-None-Match) may replace what somebody else puts at the
 * same moment. Where requests meet, and the store says so by 409, it is asked again
 * ("Conditional requests" of Amazon's S3 user guide).
 */
int s3_put(struct s3 *s3, const struct s3_new *object, struct err *err);
/*
 * Gives up uploads in parts whose keys begin with this and that began before a moment; their
 * number is told. What a crash leaves of one is in no list of objects, and takes room.
 */
int s3_give_up(struct s3 *s3, const char *key, time_t before, size_t *count, struct err *err);
/* Reads an object of at most max bytes. */
int s3_get(struct s3 *s3, const char *key, size_t max, struct strbuf *out, struct err *err);
/* Brings an object into a file, from its first byte on. */
int s3_fetch(struct s3 *s3, const char *key, int fd, struct err *err);
/* Deletes an object; one that is not there is fine. */
int s3_delete(struct s3 *s3, const char *key, struct err *err);

/* Objects of a list, by their keys without the client's prefix. */
struct s3_item {
	char *key;
	uint64_t size;
};
struct s3_list {
	struct s3_item *items;
	size_t count, cap;
};
/* Appends all objects whose keys begin with this. ERR_LIMIT beyond S3_OBJECTS_MAX. */
int s3_list(struct s3 *s3, const char *key, struct s3_list *list, struct err *err);
/* Frees a list. */
void s3_list_release(struct s3_list *list);
/*
 * Reads one page of an answer of ListObjectsV2 whose keys are percent-encoded; `more` gets what
 * the next page is asked for with, or stays empty. ERR_PROTOCOL, ERR_LIMIT.
 */
int s3_list_read(
	const char *text, size_t n, struct s3_list *list, struct strbuf *more, struct err *err);

#endif
