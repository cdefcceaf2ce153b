/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's edge of the daemons, by libmicrohttpd: a table of routes, one thread, and limits
 * on everything that a client decides.
 *
 *     static const struct http_route routes[] = {
 *             {"GET", "/status", give_status},
 *             {"PUT", "/models/{}/{}/activate", activate},
 *             {0},
 *     };
 *     struct http_server *server = http_server_start(
 *             &(struct http_server_options){.address = "127.0.0.1", .port = 8005,
 *                     .routes = routes, .data = daemon}, err);
 *
 * Handlers run on the server's thread, one at a time; what they share with other threads they
 * lock. Each request is answered: 404 for a path that no route has, 405 with Allow for a method
 * that its route has not, 413 and 400 for bodies that are too long or cut; HEAD is answered as
 * GET is, without the body. Errors have a body of application/problem+json (RFC 9457).
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
/* Bytes of a request's line and headers. */
#define HTTP_SERVER_HEAD (32u << 10)
/* Segments of a path that a route may leave open. */
#define HTTP_SEGMENTS_MAX 4

/* A request whose body is there. All of it is valid until the handler returns. */
struct http_call {
	const char *method;
	const char *path;                        /* decoded, without the query */
	const char *segments[HTTP_SEGMENTS_MAX]; /* what stands for each {} of the route */
	const char *body;                        /* ends with a NUL beyond body_len */
	size_t body_len;
	void *connection; /* see http_call_header */
};

/* What is answered. The handler gets status 200, an empty body and no type. */
struct http_answer {
	unsigned status;
	const char *type; /* of the body, a constant; NULL: application/json */
	struct strbuf body;
	struct strlist headers; /* "Name: value" */
};

typedef void (*http_handler)(
	void *data, const struct http_call *call, struct http_answer *answer);

/* A path of segments, "{}" for one that may be anything but empty. */
struct http_route {
	const char *method, *path;
	http_handler handle;
};

struct http_server_options {
	const char *address; /* an IPv4 or IPv6 address; NULL: 127.0.0.1 */
	uint16_t port;       /* 0: any that is free */
	unsigned connections, idle;
	size_t body_max;
	const struct http_route *routes; /* ends with an all-zero one */
	void *data;                      /* of the handlers */
};

struct http_server;

/* Listens. NULL with err: ERR_INPUT for the address, ERR_BUSY for a port in use, ERR_DENIED. */
struct http_server *http_server_start(
	const struct http_server_options *options, struct err *err);
/* The port that it listens on. */
uint16_t http_server_port(const struct http_server *server);
/* Ends open connections and the thread, and frees it. NULL is fine. */
void http_server_stop(struct http_server *server);

/* The value of a request's header (case does not matter), or NULL. */
const char *http_call_header(const struct http_call *call, const char *name);
/* The decoded value of a query's member, "" where it has none; NULL: it is not there. */
const char *http_call_query(const struct http_call *call, const char *name);
/* True if the request has "Authorization: Bearer TOKEN"; takes as long for any wrong one. */
bool http_call_has_token(const struct http_call *call, const char *token);
/*
 * Makes the answer an error: the status, and a problem document with its title and what is
 * wrong and what to do about it.
 */
void http_answer_problem(struct http_answer *answer, unsigned status, const char *detail, ...)
	PRINTF_LIKE(3, 4);

#endif
