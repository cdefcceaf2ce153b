/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside source/: what a kind of source is, and what those that speak HTTP share.
 */
#ifndef SOURCE_KIND_H
#define SOURCE_KIND_H

#include "http/client.h"
#include "source/source.h"
#include "value/value.h"

/* A kind. What its functions get as `state` is what `open` gave. */
struct source_kind {
	const char *name;
	bool takes_paths; /* a path that is no pattern needs no list */
	void *(*open)(const struct source_options *options, struct err *err);
	void (*close)(void *state);
	int (*find)(void *state, const struct source_request *request,
		struct source_version *version, struct err *err);
	/* Appends the version's files, in any order. */
	int (*list)(void *state, const struct source_request *request,
		const struct source_version *version, struct source_files *files,
		struct err *err);
	int (*fetch)(void *state, const struct source_request *request,
		const struct source_version *version, const struct source_file *file,
		struct source_fetch *fetch, struct err *err);
};

extern const struct source_kind source_mlflow;
extern const struct source_kind source_huggingface;
extern const struct source_kind source_directory;
extern const struct source_kind source_registry;

/* Adds a file to a list; ERR_LIMIT beyond SOURCE_FILES_MAX. The path is copied. */
int source_files_add(
	struct source_files *files, const char *path, uint64_t size, struct err *err);
/* Chooses from a list; see source_choose. */
int source_pick(const struct source_files *files, const struct source_request *request,
	struct source_file *file, struct err *err);

/* ---- over HTTP ---- */

#define SOURCE_HEADERS_MAX 4 /* of one message */

/* How a server is spoken to. */
struct source_server {
	struct http_client *client;
	char *base;          /* URL without a slash at its end */
	char *authorization; /* a header, or NULL */
	char *user, *password;
	struct http_tls tls;
	double timeout; /* seconds of a request */
	uint64_t rate;
	unsigned tries;   /* of a question while the server is busy; 0: 3 */
	double pause_max; /* seconds between them that a server may ask for; 0: 30 */
};

/* Takes the URL and makes a client; ERR_INPUT for what is no URL. */
int source_server_open(struct source_server *s, const char *url,
	const struct source_options *options, struct err *err);
/* Frees the members. */
void source_server_close(struct source_server *s);
/* The cancel token that its waits obey; may be NULL. */
const struct cancel *source_server_cancel(const struct source_server *s);
/* Appends "NAME=VALUE", percent-encoded, with "?" or "&" in front. */
void source_add_query(struct strbuf *url, const char *name, const char *value);
/* Appends a path's text percent-encoded; slashes stay. */
void source_add_path(struct strbuf *url, const char *path);
/* The same for one segment, whose slashes are encoded. */
void source_add_segment(struct strbuf *url, const char *segment);
/*
 * Asks, and keeps an answer of status 200 in the response, up to 16 MiB (ERR_LIMIT beyond
 * that, with the headers there). Other answers are errors as source_ask says.
 */
int source_get(
	struct source_server *s, const char *url, struct http_response *r, struct err *err);
/*
 * A request's answer as JSON, an object or a list, or NULL with err. Its status decides the
 * error: 404 gives ERR_NOTFOUND, 401 and 403 ERR_DENIED; what the server says of it stands in
 * the text. Servers that are busy are asked again, with pauses
 * between. `response` may be NULL; else it
 * is filled in.
 */
const struct value *source_ask(struct source_server *s, struct arena *arena, const char *url,
	struct http_response *response, struct err *err);
/* What is sent beside the question. All-zero: a GET without anything. */
struct source_message {
	const char *method; /* NULL: GET */
	const char *type;   /* of the body */
	const void *body;   /* NULL: none */
	size_t body_len;
	const struct http_body_file *file;       /* sent instead, whole; or NULL */
	const char *headers[SOURCE_HEADERS_MAX]; /* "Name: value"; up to a NULL */
	double seconds; /* that the answer may take, all tries together; 0: the server's */
};
/*
 * Sends a message and reads its answer likewise: any status of 200 to 299 is a success, and an
 * answer without a body is null. What is no question (POST, PATCH) is sent once.
 */
const struct value *source_send(struct source_server *s, struct arena *arena, const char *url,
	const struct source_message *message, struct http_response *response, struct err *err);
/* Downloads from a URL; see source_fetch. `content` names what is there for all time. */
int source_download(struct source_server *s, const char *url, const char *content,
	const char *sha256, uint64_t size, struct source_fetch *fetch, struct err *err);
/* True for a SHA-256 in hexadecimal. */
bool source_is_sha256(const char *text);
/* A member's text, or NULL. */
const char *source_text(const struct value *v, const char *name);

#endif
