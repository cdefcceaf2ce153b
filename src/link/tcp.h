/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses, and addresses to connections, both within a deadline.
 *
 * Private to link/.
 */
#ifndef LINK_TCP_H
#define LINK_TCP_H

#include <netdb.h>

#include "base/clock.h"
#include "base/err.h"

/* What getaddrinfo does; tests give one that hangs. */
typedef int (*tcp_lookup)(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **out);

/*
 * Looks a name up. A lookup that does not end in time is given up: its thread goes on by
 * itself and cleans up after itself. The result is freed with freeaddrinfo.
 */
int tcp_resolve(tcp_lookup lookup, const char *host, unsigned port, int family,
	struct addrinfo **out, deadline until, const struct cancel *cancel, struct err *err);

/*
 * Connects to a host: its addresses are tried in order, the next one joining after a quarter
 * of a second, and the first that answers wins. Returns a socket that does not block.
 */
int tcp_connect(const char *host, unsigned port, int family, deadline until,
	const struct cancel *cancel, struct err *err);

#endif
