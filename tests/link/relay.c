/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread polls everything. Each direction of a connection is a queue of pieces with the
 * time at which each may go on; a socket is read only while its queue has room, so that the
 * relay pushes back as a network does.
 */
#include "link/relay.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/vec.h"

#define CONNECTIONS_MAX 64
#define QUEUE_MAX       (512u * 1024)

struct piece {
	int64_t due;
	size_t len;
	size_t at;
	uint8_t *data;
};

/* One direction of a connection. */
struct flow {
	int from;
	int to;
	struct piece *items;
	size_t count;
	size_t cap;
	size_t queued;
	uint64_t moved;
	int64_t paused_until;
	uint64_t next_pause;
	bool ended;
};

struct connection {
	struct flow up; /* client to server */
	struct flow down;
	bool stalled;
};

struct loop {
	const struct relay *relay;
	struct connection *connections[CONNECTIONS_MAX];
	size_t count;
	unsigned seed;
};

static void flow_release(struct flow *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->items[i].data);
	free(f->items);
}

static void connection_free(struct connection *c)
{
	flow_release(&c->up);
	flow_release(&c->down);
	fd_close(&c->up.from);
	fd_close(&c->up.to);
	free(c);
}

/* Reads one piece of a random size. False when the connection is to end. */
static bool read_piece(struct loop *l, struct flow *f)
{
	static uint8_t chunk[65536];
	unsigned max = l->relay->options.max_piece;
	size_t size = max ? 1 + (size_t)rand_r(&l->seed) % max : sizeof(chunk);
	ssize_t n = recv(f->from, chunk, size, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0) {
		f->ended = true;
		return true;
	}
	*VEC_PUSH(f) = (struct piece){
		.due = clock_ns() + (int64_t)l->relay->options.delay_ms * 1000000,
		.len = (size_t)n,
		.data = xmemdup(chunk, (size_t)n),
	};
	f->queued += (size_t)n;
	return true;
}

/* Sends what is due. False when the connection is to end. */
static bool write_pieces(struct flow *f)
{
	while (f->count > 0 && f->items[0].due <= clock_ns()) {
		struct piece *p = &f->items[0];
		ssize_t n = send(f->to, p->data + p->at, p->len - p->at, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		p->at += (size_t)n;
		f->moved += (uint64_t)n;
		f->queued -= (size_t)n;
		if (p->at < p->len)
			return true;
		free(p->data);
		memmove(f->items, f->items + 1, --f->count * sizeof(*f->items));
	}
	return f->count > 0 || !f->ended;
}

/* Whether a flow may move now, by the relay's bad habits. */
static bool may_move(const struct loop *l, struct flow *f, bool up)
{
	uint64_t every = l->relay->options.pause_every;

	if (up && every && f->moved >= f->next_pause) {
		f->next_pause = f->moved + every;
		f->paused_until = clock_ns() + 20000000;
	}
	return clock_ns() >= f->paused_until;
}

/* Moves a connection's bytes; false when it is over. */
static bool serve(struct loop *l, struct connection *c, const struct pollfd *polled)
{
	const struct relay_options *o = &l->relay->options;
	struct flow *flows[2] = {&c->up, &c->down};

	if (o->cut_after && c->down.moved >= o->cut_after)
		return false;
	c->stalled = o->stall_after && c->down.moved >= o->stall_after;
	if (c->stalled)
		return true;
	for (int i = 0; i < 2; i++) {
		bool readable = polled[i].revents & (POLLIN | POLLHUP | POLLERR);
		if (readable && !flows[i]->ended && flows[i]->queued < QUEUE_MAX &&
			!read_piece(l, flows[i]))
			return false;
		if (may_move(l, flows[i], i == 0) && !write_pieces(flows[i]))
			return false;
	}
	return true;
}

/* Accepts a client and connects it. */
static void accept_client(struct loop *l)
{
	int one = 1;
	int client = accept4(l->relay->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)l->relay->options.to_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	if (client < 0 || l->count == CONNECTIONS_MAX ||
		connect(server, (struct sockaddr *)&at, sizeof(at)) < 0) {
		fd_close(&client);
		fd_close(&server);
		return;
	}
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fd_set_nonblock(client, true);
	fd_set_nonblock(server, true);
	struct connection *c = xcalloc(1, sizeof(*c));
	c->up.from = c->down.to = client;
	c->up.to = c->down.from = server;
	l->connections[l->count++] = c;
}

/* Names what to poll; a flow whose queue is full, or that has ended, is not read. */
static void fill_poll(struct loop *l, struct pollfd *fds)
{
	for (size_t i = 0; i < l->count; i++) {
		struct connection *c = l->connections[i];
		struct flow *flows[2] = {&c->up, &c->down};
		for (int k = 0; k < 2; k++) {
			bool read =
				!flows[k]->ended && flows[k]->queued < QUEUE_MAX && !c->stalled;
			fds[2 + 2 * i + (size_t)k] = (struct pollfd){
				.fd = read ? flows[k]->from : -1, .events = POLLIN};
		}
	}
}

static void *relay_main(void *data)
{
	struct loop l = {.relay = data, .seed = 7};
	struct pollfd fds[2 + 2 * CONNECTIONS_MAX];

	for (;;) {
		fds[0] = (struct pollfd){.fd = l.relay->stop_fd, .events = POLLIN};
		fds[1] = (struct pollfd){.fd = l.relay->listen_fd, .events = POLLIN};
		fill_poll(&l, fds);
		poll(fds, 2 + 2 * l.count, 1);
		if (fds[0].revents)
			break;
		for (size_t i = l.count; i-- > 0;) {
			if (serve(&l, l.connections[i], &fds[2 + 2 * i]))
				continue;
			connection_free(l.connections[i]);
			l.connections[i] = l.connections[--l.count];
		}
		if (fds[1].revents)
			accept_client(&l);
	}
	for (size_t i = 0; i < l.count; i++)
		connection_free(l.connections[i]);
	return NULL;
}

void relay_start(struct relay *r, const struct relay_options *o)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	*r = (struct relay){.options = *o};
	r->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	r->stop_fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(bind(r->listen_fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(r->listen_fd, 64), 0);
	assert_int_equal(getsockname(r->listen_fd, (struct sockaddr *)&at, &len), 0);
	r->port = ntohs(at.sin_port);
	assert_int_equal(pthread_create(&r->thread, NULL, relay_main, r), 0);
}

void relay_stop(struct relay *r)
{
	uint64_t one = 1;

	assert_int_equal(write(r->stop_fd, &one, sizeof(one)), sizeof(one));
	pthread_join(r->thread, NULL);
	fd_close(&r->listen_fd);
	fd_close(&r->stop_fd);
}
