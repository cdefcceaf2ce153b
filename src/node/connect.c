/* SPDX-License-Identifier: Apache-2.0 */
#include "node/connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

#define RESOLVE_SECONDS 15.0

struct ip_address ip_from_bytes(const void *bytes, size_t n)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct ip_address a = {.family = n == 4 ? AF_INET : AF_INET6};

	if (n == 16 && memcmp(bytes, mapped, sizeof(mapped)) == 0)
		return ip_from_bytes((const uint8_t *)bytes + 12, 4);
	memcpy(a.bytes, bytes, n);
	return a;
}

bool ip_equal(const struct ip_address *a, const struct ip_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool ip_parse(const char *text, struct ip_address *out)
{
	uint8_t bytes[16];
	char plain[64];
	size_t n = strcspn(text, "%");

	if (inet_pton(AF_INET, text, bytes) == 1) {
		*out = ip_from_bytes(bytes, 4);
		return true;
	}
	if (n >= sizeof(plain))
		return false;
	memcpy(plain, text, n);
	plain[n] = '\0';
	if (inet_pton(AF_INET6, plain, bytes) != 1)
		return false;
	*out = ip_from_bytes(bytes, 16);
	out->scope = text[n] ? if_nametoindex(text + n + 1) : 0;
	return true;
}

/* The addresses in what getent prints: "ADDRESS STREAM NAME" lines among others. */
static int read_addresses(const char *text, struct ip_address out[CONNECT_ADDRESSES_MAX])
{
	int count = 0;

	for (const char *line = text; *line && count < CONNECT_ADDRESSES_MAX;) {
		size_t n = strcspn(line, "\n"), word = strcspn(line, " \t\n");
		const char *kind = line + word + strspn(line + word, " \t");
		autofree char *address = xstrndup(line, word);
		if (str_starts(kind, "STREAM") && ip_parse(address, &out[count]))
			count++;
		line += n + (line[n] == '\n');
	}
	return count;
}

static int ask_getent(struct node_call *c, const char *host,
	struct ip_address out[CONNECT_ADDRESSES_MAX], struct err *err)
{
	const char *const argv[] = {"getent", "ahosts", host, NULL};
	struct call_program p = {.argv = argv, .until = deadline_in(RESOLVE_SECONDS)};

	if (*host == '-' || !*host)
		return err_set(err, ERR_INPUT, "\"%s\" is no host's name", host);
	int result = call_run(c, &p, err);
	int count = result == 0 && p.status == 0 ? read_addresses(p.out.data, out) : 0;
	call_program_release(&p);
	if (result < 0)
		return err_wrap(err, "resolve %s", host);
	return count ? count : err_set(err, ERR_NOTFOUND, "the host %s is not known", host);
}

int connect_resolve(struct node_call *c, const char *host,
	struct ip_address out[CONNECT_ADDRESSES_MAX], struct err *err)
{
	if (ip_parse(host, &out[0]))
		return 1;
	if (strcmp(host, "localhost") != 0)
		return ask_getent(c, host, out, err);
	ip_parse("127.0.0.1", &out[0]);
	ip_parse("::1", &out[1]);
	return 2;
}

/* What connect takes. */
union socket_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static socklen_t fill_ip(union socket_address *s, const struct ip_address *a, uint16_t port)
{
	memset(s, 0, sizeof(*s));
	if (a->family == AF_INET) {
		s->in.sin_family = AF_INET;
		s->in.sin_port = htons(port);
		memcpy(&s->in.sin_addr, a->bytes, 4);
		return sizeof(s->in);
	}
	s->in6.sin6_family = AF_INET6;
	s->in6.sin6_port = htons(port);
	s->in6.sin6_scope_id = a->scope;
	memcpy(&s->in6.sin6_addr, a->bytes, 16);
	return sizeof(s->in6);
}

/* One attempt: a connected descriptor, or -1 with err. */
static int attempt(struct node_call *c, const union socket_address *s, socklen_t len,
	deadline until, struct err *err)
{
	autofd int fd = socket(s->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int failure = 0;
	socklen_t size = sizeof(failure);

	if (fd < 0)
		return err_sys(err, "socket");
	if (connect(fd, &s->any, len) < 0) {
		struct pollfd wait = {.fd = fd, .events = POLLOUT};
		if (errno != EINPROGRESS)
			return err_sys(err, "connect");
		if (call_wait(c, &wait, 1, until, err) < 0)
			return err_wrap(err, "connect");
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size);
		errno = failure;
		if (failure)
			return err_sys(err, "connect");
	}
	int connected = fd;
	fd = -1;
	return connected;
}

static int connect_unix(struct node_call *c, const char *path, deadline until, struct err *err)
{
	union socket_address s = {.un = {.sun_family = AF_UNIX}};

	if (strlen(path) >= sizeof(s.un.sun_path))
		return err_set(err, ERR_LIMIT, "%s is too long for a socket's path", path);
	memcpy(s.un.sun_path, path, strlen(path) + 1);
	return attempt(c, &s, sizeof(s.un), until, err);
}

int connect_to(
	struct node_call *c, const char *host, uint16_t port, deadline until, struct err *err)
{
	struct ip_address addresses[CONNECT_ADDRESSES_MAX];
	union socket_address s;
	struct err why = {0};
	int fd = -1;

	if (*host == '/') {
		fd = connect_unix(c, host, until, err);
		return fd < 0 ? err_wrap(err, "%s", host) : fd;
	}
	int count = connect_resolve(c, host, addresses, err);
	for (int i = 0; i < count && fd < 0; i++) {
		socklen_t len = fill_ip(&s, &addresses[i], port);
		fd = attempt(c, &s, len, until, &why);
		if (fd < 0 && (why.code == ERR_UNREACHABLE || deadline_passed(until)))
			break;
	}
	if (count < 0 || fd >= 0)
		return fd;
	return err_set(err, why.code, "%s port %u: %s", host, port, why.text);
}
