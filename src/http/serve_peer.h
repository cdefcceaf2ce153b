/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of a server, and how long their requests may take to come; private to http/.
 *
 * Theory of operation. libmicrohttpd cuts who is silent, but not who sends a byte now and then,
 * and says nothing of a head before it is whole. So a connection has a time by which its next
 * head has to be there, and then one for the body. A thread of its own shuts sockets down whose
 * time is over, which libmicrohttpd sees as their end. It sleeps while there are no
 * connections, and wakes at most once a second.
 *
 * What is handled or answered has no such time: who waits for it may. So have bodies that pass
 * in pieces (struct http_upload), whose size nobody knows: libmicrohttpd's limit on silence
 * holds for them.
 */
#ifndef HTTP_SERVE_PEER_H
#define HTTP_SERVE_PEER_H

#include <sys/socket.h>

#include "http/serve_private.h"

/* Begins the thread. */
int http_peers_start(struct http_server *server, struct err *err);
/* Ends it; there are no connections any more. */
void http_peers_stop(struct http_server *server);
/*
 * MHD_AcceptPolicyCallback: whether an address may have one connection more. An address of
 * this machine always may: behind it is everybody who uses it, or its proxy.
 */
enum MHD_Result http_peer_admit(
	void *server, const struct sockaddr *address, socklen_t address_size);
/* A connection begins; its peer is the connection's context. */
struct http_peer *http_peer_new(struct http_server *server, struct MHD_Connection *connection);
/* It ends; its socket is still open. */
void http_peer_free(struct http_server *server, struct http_peer *peer);

/* The request of a connection, whose head is there, has so long for its body. */
void http_peer_awaits_body(struct http_server *server, struct MHD_Connection *connection);
/* It has all the time there is: it is handled, or takes a body in pieces. */
void http_peer_is_served(struct http_server *server, struct MHD_Connection *connection);
/* It has its answer, and may send another one. */
void http_peer_awaits_head(struct http_server *server, struct MHD_Connection *connection);

#endif
