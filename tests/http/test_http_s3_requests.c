/* SPDX-License-Identifier: Apache-2.0 */
/* What a store of S3's kind may answer, by a server that says it on demand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"
#include "http/s3.h"
#include "http/server.h"

#define SECRET "wJalrXUtnFEMI"

static struct server server;
static struct s3 *s3;
static struct err err;
static int body = -1;

static int start(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	server_start(&server, NULL, NULL);
	body = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	s3 = s3_open(&(struct s3_options){.endpoint = server.url,
			     .bucket = "models",
			     .prefix = "fleet",
			     .path_style = true,
			     .access_key = "AKIDEXAMPLE",
			     .secret_key = SECRET},
		&err);
	return body < 0 || fd_write_all(body, "weights", 7) < 0 || !s3 ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	s3_close(s3);
	fd_close(&body);
	server_stop(&server);
	return 0;
}

static int forget(void **state)
{
	(void)state;
	err_clear(&err);
	return 0;
}

/* An error's code, and that its text has this and no secret. */
static void assert_error(int result, enum err_code code, const char *part)
{
	assert_int_equal(result, -1);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, part))
		fail_msg("%s is not in: %s", part, err.text);
	assert_null(strstr(err.text, SECRET));
	assert_null(strstr(err.text, "Signature="));
}

static int put(const char *key)
{
	const struct s3_new object = {
		.key = key, .body = {.fd = body, .size = 7}, .meta = {"x-amz-meta-a: b"}};

	return s3_put(s3, &object, &err);
}

static int get(const char *key, size_t max)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	return s3_get(s3, key, max, &text, &err);
}

static void a_busy_store_is_asked_again(void **state)
{
	(void)state;
	assert_int_equal(get("busy", 1000), 0);
	assert_error(get("always_busy", 1000), ERR_UNREACHABLE, "503");
	assert_non_null(strstr(err.text, "SlowDown"));
}

static void what_is_not_there(void **state)
{
	AUTO(s3_object_release) struct s3_object object = {0};

	(void)state;
	assert_error(get("none", 1000), ERR_NOTFOUND, "s3://models/fleet/none");
	assert_error(s3_head(s3, "none", &object, &err), ERR_NOTFOUND, "404");
	err_clear(&err);
	assert_int_equal(s3_delete(s3, "none", &err), 0);
	assert_int_equal(s3_delete(s3, "there", &err), 0);
}

static void an_object_is_not_replaced(void **state)
{
	(void)state;
	assert_error(put("there"), ERR_EXISTS, "is there already");
	assert_error(put("crossed"), ERR_EXISTS, "PreconditionFailed");
}

static void requests_that_meet_are_made_again(void **state)
{
	(void)state;
	assert_int_equal(put("met"), 0);
	assert_error(put("met_for_ever"), ERR_EXISTS, "OperationAborted");
}

static void a_store_without_conditions(void **state)
{
	(void)state;
	assert_int_equal(put("old"), 0);
}

static void what_is_too_large(void **state)
{
	struct s3_new object = {.key = "x", .body = {.fd = body, .size = S3_OBJECT_MAX + 1}};

	(void)state;
	assert_error(s3_put(s3, &object, &err), ERR_LIMIT, "5 TiB");
	assert_error(get("there", 3), ERR_LIMIT, "larger");
}

static void a_store_that_denies(void **state)
{
	(void)state;
	assert_error(get("denied", 1000), ERR_DENIED, "AccessDenied");
	assert_error(put("denied"), ERR_DENIED, "403");
	assert_error(s3_delete(s3, "denied", &err), ERR_DENIED, "403");
}

static void a_redirect_is_not_followed(void **state)
{
	(void)state;
	assert_error(get("moved", 1000), ERR_PROTOCOL, "307");
}

static void an_object_comes_into_a_file(void **state)
{
	autofd int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char text[8] = "";

	(void)state;
	assert_int_equal(s3_fetch(s3, "there", fd, &err), 0);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 4);
	assert_string_equal(text, "text");
	assert_error(s3_fetch(s3, "denied", fd, &err), ERR_DENIED, "403");
	assert_int_equal(pread(fd, text, sizeof(text), 0), 4);
}

static void a_list_of_two_pages(void **state)
{
	AUTO(s3_list_release) struct s3_list list = {0};

	(void)state;
	assert_int_equal(s3_list(s3, "face/", &list, &err), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].key, "face/1");
	assert_string_equal(list.items[1].key, "face/2");
}

static void lists_that_are_none(void **state)
{
	AUTO(s3_list_release) struct s3_list list = {0};

	(void)state;
	assert_error(s3_list(s3, "circle", &list, &err), ERR_PROTOCOL, "without objects");
	assert_error(s3_list(s3, "elsewhere", &list, &err), ERR_PROTOCOL, "not asked for");
}

#define T(name) cmocka_unit_test_setup(name, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_busy_store_is_asked_again),
		T(what_is_not_there),
		T(an_object_is_not_replaced),
		T(requests_that_meet_are_made_again),
		T(a_store_without_conditions),
		T(what_is_too_large),
		T(a_store_that_denies),
		T(a_redirect_is_not_followed),
		T(an_object_comes_into_a_file),
		T(a_list_of_two_pages),
		T(lists_that_are_none),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
