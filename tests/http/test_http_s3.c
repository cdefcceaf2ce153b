/* SPDX-License-Identifier: Apache-2.0 */
/* Presigned URLs, and lists of objects. Requests meet a real store in test_files_s3.py. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/s3.h"

static struct err err;

/* The signature of a URL that is presigned. */
static void sign(const struct s3_options *o, const struct s3_signed *what, struct strbuf *url)
{
	struct s3 *s3 = s3_open(o, &err);

	if (!s3 || s3_presign(s3, what, url, &err) < 0)
		fail_msg("%s", err.text);
	s3_close(s3);
}

static void assert_ends(const struct strbuf *url, const char *end)
{
	if (!str_ends(url->data, end))
		fail_msg("%s does not end in %s", url->data, end);
}

/* ---- URLs ---- */

/* The example of Amazon's description of the algorithm. */
static void the_published_example(void **state)
{
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;
	const struct s3_options o = {.endpoint = "https://s3.amazonaws.com",
		.bucket = "examplebucket",
		.prefix = "",
		.access_key = "AKIAIOSFODNN7EXAMPLE",
		.secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};

	(void)state;
	sign(&o,
		&(struct s3_signed){.key = "test.txt",
			.seconds = 86400,
			.now = 1369353600 /* 2013-05-24 */},
		&url);
	assert_string_equal(url.data,
		"https://examplebucket.s3.amazonaws.com/"
		"test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
		"AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date="
		"20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
		"aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

#define WHEN 1795300377 /* 2026-11-21 22:32:57 */

static struct s3_options local(void)
{
	return (struct s3_options){.endpoint = "http://127.0.0.1:9000/",
		.region = "eu-west-2",
		.bucket = "models",
		.prefix = "fleet",
		.path_style = true,
		.access_key = "AKIDEXAMPLE",
		.secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};
}

/* What botocore 1.44.5 signs for the same requests, keys and time. */
static void a_key_is_encoded_once(void **state)
{
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;
	const struct s3_options o = local();

	(void)state;
	sign(&o,
		&(struct s3_signed){
			.key = "face/3/sub dir/m+\xc3\xa4~.onnx", .seconds = 300, .now = WHEN},
		&url);
	assert_true(str_starts(url.data,
		"http://127.0.0.1:9000/models/fleet/face/3/sub%20dir/m%2B%C3%A4~.onnx?"));
	assert_ends(&url, "b4f8f99b440a1e10fc15539f8f6a4e770b32a7467f4b30f902283e61f7baab10");
}

static void headers_and_a_token_are_signed(void **state)
{
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;
	static const char *const headers[] = {
		"x-amz-meta-sha256: 00ff", "if-none-match: *", NULL};
	struct s3_options o = local();

	(void)state;
	o.session_token = "a/b+c==";
	sign(&o,
		&(struct s3_signed){.method = "PUT",
			.key = "face/3/m.onnx",
			.headers = headers,
			.seconds = 300,
			.now = WHEN},
		&url);
	assert_non_null(strstr(url.data, "&X-Amz-Security-Token=a%2Fb%2Bc%3D%3D&"));
	assert_non_null(strstr(
		url.data, "&X-Amz-SignedHeaders=host%3Bif-none-match%3Bx-amz-meta-sha256&"));
	assert_ends(&url, "7221e1f1305cf8298d6c307460e54178cbe31b3339d7ad10b9c64d5a9926777c");
}

static void a_list_is_of_the_bucket(void **state)
{
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;
	static const char *const query[] = {"list-type=2", "encoding-type=url",
		"prefix=face%2F3%2F", "continuation-token=a%2Bb%3D", NULL};
	struct s3_options o = local();

	(void)state;
	o.endpoint = NULL;
	o.path_style = false;
	sign(&o, &(struct s3_signed){.key = "", .query = query, .seconds = 300, .now = WHEN},
		&url);
	assert_true(str_starts(url.data, "https://models.s3.eu-west-2.amazonaws.com/?"));
	assert_ends(&url, "becb8a1f0d3d75502b34fc2a13fbe83ddabdd8d2da1af37c12c06d78036777d8");
}

static void a_port_is_signed_where_it_is_sent(void **state)
{
	static const struct {
		const char *endpoint, *begin;
	} cases[] = {
		{"https://[::1]:443", "https://[::1]/models/fleet/k?"},
		{"http://store:80/", "http://store/models/fleet/k?"},
		{"https://store:80", "https://store:80/models/fleet/k?"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;
		struct s3_options o = local();
		o.endpoint = cases[i].endpoint;
		sign(&o, &(struct s3_signed){.key = "k", .seconds = 1, .now = WHEN}, &url);
		if (!str_starts(url.data, cases[i].begin))
			fail_msg("%s", url.data);
	}
}

static void what_cannot_be_an_address(void **state)
{
	static const char *const buckets[] = {"ab", "Models", "a_b", "-ab", "ab.", "a/b", "",
		"0123456789012345678901234567890123456789012345678901234567890123"};
	static const char *const endpoints[] = {"store:9000", "ftp://store", "http://u:p@store",
		"http://store/path", "http://store?a=b", "http://store/?a", "http://"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(buckets); i++) {
		struct s3_options o = local();
		o.bucket = buckets[i];
		assert_null(s3_open(&o, &err));
		assert_int_equal(err.code, ERR_INPUT);
	}
	for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
		struct s3_options o = local();
		o.endpoint = endpoints[i];
		if (s3_open(&o, &err))
			fail_msg("%s is taken", endpoints[i]);
		assert_int_equal(err.code, ERR_INPUT);
	}
}

static void a_key_has_a_limit(void **state)
{
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;
	const struct s3_options o = local();
	struct s3 *s3 = s3_open(&o, &err);
	char key[S3_KEY_MAX + 1];

	(void)state;
	memset(key, 'a', sizeof(key));
	key[S3_KEY_MAX] = '\0';
	const struct s3_signed what = {.key = key, .seconds = 1};
	assert_int_equal(s3_presign(s3, &what, &url, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	key[S3_KEY_MAX - strlen("fleet/")] = '\0';
	assert_int_equal(s3_presign(s3, &what, &url, &err), 0);
	s3_close(s3);
}

/* ---- lists ---- */

static int read_list(const char *text, struct s3_list *list, struct strbuf *more)
{
	err_clear(&err);
	return s3_list_read(text, strlen(text), list, more, &err);
}

#define PAGE(inside)                                                                           \
	"<?xml version=\"1.0\"?><ListBucketResult "                                            \
	"xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>models</Name>" inside         \
	"</ListBucketResult>"
#define OBJECT(key, size)                                                                      \
	"<Contents><ETag>&quot;1&quot;</ETag><Key>" key "</Key><Size>" size "</Size></"        \
	"Contents>"

static void a_page_and_how_it_goes_on(void **state)
{
	AUTO(s3_list_release) struct s3_list list = {0};
	AUTO(strbuf_release) struct strbuf more = STRBUF_INIT;

	(void)state;
	assert_int_equal(read_list(PAGE("<IsTruncated>true</IsTruncated>" OBJECT(
					   "a%2Fb%20c+d", "0") OBJECT("%C3%A4&amp;",
					   "5368709120") "<NextContinuationToken>x&amp;y==</"
							 "NextContinuationToken>"),
				 &list, &more),
		0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].key, "a/b c d");
	assert_int_equal(list.items[0].size, 0);
	assert_string_equal(list.items[1].key, "\xc3\xa4&");
	assert_int_equal(list.items[1].size, 5368709120);
	assert_string_equal(more.data, "x&y==");
}

static void an_empty_list(void **state)
{
	AUTO(s3_list_release) struct s3_list list = {0};
	AUTO(strbuf_release) struct strbuf more = STRBUF_INIT;

	(void)state;
	assert_int_equal(read_list(PAGE("<IsTruncated>false</IsTruncated>"), &list, &more), 0);
	assert_int_equal(list.count, 0);
	assert_int_equal(more.len, 0);
}

static void what_is_no_list(void **state)
{
	static const char *const cases[] = {"", "<html>",
		"<Error><Code>NoSuchKey</Code></Error>", PAGE(""),
		PAGE("<IsTruncated>true</IsTruncated>"),
		PAGE("<IsTruncated>false</IsTruncated>" OBJECT("", "1")),
		PAGE("<IsTruncated>false</IsTruncated>" OBJECT("a", "")),
		PAGE("<IsTruncated>false</IsTruncated>" OBJECT("a", "-1")),
		PAGE("<IsTruncated>false</IsTruncated>" OBJECT("a%0", "1")),
		PAGE("<IsTruncated>false</IsTruncated>" OBJECT("a%00", "1")),
		PAGE("<IsTruncated>false</IsTruncated>" OBJECT("a&eacute;", "1")),
		PAGE("<IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contents>"),
		"<ListBucketResult><IsTruncated>false</IsTruncated>"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(s3_list_release) struct s3_list list = {0};
		AUTO(strbuf_release) struct strbuf more = STRBUF_INIT;
		if (read_list(cases[i], &list, &more) == 0)
			fail_msg("taken: %s", cases[i]);
		assert_int_equal(err.code, ERR_PROTOCOL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_example),
		cmocka_unit_test(a_key_is_encoded_once),
		cmocka_unit_test(headers_and_a_token_are_signed),
		cmocka_unit_test(a_list_is_of_the_bucket),
		cmocka_unit_test(a_port_is_signed_where_it_is_sent),
		cmocka_unit_test(what_cannot_be_an_address),
		cmocka_unit_test(a_key_has_a_limit),
		cmocka_unit_test(a_page_and_how_it_goes_on),
		cmocka_unit_test(an_empty_list),
		cmocka_unit_test(what_is_no_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
