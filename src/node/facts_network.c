/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about the network: each interface with its addresses, and the default ones. The kernel
 * is asked which way packets to the world would take (a netlink request, as `ip route get`
 * makes it); nothing is sent.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "node/facts.h"

#define INTERFACES "/sys/class/net"
#define TEXT_SIZE  INET6_ADDRSTRLEN

/* The way to the world, one for each family. */
struct route {
	int family;
	const char *target; /* an address out there: those that Ansible asks for */
	bool found;
	unsigned interface;
	char address[TEXT_SIZE], gateway[TEXT_SIZE];
};

struct request {
	struct nlmsghdr head;
	struct rtmsg route;
	struct rtattr attribute;
	uint8_t target[16];
};

static int ask_route(int fd, const struct route *r)
{
	unsigned char size = r->family == AF_INET ? 4 : 16;
	struct request q = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(q.route)) +
						  (uint32_t)RTA_LENGTH(size),
				    .nlmsg_type = RTM_GETROUTE,
				    .nlmsg_flags = NLM_F_REQUEST},
		.route = {.rtm_family = (unsigned char)r->family,
			.rtm_dst_len = (unsigned char)(8 * size)},
		.attribute = {
			.rta_len = (unsigned short)RTA_LENGTH(size), .rta_type = RTA_DST}};

	inet_pton(r->family, r->target, q.target);
	return send(fd, &q, q.head.nlmsg_len, 0) < 0 ? -1 : 0;
}

static void take_attribute(struct route *r, const struct rtattr *a)
{
	const void *data = a + 1;
	bool whole = a->rta_len >= sizeof(*a) + (r->family == AF_INET ? 4u : 16u);

	if (a->rta_type == RTA_OIF && a->rta_len >= sizeof(*a) + sizeof(r->interface))
		memcpy(&r->interface, data, sizeof(r->interface));
	else if (a->rta_type == RTA_PREFSRC && whole)
		inet_ntop(r->family, data, r->address, TEXT_SIZE);
	else if (a->rta_type == RTA_GATEWAY && whole)
		inet_ntop(r->family, data, r->gateway, TEXT_SIZE);
}

/* The attributes of an answer, n bytes with its head. */
static void read_route(struct route *r, const uint8_t *answer, size_t n)
{
	size_t at = NLMSG_LENGTH(sizeof(struct rtmsg));
	struct rtattr head;

	for (; at + sizeof(head) <= n; at += RTA_ALIGN(head.rta_len)) {
		memcpy(&head, answer + at, sizeof(head));
		if (head.rta_len < sizeof(head) || head.rta_len > n - at)
			break;
		take_attribute(r, (const void *)(answer + at));
	}
	r->found = r->interface && *r->address;
}

static void find_route(struct route *r)
{
	union {
		struct nlmsghdr head;
		uint8_t bytes[4096];
	} answer;
	autofd int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || ask_route(fd, r) < 0)
		return;
	ssize_t got = recv(fd, &answer, sizeof(answer), 0);
	if (got >= (ssize_t)sizeof(answer.head) && answer.head.nlmsg_type == RTM_NEWROUTE)
		read_route(r, answer.bytes, (size_t)got);
}

/* An interface's file in /sys; NULL when it has none or it cannot be read. */
static const char *property(struct node_call *c, const char *device, const char *name)
{
	return facts_line(c, arena_printf(c->arena, INTERFACES "/%s/%s", device, name));
}

static bool has(struct node_call *c, const char *device, const char *name)
{
	return path_exists(arena_printf(c->arena, INTERFACES "/%s/%s", device, name));
}

static const char *type_of(struct node_call *c, const char *device)
{
	static const struct {
		const char *number, *name;
	} types[] = {{"1", "ether"}, {"32", "infiniband"}, {"512", "ppp"}, {"772", "loopback"},
		{"65534", "tunnel"}};
	const char *number = property(c, device, "type");

	if (has(c, device, "bonding"))
		return "bonding";
	if (has(c, device, "bridge"))
		return "bridge";
	for (size_t i = 0; number && i < ARRAY_SIZE(types); i++) {
		if (strcmp(types[i].number, number) == 0)
			return types[i].name;
	}
	return "unknown";
}

static void put_number(struct node_call *c, const char *key, const char *text)
{
	int64_t n;

	if (text && parse_int(text, INT32_MIN, INT32_MAX, &n))
		item_put_int(c->out, key, n);
}

static const char *mac_of(struct node_call *c, const char *device)
{
	const char *mac = property(c, device, "address");

	return mac && *mac && strcmp(mac, "00:00:00:00:00:00") != 0 ? mac : NULL;
}

/* One address as a text, without its port. */
static void address_text(const struct sockaddr *a, char out[TEXT_SIZE])
{
	*out = '\0';
	if (a && a->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr,
			out, TEXT_SIZE);
	else if (a && a->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
			out, TEXT_SIZE);
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

/* address, broadcast, netmask, network and prefix of an IPv4 address. */
static void put_ipv4(struct node_call *c, const struct ifaddrs *a)
{
	const struct sockaddr_in *in = (const void *)a->ifa_addr;
	const struct sockaddr_in *mask = (const void *)a->ifa_netmask;
	struct in_addr network = {in->sin_addr.s_addr & (mask ? mask->sin_addr.s_addr : ~0u)};
	char text[TEXT_SIZE];

	/* Where none is set, the C library has the address itself in its place. */
	const struct sockaddr_in *all = (const void *)a->ifa_broadaddr;
	bool set = a->ifa_flags & IFF_BROADCAST && all &&
		   all->sin_addr.s_addr != in->sin_addr.s_addr;
	address_text(set ? a->ifa_broadaddr : NULL, text);
	item_put_string(c->out, "broadcast", text);
	address_text(a->ifa_netmask, text);
	item_put_string(c->out, "netmask", text);
	inet_ntop(AF_INET, &network, text, TEXT_SIZE);
	item_put_string(c->out, "network", text);
	item_put_stringf(c->out, "prefix", "%u", prefix_of(a->ifa_netmask));
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

/* True for an address of a family that belongs to a device, under a label of its or not. */
static bool is_of(const struct ifaddrs *a, int family, const char *device)
{
	size_t n = strlen(device);

	return a->ifa_addr && a->ifa_addr->sa_family == family &&
	       strncmp(a->ifa_name, device, n) == 0 &&
	       (!a->ifa_name[n] || a->ifa_name[n] == ':');
}

/* The IPv4 addresses of a device: the first by itself, further ones as a list. */
static void tell_ipv4(struct node_call *c, const struct ifaddrs *all, const char *device)
{
	unsigned count = 0;
	char text[TEXT_SIZE];

	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		if (!is_of(a, AF_INET, device))
			continue;
		if (count == 1)
			item_open_list(c->out, "ipv4_secondaries");
		item_open_dict(c->out, count ? NULL : "ipv4");
		address_text(a->ifa_addr, text);
		item_put_string(c->out, "address", text);
		put_ipv4(c, a);
		item_close(c->out);
		count++;
	}
	if (count > 1)
		item_close(c->out);
}

static void tell_ipv6(struct node_call *c, const struct ifaddrs *all, const char *device)
{
	unsigned count = 0;
	char text[TEXT_SIZE];

	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		if (!is_of(a, AF_INET6, device))
			continue;
		if (count++ == 0)
			item_open_list(c->out, "ipv6");
		item_open_dict(c->out, NULL);
		address_text(a->ifa_addr, text);
		item_put_string(c->out, "address", text);
		item_put_stringf(c->out, "prefix", "%u", prefix_of(a->ifa_netmask));
		item_put_string(c->out, "scope", scope_of(a));
		item_close(c->out);
	}
	if (count)
		item_close(c->out);
}

/* One interface; a template can say its name only without dashes, dots and colons. */
static void tell_interface(struct node_call *c, const struct ifaddrs *all, const char *device)
{
	char *key = arena_printf(c->arena, "ansible_%s", device);
	const char *state = property(c, device, "operstate");
	const char *flags = property(c, device, "flags");

	for (char *at = key; *at; at++) {
		if (*at == '-' || *at == ':')
			*at = '_';
	}
	item_open_dict(c->out, key);
	item_put_string(c->out, "device", device);
	if (mac_of(c, device))
		item_put_string(c->out, "macaddress", mac_of(c, device));
	put_number(c, "mtu", property(c, device, "mtu"));
	if (state)
		item_put_bool(c->out, "active", strcmp(state, "down") != 0);
	item_put_string(c->out, "type", type_of(c, device));
	put_number(c, "speed", property(c, device, "speed"));
	if (flags)
		item_put_bool(c->out, "promisc", strtoul(flags, NULL, 16) & 0x100);
	tell_ipv4(c, all, device);
	tell_ipv6(c, all, device);
	item_close(c->out);
}

/* All addresses of a family, those of the machine itself left out. */
static void tell_addresses(
	struct node_call *c, const struct ifaddrs *all, int family, const char *key)
{
	char text[TEXT_SIZE];

	item_open_list(c->out, key);
	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		if (!a->ifa_addr || a->ifa_addr->sa_family != family)
			continue;
		address_text(a->ifa_addr, text);
		if (!str_starts(text, "127.") && strcmp(text, "::1") != 0)
			item_put_string(c->out, NULL, text);
	}
	item_close(c->out);
}

/* What an address has that the way to the world begins with. */
static void tell_default_address(
	struct node_call *c, const struct ifaddrs *a, const char *device)
{
	if (a->ifa_addr->sa_family == AF_INET) {
		put_ipv4(c, a);
		item_put_string(c->out, "alias", a->ifa_name);
	} else {
		item_put_stringf(c->out, "prefix", "%u", prefix_of(a->ifa_netmask));
		item_put_string(c->out, "scope", scope_of(a));
	}
	if (mac_of(c, device))
		item_put_string(c->out, "macaddress", mac_of(c, device));
	put_number(c, "mtu", property(c, device, "mtu"));
	item_put_string(c->out, "type", type_of(c, device));
}

static void tell_default(
	struct node_call *c, const struct ifaddrs *all, const char *key, struct route *r)
{
	char device[IF_NAMESIZE] = "", text[TEXT_SIZE];

	find_route(r);
	item_open_dict(c->out, key);
	if (r->found && if_indextoname(r->interface, device)) {
		if (*r->gateway)
			item_put_string(c->out, "gateway", r->gateway);
		item_put_string(c->out, "interface", device);
		item_put_string(c->out, "address", r->address);
		for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
			if (!is_of(a, r->family, device))
				continue;
			address_text(a->ifa_addr, text);
			if (strcmp(text, r->address) != 0)
				continue;
			tell_default_address(c, a, device);
			break;
		}
	}
	item_close(c->out);
}

int facts_network(struct node_call *c, struct err *err)
{
	struct route v4 = {.family = AF_INET, .target = "8.8.8.8"};
	struct route v6 = {.family = AF_INET6, .target = "2404:6800:400a:800::1012"};
	AUTO(strlist_release) struct strlist devices = {0};
	struct ifaddrs *all = NULL;
	DIR *d = opendir(INTERFACES);

	if (getifaddrs(&all) < 0) {
		if (d)
			closedir(d);
		return err_sys(err, "cannot list addresses");
	}
	for (struct dirent *e; d && (e = readdir(d));) {
		autofree char *path = path_join(INTERFACES, e->d_name);
		if (e->d_name[0] != '.' && path_is_dir(path))
			strlist_add(&devices, e->d_name);
	}
	if (d)
		closedir(d);
	item_open_list(c->out, "ansible_interfaces");
	for (size_t i = 0; i < devices.count; i++)
		item_put_string(c->out, NULL, devices.items[i]);
	item_close(c->out);
	for (size_t i = 0; i < devices.count; i++)
		tell_interface(c, all, devices.items[i]);
	tell_default(c, all, "ansible_default_ipv4", &v4);
	tell_default(c, all, "ansible_default_ipv6", &v6);
	tell_addresses(c, all, AF_INET, "ansible_all_ipv4_addresses");
	tell_addresses(c, all, AF_INET6, "ansible_all_ipv6_addresses");
	freeifaddrs(all);
	return 0;
}
