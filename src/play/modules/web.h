/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What uri and get_url have in common: requests that are made here and travel through the
 * node, with Ansible's arguments.
 */
#ifndef PLAY_MODULES_WEB_H
#define PLAY_MODULES_WEB_H

#include "http/client.h"
#include "play/tunnel.h"

/* The arguments that web_begin reads, as a list of arguments has them. */
#define WEB_ARGUMENTS(user_aliases_, password_aliases_)                                        \
	{.name = "url", .required = true},                                                     \
		{.name = "url_username", .aliases = (user_aliases_)},                          \
		{.name = "url_password", .aliases = (password_aliases_), .secret = true},      \
		{.name = "force_basic_auth", .type = ARGUMENT_BOOL, .fallback = "false"},      \
		{.name = "validate_certs", .type = ARGUMENT_BOOL, .fallback = "true"},         \
		{.name = "ca_path", .type = ARGUMENT_PATH},                                    \
		{.name = "client_cert", .type = ARGUMENT_PATH},                                \
		{.name = "client_key", .type = ARGUMENT_PATH},                                 \
		{.name = "headers", .type = ARGUMENT_DICT},                                    \
		{.name = "http_agent", .fallback = "ansible-httpget"},                         \
		{.name = "unix_socket", .type = ARGUMENT_PATH},                                \
		{.name = "unredirected_headers", .type = ARGUMENT_LIST},                       \
		{.name = "ciphers", .type = ARGUMENT_LIST},                                    \
		{.name = "use_gssapi", .type = ARGUMENT_BOOL, .fallback = "false"},            \
		{.name = "use_netrc", .type = ARGUMENT_BOOL, .fallback = "true"},              \
		{.name = "use_proxy", .type = ARGUMENT_BOOL, .fallback = "true"},              \
	{                                                                                      \
		.name = "decompress", .type = ARGUMENT_BOOL, .fallback = "true"                \
	}

/* A request in the making. Started by web_begin, ended by web_end. */
struct web {
	struct module_call *call;
	struct tunnel tunnel;
	struct http_client *client;
	struct http_request request;
	struct strlist headers;
	struct strlist unredirected; /* names */
	struct strbuf ciphers;
	struct err failure; /* why there was no answer */
	int64_t started;
};

/* Reads the arguments and makes a client. web_end is due in either case. */
int web_begin(struct web *w, struct module_call *c, struct err *err);
/* Adds a header, unless the task gives one of that name. */
void web_add_header(struct web *w, const char *name, const char *value);
/*
 * Sends the request. 0 with an answer, 1 when there was none (w->failure says why), -1 with
 * err when the node is out of reach or the operator stops.
 */
int web_ask(struct web *w, struct http_response *response, struct err *err);
/* Frees everything. */
void web_end(struct web *w);

/* Sets a text of the result that came from outside: unsafe, and UTF-8 whatever it was. */
void web_set_text(struct module_call *c, const char *key, const char *text, size_t n);
/* "OK (12 bytes)" or "HTTP Error 404: Not Found", as Ansible says it. */
const char *web_words(struct module_call *c, const struct http_response *r);
/* The whole seconds that the request took. */
int64_t web_elapsed(const struct web *w);
/* The name that a URL's file gets in a directory: its path's last part, else "index.html". */
const char *web_file_name(struct module_call *c, const char *url);

#endif
