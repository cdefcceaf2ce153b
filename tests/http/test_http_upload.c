/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that are files, read while they are sent. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"
#include "http/client.h"
#include "http/server.h"

#define SIZE 3000000u

static struct server server;
static struct http_client *client;
static struct http_response response;
static struct err err;
static struct http_body_file file;
static char *content;

static int start(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	server_start(&server, NULL, NULL);
	content = xmalloc(SIZE);
	for (size_t i = 0; i < SIZE; i++)
		content[i] = (char)('a' + i % 23);
	file.fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	file.size = SIZE;
	return file.fd < 0 || fd_write_all(file.fd, content, SIZE) < 0 ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	server_stop(&server);
	fd_close(&file.fd);
	free(content);
	return 0;
}

static int open_client(void **state)
{
	(void)state;
	err_clear(&err);
	client = http_client_new(&(struct http_options){0});
	return 0;
}

static int close_client(void **state)
{
	(void)state;
	http_response_release(&response);
	http_client_free(client);
	return 0;
}

static int send_file(const char *path, const struct http_body_file *body)
{
	const struct http_request request = {.url = server_url(&server, path),
		.body_file = body,
		.redirects = HTTP_REDIRECTS_ALL,
		.until = deadline_in(60)};

	return http_perform(client, &request, &response, &err);
}

/* The server's word for what came: /echo gives the body as a JSON string. */
static void assert_all_came(void)
{
	AUTO(strbuf_release) struct strbuf expected = STRBUF_INIT;

	strbuf_addstr(&expected, "\"body\": ");
	strbuf_addjson(&expected, content, SIZE);
	assert_non_null(strstr(response.body.data, expected.data));
	assert_non_null(strstr(response.body.data, "\"method\": \"PUT\""));
	assert_non_null(strstr(response.body.data, "\"content-length\": \"3000000\""));
	assert_null(strstr(response.body.data, "\"expect\""));
}

static void a_file_is_sent_whole_and_again(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(send_file("/echo", &file), 0);
		assert_all_came();
	}
	/* Whoever else uses the descriptor does not notice. */
	assert_int_equal(lseek(file.fd, 0, SEEK_CUR), SIZE);
}

static void a_part_of_a_file_from_its_beginning(void **state)
{
	const struct http_body_file some = {.fd = file.fd, .size = 5};

	(void)state;
	assert_int_equal(send_file("/echo", &some), 0);
	assert_non_null(strstr(response.body.data, "\"body\": \"abcde\""));
}

static void a_part_from_its_middle(void **state)
{
	const struct http_body_file some = {.fd = file.fd, .size = 5, .offset = 25};
	const struct http_body_file beyond = {.fd = file.fd, .size = 6, .offset = SIZE - 5};

	(void)state;
	assert_int_equal(send_file("/redirect?code=307&to=/echo", &some), 0);
	assert_non_null(strstr(response.body.data, "\"body\": \"cdefg\""));
	assert_int_equal(send_file("/echo", &beyond), -1);
	assert_int_equal(err.code, ERR_INTEGRITY);
}

static void an_empty_file_has_a_length(void **state)
{
	const struct http_body_file empty = {.fd = file.fd};

	(void)state;
	assert_int_equal(send_file("/echo", &empty), 0);
	assert_non_null(strstr(response.body.data, "\"content-length\": \"0\""));
}

static void a_redirect_gets_it_from_the_beginning(void **state)
{
	(void)state;
	assert_int_equal(send_file("/redirect?code=307&to=/echo", &file), 0);
	assert_int_equal(response.redirects, 1);
	assert_all_came();
}

static void a_redirect_that_is_a_get_gets_nothing(void **state)
{
	(void)state;
	assert_int_equal(send_file("/redirect?code=303&to=/echo", &file), 0);
	assert_non_null(strstr(response.body.data, "\"method\": \"GET\""));
	assert_non_null(strstr(response.body.data, "\"body\": \"\""));
}

static void a_file_that_became_shorter(void **state)
{
	const struct http_body_file more = {.fd = file.fd, .size = SIZE + 1};

	(void)state;
	assert_int_equal(send_file("/echo", &more), -1);
	assert_int_equal(err.code, ERR_INTEGRITY);
	assert_non_null(strstr(err.text, "became shorter"));
}

static void a_file_that_cannot_be_read(void **state)
{
	autofd int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct http_body_file none = {.fd = fd, .size = 1};

	(void)state;
	assert_int_equal(send_file("/echo", &none), -1);
	assert_non_null(strstr(err.text, "read the body"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_client, close_client)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_file_is_sent_whole_and_again),
		T(a_part_of_a_file_from_its_beginning),
		T(a_part_from_its_middle),
		T(an_empty_file_has_a_length),
		T(a_redirect_gets_it_from_the_beginning),
		T(a_redirect_that_is_a_get_gets_nothing),
		T(a_file_that_became_shorter),
		T(a_file_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
