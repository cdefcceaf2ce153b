/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/scratch.h"
#include "http/client.h"
#include "http/server.h"

static struct server server, other;

static int start_servers(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	server_start(&server, NULL, NULL);
	server_start(&other, NULL, NULL);
	return 0;
}

static int stop_servers(void **state)
{
	(void)state;
	server_stop(&server);
	server_stop(&other);
	return 0;
}

static struct http_response response;
static struct err err;

/* One request with a client of its own. */
static int ask(struct http_request request)
{
	struct http_client *client = http_client_new(&(struct http_options){0});

	err_clear(&err);
	if (!request.until)
		request.until = deadline_in(15);
	int rc = http_perform(client, &request, &response, &err);
	http_client_free(client);
	return rc;
}

static int forget(void **state)
{
	(void)state;
	http_response_release(&response);
	return 0;
}

static void assert_body_has(const char *text)
{
	if (!strstr(response.body.data, text))
		fail_msg("%s is not in: %s", text, response.body.data);
}

static void assert_body_lacks(const char *text)
{
	if (strstr(response.body.data, text))
		fail_msg("%s is in: %s", text, response.body.data);
}

static void gets_status_headers_and_body(void **state)
{
	(void)state;
	assert_int_equal(ask((struct http_request){.url = server_url(&server, "/ok")}), 0);
	assert_int_equal(response.status, 200);
	assert_string_equal(response.reason, "OK");
	assert_string_equal(response.body.data, "hello\n");
	assert_string_equal(http_header_get(&response, "x-test"), "a");
	assert_string_equal(http_header_get(&response, "X-Empty"), "");
	assert_null(http_header_get(&response, "X-Absent"));
	assert_int_equal(response.received, 6);
}

static void a_status_is_an_answer(void **state)
{
	(void)state;
	assert_int_equal(ask((struct http_request){.url = server_url(&server, "/nothing")}), 0);
	assert_int_equal(response.status, 404);
	assert_string_equal(response.reason, "Not Found");
}

static void sends_method_headers_and_body(void **state)
{
	static const char *const headers[] = {
		"X-One: 1", "Content-Type: text/x", "X-None:", NULL};

	(void)state;
	assert_int_equal(ask((struct http_request){.url = server_url(&server, "/echo"),
				 .method = "PUT",
				 .headers = headers,
				 .body = "a\0b",
				 .body_len = 3}),
		0);
	assert_body_has("\"method\": \"PUT\"");
	assert_body_has("\"body\": \"a\\u0000b\"");
	assert_body_has("\"x-one\": \"1\"");
	assert_body_has("\"x-none\": \"\"");
	assert_body_has("\"content-type\": \"text/x\"");
	assert_body_has("\"user-agent\": \"modelfleet\"");
	assert_body_lacks("expect");
}

static void head_has_no_body(void **state)
{
	(void)state;
	assert_int_equal(
		ask((struct http_request){.url = server_url(&server, "/ok"), .method = "HEAD"}),
		0);
	assert_int_equal(response.status, 200);
	assert_int_equal(response.body.len, 0);
}

static void head_of_what_is_large(void **state)
{
	(void)state;
	assert_int_equal(ask((struct http_request){
				 .url = server_url(&server, "/big?size=20000&declared=1"),
				 .method = "HEAD",
				 .body_max = 10000}),
		0);
	assert_int_equal(response.status, 200);
	assert_string_equal(http_header_get(&response, "Content-Length"), "20000");
}

static void post_without_a_body_has_a_length(void **state)
{
	(void)state;
	assert_int_equal(ask((struct http_request){
				 .url = server_url(&server, "/echo"), .method = "POST"}),
		0);
	assert_body_has("\"content-length\": \"0\"");
}

static void refuses_what_cannot_be_sent(void **state)
{
	static const char *const split[] = {"X-A: 1\r\nX-B: 2", NULL};
	static const char *const nameless[] = {"no header", NULL};
	static const struct http_request wrong[] = {
		{.url = "ftp://host/x"},
		{.url = "file:///etc/passwd"},
		{.url = "no url"},
		{.url = "http://host/a b"},
		{.url = "http://host/", .method = "GET /"},
		{.url = "http://host/", .headers = split},
		{.url = "http://host/", .headers = nameless},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(ask(wrong[i]), -1);
		assert_int_equal(err.code, ERR_INPUT);
	}
}

static void follows_redirects_of_safe_methods(void **state)
{
	(void)state;
	assert_int_equal(
		ask((struct http_request){
			.url = server_url(&server, "/redirect?to=/ok%3Fa&size=200000")}),
		0);
	assert_int_equal(response.status, 200);
	assert_int_equal(response.redirects, 1);
	assert_string_equal(response.url, server_url(&server, "/ok?a"));
	assert_string_equal(response.body.data, "hello\n");

	assert_int_equal(
		ask((struct http_request){
			.url = server_url(&server, "/redirect?to=/ok"), .method = "POST"}),
		0);
	assert_int_equal(response.status, 302);
}

static void follows_none_where_told(void **state)
{
	(void)state;
	assert_int_equal(
		ask((struct http_request){.url = server_url(&server, "/redirect?to=/ok"),
			.redirects = HTTP_REDIRECTS_NONE}),
		0);
	assert_int_equal(response.status, 302);
	assert_string_equal(http_header_get(&response, "Location"), "/ok");
}

static void redirects_turn_methods_as_browsers_do(void **state)
{
	static const struct {
		const char *path, *method;
		bool body;
	} cases[] = {
		{"/redirect?to=/echo&code=301", "GET", false},
		{"/redirect?to=/echo&code=302", "GET", false},
		{"/redirect?to=/echo&code=303", "GET", false},
		{"/redirect?to=/echo&code=307", "POST", true},
		{"/redirect?to=/echo&code=308", "POST", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *method = xasprintf("\"method\": \"%s\"", cases[i].method);
		assert_int_equal(
			ask((struct http_request){.url = server_url(&server, cases[i].path),
				.method = "POST",
				.redirects = HTTP_REDIRECTS_ALL,
				.body = "payload",
				.body_len = 7}),
			0);
		assert_body_has(method);
		if (cases[i].body)
			assert_body_has("payload");
		else
			assert_body_lacks("payload");
	}
}

static void a_loop_of_redirects_ends(void **state)
{
	(void)state;
	assert_int_equal(ask((struct http_request){.url = server_url(&server, "/loop")}), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_non_null(strstr(err.text, "10 redirects"));
}

static void another_host_gets_no_credentials(void **state)
{
	static const char *const headers[] = {"Authorization: Bearer t0ken", "Cookie: c=1",
		"X-Api-Key: k3y", "Accept: text/plain", NULL};
	autofree char *path = xasprintf("/redirect?to=%s", server_url(&other, "/echo"));

	(void)state;
	assert_int_equal(ask((struct http_request){.url = server_url(&server, path),
				 .headers = headers,
				 .user = "user",
				 .password = "s3cret",
				 .basic_first = true}),
		0);
	assert_int_equal(response.status, 200);
	assert_body_has("\"accept\": \"text/plain\"");
	assert_body_lacks("t0ken");
	assert_body_lacks("c=1");
	assert_body_lacks("k3y");
	assert_body_lacks("authorization");
}

static void the_same_host_keeps_credentials(void **state)
{
	static const char *const headers[] = {"X-Api-Key: k3y", NULL};

	(void)state;
	assert_int_equal(
		ask((struct http_request){
			.url = server_url(&server, "/redirect?to=/echo"), .headers = headers}),
		0);
	assert_body_has("k3y");
}

static void credentials_are_sent_when_asked_for(void **state)
{
	struct http_request request = {
		.url = server_url(&server, "/auth"), .user = "user", .password = "s3cret"};

	(void)state;
	assert_int_equal(ask(request), 0);
	assert_int_equal(response.status, 200);
	request.basic_first = true;
	assert_int_equal(ask(request), 0);
	assert_int_equal(response.status, 200);
	request.password = "wrong";
	assert_int_equal(ask(request), 0);
	assert_int_equal(response.status, 401);
}

static void credentials_of_the_url_count(void **state)
{
	autofree char *url = xasprintf("http://user:s3cret@127.0.0.1:%u/auth", server.port);

	(void)state;
	assert_int_equal(ask((struct http_request){.url = url}), 0);
	assert_int_equal(response.status, 200);
}

static void errors_hide_secrets(void **state)
{
	(void)state;
	assert_int_equal(ask((struct http_request){
				 .url = "http://user:s3cret@127.0.0.1:9/p?token=t0ken"}),
		-1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(err.text, "http://127.0.0.1:9/p"));
	assert_null(strstr(err.text, "s3cret"));
	assert_null(strstr(err.text, "t0ken"));
	assert_null(strstr(err.text, "user"));
}

static void a_cut_body_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(ask((struct http_request){.url = server_url(&server, "/cut")}), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_int_equal(ask((struct http_request){.url = server_url(&server, "/silent")}), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
}

static void slow_peers_are_given_up(void **state)
{
	(void)state;
	assert_int_equal(ask((struct http_request){.url = server_url(&server, "/slow"),
				 .until = deadline_in(0.3)}),
		-1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_int_equal(ask((struct http_request){.url = server_url(&server, "/stall"),
				 .stall = 1,
				 .until = deadline_in(15)}),
		-1);
	assert_int_equal(err.code, ERR_TIMEOUT);
}

static void *cancel_soon(void *cancel)
{
	usleep(200000);
	cancel_request(cancel);
	return NULL;
}

static void an_interrupt_ends_a_request(void **state)
{
	struct cancel cancel;
	pthread_t thread;
	struct http_request request = {
		.url = server_url(&server, "/slow"), .until = deadline_in(15)};

	(void)state;
	assert_int_equal(cancel_init(&cancel, &err), 0);
	struct http_client *client = http_client_new(&(struct http_options){.cancel = &cancel});
	pthread_create(&thread, NULL, cancel_soon, &cancel);
	assert_int_equal(http_perform(client, &request, &response, &err), -1);
	assert_int_equal(err.code, ERR_CANCELLED);
	pthread_join(thread, NULL);
	http_client_free(client);
	cancel_release(&cancel);
}

static void limits_hold(void **state)
{
	(void)state;
	assert_int_equal(
		ask((struct http_request){
			.url = server_url(&server, "/big?size=20000"), .body_max = 10000}),
		-1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(ask((struct http_request){
				 .url = server_url(&server, "/big?size=20000&declared=1"),
				 .body_max = 10000}),
		-1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(
		ask((struct http_request){.url = server_url(&server, "/headers")}), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(
		ask((struct http_request){.url = server_url(&server, "/headers?size=100")}), 0);
}

static void a_bomb_is_counted_unpacked(void **state)
{
	struct http_request request = {
		.url = server_url(&server, "/gzip"), .decompress = true, .body_max = 100000};

	(void)state;
	assert_int_equal(ask(request), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	request.body_max = 0;
	assert_int_equal(ask(request), 0);
	assert_int_equal(response.body.len, 1000000);
	request.decompress = false;
	assert_int_equal(ask(request), 0);
	assert_true(response.body.len < 10000);
}

static int full_sink(void *data, const void *bytes, size_t n, struct err *why)
{
	size_t *left = data;

	(void)bytes;
	if (n > *left)
		return err_set(why, ERR_NOSPACE, "the sink is full");
	*left -= n;
	return 0;
}

static void a_sink_takes_the_body_and_may_refuse(void **state)
{
	size_t left = 20000;
	struct http_request request = {.url = server_url(&server, "/big?size=20000"),
		.sink = full_sink,
		.sink_data = &left};

	(void)state;
	assert_int_equal(ask(request), 0);
	assert_int_equal(left, 0);
	assert_int_equal(response.received, 20000);
	assert_int_equal(response.body.len, 0);
	assert_int_equal(ask(request), -1);
	assert_int_equal(err.code, ERR_NOSPACE);
	assert_non_null(strstr(err.text, "the sink is full"));
}

static void connections_are_kept(void **state)
{
	struct http_client *client = http_client_new(&(struct http_options){0});
	struct http_request request = {
		.url = server_url(&server, "/ok"), .until = deadline_in(15)};
	size_t before;

	(void)state;
	assert_int_equal(http_perform(client, &request, &response, &err), 0);
	before = scratch_open_fds();
	for (int i = 0; i < 5; i++)
		assert_int_equal(http_perform(client, &request, &response, &err), 0);
	assert_int_equal(scratch_open_fds(), before);
	http_client_free(client);
}

static void a_unix_socket_is_a_host(void **state)
{
	autofree char *path = xasprintf("%s/web", (char *)*state);
	struct server local;

	server_start_unix(&local, path);
	assert_int_equal(ask((struct http_request){
				 .url = server_url(&local, "/ok"), .unix_socket = path}),
		0);
	assert_int_equal(response.status, 200);
	server_stop(&local);
}

static void certificates_are_checked(void **state)
{
	char cert[256], key[256];
	struct server secure;
	struct http_request request;

	server_make_certificate(*state, cert, key);
	server_start(&secure, cert, key);
	request = (struct http_request){.url = server_url(&secure, "/ok")};
	assert_int_equal(ask(request), -1);
	assert_int_equal(err.code, ERR_AUTH);
	request.tls.ca_path = cert;
	assert_int_equal(ask(request), 0);
	assert_int_equal(response.status, 200);
	request.tls = (struct http_tls){.insecure = true};
	assert_int_equal(ask(request), 0);
	request.tls = (struct http_tls){.ca_path = "/etc/hostname"};
	assert_int_equal(ask(request), -1);
	assert_int_equal(err.code, ERR_INPUT);
	server_stop(&secure);
}

static void urls_are_shown_without_secrets(void **state)
{
	static const struct {
		const char *url, *shown;
	} cases[] = {
		{"https://u:p@host:8443/a/b?c=d#e", "https://host:8443/a/b"},
		{"http://host", "http://host/"},
		{"not a url: s3cret", "the URL"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(strbuf_release) struct strbuf shown = STRBUF_INIT;
		http_url_for_people(cases[i].url, &shown);
		assert_string_equal(shown.data, cases[i].shown);
	}
}

#define T(name) cmocka_unit_test_teardown(name, forget)

static int forget_scratch(void **state)
{
	forget(state);
	return scratch_remove(state);
}

#define IN_SCRATCH(name) cmocka_unit_test_setup_teardown(name, scratch_make, forget_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(gets_status_headers_and_body),
		T(a_status_is_an_answer),
		T(sends_method_headers_and_body),
		T(head_has_no_body),
		T(head_of_what_is_large),
		T(post_without_a_body_has_a_length),
		T(refuses_what_cannot_be_sent),
		T(follows_redirects_of_safe_methods),
		T(follows_none_where_told),
		T(redirects_turn_methods_as_browsers_do),
		T(a_loop_of_redirects_ends),
		T(another_host_gets_no_credentials),
		T(the_same_host_keeps_credentials),
		T(credentials_are_sent_when_asked_for),
		T(credentials_of_the_url_count),
		T(errors_hide_secrets),
		T(a_cut_body_is_an_error),
		T(slow_peers_are_given_up),
		T(an_interrupt_ends_a_request),
		T(limits_hold),
		T(a_bomb_is_counted_unpacked),
		T(a_sink_takes_the_body_and_may_refuse),
		T(connections_are_kept),
		IN_SCRATCH(a_unix_socket_is_a_host),
		IN_SCRATCH(certificates_are_checked),
		T(urls_are_shown_without_secrets),
	};

	return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
