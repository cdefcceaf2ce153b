/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's inside; private to http/.
 *
 * Theory of operation. libmicrohttpd has one thread, which calls on_request at least twice for
 * a request: when its headers are there, and when its body is (between them for each piece).
 * What has to wait is suspended by libmicrohttpd and resumed when there is an answer; while
 * it is, nobody else touches its connection, so that workers may read its headers. An answer is
 * put into the request before it is resumed, and sent by the server's thread.
 */
#ifndef HTTP_SERVE_PRIVATE_H
#define HTTP_SERVE_PRIVATE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "http/serve_answer.h"

/* A request under way. */
struct http_later {
	struct http_call call; /* first: an http_call of a handler is one of these */
	struct http_server *server;
	struct MHD_Connection *connection;
	struct strbuf body;
	char *path, *scratch;
	struct http_answer answer;
	bool handled; /* its handler has run, or is not to */
	bool later;   /* it waits for its answer */
	bool sent;
	uint64_t dropped;        /* bytes of a body that nobody wants */
	int64_t began;           /* CLOCK_MONOTONIC */
	struct http_later *next; /* in the workers' queue */
};

/* A body that is made while it is sent, on its way. */
struct http_reader {
	http_read read;
	void (*release)(void *data);
	void *data;
	/* Of a feed: told of its connection, and that the server stops. Else NULL. */
	void (*attach)(void *data, struct MHD_Connection *connection);
	void (*end)(void *data);
	struct http_server *server;
	struct http_reader *next; /* of those that have an end */
};

struct http_server {
	struct MHD_Daemon *daemon;
	struct http_server_options o;
	uint16_t port;
	pthread_mutex_t certificate_lock;
	struct http_certificate *certificate; /* under it; NULL: no TLS */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned active; /* requests that are not over */
	unsigned laters; /* those of them that wait for an answer */
	atomic_bool stopping;
	struct http_reader *readers;
	struct { /* see serve_peer.h */
		pthread_mutex_t lock;
		pthread_cond_t sooner; /* than the thread would look at them */
		struct http_peer *first;
		deadline wakes;
		pthread_t thread;
		bool started, end;
	} peers;
	struct {
		struct http_later *first, **last;
		unsigned count;
		pthread_t *threads;
		unsigned started;
		bool end;
	} queue;
};

/* What libmicrohttpd calls for a request, and at its end. */
enum MHD_Result http_on_request(void *server, struct MHD_Connection *connection,
	const char *url, const char *method, const char *version, const char *piece, size_t *n,
	void **state);
/* Likewise. */
void http_on_end(void *server, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code);
/* Hands an answer over to libmicrohttpd; its content is gone afterwards. */
enum MHD_Result http_send(
	struct http_server *s, struct MHD_Connection *connection, struct http_answer *answer);
/* What a reader's read says when it has suspended its connection. */
#define HTTP_READER_LATER 0

/* Starts the workers of slow routes, if there are any. */
int http_workers_start(struct http_server *s, struct err *err);
/* Gives a request to them; false where too many wait. */
bool http_workers_take(struct http_server *s, struct http_later *q);
/* Ends them; nothing is in the queue any more. */
void http_workers_stop(struct http_server *s);

#endif
