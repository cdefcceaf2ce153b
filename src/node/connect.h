/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections from the node. Names are resolved without NSS, which a static program cannot
 * load: numeric addresses and "localhost" by ourselves, all others by getent.
 */
#ifndef NODE_CONNECT_H
#define NODE_CONNECT_H

#include <netinet/in.h>
#include <stdint.h>

#include "node/module.h"

#define CONNECT_ADDRESSES_MAX 16 /* of one name; more are ignored */

/* An IP address. One of IPv4 that is written as one of IPv6 is one of IPv4. */
struct ip_address {
	int family; /* AF_INET, AF_INET6 */
	uint8_t bytes[16];
	uint32_t scope; /* of a link-local one: the interface's number */
};

/* Reads a numeric address, "fe80::1%eth0" too; false for anything else. */
bool ip_parse(const char *text, struct ip_address *out);
/* Makes an address of 4 or 16 bytes, in the order of the network. */
struct ip_address ip_from_bytes(const void *bytes, size_t n);
/* True if both are the same address. */
bool ip_equal(const struct ip_address *a, const struct ip_address *b);
/* The addresses of a host; their number, or -1 with ERR_NOTFOUND and the like. */
int connect_resolve(struct node_call *c, const char *host,
	struct ip_address out[CONNECT_ADDRESSES_MAX], struct err *err);
/*
 * Connects by TCP to a host, trying its addresses in turn, or to a unix socket when the host
 * is a path. Returns a descriptor that does not block, or -1 with err. Ticks for the call.
 */
int connect_to(
	struct node_call *c, const char *host, uint16_t port, deadline until, struct err *err);

#endif
