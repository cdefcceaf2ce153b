/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's edge, asked by our own client, and by sockets where a client would be too
 * polite.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "http/client.h"
#include "http/serve.h"

#define BODY_MAX    1000
#define CONNECTIONS 4
#define TOKEN       "open sesame"

static struct http_server *server;
static struct http_client *client;
static struct http_response response;
static struct err err;

/* Answers with what it was asked. */
static void echo(void *data, const struct http_call *call, struct http_answer *answer)
{
	const char *word = http_call_query(call, "word");

	strbuf_addf(&answer->body, "%s %s %s", (char *)data, call->method, call->path);
	for (size_t i = 0; i < HTTP_SEGMENTS_MAX && call->segments[i]; i++)
		strbuf_addf(&answer->body, " [%s]", call->segments[i]);
	if (word)
		strbuf_addf(&answer->body, " word=%s", word);
	strbuf_addf(&answer->body, " %zu:%s", call->body_len, call->body);
	answer->type = "text/plain";
	strlist_add(&answer->headers, "X-Echo: a, b");
}

static void guarded(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	if (!http_call_has_token(call, TOKEN)) {
		http_answer_problem(answer, 401, "\"%s\" needs a token", call->path);
		strlist_add(&answer->headers, "WWW-Authenticate: Bearer");
	}
}

static const struct http_route routes[] = {
	HTTP_ROUTE("GET", "/echo", echo),
	HTTP_ROUTE("POST", "/echo", echo),
	HTTP_ROUTE("PUT", "/models/{}/{}/activate", echo),
	HTTP_ROUTE("GET", "/models/{}", echo),
	HTTP_ROUTE("POST", "/guarded", guarded),
	{0},
};

static int start(void **state)
{
	static char data[] = "data";

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	server = http_server_start(&(struct http_server_options){.routes = routes,
					   .data = data,
					   .body_max = BODY_MAX,
					   .connections = CONNECTIONS,
					   .idle = 1},
		&err);
	client = http_client_new(&(struct http_options){0});
	return server ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	http_client_free(client);
	http_server_stop(server);
	return 0;
}

static int forget(void **state)
{
	(void)state;
	http_response_release(&response);
	return 0;
}

static const char *url(const char *path)
{
	static char text[256];

	snprintf(text, sizeof(text), "http://127.0.0.1:%u%s", http_server_port(server), path);
	return text;
}

static void ask(struct http_request request)
{
	err_clear(&err);
	request.until = deadline_in(15);
	if (http_perform(client, &request, &response, &err) < 0)
		fail_msg("%s", err.text);
}

static void expect(int status, const char *body)
{
	assert_int_equal(response.status, status);
	assert_string_equal(response.body.data, body);
}

static void a_route_gets_its_request(void **state)
{
	(void)state;
	ask((struct http_request){.url = url("/echo?word=a%20b%26c&other")});
	expect(200, "data GET /echo word=a b&c 0:");
	assert_string_equal(http_header_get(&response, "Content-Type"), "text/plain");
	assert_string_equal(http_header_get(&response, "X-Echo"), "a, b");
	ask((struct http_request){.url = url("/echo"), .body = "hello", .body_len = 5});
	expect(200, "data POST /echo 5:hello");
}

static void open_segments_are_handed_over(void **state)
{
	(void)state;
	ask((struct http_request){
		.url = url("/models/face%2Bx/2026-01-01/activate"), .method = "PUT"});
	expect(200, "data PUT /models/face+x/2026-01-01/activate [face+x] [2026-01-01] 0:");
	ask((struct http_request){.url = url("/models/face")});
	expect(200, "data GET /models/face [face] 0:");
}

static void what_has_no_route_is_a_problem(void **state)
{
	static const char *const paths[] = {"/", "/ech", "/echo/", "/echo/x", "/models",
		"/models/", "/models/a/b", "/models/a/b/activate/", "//echo"};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		ask((struct http_request){.url = url(paths[i])});
		if (response.status != 404)
			fail_msg("%s: %d", paths[i], response.status);
	}
	ask((struct http_request){.url = url("/no\"where")});
	expect(404,
		"{\"title\": \"Not Found\", \"status\": 404, \"detail\": \"there is nothing at "
		"/no\\\"where\"}\n");
	assert_string_equal(
		http_header_get(&response, "Content-Type"), "application/problem+json");
}

static void a_wrong_method_is_told_the_right_ones(void **state)
{
	(void)state;
	ask((struct http_request){.url = url("/echo"), .method = "DELETE"});
	assert_int_equal(response.status, 405);
	assert_string_equal(http_header_get(&response, "Allow"), "GET, POST");
}

static void head_has_no_body(void **state)
{
	(void)state;
	ask((struct http_request){.url = url("/echo"), .method = "HEAD"});
	expect(200, "");
	assert_string_equal(http_header_get(&response, "Content-Length"), "18");
}

static void a_body_has_a_limit(void **state)
{
	char body[BODY_MAX + 1];

	(void)state;
	memset(body, 'x', sizeof(body));
	ask((struct http_request){.url = url("/echo"), .body = body, .body_len = BODY_MAX});
	assert_int_equal(response.status, 200);
	ask((struct http_request){.url = url("/echo"), .body = body, .body_len = BODY_MAX + 1});
	assert_int_equal(response.status, 413);
}

static void a_token_opens(void **state)
{
	static const struct {
		const char *header;
		int status;
	} cases[] = {
		{"Authorization: Bearer " TOKEN, 200},
		{"Authorization: bearer " TOKEN, 200},
		{"Authorization: Bearer " TOKEN "x", 401},
		{"Authorization: Bearer open", 401},
		{"Authorization: Basic " TOKEN, 401},
		{"X-Other: " TOKEN, 401},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *const headers[] = {cases[i].header, NULL};
		ask((struct http_request){
			.url = url("/guarded"), .method = "POST", .headers = headers});
		if (response.status != cases[i].status)
			fail_msg("%s: %d", cases[i].header, response.status);
	}
	assert_string_equal(http_header_get(&response, "WWW-Authenticate"), "Bearer");
}

/* ---- without a client ---- */

static int dial(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(http_server_port(server)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* Sends bytes; the first line of what comes back, "" when the server ends. */
static const char *say(const char *bytes, size_t n)
{
	static char line[128];
	autofd int fd = dial();

	(void)fd_write_all(fd, bytes, n);
	ssize_t got = fd_read_full(fd, line, sizeof(line) - 1);
	line[got < 0 ? 0 : (size_t)got] = '\0';
	line[strcspn(line, "\r")] = '\0';
	return line;
}

static void a_chunked_body_has_the_same_limit(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	(void)state;
	strbuf_addstr(&text, "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
			     "Transfer-Encoding: chunked\r\n\r\n");
	for (size_t i = 0; i < 3; i++)
		strbuf_addf(&text, "190\r\n%0400d\r\n", 0);
	strbuf_addstr(&text, "0\r\n\r\n");
	assert_string_equal(say(text.data, text.len), "HTTP/1.1 413 Content Too Large");
}

static void a_head_has_a_limit(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	(void)state;
	strbuf_addf(&text, "GET /echo HTTP/1.1\r\nHost: x\r\nX: %0*d\r\n\r\n",
		(int)HTTP_SERVER_HEAD, 0);
	const char *line = say(text.data, text.len);
	assert_true(*line == '\0' || strstr(line, " 431 ") != NULL);
}

static void what_is_no_request_is_refused(void **state)
{
	static const char noise[] = "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n";

	(void)state;
	const char *line = say(noise, sizeof(noise) - 1);
	assert_true(*line == '\0' || strstr(line, " 400 ") != NULL);
}

/* Clients that say nothing are let go, so that others get in. */
static void silent_clients_do_not_keep_others_out(void **state)
{
	int silent[CONNECTIONS];

	(void)state;
	http_client_free(client);
	client = http_client_new(&(struct http_options){0});
	for (size_t i = 0; i < CONNECTIONS; i++)
		silent[i] = dial();
	ask((struct http_request){.url = url("/echo")});
	assert_int_equal(response.status, 200);
	for (size_t i = 0; i < CONNECTIONS; i++)
		close(silent[i]);
}

/* ---- where it listens ---- */

static void a_port_that_is_taken_is_an_error(void **state)
{
	(void)state;
	assert_null(http_server_start(&(struct http_server_options){.routes = routes,
					      .port = http_server_port(server)},
		&err));
	assert_int_equal(err.code, ERR_BUSY);
}

static void an_address_is_checked(void **state)
{
	(void)state;
	assert_null(http_server_start(
		&(struct http_server_options){.routes = routes, .address = "localhost"}, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_null(http_server_start(
		&(struct http_server_options){.routes = routes, .address = "192.0.2.1"}, &err));
	assert_non_null(strstr(err.text, "192.0.2.1"));
}

static void it_listens_on_ipv6(void **state)
{
	char text[64];

	(void)state;
	struct http_server *six = http_server_start(
		&(struct http_server_options){
			.routes = routes, .address = "::1", .data = "six"},
		&err);
	if (!six)
		skip();
	snprintf(text, sizeof(text), "http://[::1]:%u/echo", http_server_port(six));
	ask((struct http_request){.url = text});
	expect(200, "six GET /echo 0:");
	http_server_stop(six);
}

#define TEST(f) cmocka_unit_test_teardown(f, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_route_gets_its_request),
		TEST(open_segments_are_handed_over),
		TEST(what_has_no_route_is_a_problem),
		TEST(a_wrong_method_is_told_the_right_ones),
		TEST(head_has_no_body),
		TEST(a_body_has_a_limit),
		TEST(a_token_opens),
		TEST(a_chunked_body_has_the_same_limit),
		TEST(a_head_has_a_limit),
		TEST(what_is_no_request_is_refused),
		TEST(silent_clients_do_not_keep_others_out),
		TEST(a_port_that_is_taken_is_an_error),
		TEST(an_address_is_checked),
		TEST(it_listens_on_ipv6),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
