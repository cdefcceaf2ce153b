/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. libcurl's multi interface tells which sockets it waits for and when it
 * wants to be called; the loop here waits for these with the project's one wait, so that the
 * deadline and the cancel token hold for everything that libcurl does, name lookups included.
 * With a connector there is one socket, and instead of waiting the loop moves its bytes.
 */
#include "http/private.h"

/* The longest a pump waits at once: libcurl's own clocks want to be looked at. */
#define PUMP_MS 1000

/* What libcurl's codes mean to us; those of TLS are elsewhere. */
static const struct {
	CURLcode code;
	enum err_code err;
	const char *what; /* NULL: libcurl's own words */
} meanings[] = {
	{CURLE_COULDNT_RESOLVE_HOST, ERR_UNREACHABLE, NULL},
	{CURLE_COULDNT_RESOLVE_PROXY, ERR_UNREACHABLE, NULL},
	{CURLE_COULDNT_CONNECT, ERR_UNREACHABLE, NULL},
	{CURLE_GOT_NOTHING, ERR_UNREACHABLE, "the connection was closed without an answer"},
	{CURLE_SEND_ERROR, ERR_UNREACHABLE, "the connection was cut"},
	{CURLE_RECV_ERROR, ERR_UNREACHABLE, "the connection was cut"},
	{CURLE_PARTIAL_FILE, ERR_UNREACHABLE, "the connection was cut before the body's end"},
	{CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT, NULL},
	{CURLE_FILESIZE_EXCEEDED, ERR_LIMIT, "the answer's body is larger than allowed"},
	{CURLE_URL_MALFORMAT, ERR_INPUT, NULL},
	{CURLE_BAD_FUNCTION_ARGUMENT, ERR_INPUT, NULL},
};

static int watch_socket(
	CURL *easy, curl_socket_t fd, int what, void *transfer, void *socket_data)
{
	struct http_transfer *t = transfer;
	unsigned i = 0;

	(void)easy;
	(void)socket_data;
	while (i < t->fd_count && t->fds[i].fd != fd)
		i++;
	if (what == CURL_POLL_REMOVE) {
		if (i < t->fd_count)
			t->fds[i] = t->fds[--t->fd_count];
		return 0;
	}
	if (i == HTTP_SOCKETS_MAX)
		return -1;
	if (i == t->fd_count)
		t->fd_count++;
	t->fds[i] = (struct pollfd){.fd = fd,
		.events = (short)((what & CURL_POLL_IN ? POLLIN : 0) |
				  (what & CURL_POLL_OUT ? POLLOUT : 0))};
	return 0;
}

static int set_timer(CURLM *multi, long milliseconds, void *transfer)
{
	struct http_transfer *t = transfer;

	(void)multi;
	t->timer =
		milliseconds < 0 ? DEADLINE_NEVER : deadline_in((double)milliseconds / 1000.0);
	return 0;
}

/* No name is looked up here, and nobody is asked but the connector. */
static int use_connector(struct http_transfer *t, struct err *err)
{
	CURL *easy = t->client->easy;
	const char *path = t->request->unix_socket;
	double connect = t->request->connect_timeout;

	t->pump.host = path ? path : t->origin.host;
	t->pump.port = t->origin.port;
	t->pump.connect_until = deadline_min(
		t->until, deadline_in(connect > 0 ? connect : HTTP_CONNECT_TIMEOUT));
	if (http_pump_start(&t->pump, &t->client->o, err) < 0)
		return -1;
	curl_easy_setopt(easy, CURLOPT_ABSTRACT_UNIX_SOCKET, t->pump.name);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	return 0;
}

static void turn(struct http_transfer *t, curl_socket_t fd, short events, int *running)
{
	int mask = (events & (POLLIN | POLLHUP) ? CURL_CSELECT_IN : 0) |
		   (events & POLLOUT ? CURL_CSELECT_OUT : 0) |
		   (events & (POLLERR | POLLNVAL) ? CURL_CSELECT_ERR : 0);

	if (fd == CURL_SOCKET_TIMEOUT)
		t->timer = DEADLINE_NEVER;
	curl_multi_socket_action(t->client->multi, fd, mask, running);
}

/* What is ready, after a wait or a look; libcurl changes t->fds while it is told. */
static void dispatch(struct http_transfer *t, int *running)
{
	struct pollfd ready[HTTP_SOCKETS_MAX];
	unsigned count = t->fd_count;

	memcpy(ready, t->fds, sizeof(ready));
	for (unsigned i = 0; i < count && *running; i++)
		if (ready[i].revents)
			turn(t, ready[i].fd, ready[i].revents, running);
	if (*running && deadline_passed(t->timer))
		turn(t, CURL_SOCKET_TIMEOUT, 0, running);
}

static int wait_turn(struct http_transfer *t, struct err *err)
{
	deadline until = deadline_min(t->until, t->timer);
	struct err failure = {0};

	for (unsigned i = 0; i < t->fd_count; i++)
		t->fds[i].revents = 0;
	if (wait_fds(t->fds, t->fd_count, until, t->client->o.cancel, &failure) >= 0)
		return 0;
	if (failure.code == ERR_TIMEOUT && !deadline_passed(t->until))
		return 0;
	return err_set(err, failure.code, "%s", failure.text);
}

static int pump_turn(struct http_transfer *t, struct err *err)
{
	int ms = deadline_poll_ms(deadline_min(t->until, t->timer));
	bool wants_write = false;
	bool idle = false;

	for (unsigned i = 0; i < t->fd_count; i++) {
		if (t->fds[i].events & POLLOUT)
			wants_write = true;
	}
	if (wants_write)
		ms = 0;
	else if (ms < 0 || ms > PUMP_MS)
		ms = PUMP_MS;
	if (cancel_level(t->client->o.cancel))
		return err_set(err, ERR_CANCELLED, "interrupted");
	if (deadline_passed(t->until))
		return err_set(err, ERR_TIMEOUT, "timed out");
	if (http_pump_step(&t->pump, (unsigned)ms, &idle, err) < 0)
		return -1;
	poll(t->fds, t->fd_count, idle ? ms : 0);
	return 0;
}

static int drive(struct http_transfer *t, struct err *err)
{
	int running = 1;

	turn(t, CURL_SOCKET_TIMEOUT, 0, &running);
	while (running) {
		int rc = t->client->o.connector ? pump_turn(t, err) : wait_turn(t, err);
		if (rc < 0)
			return -1;
		dispatch(t, &running);
	}
	return 0;
}

static int judge(
	const struct http_transfer *t, CURLcode code, const char *detail, struct err *err)
{
	if (code == CURLE_OK)
		return 0;
	if (t->failure.code)
		return err_set(err, t->failure.code, "%s", t->failure.text);
	const char *words = *detail ? detail : curl_easy_strerror(code);
	if (http_tls_trouble(t, code, words, err))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (meanings[i].code == code)
			return err_set(err, meanings[i].err, "%s",
				meanings[i].what ? meanings[i].what : words);
	return err_set(err, ERR_PROTOCOL, "%s", words);
}

static CURLcode result_of(struct http_transfer *t)
{
	int left = 0;
	CURLMsg *message;

	while ((message = curl_multi_info_read(t->client->multi, &left)))
		if (message->msg == CURLMSG_DONE && message->easy_handle == t->client->easy)
			return message->data.result;
	return CURLE_RECV_ERROR;
}

/* After the answer: where to next, or the last word to the caller. */
static int conclude(struct http_transfer *t, CURLcode code, const char *detail, struct err *err)
{
	const struct http_request *q = t->request;

	if (http_redirect_method(t) && (code == CURLE_OK || t->dropped > 0)) {
		t->next =
			http_url_resolve(t->url, http_header_get(t->response, "Location"), err);
		return t->next ? 0 : -1;
	}
	if (judge(t, code, detail, err) < 0)
		return -1;
	if (!t->begun && q->begin && q->begin(q->sink_data, t->response, err) < 0)
		return -1;
	return 0;
}

static void attach(struct http_transfer *t, char *detail)
{
	CURLM *multi = t->client->multi;

	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, t);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, t);
	curl_easy_setopt(t->client->easy, CURLOPT_ERRORBUFFER, detail);
	curl_multi_add_handle(multi, t->client->easy);
}

int http_transfer_run(struct http_transfer *t, struct err *err)
{
	char detail[CURL_ERROR_SIZE] = "";

	t->timer = DEADLINE_NEVER;
	t->pump = (struct http_pump){.end = -1, .listener = -1, .in = STRBUF_INIT};
	curl_easy_reset(t->client->easy);
	int rc = http_transfer_prepare(t, err);
	if (rc == 0 && t->client->o.connector)
		rc = use_connector(t, err);
	if (rc == 0) {
		attach(t, detail);
		rc = drive(t, err);
		if (rc == 0)
			rc = conclude(t, result_of(t), detail, err);
		curl_multi_remove_handle(t->client->multi, t->client->easy);
	}
	curl_easy_reset(t->client->easy);
	http_pump_release(&t->pump);
	curl_slist_free_all(t->headers);
	return rc;
}
