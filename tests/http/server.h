/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A web server for tests: server.py as a process of its own, on a port of its own.
 */
#ifndef TESTS_HTTP_SERVER_H
#define TESTS_HTTP_SERVER_H

#include "base/spawn.h"

struct server {
	struct spawn_child child;
	unsigned port;
	bool tls;
	char url[128]; /* "http://127.0.0.1:PORT" */
};

/* Starts a server; with a certificate and its key it speaks TLS. */
void server_start(struct server *s, const char *cert, const char *key);
/* Starts one that listens on a unix socket. */
void server_start_unix(struct server *s, const char *path);
/* Ends it. */
void server_stop(struct server *s);
/* A URL of the server in one of a few buffers that are used in turn. */
const char *server_url(const struct server *s, const char *path);
/* Makes a certificate for localhost and 127.0.0.1, and its key, in a directory. */
void server_make_certificate(const char *dir, char cert[256], char key[256]);

#endif
