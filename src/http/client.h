/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests, by libcurl: each with a deadline, a cancel token and limits on everything
 * that a peer decides.
 *
 *     struct http_client *client = http_client_new(&(struct http_options){.cancel = cancel});
 *     AUTO(http_response_release) struct http_response response = {0};
 *     struct http_request request = {.url = url, .until = deadline_in(30)};
 *     if (http_perform(client, &request, &response, err) < 0)
 *             return -1;
 *
 * A response of any status is a success of http_perform: what 404 means, the caller says.
 *
 * Connections are HTTP/1.1, and are kept for the client's next request. With a connector
 * they are made elsewhere (on a node, through its helper), and each request has its own.
 *
 * Redirects are followed here and not by libcurl: credentials (user, password, the client's
 * certificate, and every header that is not known to be harmless) go only to the origin
 * (scheme, host and port) that the request names.
 *
 * Errors: ERR_INPUT (a URL, header or method that cannot be sent), ERR_UNREACHABLE (name not
 * found, not connected, or cut), ERR_AUTH (the peer's certificate), ERR_TIMEOUT,
 * ERR_CANCELLED, ERR_LIMIT, ERR_PROTOCOL; else what a callback gave. Their texts name the URL
 * without user, password and query, because these hold secrets.
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

/* Limits that hold where a request has 0. */
#define HTTP_BODY_MAX      (16u << 20)  /* bytes of a body that is kept in memory */
#define HTTP_HEADERS_MAX   (256u << 10) /* bytes of one response's headers */
#define HTTP_REDIRECTS_MAX 10u
#define HTTP_URL_MAX       8192u
/* Of the environment: a file of CAs, as OpenSSL, curl and Python have it. */
#define HTTP_CA_VARIABLE "SSL_CERT_FILE"
/* Seconds, likewise. */
#define HTTP_CONNECT_TIMEOUT 30.0
#define HTTP_STALL           60.0

/*
 * Where connections are made when it is not this machine's network. All calls come from the
 * thread in http_perform. `exchange` sends n bytes, then waits up to `milliseconds` for bytes
 * from the peer, which it appends to `in` (at most 1 MiB); *ended is set when the peer has
 * ended. NULL or -1 with err.
 */
struct http_connector {
	void *(*open)(
		void *data, const char *host, unsigned port, deadline until, struct err *err);
	int (*exchange)(void *connection, const void *bytes, size_t n, unsigned milliseconds,
		struct strbuf *in, bool *ended, struct err *err);
	void (*close)(void *connection);
};

struct http_response;

struct http_options {
	const struct http_connector *connector; /* NULL: this machine's network */
	void *connector_data;
	const struct cancel *cancel; /* may be NULL */
	const char *user_agent;      /* NULL: "modelfleet" */
	bool use_proxy; /* http_proxy, https_proxy and no_proxy of the environment count */
};

enum http_redirects {
	HTTP_REDIRECTS_SAFE, /* only of GET and HEAD */
	HTTP_REDIRECTS_ALL,
	HTTP_REDIRECTS_NONE
};

/* How a TLS peer is checked, and who we are. Files are this machine's. */
struct http_tls {
	bool insecure; /* do not check the peer's certificate */
	/* A file or directory of CAs; NULL: what HTTP_CA_VARIABLE names, else the system's. */
	const char *ca_path;
	const char *client_cert; /* PEM; may hold the key too */
	const char *client_key;
	const char *ciphers; /* OpenSSL's list; NULL: its own */
	/* What an operator sets to have these, for errors; NULL: HTTP_CA_VARIABLE, nothing. */
	const char *ca_setting, *client_setting;
};

/* Takes a piece of a body; -1 with err ends the request with this error. */
typedef int (*http_sink)(void *data, const void *bytes, size_t n, struct err *err);

/* A body that is read while it is sent. ERR_INTEGRITY if the file ends before. */
struct http_body_file {
	int fd; /* its own position is not moved */
	uint64_t size;
	uint64_t offset; /* of its first byte in the file */
};

/* One request. All-zero members are the defaults. */
struct http_request {
	const char *url;
	const char *method;         /* NULL: GET, with a body POST */
	const char *const *headers; /* "Name: value"; NULL-terminated; NULL: none */
	/* Names of headers that follow no redirect at all; NULL-terminated; NULL: none. */
	const char *const *unredirected;
	const void *body; /* sent as it is; NULL: none */
	size_t body_len;
	/* Instead of it, for PUT: a file, or a part of one, in pieces; NULL: none. */
	const struct http_body_file *body_file;
	const char *user, *password; /* NULL: those of the URL, if it has any */
	bool basic_first; /* send them at once, as Basic; else when the peer asks for them */
	enum http_redirects redirects;
	unsigned redirects_max;
	struct http_tls tls;
	const char *unix_socket; /* connect to this path, whatever host the URL names */
	deadline until;          /* of all of it; 0: never */
	double connect_timeout;  /* seconds; 0: HTTP_CONNECT_TIMEOUT */
	double stall; /* give up when nothing was received for so many seconds; 0: HTTP_STALL */
	uint64_t slowest; /* bytes a second; what comes slower counts as nothing; 0: 1 */
	uint64_t rate;   /* bytes of the body in a second at most, over a few seconds; 0: any */
	bool decompress; /* offer compression and undo it */
	size_t body_max; /* of a body in memory, and of one that a sink takes */
	size_t headers_max;
	http_sink sink; /* takes the body; NULL: it is kept in the response */
	void *sink_data;
	/* Called before the first piece of the body, with status and headers there; may be
	 * NULL. -1 with err ends the request. */
	int (*begin)(void *data, const struct http_response *response, struct err *err);
};

struct http_header {
	char *name; /* as the peer wrote it */
	char *value;
};

/* An all-zero struct is empty. Reused for another request, it is emptied first. */
struct http_response {
	int status;   /* 200, 404 ... */
	char *reason; /* "OK"; "" when the peer gave none */
	struct {
		struct http_header *items; /* of the last response, in their order */
		size_t count, cap;
	} headers;
	struct strbuf body;
	uint64_t received; /* bytes of the body, kept or taken by the sink */
	char *url;         /* the one that answered, after redirects */
	unsigned redirects;
};

struct http_client;

/* A client for one thread at a time; the options' pointers outlive it. */
struct http_client *http_client_new(const struct http_options *options);
/* The cancel token that its waits obey; may be NULL. */
const struct cancel *http_client_cancel(const struct http_client *client);
/* Closes connections and frees it. NULL is fine. */
void http_client_free(struct http_client *client);
/* Sends a request and receives its answer. The response is released by the caller. */
int http_perform(struct http_client *client, const struct http_request *request,
	struct http_response *response, struct err *err);
/* Frees what a response holds. */
void http_response_release(struct http_response *response);
/* The value of a header (case does not matter), the first one of its name; or NULL. */
const char *http_header_get(const struct http_response *response, const char *name);
/* Appends a URL as errors show it: without user, password, query and fragment. */
void http_url_for_people(const char *url, struct strbuf *out);

#endif
