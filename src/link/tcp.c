/* SPDX-License-Identifier: Apache-2.0 */
#include "link/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define ATTEMPTS_MAX    8    /* addresses that are tried at once */
#define ATTEMPT_SECONDS 0.25 /* until the next address joins */

/* Connections under way. */
struct attempts {
	int fds[ATTEMPTS_MAX];
	unsigned count;
	int last_errno;
};

static void attempts_release(struct attempts *a)
{
	for (unsigned i = 0; i < a->count; i++)
		fd_close(&a->fds[i]);
}

/* Begins a connection to one address. */
static void attempt(struct attempts *a, const struct addrinfo *to)
{
	int one = 1;
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 &&
		(connect(fd, to->ai_addr, to->ai_addrlen) == 0 || errno == EINPROGRESS)) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
		a->fds[a->count++] = fd;
		return;
	}
	a->last_errno = errno;
	fd_close(&fd);
}

/* Takes out the first that is connected, and closes those that failed; -1 for none. */
static int harvest(struct attempts *a, const struct pollfd *polled)
{
	unsigned kept = 0, count = a->count;
	int winner = -1;

	for (unsigned i = 0; i < count; i++) {
		int error = 0;
		socklen_t size = sizeof(error);
		if (polled[i].revents)
			getsockopt(a->fds[i], SOL_SOCKET, SO_ERROR, &error, &size);
		if (error) {
			a->last_errno = error;
			fd_close(&a->fds[i]);
		} else if (polled[i].revents && winner < 0) {
			winner = a->fds[i];
		} else {
			a->fds[kept++] = a->fds[i];
		}
	}
	a->count = kept;
	return winner;
}

/* Waits until one attempt has a result; 0 when it is time for the next address. */
static int wait_attempts(struct attempts *a, bool more, int *winner, deadline until,
	const struct cancel *cancel, struct err *err)
{
	struct pollfd fds[ATTEMPTS_MAX];
	struct err why = {0};
	deadline next = more ? deadline_min(until, deadline_in(ATTEMPT_SECONDS)) : until;

	for (unsigned i = 0; i < a->count; i++)
		fds[i] = (struct pollfd){.fd = a->fds[i], .events = POLLOUT};
	if (wait_fds(fds, a->count, next, cancel, &why) >= 0) {
		*winner = harvest(a, fds);
		return 0;
	}
	if (why.code == ERR_TIMEOUT && more && !deadline_passed(until))
		return 0;
	return err_set(err, why.code, "%s", why.text);
}

int tcp_connect(const char *host, unsigned port, int family, deadline until,
	const struct cancel *cancel, struct err *err)
{
	AUTO(attempts_release) struct attempts a = {.count = 0};
	struct addrinfo *found = NULL;
	int winner = -1, failed = 0;

	if (tcp_resolve(getaddrinfo, host, port, family, &found, until, cancel, err) < 0)
		return -1;
	const struct addrinfo *next = found;
	while (winner < 0 && !failed && (next || a.count > 0)) {
		if (next && a.count < ATTEMPTS_MAX) {
			attempt(&a, next);
			next = next->ai_next;
		}
		if (a.count > 0)
			failed = wait_attempts(&a, next != NULL, &winner, until, cancel, err);
	}
	freeaddrinfo(found);
	if (failed)
		return err_wrap(err, "connecting to %s port %u", host, port);
	if (winner < 0)
		return err_set(err, ERR_UNREACHABLE, "cannot connect to %s port %u: %s", host,
			port, strerror(a.last_errno));
	return winner;
}
