/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/this_machine.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* True if both name the same host: equal, or equal but for the domain that one of them has. */
static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "."), m = strcspn(b, ".");

	if (a[n] && b[m])
		return strcasecmp(a, b) == 0;
	return n == m && n > 0 && strncasecmp(a, b, n) == 0;
}

static bool same_address(const struct sockaddr *ours, const char *text)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (ours->sa_family == AF_INET && inet_pton(AF_INET, text, &v4) == 1)
		return memcmp(&((const struct sockaddr_in *)(const void *)ours)->sin_addr, &v4,
			       sizeof(v4)) == 0;
	if (ours->sa_family == AF_INET6 && inet_pton(AF_INET6, text, &v6) == 1)
		return memcmp(&((const struct sockaddr_in6 *)(const void *)ours)->sin6_addr,
			       &v6, sizeof(v6)) == 0;
	return false;
}

static bool is_own_address(const char *text)
{
	struct ifaddrs *all;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next)
		found = i->ifa_addr && same_address(i->ifa_addr, text);
	freeifaddrs(all);
	return found;
}

bool is_this_machine(const char *name, const char *address)
{
	char own[256] = "";

	if (gethostname(own, sizeof(own) - 1) < 0 || !same_name(name, own))
		return false;
	return !address || !*address || strcmp(address, "localhost") == 0 ||
	       same_name(address, own) || is_own_address(address);
}
