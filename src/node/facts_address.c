/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses of an interface.
 */
#include <net/if.h>

#include "base/str.h"
#include "node/facts_network.h"

void address_text(const struct sockaddr *a, char out[ADDRESS_SIZE])
{
	*out = '\0';
	if (a && a->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr,
			out, ADDRESS_SIZE);
	else if (a && a->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
			out, ADDRESS_SIZE);
}

bool address_is_of(const struct ifaddrs *a, int family, const char *device)
{
	size_t n = strlen(device);

	return a->ifa_addr && a->ifa_addr->sa_family == family &&
	       strncmp(a->ifa_name, device, n) == 0 &&
	       (!a->ifa_name[n] || a->ifa_name[n] == ':');
}

static unsigned prefix_of(const struct sockaddr *mask)
{
	const uint8_t *bytes = NULL;
	size_t n = 0;
	unsigned bits = 0;

	if (mask && mask->sa_family == AF_INET) {
		bytes = (const uint8_t *)&((const struct sockaddr_in *)(const void *)mask)
				->sin_addr;
		n = 4;
	} else if (mask && mask->sa_family == AF_INET6) {
		bytes = (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)mask)
				->sin6_addr;
		n = 16;
	}
	for (size_t i = 0; i < n; i++)
		bits += (unsigned)__builtin_popcount(bytes[i]);
	return bits;
}

void address_put_ipv4(struct facts *f, const struct ifaddrs *a)
{
	const struct sockaddr_in *in = (const void *)a->ifa_addr;
	const struct sockaddr_in *mask = (const void *)a->ifa_netmask;
	struct in_addr network = {in->sin_addr.s_addr & (mask ? mask->sin_addr.s_addr : ~0u)};
	char text[ADDRESS_SIZE];

	/* Where none is set, the C library has the address itself in its place. */
	const struct sockaddr_in *all = (const void *)a->ifa_broadaddr;
	bool set = a->ifa_flags & IFF_BROADCAST && all &&
		   all->sin_addr.s_addr != in->sin_addr.s_addr;
	address_text(set ? a->ifa_broadaddr : NULL, text);
	facts_put(f, "broadcast", text);
	address_text(a->ifa_netmask, text);
	facts_put(f, "netmask", text);
	inet_ntop(AF_INET, &network, text, ADDRESS_SIZE);
	facts_put(f, "network", text);
	item_put_stringf(f->out, "prefix", "%u", prefix_of(a->ifa_netmask));
}

static const char *scope_of(const struct ifaddrs *a)
{
	const struct in6_addr *in =
		&((const struct sockaddr_in6 *)(void *)a->ifa_addr)->sin6_addr;

	if (IN6_IS_ADDR_LOOPBACK(in))
		return "host";
	if (IN6_IS_ADDR_LINKLOCAL(in))
		return "link";
	return IN6_IS_ADDR_SITELOCAL(in) ? "site" : "global";
}

void address_put_ipv6(struct facts *f, const struct ifaddrs *a)
{
	item_put_stringf(f->out, "prefix", "%u", prefix_of(a->ifa_netmask));
	facts_put(f, "scope", scope_of(a));
}

static void put_entry(struct facts *f, const char *key, const struct ifaddrs *a)
{
	char text[ADDRESS_SIZE];

	item_open_dict(f->out, key);
	address_text(a->ifa_addr, text);
	facts_put(f, "address", text);
	if (a->ifa_addr->sa_family == AF_INET)
		address_put_ipv4(f, a);
	else
		address_put_ipv6(f, a);
	item_close(f->out);
}

static struct in_addr network_of(const struct ifaddrs *a)
{
	const struct sockaddr_in *in = (const void *)a->ifa_addr;
	const struct sockaddr_in *mask = (const void *)a->ifa_netmask;

	return (struct in_addr){in->sin_addr.s_addr & (mask ? mask->sin_addr.s_addr : ~0u)};
}

/* True for a further address of a network that the device has one of already. */
static bool is_secondary(const struct ifaddrs *all, const struct ifaddrs *a)
{
	char device[IF_NAMESIZE + 1] = "";

	memcpy(device, a->ifa_name, strnlen(a->ifa_name, IF_NAMESIZE));
	device[strcspn(device, ":")] = '\0';
	for (const struct ifaddrs *b = all; b && b != a; b = b->ifa_next)
		if (address_is_of(b, AF_INET, device) &&
			network_of(a).s_addr == network_of(b).s_addr &&
			prefix_of(a->ifa_netmask) == prefix_of(b->ifa_netmask))
			return true;
	return false;
}

/* The address of a name: of a device, or of a label. */
static const struct ifaddrs *primary_of(const struct ifaddrs *all, const char *name)
{
	for (const struct ifaddrs *a = all; a; a = a->ifa_next)
		if (address_is_of(a, AF_INET, name) && strcmp(a->ifa_name, name) == 0 &&
			!is_secondary(all, a))
			return a;
	return NULL;
}

/* Labels have their own addresses; further ones of a network are the device's, too. */
static void tell_ipv4(struct facts *f, const struct ifaddrs *all, const char *name)
{
	const struct ifaddrs *primary = primary_of(all, name);
	bool any = false;

	if (primary)
		put_entry(f, "ipv4", primary);
	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		if (a == primary || !address_is_of(a, AF_INET, name) ||
			(strcmp(a->ifa_name, name) != 0 && !is_secondary(all, a)))
			continue;
		if (!any)
			item_open_list(f->out, "ipv4_secondaries");
		any = true;
		put_entry(f, NULL, a);
	}
	if (any)
		item_close(f->out);
}

static void tell_ipv6(struct facts *f, const struct ifaddrs *all, const char *device)
{
	unsigned count = 0;

	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		if (!address_is_of(a, AF_INET6, device))
			continue;
		if (count++ == 0)
			item_open_list(f->out, "ipv6");
		put_entry(f, NULL, a);
	}
	if (count)
		item_close(f->out);
}

void address_tell(struct facts *f, const struct ifaddrs *all, const char *device)
{
	tell_ipv4(f, all, device);
	tell_ipv6(f, all, device);
}
