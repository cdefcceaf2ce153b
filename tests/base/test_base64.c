/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base64.h"

/* The vectors of RFC 4648, section 10. */
static const struct {
	const char *plain, *padded, *url;
} vectors[] = {
	{"", "", ""},
	{"f", "Zg==", "Zg"},
	{"fo", "Zm8=", "Zm8"},
	{"foo", "Zm9v", "Zm9v"},
	{"foob", "Zm9vYg==", "Zm9vYg"},
	{"fooba", "Zm9vYmE=", "Zm9vYmE"},
	{"foobar", "Zm9vYmFy", "Zm9vYmFy"},
};

static void expect_decoded(enum base64_alphabet alphabet, const char *text, const char *plain)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	assert_true(base64_decode(alphabet, text, strlen(text), &out));
	assert_string_equal(out.data, plain);
}

static void test_encode(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
		base64_encode(
			BASE64_STANDARD, vectors[i].plain, strlen(vectors[i].plain), &out);
		assert_string_equal(out.data, vectors[i].padded);
		strbuf_clear(&out);
		base64_encode(BASE64_URL, vectors[i].plain, strlen(vectors[i].plain), &out);
		assert_string_equal(out.data, vectors[i].url);
	}
}

static void test_decode(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		expect_decoded(BASE64_STANDARD, vectors[i].padded, vectors[i].plain);
		expect_decoded(BASE64_URL, vectors[i].url, vectors[i].plain);
		expect_decoded(BASE64_URL, vectors[i].padded, vectors[i].plain);
	}
}

static void test_the_last_two_digits_differ(void **state)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	(void)state;
	base64_encode(BASE64_STANDARD, "\xfb\xff", 2, &out);
	assert_string_equal(out.data, "+/8=");
	strbuf_clear(&out);
	base64_encode(BASE64_URL, "\xfb\xff", 2, &out);
	assert_string_equal(out.data, "-_8");
	expect_decoded(BASE64_STANDARD, "+/8=", "\xfb\xff");
	expect_decoded(BASE64_URL, "-_8", "\xfb\xff");
}

static void test_white_space_is_skipped(void **state)
{
	(void)state;
	expect_decoded(BASE64_STANDARD, " Zm9v\r\nYm\tFy \n", "foobar");
	expect_decoded(BASE64_STANDARD, "Zg = =", "f");
}

static void test_every_length_comes_back(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT, back = STRBUF_INIT;
	uint8_t bytes[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 151 + 7);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		strbuf_clear(&text);
		strbuf_clear(&back);
		base64_encode(BASE64_STANDARD, bytes, n, &text);
		assert_int_equal(text.len, (n + 2) / 3 * 4);
		assert_true(base64_decode(BASE64_STANDARD, text.data, text.len, &back));
		assert_int_equal(back.len, n);
		assert_memory_equal(back.data, bytes, n);
	}
}

static void test_what_is_wrong_leaves_out_alone(void **state)
{
	static const struct {
		enum base64_alphabet alphabet;
		const char *text;
	} cases[] = {
		{BASE64_STANDARD, "Z"},
		{BASE64_STANDARD, "Zg"},
		{BASE64_STANDARD, "Zg="},
		{BASE64_STANDARD, "Zg==="},
		{BASE64_STANDARD, "===="},
		{BASE64_STANDARD, "Zm9v="},
		{BASE64_STANDARD, "Zg==Zg=="},
		{BASE64_STANDARD, "Zm9vZ"},
		{BASE64_STANDARD, "Zm9*"},
		{BASE64_STANDARD, "Zm9\xc3"},
		{BASE64_STANDARD, "-_8="},
		{BASE64_URL, "+/8"},
		{BASE64_URL, "Z"},
		{BASE64_URL, "Zg="},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
		strbuf_addstr(&out, "kept");
		assert_false(base64_decode(
			cases[i].alphabet, cases[i].text, strlen(cases[i].text), &out));
		assert_string_equal(out.data, "kept");
	}
}

static void test_nul_is_no_digit(void **state)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	(void)state;
	assert_false(base64_decode(BASE64_STANDARD, "Zm9\0", 4, &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_the_last_two_digits_differ),
		cmocka_unit_test(test_white_space_is_skipped),
		cmocka_unit_test(test_every_length_comes_back),
		cmocka_unit_test(test_what_is_wrong_leaves_out_alone),
		cmocka_unit_test(test_nul_is_no_digit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
