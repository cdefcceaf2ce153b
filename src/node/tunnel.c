/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TUNNEL_OPEN, TUNNEL_EXCHANGE and TUNNEL_CLOSE.
 */
#include "node/tunnel.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/connect.h"
#include "node/request.h"

#define EXCHANGE_MS_MAX 60000
#define END_OF_WRITING  1 /* flag of an exchange */

struct tunnels {
	int fds[WIRE_TUNNELS_MAX]; /* -1: none */
};

void tunnels_free(struct tunnels *t)
{
	for (unsigned i = 0; t && i < WIRE_TUNNELS_MAX; i++)
		fd_close(&t->fds[i]);
	free(t);
}

static struct tunnels *tunnels_of(struct node *n)
{
	if (n->tunnels)
		return n->tunnels;
	n->tunnels = xmalloc(sizeof(*n->tunnels));
	for (unsigned i = 0; i < WIRE_TUNNELS_MAX; i++)
		n->tunnels->fds[i] = -1;
	return n->tunnels;
}

static int *find_tunnel(struct node *n, uint8_t number, struct err *err)
{
	if (!n->tunnels || number >= WIRE_TUNNELS_MAX || n->tunnels->fds[number] < 0) {
		err_set(err, ERR_NOTFOUND, "tunnel %u is not open", number);
		return NULL;
	}
	return &n->tunnels->fds[number];
}

int op_tunnel_open(struct request *q, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	struct node_call c = {.node = q->node, .arena = &arena, .request = q};
	struct wire_tunnel_open t;

	if (wire_get_tunnel_open(q->frame, &t, err) < 0)
		return -1;
	if (t.tunnel >= WIRE_TUNNELS_MAX)
		return err_set(err, ERR_LIMIT, "tunnel %u: at most %d are open at once",
			t.tunnel, WIRE_TUNNELS_MAX);
	struct tunnels *all = tunnels_of(q->node);
	if (all->fds[t.tunnel] >= 0)
		return err_set(err, ERR_EXISTS, "tunnel %u is open already", t.tunnel);
	c.until = deadline_in(t.milliseconds / 1000.0);
	all->fds[t.tunnel] = connect_to(&c, t.host, t.port, c.until, err);
	return all->fds[t.tunnel] < 0 ? -1 : 0;
}

/* An exchange under way. */
struct exchange {
	struct node_call call;
	struct wire_tunnel_exchange e;
	int fd;
	size_t written;
	struct strbuf got;
	bool ended;  /* the peer has */
	bool broken; /* it takes nothing more */
};

/* Reads what is there: true when it was something. */
static bool take(struct exchange *x)
{
	char chunk[16384];
	size_t room = x->e.read_max - x->got.len;
	ssize_t n = recv(x->fd, chunk, room < sizeof(chunk) ? room : sizeof(chunk), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	/* A peer that resets the connection has ended too. */
	x->ended = n <= 0;
	if (n > 0)
		strbuf_add(&x->got, chunk, (size_t)n);
	return n > 0;
}

static void give(struct exchange *x)
{
	ssize_t n =
		send(x->fd, x->e.data + x->written, x->e.data_len - x->written, MSG_NOSIGNAL);

	if (n >= 0)
		x->written += (size_t)n;
	else if (errno != EAGAIN && errno != EINTR)
		x->broken = true;
}

/* Moves bytes until all is written and something was read, or nothing more can come. */
static int exchange(struct exchange *x, struct err *err)
{
	for (;;) {
		bool writing = x->written < x->e.data_len && !x->broken;
		bool reading = x->got.len < x->e.read_max && !x->ended;
		struct pollfd fd = {.fd = x->fd,
			.events = (short)((writing ? POLLOUT : 0) | (reading ? POLLIN : 0))};
		if (!writing && (!reading || x->got.len > 0))
			return 0;
		if (call_wait(&x->call, &fd, 1, x->call.until, err) < 0)
			return -1;
		if (writing && fd.revents & (POLLOUT | POLLERR | POLLHUP))
			give(x);
		if (writing && !x->broken && x->written == x->e.data_len &&
			x->e.flags & END_OF_WRITING)
			shutdown(x->fd, SHUT_WR);
		while (reading && x->got.len < x->e.read_max && take(x))
			;
	}
}

static int check_exchange(const struct wire_tunnel_exchange *e, struct err *err)
{
	if (e->milliseconds > EXCHANGE_MS_MAX || e->read_max > WIRE_READ_MAX)
		return err_set(err, ERR_LIMIT,
			"an exchange of %u ms and %u bytes; at most %d and %u", e->milliseconds,
			e->read_max, EXCHANGE_MS_MAX, WIRE_READ_MAX);
	if (e->flags & ~END_OF_WRITING)
		return err_set(
			err, ERR_UNSUPPORTED, "unknown flags of an exchange: 0x%02x", e->flags);
	return 0;
}

int op_tunnel_exchange(struct request *q, struct err *err)
{
	struct exchange x = {.got = STRBUF_INIT};
	struct err why = {0};

	if (wire_get_tunnel_exchange(q->frame, &x.e, err) < 0 || check_exchange(&x.e, err) < 0)
		return -1;
	int *fd = find_tunnel(q->node, x.e.tunnel, err);
	if (!fd)
		return -1;
	x.fd = *fd;
	x.call = (struct node_call){
		.node = q->node, .request = q, .until = deadline_in(x.e.milliseconds / 1000.0)};
	if (x.e.data_len == 0 && x.e.flags & END_OF_WRITING)
		shutdown(x.fd, SHUT_WR);
	int result = exchange(&x, &why);
	bool late = why.code == ERR_TIMEOUT && x.written == x.e.data_len;
	if (result < 0 && !late) {
		/* Bytes are lost: the tunnel is of no use any more. */
		fd_close(fd);
		result = err_set(err, why.code, "tunnel %u: %s", x.e.tunnel, why.text);
	} else {
		msg_put_u8(&q->reply, x.ended || x.broken);
		result = request_bytes(q, x.got.data, x.got.len, err);
	}
	strbuf_release(&x.got);
	return result;
}

int op_tunnel_close(struct request *q, struct err *err)
{
	struct msg_reader r;

	msg_read(&r, q->frame->data, q->frame->len);
	uint8_t number = msg_u8(&r);
	if (msg_end(&r, "a TUNNEL_CLOSE request", err) < 0)
		return -1;
	int *fd = find_tunnel(q->node, number, err);
	if (!fd)
		return -1;
	fd_close(fd);
	return 0;
}
