/* SPDX-License-Identifier: Apache-2.0 */
/* Where a server begins and ends. */
#include "http/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "http/serve_peer.h"
#include "http/serve_tls.h"

/* Descriptors of a process beside its connections: files that are served, databases, logs. */
#define OTHER_DESCRIPTORS 256u
#define BACKLOG           1024u

struct endpoint {
	struct sockaddr_storage address;
	bool ipv6;
};

static int parse_address(const char *text, uint16_t port, struct endpoint *e, struct err *err)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&e->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&e->address;

	*e = (struct endpoint){0};
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		e->ipv6 = true;
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return 0;
	}
	return err_set(err, ERR_INPUT, "\"%s\" is no IPv4 or IPv6 address to listen on", text);
}

static void set_defaults(struct http_server_options *o)
{
	if (!o->address)
		o->address = "127.0.0.1";
	if (!o->connections)
		o->connections = HTTP_SERVER_CONNECTIONS;
	if (!o->idle)
		o->idle = HTTP_SERVER_IDLE;
	if (!o->patience)
		o->patience = HTTP_SERVER_PATIENCE;
	if (!o->body_max)
		o->body_max = HTTP_SERVER_BODY;
	if (!o->head_max)
		o->head_max = HTTP_SERVER_HEAD;
	if (!o->workers)
		o->workers = HTTP_SERVER_WORKERS;
}

/* Raises the limit of descriptors as far as it is needed and allowed. */
static void limit_connections(struct http_server_options *o)
{
	struct rlimit limit;
	rlim_t needed = (rlim_t)o->connections + OTHER_DESCRIPTORS;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= needed)
		return;
	limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= needed)
		return;
	rlim_t left = limit.rlim_cur > 2 * OTHER_DESCRIPTORS
			      ? limit.rlim_cur - OTHER_DESCRIPTORS
			      : limit.rlim_cur / 2;
	if (left < o->connections)
		o->connections = (unsigned)left;
}

static int cannot_listen(const struct http_server_options *o, struct err *err)
{
	if (errno == EADDRINUSE)
		return err_set(err, ERR_BUSY,
			"cannot listen on %s port %u: another program does", o->address,
			o->port);
	return err_sys(err, "cannot listen on %s port %u", o->address, o->port);
}

static int read_tls(struct http_server *s, struct err *err)
{
	if (!s->o.tls_cert)
		return 0;
	if (MHD_is_feature_supported(MHD_FEATURE_HTTPS_CERT_CALLBACK2) != MHD_YES)
		return err_set(err, ERR_UNSUPPORTED, "this libmicrohttpd has no TLS");
	s->certificate = http_certificate_read(s->o.tls_cert, s->o.tls_key, err);
	return s->certificate ? 0 : -1;
}

/*
 * A NUL would end a text before its end, and "m%00.txt" would be taken for "m": it becomes
 * another control character, which no name has.
 */
static size_t unescape(void *data, struct MHD_Connection *connection, char *text)
{
	(void)data;
	(void)connection;
	for (char *at = text; (at = strstr(at, "%00")); at += 3)
		at[2] = '1';
	return MHD_http_unescape(text);
}

static void on_connection(void *server, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		http_tls_begin(server, connection);
		*context = http_peer_new(server, connection);
	} else {
		http_peer_free(server, *context);
		*context = NULL;
	}
}

static int start_daemon(struct http_server *s, struct endpoint *e, struct err *err)
{
	struct MHD_OptionItem tls[HTTP_TLS_OPTIONS] = {{MHD_OPTION_END, 0, NULL}};
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			 (e->ipv6 ? MHD_USE_IPv6 : 0u) | (s->certificate ? MHD_USE_TLS : 0u);

	if (s->certificate)
		http_tls_options(tls);
	errno = 0;
	s->daemon = MHD_start_daemon(flags, s->o.port, http_peer_admit, s, http_on_request, s,
		MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&e->address,
		MHD_OPTION_CONNECTION_LIMIT, s->o.connections, MHD_OPTION_CONNECTION_TIMEOUT,
		s->o.idle, MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->o.head_max,
		MHD_OPTION_LISTEN_BACKLOG_SIZE, BACKLOG, MHD_OPTION_NOTIFY_COMPLETED,
		http_on_end, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
		MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_ARRAY, tls,
		MHD_OPTION_END);
	return s->daemon ? 0 : cannot_listen(&s->o, err);
}

static void free_server(struct http_server *s)
{
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->certificate_lock);
	http_certificate_free(s->certificate);
	free(s);
}

struct http_server *http_server_start(
	const struct http_server_options *options, struct err *err)
{
	struct http_server *s = xcalloc(1, sizeof(*s));
	pthread_condattr_t monotonic;
	struct endpoint e;

	s->o = *options;
	set_defaults(&s->o);
	limit_connections(&s->o);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->certificate_lock, NULL);
	pthread_cond_init(&s->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (http_peers_start(s, err) < 0 ||
		parse_address(s->o.address, s->o.port, &e, err) < 0 || read_tls(s, err) < 0 ||
		http_workers_start(s, err) < 0 || start_daemon(s, &e, err) < 0) {
		http_workers_stop(s);
		http_peers_stop(s);
		free_server(s);
		return NULL;
	}
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
	s->port = info ? info->port : s->o.port;
	return s;
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}

unsigned http_server_connections(const struct http_server *server)
{
	return server->o.connections;
}

/* Waits until every request has its answer, then a while until clients have taken theirs. */
static void drain(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	for (struct http_reader *r = s->readers; r; r = r->next)
		r->end(r->data);
	while (s->laters)
		pthread_cond_wait(&s->changed, &s->lock);
	int64_t until = deadline_in(HTTP_SERVER_GRACE);
	struct timespec at = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
	while ((s->active || s->laters) && (s->laters || !deadline_passed(until)))
		pthread_cond_timedwait(&s->changed, &s->lock, &at);
	pthread_mutex_unlock(&s->lock);
}

void http_server_stop(struct http_server *server)
{
	if (!server)
		return;
	autofd int listening = MHD_quiesce_daemon(server->daemon);
	(void)listening;
	drain(server);
	MHD_stop_daemon(server->daemon);
	http_workers_stop(server);
	http_peers_stop(server);
	free_server(server);
}
