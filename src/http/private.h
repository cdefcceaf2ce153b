/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside http/: one exchange of request and answer with one origin (a transfer), and the pump
 * that carries its bytes through a connector.
 */
#ifndef HTTP_PRIVATE_H
#define HTTP_PRIVATE_H

#include <poll.h>

#include <curl/curl.h>

#include "http/client.h"

/* What a URL names. All members are owned. */
struct http_url {
	char *scheme, *host; /* host without the brackets of an IPv6 address */
	char *user, *password;
	unsigned port;
};

/* Parses a URL; ERR_INPUT for what is none, and for schemes other than http and https. */
int http_url_parse(const char *url, struct http_url *out, struct err *err);
/* Frees the members. */
void http_url_release(struct http_url *url);
/* A reference (a redirect's Location) seen from a URL, in new memory; NULL with ERR_PROTOCOL.
 */
char *http_url_resolve(const char *base, const char *reference, struct err *err);
/* True when both have scheme, host and port in common. */
bool http_url_same_origin(const struct http_url *a, const struct http_url *b);

/*
 * A socket that libcurl connects to, and whose accepted end is moved through the connector by
 * the same thread that drives libcurl.
 */
struct http_pump {
	const struct http_options *o;
	const char *host; /* where to: a name, an address, or a unix socket's path */
	unsigned port;
	deadline connect_until;
	char name[16];    /* of the abstract socket that libcurl connects to */
	int listener;     /* -1 */
	int end;          /* ours of the connection that was accepted; -1 */
	void *connection; /* the connector's; NULL: not open */
	struct strbuf in; /* received, not yet taken by libcurl */
	size_t in_at;
	bool ended; /* the peer has ended */
	bool shut;  /* and libcurl was told */
	bool done;  /* libcurl has closed its end */
};

/* Makes the socket; host, port and connect_until are set by the caller. */
int http_pump_start(struct http_pump *p, const struct http_options *o, struct err *err);
/*
 * Takes libcurl's connection if there is a new one, and moves what there is in both
 * directions; waits for the peer up to `milliseconds` when there is nothing for libcurl to
 * read. *idle is set when there was nobody to wait for.
 */
int http_pump_step(struct http_pump *p, unsigned milliseconds, bool *idle, struct err *err);
/* Closes everything. */
void http_pump_release(struct http_pump *p);

struct http_client {
	struct http_options o;
	CURLM *multi; /* keeps connections between requests */
	CURL *easy;
};

#define HTTP_SOCKETS_MAX 8

/* One hop: a request that is sent once. */
struct http_transfer {
	struct http_client *client;
	const struct http_request *request;
	struct http_response *response;
	const char *url;
	struct http_url origin;
	const char *method;
	uint64_t sent;  /* bytes of a body that is a file */
	bool with_body; /* false after a redirect that turned into a GET */
	bool trusted;   /* the origin may have credentials */
	unsigned hops;  /* redirects before this one */
	char *next;     /* out: where a redirect leads that is to be followed; or NULL */
	deadline until;
	struct pollfd fds[HTTP_SOCKETS_MAX]; /* what libcurl waits for */
	unsigned fd_count;
	deadline timer; /* when libcurl wants to be called */
	struct curl_slist *headers;
	size_t header_bytes;
	uint64_t dropped; /* bytes of a redirect's body */
	bool begun;
	struct err failure; /* of a callback */
	struct http_pump pump;
};

/* Sends the request and receives the answer. */
int http_transfer_run(struct http_transfer *t, struct err *err);
/* Tells libcurl all about the request. */
int http_transfer_prepare(struct http_transfer *t, struct err *err);
/*
 * True for a failure of TLS, which then is in err: libcurl's words, what they mean, and which
 * setting helps. To be called while libcurl's handle has the transfer.
 */
bool http_tls_trouble(
	const struct http_transfer *t, CURLcode code, const char *words, struct err *err);
/* True if the request has a body, whatever becomes of it in this hop. */
bool http_request_has_body(const struct http_request *request);
/* What libcurl calls for pieces of a body that is a file. */
size_t http_give_body(char *to, size_t size, size_t count, void *transfer);
/* And to have it from an offset on again: on a connection that was closed meanwhile. */
int http_rewind_body(void *transfer, curl_off_t offset, int origin);
/* What libcurl calls with lines of headers. */
size_t http_take_header(char *data, size_t size, size_t count, void *transfer);
/* What libcurl calls with pieces of the body. */
size_t http_take_body(char *data, size_t size, size_t count, void *transfer);
/* The method that goes on after a redirect, or NULL when it is not followed. */
const char *http_redirect_method(const struct http_transfer *t);
/* Makes a response empty and ready to be filled. */
void http_response_begin(struct http_response *response);

#endif
