/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about the network: each interface with its addresses, and the default ones. The kernel
 * is asked which way packets to the world would take (a netlink request, as `ip route get`
 * makes it); nothing is sent. With a root there are interfaces, but no addresses: those are the
 * kernel's.
 */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/str.h"
#include "node/facts_network.h"

/* The way to the world, one for each family. */
struct route {
	int family;
	const char *target; /* an address out there: those that Ansible asks for */
	bool found;
	unsigned interface;
	char address[ADDRESS_SIZE], gateway[ADDRESS_SIZE];
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
		inet_ntop(r->family, data, r->address, ADDRESS_SIZE);
	else if (a->rta_type == RTA_GATEWAY && whole)
		inet_ntop(r->family, data, r->gateway, ADDRESS_SIZE);
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

/* A name as a template can say it: without dashes and colons. */
static const char *key_of(const struct facts *f, const char *device)
{
	char *key = arena_printf(f->arena, "ansible_%s", device);

	for (char *at = key; *at; at++) {
		if (*at == '-' || *at == ':')
			*at = '_';
	}
	return key;
}

/* The labels of addresses that are no device's name: "eth0:1". Each is told once. */
static void read_labels(const struct ifaddrs *all, struct strlist *labels)
{
	for (const struct ifaddrs *a = all; a; a = a->ifa_next)
		if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET &&
			strchr(a->ifa_name, ':') && !strlist_has(labels, a->ifa_name))
			strlist_add(labels, a->ifa_name);
}

static void tell_interfaces(struct facts *f, const struct ifaddrs *all)
{
	AUTO(strlist_release) struct strlist labels = {0};
	const char *const *devices = interface_names(f);

	read_labels(all, &labels);
	item_open_list(f->out, "ansible_interfaces");
	for (size_t i = 0; devices[i]; i++)
		facts_put(f, NULL, devices[i]);
	for (size_t i = 0; i < labels.count; i++) {
		char *name = arena_strdup(f->arena, labels.items[i]);
		*strchr(name, ':') = '_';
		facts_put(f, NULL, name);
	}
	item_close(f->out);
	for (size_t i = 0; devices[i]; i++) {
		item_open_dict(f->out, key_of(f, devices[i]));
		interface_tell(f, devices[i]);
		address_tell(f, all, devices[i]);
		item_close(f->out);
	}
	for (size_t i = 0; i < labels.count; i++) {
		item_open_dict(f->out, key_of(f, labels.items[i]));
		address_tell(f, all, labels.items[i]);
		item_close(f->out);
	}
}

/* All addresses of a family, those of the machine itself left out. */
static void tell_addresses(
	struct facts *f, const struct ifaddrs *all, int family, const char *key)
{
	char text[ADDRESS_SIZE];

	item_open_list(f->out, key);
	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		if (!a->ifa_addr || a->ifa_addr->sa_family != family)
			continue;
		address_text(a->ifa_addr, text);
		if (!str_starts(text, "127.") && strcmp(text, "::1") != 0)
			facts_put(f, NULL, text);
	}
	item_close(f->out);
}

/* What an address has that the way to the world begins with. */
static void tell_default_address(struct facts *f, const struct ifaddrs *a, const char *device)
{
	const char *mac = interface_mac(f, device);

	if (a->ifa_addr->sa_family == AF_INET) {
		address_put_ipv4(f, a);
		facts_put(f, "alias", a->ifa_name);
	} else {
		address_put_ipv6(f, a);
	}
	if (mac)
		facts_put(f, "macaddress", mac);
	interface_put_number(f, "mtu", interface_property(f, device, "mtu"));
	facts_put(f, "type", interface_type(f, device));
}

static void tell_default(
	struct facts *f, const struct ifaddrs *all, const char *key, struct route *r)
{
	char device[IF_NAMESIZE] = "", text[ADDRESS_SIZE];

	if (!*f->root)
		find_route(r);
	item_open_dict(f->out, key);
	if (r->found && if_indextoname(r->interface, device)) {
		if (*r->gateway)
			facts_put(f, "gateway", r->gateway);
		facts_put(f, "interface", device);
		facts_put(f, "address", r->address);
		for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
			if (!address_is_of(a, r->family, device))
				continue;
			address_text(a->ifa_addr, text);
			if (strcmp(text, r->address) != 0)
				continue;
			tell_default_address(f, a, device);
			break;
		}
	}
	item_close(f->out);
}

int facts_network(struct facts *f, struct err *err)
{
	struct route v4 = {.family = AF_INET, .target = "8.8.8.8"};
	struct route v6 = {.family = AF_INET6, .target = "2404:6800:400a:800::1012"};
	struct ifaddrs *all = NULL;

	if (!*f->root && getifaddrs(&all) < 0)
		return err_sys(err, "cannot list addresses");
	tell_interfaces(f, all);
	tell_default(f, all, "ansible_default_ipv4", &v4);
	tell_default(f, all, "ansible_default_ipv6", &v6);
	tell_addresses(f, all, AF_INET, "ansible_all_ipv4_addresses");
	tell_addresses(f, all, AF_INET6, "ansible_all_ipv6_addresses");
	if (all)
		freeifaddrs(all);
	return 0;
}
