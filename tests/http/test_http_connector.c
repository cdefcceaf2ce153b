/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests through a connector: here one that makes ordinary connections, and shows its
 * manners in between.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/scratch.h"
#include "http/client.h"
#include "http/server.h"

static struct server server;
static struct err err;
static struct http_response response;

/* What the connector was asked, and how it behaves. */
static struct {
	char host[256];
	unsigned port, opened, closed;
	size_t piece;       /* at most so many bytes come at once */
	unsigned cut_after; /* exchanges until it fails; 0: never */
	unsigned exchanges;
	int fd;
} line;

static void *line_open(
	void *data, const char *host, unsigned port, deadline until, struct err *e)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)server.port)};

	(void)data;
	(void)until;
	snprintf(line.host, sizeof(line.host), "%s", host);
	line.port = port;
	if (strcmp(host, "nowhere.invalid") == 0) {
		err_set(e, ERR_UNREACHABLE, "the node finds no nowhere.invalid");
		return NULL;
	}
	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	line.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(line.fd, (struct sockaddr *)&a, sizeof(a)), 0);
	line.opened++;
	return &line;
}

static int line_exchange(void *connection, const void *bytes, size_t n, unsigned ms,
	struct strbuf *in, bool *ended, struct err *e)
{
	struct pollfd p = {.fd = line.fd, .events = POLLIN};
	size_t piece = line.piece ? line.piece : 65536;

	assert_ptr_equal(connection, &line);
	if (line.cut_after && ++line.exchanges >= line.cut_after)
		return err_set(e, ERR_UNREACHABLE, "the node is gone");
	assert_int_equal(fd_write_all(line.fd, bytes, n), 0);
	if (poll(&p, 1, (int)ms) <= 0)
		return 0;
	strbuf_reserve(in, piece);
	ssize_t got = recv(line.fd, in->data + in->len, piece, 0);
	if (got > 0)
		in->len += (size_t)got;
	in->data[in->len] = 0;
	*ended = got <= 0;
	return 0;
}

static void line_close(void *connection)
{
	assert_ptr_equal(connection, &line);
	close(line.fd);
	line.closed++;
}

static const struct http_connector connector = {line_open, line_exchange, line_close};

static int start_server(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	server_start(&server, NULL, NULL);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	server_stop(&server);
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	memset(&line, 0, sizeof(line));
	return 0;
}

/* Every connection that was opened is closed again. */
static int check_closed(void **state)
{
	(void)state;
	http_response_release(&response);
	return line.opened == line.closed ? 0 : -1;
}

static int ask(struct http_request request)
{
	struct http_client *client =
		http_client_new(&(struct http_options){.connector = &connector});

	err_clear(&err);
	if (!request.until)
		request.until = deadline_in(15);
	int rc = http_perform(client, &request, &response, &err);
	http_client_free(client);
	return rc;
}

static void names_are_the_connectors(void **state)
{
	(void)state;
	assert_int_equal(
		ask((struct http_request){.url = "http://only.on.the.node:81/echo"}), 0);
	assert_int_equal(response.status, 200);
	assert_string_equal(line.host, "only.on.the.node");
	assert_int_equal(line.port, 81);
	assert_non_null(strstr(response.body.data, "\"host\": \"only.on.the.node:81\""));
}

static void a_unix_socket_is_the_connectors_too(void **state)
{
	(void)state;
	assert_int_equal(ask((struct http_request){
				 .url = "http://localhost/ok", .unix_socket = "/run/a.sock"}),
		0);
	assert_string_equal(line.host, "/run/a.sock");
}

static void large_bodies_pass_both_ways(void **state)
{
	size_t n = 3000000;
	autofree char *body = xmalloc(n);

	(void)state;
	memset(body, 'x', n);
	line.piece = 5000;
	assert_int_equal(
		ask((struct http_request){
			.url = "http://h/echo", .method = "POST", .body = body, .body_len = n}),
		0);
	assert_true(response.body.len > n);
}

static void few_bytes_at_once_are_enough(void **state)
{
	(void)state;
	line.piece = 1;
	assert_int_equal(ask((struct http_request){.url = "http://h/ok"}), 0);
	assert_string_equal(response.body.data, "hello\n");
}

static void redirects_open_anew(void **state)
{
	(void)state;
	assert_int_equal(
		ask((struct http_request){.url = "http://h/redirect?to=http://h2:82/ok"}), 0);
	assert_int_equal(response.status, 200);
	assert_string_equal(line.host, "h2");
	assert_int_equal(line.opened, 2);
}

static void the_connectors_errors_are_told(void **state)
{
	(void)state;
	assert_int_equal(ask((struct http_request){.url = "http://nowhere.invalid/"}), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(err.text, "the node finds no nowhere.invalid"));
	line.cut_after = 2;
	assert_int_equal(ask((struct http_request){.url = "http://h/slow"}), -1);
	assert_non_null(strstr(err.text, "the node is gone"));
}

static void deadlines_hold(void **state)
{
	(void)state;
	assert_int_equal(
		ask((struct http_request){.url = "http://h/slow", .until = deadline_in(0.3)}),
		-1);
	assert_int_equal(err.code, ERR_TIMEOUT);
}

static void a_cut_is_noticed(void **state)
{
	(void)state;
	assert_int_equal(ask((struct http_request){.url = "http://h/cut"}), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
}

static void tls_ends_here(void **state)
{
	char cert[256], key[256];
	struct server plain = server;

	server_make_certificate(*state, cert, key);
	server_start(&server, cert, key);
	memset(&line, 0, sizeof(line));
	int rc = ask(
		(struct http_request){.url = "https://localhost/ok", .tls = {.ca_path = cert}});
	server_stop(&server);
	server = plain;
	assert_int_equal(rc, 0);
	assert_string_equal(response.body.data, "hello\n");
}

static int forget_scratch(void **state)
{
	check_closed(state);
	return scratch_remove(state);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fresh, check_closed)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(names_are_the_connectors),
		T(a_unix_socket_is_the_connectors_too),
		T(large_bodies_pass_both_ways),
		T(few_bytes_at_once_are_enough),
		T(redirects_open_anew),
		T(the_connectors_errors_are_told),
		T(deadlines_hold),
		T(a_cut_is_noticed),
		cmocka_unit_test_setup_teardown(tls_ends_here, scratch_make, forget_scratch),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
