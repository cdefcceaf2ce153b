/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of a server that are more than a text: bodies that many answers share, files and
 * their ranges (RFC 9110, sections 13 and 14), bodies that are made while they are sent, and
 * feeds of server-sent events (the HTML standard, section 9.2).
 */
#ifndef HTTP_SERVE_ANSWER_H
#define HTTP_SERVE_ANSWER_H

#include <sys/types.h>

#include "http/serve.h"

/* Frees what an answer holds. */
void http_answer_release(struct http_answer *answer);

/* ---- bodies that are shared ---- */

/* Takes a text over; it belongs to its holders, of which the caller is the first. */
struct http_shared *http_shared_new(struct strbuf *text);
/* One holder more; the same pointer. From any thread. */
struct http_shared *http_shared_hold(struct http_shared *shared);
/* One holder less; the last frees it. NULL is fine. */
void http_shared_drop(struct http_shared *shared);
/* Its text. */
const struct strbuf *http_shared_text(const struct http_shared *shared);
/* Makes it the answer's body, without a copy. */
void http_answer_shared(struct http_answer *answer, struct http_shared *shared);

/* ---- files ---- */

/* What a file that is answered is called by caches. */
struct http_file {
	int fd;                /* taken over */
	const char *type;      /* a constant */
	const char *etag;      /* with its quotes; a strong one, or NULL */
	uint64_t offset, size; /* the part of the file that is meant; size counts from offset */
};

/*
 * Answers with a file: whole, or the range that is asked for (206; several are answered with
 * the whole, one beyond the end with 416), or 304 where If-None-Match has its tag; If-Range is
 * obeyed. Sent by sendfile(2) where there is no TLS.
 */
void http_answer_file(
	const struct http_call *call, struct http_answer *answer, const struct http_file *file);

enum http_range { HTTP_RANGE_NONE, HTTP_RANGE_PART, HTTP_RANGE_BEYOND };
/*
 * Reads a Range header for content of a size: PART with first and count, which it sets only
 * then; NONE for what is to be ignored (another unit, several ranges, not well-formed); BEYOND
 * for what lies past the end.
 */
enum http_range http_range_read(
	const char *header, uint64_t size, uint64_t *first, uint64_t *count);

/* ---- bodies made while they are sent ---- */

#define HTTP_READER_END   (-1)
#define HTTP_READER_ERROR (-2) /* the connection is cut, so that the client can tell */

/*
 * Writes up to n bytes of a body, on the server's thread; HTTP_READER_END behind the last.
 * It must not wait, and give at least one byte.
 */
typedef ssize_t (*http_read)(void *data, char *to, size_t n);

/* Answers with what `read` gives (chunked); `release` is called at the end, may be NULL. */
void http_answer_reader(
	struct http_answer *answer, http_read read, void (*release)(void *data), void *data);

/* ---- events ---- */

#define HTTP_FEED_HEARTBEAT 15.0 /* seconds between signs of life */
#define HTTP_FEED_BACKLOG                                                                      \
	(256u << 10) /* bytes that a subscriber may lag behind; then it is cut */

struct http_feed;
/* A feed without subscribers; a thread sends a comment as heartbeat (seconds; 0: as above). */
struct http_feed *http_feed_new(double heartbeat, struct err *err);
/* Answers with the feed's events from now on. `first` is sent at once; may be NULL. */
void http_answer_feed(struct http_answer *answer, struct http_feed *feed, const char *first);
/*
 * Appends an event as it is on the wire; the data may have several lines. `name` and `id` have
 * none and may be NULL.
 */
void http_feed_format(struct strbuf *out, const char *name, const char *id, const char *data);
/* Sends an event to all subscribers, from any thread; never waits for them. */
void http_feed_send(struct http_feed *feed, const char *name, const char *id, const char *data);
/* How many subscribe. */
size_t http_feed_subscribers(struct http_feed *feed);
/* Ends and frees it; the server was stopped before. NULL is fine. */
void http_feed_free(struct http_feed *feed);

#endif
