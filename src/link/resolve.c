/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getaddrinfo waits as long as it likes, and nothing can interrupt it. So it runs on a thread
 * of its own, which shares one object with the thread that asked. Whoever lets go of it last
 * frees it: the asker when the answer came in time, else the lookup when it ends at last.
 * The eventfd belongs to the object, so that it is still open when a late lookup writes to it.
 */
#include "link/tcp.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define LOOKUP_STACK ((size_t)512 * 1024) /* name services are generous with their stacks */

struct lookup {
	int holders; /* atomic */
	int done_fd; /* readable once result and found are set */
	tcp_lookup function;
	char *host;
	char service[8];
	int family;
	int result; /* of getaddrinfo */
	struct addrinfo *found;
};

static void lookup_drop(struct lookup *l)
{
	if (__atomic_sub_fetch(&l->holders, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (l->found)
		freeaddrinfo(l->found);
	fd_close(&l->done_fd);
	free(l->host);
	free(l);
}

static void *lookup_run(void *data)
{
	struct lookup *l = data;
	struct addrinfo hints = {.ai_family = l->family, .ai_socktype = SOCK_STREAM};
	uint64_t one = 1;

	l->result = l->function(l->host, l->service, &hints, &l->found);
	ssize_t ignored = write(l->done_fd, &one, sizeof(one));
	(void)ignored;
	lookup_drop(l);
	return NULL;
}

static struct lookup *lookup_new(
	tcp_lookup function, const char *host, unsigned port, int family)
{
	struct lookup *l = xcalloc(1, sizeof(*l));

	l->holders = 1;
	l->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->function = function;
	l->host = xstrdup(host);
	l->family = family;
	snprintf(l->service, sizeof(l->service), "%u", port);
	return l;
}

/* Starts the thread, which holds the object, too. */
static int lookup_start(struct lookup *l, struct err *err)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (l->done_fd < 0)
		return err_sys(err, "cannot make an event descriptor");
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, LOOKUP_STACK);
	l->holders = 2;
	int failed = pthread_create(&thread, &attr, lookup_run, l);
	pthread_attr_destroy(&attr);
	if (failed) {
		l->holders = 1;
		return err_set(err, ERR_SYSTEM, "cannot start a thread: %s", strerror(failed));
	}
	return 0;
}

/* An address needs no lookup. */
static bool resolve_number(const char *host, unsigned port, int family, struct addrinfo **out)
{
	struct addrinfo hints = {.ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	char service[8];

	snprintf(service, sizeof(service), "%u", port);
	return getaddrinfo(host, service, &hints, out) == 0;
}

/* Waits for a lookup that was started. */
static int lookup_wait(struct lookup *l, struct addrinfo **out, deadline until,
	const struct cancel *cancel, struct err *err)
{
	struct pollfd fd = {.fd = l->done_fd, .events = POLLIN};
	uint64_t ignored;

	if (wait_fds(&fd, 1, until, cancel, err) < 0)
		return err_wrap(err, "looking up the name %s", l->host);
	if (read(l->done_fd, &ignored, sizeof(ignored)) < 0)
		return err_sys(err, "looking up the name %s", l->host);
	if (l->result != 0)
		return err_set(err, ERR_UNREACHABLE, "cannot find an address for %s: %s",
			l->host, gai_strerror(l->result));
	*out = l->found;
	l->found = NULL;
	return 0;
}

int tcp_resolve(tcp_lookup function, const char *host, unsigned port, int family,
	struct addrinfo **out, deadline until, const struct cancel *cancel, struct err *err)
{
	if (resolve_number(host, port, family, out))
		return 0;
	struct lookup *l = lookup_new(function, host, port, family);
	int failed = lookup_start(l, err);
	if (!failed)
		failed = lookup_wait(l, out, until, cancel, err);
	lookup_drop(l);
	return failed;
}
