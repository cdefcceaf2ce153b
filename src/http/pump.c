/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. A connector has no descriptor that libcurl could poll: its bytes travel
 * as requests over a link. So libcurl gets one end of a pair of sockets, and in between its
 * turns the same thread empties the other end into the connector and fills it with what came
 * back. Nobody ever blocks on the pair: what does not fit waits in `in`, and no more is asked
 * for until libcurl has taken it.
 */
#include "http/private.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

#define SEND_MAX 16384u /* bytes that go in one exchange */

int http_pump_open(struct http_pump *p, const struct http_options *o, const char *host,
	unsigned port, deadline until, struct err *err)
{
	int pair[2];

	http_pump_release(p);
	p->connector = o->connector;
	p->connection = o->connector->open(o->connector_data, host, port, until, err);
	if (!p->connection)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
		err_sys(err, "a pair of sockets");
		http_pump_release(p);
		return -1;
	}
	p->end = pair[0];
	return pair[1];
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
			return err_sys(err, "a pair of sockets");
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

int http_pump_step(struct http_pump *p, unsigned milliseconds, struct err *err)
{
	char bytes[SEND_MAX];

	if (!p->connection || give(p, err) < 0)
		return p->connection ? -1 : 0;
	ssize_t n = p->done ? 0 : recv(p->end, bytes, sizeof(bytes), 0);
	if (n == 0)
		p->done = true;
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNRESET)
		return err_sys(err, "a pair of sockets");
	bool waiting = p->in_at < p->in.len; /* libcurl has to read first */
	if (n <= 0 && (waiting || p->ended || p->done))
		return 0;
	if (p->connector->exchange(p->connection, bytes, n > 0 ? (size_t)n : 0,
		    waiting || n == (ssize_t)sizeof(bytes) ? 0 : milliseconds, &p->in,
		    &p->ended, err) < 0)
		return -1;
	return give(p, err);
}

void http_pump_release(struct http_pump *p)
{
	if (p->connection) {
		p->connector->close(p->connection);
		fd_close(&p->end);
	}
	strbuf_release(&p->in);
	*p = (struct http_pump){.end = -1, .in = STRBUF_INIT};
}
