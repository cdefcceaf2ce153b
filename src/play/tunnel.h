/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that a node makes for the engine: HTTP requests go through them, so that they
 * see the node's network, its name lookups and its unix sockets. TLS ends here: the helper
 * has none, and only moves bytes.
 *
 *     struct tunnel tunnel = {.call = c};
 *     struct http_options o = {.connector = &tunnel_connector, .connector_data = &tunnel};
 *     struct http_client *client = http_client_new(&o);
 */
#ifndef PLAY_TUNNEL_H
#define PLAY_TUNNEL_H

#include "http/client.h"
#include "play/module.h"

struct link;

/* A connection at a time; set `call`, leave the rest zero. It outlives the client. */
struct tunnel {
	struct module_call *call;
	struct link *link; /* NULL: none is open */
	uint16_t ctx;
	bool failed; /* a request to the helper failed */
};

/* A host that begins with '/' is the path of a unix socket. */
extern const struct http_connector tunnel_connector;

/* True when the link to the node is gone: then the node is out of reach, not the server. */
bool tunnel_is_broken(struct tunnel *t);

#endif
