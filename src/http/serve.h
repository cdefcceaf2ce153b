/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's edge of the daemons, by libmicrohttpd: a table of routes, one thread that waits
 * for all connections (epoll), and limits on everything that a client decides.
 *
 *     static const struct http_route routes[] = {
 *             HTTP_ROUTE("GET", "/status", give_status),
 *             HTTP_ROUTE("PUT", "/models/{}/{}/activate", activate, .slow = true),
 *             {0},
 *     };
 *     struct http_server *server = http_server_start(
 *             &(struct http_server_options){.address = "127.0.0.1", .port = 8005,
 *                     .routes = routes, .data = daemon}, err);
 *
 * Handlers run on the server's thread, one at a time, and must not wait for anything; what they
 * share with other threads they lock. Who has to wait does one of these:
 *
 * - the route says `.slow`: its handler runs on one of a few workers instead;
 * - the handler calls http_call_later and returns; any thread gives the answer afterwards.
 *
 * Each request is answered: 404 for a path that no route has, 405 with Allow for a method
 * that its route has not, 413 and 400 for bodies that are too long or cut; HEAD is answered as
 * GET is, without the body. Errors have a body of application/problem+json (RFC 9457).
 *
 * Large things pass through in pieces: a body by the route's `upload`, an answer from a file or
 * a reader, events by a feed (serve_answer.h).
 */
#ifndef HTTP_SERVE_H
#define HTTP_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* Limits that hold where the options have 0. */
#define HTTP_SERVER_CONNECTIONS 32u
#define HTTP_SERVER_BODY        (64u << 10) /* bytes of a request's body */
#define HTTP_SERVER_IDLE        10u /* seconds that a silent client may hold a connection */
/* Seconds that a request's head may take to come once it has begun, and likewise its body. */
#define HTTP_SERVER_PATIENCE 60u
/* Bytes of a request's line and headers. Each connection keeps them once they were used. */
#define HTTP_SERVER_HEAD    (32u << 10)
#define HTTP_SERVER_WORKERS 4u
/* Requests that wait for a worker; one more is told to come again. */
#define HTTP_SERVER_QUEUE 64u
/* Seconds that a stop waits for clients that are slow to send or to take. */
#define HTTP_SERVER_GRACE 5.0
/* Segments of a path that a route may leave open. */
#define HTTP_SEGMENTS_MAX 4
#define HTTP_CLIENT_TEXT  64 /* room for a client's address */

struct http_route;

/* A request whose body is there. All of it is valid until the answer was given. */
struct http_call {
	const char *method;
	const char *path;                        /* decoded, without the query */
	const char *segments[HTTP_SEGMENTS_MAX]; /* what stands for each {} of the route */
	const char *body;                        /* ends with a NUL beyond body_len */
	size_t body_len;
	const struct http_route *route; /* NULL where the path has none */
	void *upload;                   /* what the route's upload began; else NULL */
	void *context;                  /* put there by the guard, released by `done` */
	void *connection;               /* see http_call_header */
};

struct http_reader;
struct http_shared;

/* What is answered. The handler gets status 200, an empty body and no type. */
struct http_answer {
	unsigned status;
	const char *type; /* of the body, a constant; NULL: application/json */
	struct strbuf body;
	struct strlist headers; /* "Name: value" */
	/* Instead of the body, one of these; see serve_answer.h, whose functions fill them. */
	struct http_shared *shared;
	struct http_reader *reader;
	uint64_t file_offset, file_size;
	int file_fd_plus_one; /* 0: none */
};

#define HTTP_ANSWER_INIT                                                                       \
	{                                                                                      \
		.status = 200, .body = STRBUF_INIT                                             \
	}

typedef void (*http_handler)(
	void *data, const struct http_call *call, struct http_answer *answer);

/*
 * Takes a body in pieces, on the server's thread. `begin` is called when the headers are there
 * (before a client that expects "100 Continue" sends more) and gives what the others get; NULL:
 * the answer, which it has made, is sent and the body is not taken. A piece returns -1
 * likewise. The handler is called when the body is whole; `end` always, last, with or without
 * it.
 */
struct http_upload {
	void *(*begin)(void *data, const struct http_call *call, struct http_answer *answer);
	int (*piece)(void *upload, const void *bytes, size_t n, struct http_answer *answer);
	void (*end)(void *upload);
};

/*
 * A path of segments, "{}" for one that may be anything but empty; "{+}" as the last takes all
 * that is left of the path, slashes and all.
 */
struct http_route {
	const char *method, *path;
	http_handler handle;
	bool slow;                        /* the handler runs on a worker */
	size_t body_max;                  /* bytes; 0: the server's. Not of an upload */
	const struct http_upload *upload; /* NULL: the body is kept in memory */
	const void *about;                /* whatever the routes' owner wants to know */
};

/* A row of a table of routes. */
#define HTTP_ROUTE(verb, pattern, handler, ...)                                                \
	{                                                                                      \
		.method = (verb), .path = (pattern), .handle = (handler), __VA_ARGS__          \
	}

struct http_server_options {
	const char *address; /* an IPv4 or IPv6 address; NULL: 127.0.0.1 */
	uint16_t port;       /* 0: any that is free */
	unsigned connections, idle;
	unsigned patience; /* see HTTP_SERVER_PATIENCE; not of what an upload takes in pieces */
	/*
	 * Connections of one address, or of one network of 64 bits of IPv6; this machine's own
	 * are not counted. 0: as many as there are, as behind a proxy.
	 */
	unsigned per_address;
	size_t body_max, head_max;
	unsigned workers;                /* of slow routes */
	const char *tls_cert, *tls_key;  /* PEM files; NULL: no TLS */
	const struct http_route *routes; /* ends with an all-zero one */
	void *data;                      /* of the handlers */
	/*
	 * Asked on the server's thread before the body of a request that has a route is read;
	 * false: the answer, which it has made, is sent. May set call->context. NULL: all may.
	 */
	bool (*guard)(void *data, struct http_call *call, struct http_answer *answer);
	/*
	 * Told on the server's thread of each request once it is answered, with how long it
	 * took; with status 0 when the client went away before. NULL: nobody is told.
	 */
	void (*done)(void *data, const struct http_call *call, unsigned status, double seconds);
};

struct http_server;
struct http_certificate;

/*
 * Listens. NULL with err: ERR_INPUT for the address or the TLS files, ERR_BUSY for a port in
 * use, ERR_DENIED. As many connections as asked for need as many descriptors: the process's
 * soft limit is raised, and where the hard one does not allow it, there are fewer.
 */
struct http_server *http_server_start(
	const struct http_server_options *options, struct err *err);
/*
 * Reads a certificate (with those that signed it behind it) and its key from PEM files. NULL
 * with err: ERR_INPUT where they are none, or do not belong together.
 */
struct http_certificate *http_certificate_read(
	const char *cert, const char *key, struct err *err);
/* Frees one that no server has got. NULL is fine. */
void http_certificate_free(struct http_certificate *certificate);
/*
 * Gives a server that speaks TLS another certificate, which it takes over: connections from now
 * on get it, and the others go on. From any thread.
 */
void http_server_renew(struct http_server *server, struct http_certificate *certificate);
/* The port that it listens on. */
uint16_t http_server_port(const struct http_server *server);
/* How many connections it takes. */
unsigned http_server_connections(const struct http_server *server);
/*
 * Takes no new connections, waits until every request under way has its answer (who answers
 * later has to see to that) and has taken it (HTTP_SERVER_GRACE at most), ends feeds, idle
 * connections and threads, and frees it. NULL is fine.
 */
void http_server_stop(struct http_server *server);

/* The value of a request's header (case does not matter), or NULL. */
const char *http_call_header(const struct http_call *call, const char *name);
/* The decoded value of a query's member, "" where it has none; NULL: it is not there. */
const char *http_call_query(const struct http_call *call, const char *name);
/* Writes the client's address without its port; "" where it is not known. */
void http_call_client(const struct http_call *call, char out[HTTP_CLIENT_TEXT]);
/* The token of "Authorization: Bearer TOKEN", or NULL. */
const char *http_call_bearer(const struct http_call *call);
/* True if the request has that token; takes as long for any wrong one. */
bool http_call_has_token(const struct http_call *call, const char *token);
/*
 * Whether one of a request's entity tags ("If-Match", "If-None-Match") is this one (quotes
 * included), or "*". `weak` compares as If-None-Match does. False without the header.
 */
bool http_call_has_tag(
	const struct http_call *call, const char *header, const char *tag, bool weak);

struct http_later;
/*
 * Leaves the answer for later: what the handler does to its answer does not count. Not for slow
 * routes.
 */
struct http_later *http_call_later(const struct http_call *call);
/* The request that waits. */
const struct http_call *http_later_call(const struct http_later *later);
/* Gives the answer, once, from any thread; the answer's content is taken over. */
void http_later_answer(struct http_later *later, struct http_answer *answer);

/*
 * Makes the answer an error: the status, and a problem document with its title and what is
 * wrong and what to do about it.
 */
void http_answer_problem(struct http_answer *answer, unsigned status, const char *detail, ...)
	PRINTF_LIKE(3, 4);

/* The first route that a path and a method have; NULL with status 404 or 405. */
const struct http_route *http_route_find(const struct http_route *routes, const char *method,
	const char *path, char *scratch, const char *segments[HTTP_SEGMENTS_MAX],
	unsigned *status);

#endif
