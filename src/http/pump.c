/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. A connector has no descriptor that libcurl could poll: its bytes travel
 * as requests over a link. So libcurl connects to a socket of ours, and in between its turns
 * the same thread empties the accepted end into the connector and fills it with what came
 * back. Nobody ever blocks on it: what does not fit waits in `in`, and no more is asked for
 * until libcurl has taken it.
 *
 * libcurl connects by itself, because handing it a connected socket (CURLOPT_SOCKOPTFUNCTION
 * with CURL_SOCKOPT_ALREADY_CONNECTED) does not work in 7.88, which connects all the same.
 */
#include "http/private.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

#define SEND_MAX 16384u /* bytes that go in one exchange */

int http_pump_start(struct http_pump *p, const struct http_options *o, struct err *err)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(sa_family_t); /* the kernel chooses an abstract name */

	p->o = o;
	p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->listener < 0 || bind(p->listener, (struct sockaddr *)&name, len) < 0 ||
		listen(p->listener, 1) < 0)
		return err_sys(err, "a local socket");
	len = sizeof(name);
	if (getsockname(p->listener, (struct sockaddr *)&name, &len) < 0)
		return err_sys(err, "a local socket");
	size_t n = len - offsetof(struct sockaddr_un, sun_path) - 1;
	if (n >= sizeof(p->name))
		return err_set(err, ERR_SYSTEM, "a local socket's name is too long");
	memcpy(p->name, name.sun_path + 1, n);
	p->name[n] = 0;
	return 0;
}

/* Anybody on this machine can connect to an abstract socket: only we may. */
static bool is_ours(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       peer.pid == getpid();
}

static void close_connection(struct http_pump *p)
{
	if (p->connection)
		p->o->connector->close(p->connection);
	p->connection = NULL;
	fd_close(&p->end);
	strbuf_clear(&p->in);
	p->in_at = 0;
	p->ended = p->shut = p->done = false;
}

/* Takes a connection of libcurl's, if there is one, and opens its other half. */
static int take_connection(struct http_pump *p, struct err *err)
{
	int fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 && !is_ours(fd))
		fd_close(&fd);
	if (fd < 0)
		return 0;
	p->end = fd;
	p->connection = p->o->connector->open(
		p->o->connector_data, p->host, p->port, p->connect_until, err);
	return p->connection ? 0 : -1;
}

/* Gives libcurl what it has room for. */
static int give(struct http_pump *p, struct err *err)
{
	while (p->in_at < p->in.len) {
		ssize_t n =
			send(p->end, p->in.data + p->in_at, p->in.len - p->in_at, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
			p->done = true;
			return 0;
		}
		if (n < 0)
			return err_sys(err, "a local socket");
		p->in_at += (size_t)n;
	}
	strbuf_clear(&p->in);
	p->in_at = 0;
	if (p->ended && !p->shut) {
		shutdown(p->end, SHUT_WR);
		p->shut = true;
	}
	return 0;
}

/* One exchange with the peer, if anybody has something to say or to wait for. */
static int move(struct http_pump *p, unsigned milliseconds, struct err *err)
{
	char bytes[SEND_MAX];
	ssize_t n = p->done ? 0 : recv(p->end, bytes, sizeof(bytes), 0);

	if (n == 0)
		p->done = true;
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNRESET)
		return err_sys(err, "a local socket");
	bool waiting = p->in_at < p->in.len; /* libcurl has to read first */
	if (n <= 0 && (waiting || p->ended || p->done))
		return 0;
	if (p->o->connector->exchange(p->connection, bytes, n > 0 ? (size_t)n : 0,
		    waiting || n == (ssize_t)sizeof(bytes) ? 0 : milliseconds, &p->in,
		    &p->ended, err) < 0)
		return -1;
	return give(p, err);
}

int http_pump_step(struct http_pump *p, unsigned milliseconds, bool *idle, struct err *err)
{
	if (p->done)
		close_connection(p);
	if (!p->connection && take_connection(p, err) < 0)
		return -1;
	*idle = !p->connection || p->ended;
	if (!p->connection)
		return 0;
	return give(p, err) < 0 ? -1 : move(p, milliseconds, err);
}

void http_pump_release(struct http_pump *p)
{
	close_connection(p);
	fd_close(&p->listener);
	strbuf_release(&p->in);
}
