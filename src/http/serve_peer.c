/* SPDX-License-Identifier: Apache-2.0 */
#include "http/serve_peer.h"

#include <netinet/in.h>

#include "base/clock.h"

#define TICK_NS 1000000000 /* between two looks at all connections */

struct http_peer {
	struct http_peer *next, **self; /* of the server's list */
	int fd;
	unsigned char network[8]; /* which it comes from: IPv4's address, or half of IPv6's */
	deadline until;
};

/* ---- addresses ---- */

static bool read_network(const struct sockaddr *address, unsigned char network[8])
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	memset(network, 0, 8);
	if (address->sa_family == AF_INET)
		memcpy(network, &v4->sin_addr, sizeof(v4->sin_addr));
	else if (address->sa_family == AF_INET6)
		memcpy(network, &v6->sin6_addr, 8);
	else
		return false;
	return true;
}

static bool is_loopback(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	return address->sa_family == AF_INET
		       ? ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
		       : IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

enum MHD_Result http_peer_admit(void *server, const struct sockaddr *address, socklen_t size)
{
	struct http_server *s = server;
	unsigned char network[8];
	unsigned count = 0;

	(void)size;
	if (!s->o.per_address || !read_network(address, network) || is_loopback(address))
		return MHD_YES;
	pthread_mutex_lock(&s->peers.lock);
	for (const struct http_peer *p = s->peers.first; p; p = p->next)
		count += memcmp(p->network, network, sizeof(network)) == 0;
	pthread_mutex_unlock(&s->peers.lock);
	return count < s->o.per_address ? MHD_YES : MHD_NO;
}

/* ---- their times ---- */

/* Under the lock. */
static void set_time(struct http_server *s, struct http_peer *p, deadline until)
{
	p->until = until;
	if (until < s->peers.wakes)
		pthread_cond_signal(&s->peers.sooner);
}

static void set_seconds(
	struct http_server *s, struct MHD_Connection *connection, deadline until)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	if (!info || !info->socket_context)
		return;
	pthread_mutex_lock(&s->peers.lock);
	set_time(s, info->socket_context, until);
	pthread_mutex_unlock(&s->peers.lock);
}

/* Silence comes first, and counts by itself. */
static deadline until_head(const struct http_server *s)
{
	return deadline_in((double)s->o.idle + (double)s->o.patience);
}

void http_peer_awaits_body(struct http_server *s, struct MHD_Connection *connection)
{
	set_seconds(s, connection, deadline_in((double)s->o.patience));
}

void http_peer_is_served(struct http_server *s, struct MHD_Connection *connection)
{
	set_seconds(s, connection, DEADLINE_NEVER);
}

void http_peer_awaits_head(struct http_server *s, struct MHD_Connection *connection)
{
	set_seconds(s, connection, until_head(s));
}

/* ---- their lives ---- */

struct http_peer *http_peer_new(struct http_server *s, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *address =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const union MHD_ConnectionInfo *socket =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct http_peer *p = xcalloc(1, sizeof(*p));

	p->fd = socket->connect_fd;
	if (address && address->client_addr)
		(void)read_network(address->client_addr, p->network);
	pthread_mutex_lock(&s->peers.lock);
	p->next = s->peers.first;
	p->self = &s->peers.first;
	if (p->next)
		p->next->self = &p->next;
	s->peers.first = p;
	set_time(s, p, until_head(s));
	pthread_mutex_unlock(&s->peers.lock);
	return p;
}

void http_peer_free(struct http_server *s, struct http_peer *p)
{
	pthread_mutex_lock(&s->peers.lock);
	*p->self = p->next;
	if (p->next)
		p->next->self = p->self;
	pthread_mutex_unlock(&s->peers.lock);
	free(p);
}

/* ---- the thread ---- */

/* Ends the connections whose time is over; gives when the next one's is. */
static deadline look_at_all(struct http_server *s)
{
	deadline soonest = DEADLINE_NEVER;

	for (struct http_peer *p = s->peers.first; p; p = p->next) {
		if (deadline_passed(p->until)) {
			shutdown(p->fd, SHUT_RDWR);
			p->until = DEADLINE_NEVER;
		}
		soonest = deadline_min(soonest, p->until);
	}
	return soonest;
}

static void sleep_until(struct http_server *s, deadline until)
{
	struct timespec at = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};

	s->peers.wakes = until;
	if (until == DEADLINE_NEVER)
		pthread_cond_wait(&s->peers.sooner, &s->peers.lock);
	else
		pthread_cond_timedwait(&s->peers.sooner, &s->peers.lock, &at);
}

static void *watch(void *server)
{
	struct http_server *s = server;

	pthread_mutex_lock(&s->peers.lock);
	while (!s->peers.end) {
		deadline soonest = look_at_all(s), soon = clock_ns() + TICK_NS;
		sleep_until(s, soonest > soon ? soonest : soon);
	}
	pthread_mutex_unlock(&s->peers.lock);
	return NULL;
}

int http_peers_start(struct http_server *s, struct err *err)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&s->peers.lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->peers.sooner, &monotonic);
	pthread_condattr_destroy(&monotonic);
	s->peers.started = pthread_create(&s->peers.thread, NULL, watch, s) == 0;
	return s->peers.started ? 0 : err_set(err, ERR_SYSTEM, "cannot start a thread");
}

void http_peers_stop(struct http_server *s)
{
	pthread_mutex_lock(&s->peers.lock);
	s->peers.end = true;
	pthread_cond_signal(&s->peers.sooner);
	pthread_mutex_unlock(&s->peers.lock);
	if (s->peers.started)
		pthread_join(s->peers.thread, NULL);
	pthread_cond_destroy(&s->peers.sooner);
	pthread_mutex_destroy(&s->peers.lock);
}
