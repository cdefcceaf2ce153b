/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the network's facts share. */
#ifndef NODE_FACTS_NETWORK_H
#define NODE_FACTS_NETWORK_H

#include <arpa/inet.h>
#include <ifaddrs.h>

#include "node/facts.h"

#define ADDRESS_SIZE INET6_ADDRSTRLEN

/* ---- an interface, from /sys/class/net ---- */

/* The names of all interfaces. */
const char *const *interface_names(const struct facts *f);
/* An interface's file; NULL when it has none or it cannot be read. */
const char *interface_property(const struct facts *f, const char *device, const char *name);
/* Its hardware address; NULL when it has none. */
const char *interface_mac(const struct facts *f, const char *device);
/* "ether", "bridge" and so on. */
const char *interface_type(const struct facts *f, const char *device);
/* Puts a number that is written as a text; nothing for NULL. */
void interface_put_number(struct facts *f, const char *key, const char *text);
/* All that /sys knows of it, as members of the open dict. */
void interface_tell(struct facts *f, const char *device);

/* ---- addresses ---- */

/* An address as a text; "" for one of another family. */
void address_text(const struct sockaddr *a, char out[ADDRESS_SIZE]);
/* True for an address of a family that belongs to a device, under a label of its or not. */
bool address_is_of(const struct ifaddrs *a, int family, const char *device);
/* broadcast, netmask, network and prefix of an IPv4 address. */
void address_put_ipv4(struct facts *f, const struct ifaddrs *a);
/* prefix and scope of an IPv6 address. */
void address_put_ipv6(struct facts *f, const struct ifaddrs *a);
/* The addresses of a device: the first IPv4 one by itself, further ones as a list. */
void address_tell(struct facts *f, const struct ifaddrs *all, const char *device);

#endif
