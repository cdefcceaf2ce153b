/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"

static bool is_character(uint32_t c)
{
	return c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

static size_t expected_len(uint32_t c)
{
	return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

static void test_every_character_is_written_and_read(void **state)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;
	size_t len;

	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		if (!is_character(c))
			continue;
		strbuf_clear(&b);
		strbuf_addutf8(&b, c);
		if (b.len != expected_len(c) || utf8_len(b.data, b.len) != b.len ||
			utf8_decode(b.data, b.len, &len) != c || len != b.len)
			fail_msg("U+%04X is not written and read as itself", c);
	}
}

static void test_what_is_no_character_becomes_the_replacement(void **state)
{
	static const uint32_t wrong[] = {0xd800, 0xdbff, 0xdc00, 0xdfff, 0x110000, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;
		strbuf_addutf8(&b, wrong[i]);
		assert_string_equal(b.data, "\xef\xbf\xbd");
	}
}

static void test_ill_formed_sequences(void **state)
{
	static const char *const texts[] = {
		"\x80",             /* a continuation alone */
		"\xbf",             /* likewise */
		"\xc0\x80",         /* overlong NUL */
		"\xc1\xbf",         /* overlong */
		"\xe0\x9f\xbf",     /* overlong */
		"\xf0\x8f\xbf\xbf", /* overlong */
		"\xed\xa0\x80",     /* a surrogate */
		"\xed\xbf\xbf",     /* likewise */
		"\xf4\x90\x80\x80", /* beyond U+10FFFF */
		"\xf5\x80\x80\x80", /* likewise */
		"\xff",             /* no lead byte at all */
		"\xc3",             /* cut */
		"\xe2\x82",         /* cut */
		"\xf0\x9f\xa4",     /* cut */
		"\xc3(",            /* no continuation */
		"\xe2\x82(",        /* likewise */
		"\xf0\x9f\xa4(",    /* likewise */
	};
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(utf8_len(texts[i], strlen(texts[i])), 0);
		assert_int_equal(utf8_decode(texts[i], strlen(texts[i]), &len), 0xfffd);
		assert_int_equal(len, 1);
	}
}

static void test_no_byte_beyond_n_is_read(void **state)
{
	autofree char *cut = xmemdup("\xf0\x9f\xa4\x96", 3);

	(void)state;
	assert_int_equal(utf8_len(cut, 0), 0);
	for (size_t n = 1; n <= 3; n++)
		assert_int_equal(utf8_len(cut, n), 0);
	assert_int_equal(utf8_len("\xf0\x9f\xa4\x96", 4), 4);
}

static void test_nul_is_a_character(void **state)
{
	size_t len;

	(void)state;
	assert_int_equal(utf8_len("\0", 1), 1);
	assert_int_equal(utf8_decode("\0", 1, &len), 0);
	assert_int_equal(len, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_character_is_written_and_read),
		cmocka_unit_test(test_what_is_no_character_becomes_the_replacement),
		cmocka_unit_test(test_ill_formed_sequences),
		cmocka_unit_test(test_no_byte_beyond_n_is_read),
		cmocka_unit_test(test_nul_is_a_character),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
