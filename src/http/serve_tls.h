/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a server speaks TLS; private to http/.
 *
 * libmicrohttpd takes a certificate from memory for good. So that it can be exchanged, the
 * server is asked for one at each handshake instead (MHD_OPTION_HTTPS_CERT_CALLBACK2), and
 * gives copies away, which GnuTLS frees when it is done (GNUTLS_CERT_RETR_DEINIT_ALL): a
 * handshake under way needs nothing of what is exchanged meanwhile.
 */
#ifndef HTTP_SERVE_TLS_H
#define HTTP_SERVE_TLS_H

#include "http/serve_private.h"

#define HTTP_TLS_OPTIONS 3

/* Fills what libmicrohttpd is started with besides MHD_USE_TLS; MHD_OPTION_END is the last. */
void http_tls_options(struct MHD_OptionItem options[HTTP_TLS_OPTIONS]);
/* Tells the session of a connection that begins which server it is of. */
void http_tls_begin(struct http_server *server, struct MHD_Connection *connection);

#endif
