/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>

#include "base/str.h"

static void test_whole_numbers(void **state)
{
	static const struct {
		const char *text;
		int64_t min, max, expected;
	} cases[] = {
		{"0", 0, 0, 0},
		{"-0", 0, 0, 0},
		{"007", 0, 10, 7},
		{"22", 1, 65535, 22},
		{"65535", 1, 65535, 65535},
		{"-5", -5, 5, -5},
		{"9223372036854775807", INT64_MIN, INT64_MAX, INT64_MAX},
		{"-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t n = 99;
		assert_true(parse_int(cases[i].text, cases[i].min, cases[i].max, &n));
		assert_int_equal(n, cases[i].expected);
	}
}

static void test_what_is_no_whole_number(void **state)
{
	static const char *const texts[] = {"", "-", "+1", " 1", "1 ", "1x", "0x10", "1.0",
		"1e3", "--1", "- 1", "\t1", "101", "-1", "9223372036854775808",
		"99999999999999999999999"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		int64_t n = 99;
		assert_false(parse_int(texts[i], 0, 100, &n));
		assert_int_equal(n, 99);
	}
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t expected;
	} cases[] = {
		{"0", 0},
		{"1", 1},
		{"512B", 512},
		{"1k", 1000},
		{"1K", 1000},
		{"1kB", 1000},
		{"1Ki", 1024},
		{"1KiB", 1024},
		{"2M", 2000000},
		{"2m", 2000000},
		{"1.5M", 1500000},
		{"0.5Ki", 512},
		{"3G", 3000000000},
		{"4GiB", UINT64_C(4) << 30},
		{"1T", 1000000000000},
		{"2Ti", UINT64_C(2) << 40},
		{"9007199254740993", UINT64_C(9007199254740993)},
		{"1152921504606846977", UINT64_C(1152921504606846977)},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t n = 99;
		assert_true(parse_size(cases[i].text, &n));
		assert_int_equal(n, cases[i].expected);
	}
}

static void test_what_is_no_size(void **state)
{
	static const char *const texts[] = {"", "k", "B", "-1", "+1", " 1", "1 k", "1kk",
		"1kBs", "1iB", "1i", "1Bi", "inf", "nan", "1e3", "1e3k", "0x10", "0x1p4", ".5",
		"1.", "1.2.3", "1P", "18446744073709551616", "99999999999999999999T",
		"10000000T", "9300000000G"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		uint64_t n = 99;
		if (parse_size(texts[i], &n))
			fail_msg("'%s' was read as %" PRIu64, texts[i], n);
		assert_int_equal(n, 99);
	}
}

static void test_hex(void **state)
{
	uint8_t bytes[4];

	(void)state;
	assert_true(parse_hex("007fFAbc", bytes, 4));
	assert_memory_equal(bytes, "\x00\x7f\xfa\xbc", 4);
	assert_true(parse_hex("", bytes, 0));
}

static void test_what_is_no_hex(void **state)
{
	static const char *const texts[] = {"", "0", "001", "0011223", "001122333", "0011223g",
		"0011223 ", "0x112233", "@@112233", "00 11223",
		"\xff\xff"
		"112233",
		"G0112233"};
	uint8_t bytes[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_false(parse_hex(texts[i], bytes, 4));
}

static void test_every_byte_survives_hex(void **state)
{
	(void)state;
	for (int i = 0; i < 256; i++) {
		uint8_t in = (uint8_t)i, out;
		char text[3];
		hex_encode(&in, 1, text);
		assert_true(parse_hex(text, &out, 1));
		assert_int_equal(out, in);
	}
}

static void test_starts_and_ends(void **state)
{
	(void)state;
	assert_true(str_starts("model.yaml", "model"));
	assert_true(str_starts("x", ""));
	assert_false(str_starts("mod", "model"));
	assert_true(str_ends("model.yaml", ".yaml"));
	assert_true(str_ends("x", ""));
	assert_false(str_ends("yaml", ".yaml"));
	assert_false(str_ends("model.yml", ".yaml"));
}

static void test_comparison_with_null(void **state)
{
	(void)state;
	assert_int_equal(str_cmp0(NULL, NULL), 0);
	assert_true(str_cmp0(NULL, "") < 0);
	assert_true(str_cmp0("", NULL) > 0);
	assert_true(str_cmp0("a", "b") < 0);
	assert_int_equal(str_cmp0("a", "a"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_numbers),
		cmocka_unit_test(test_what_is_no_whole_number),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_what_is_no_size),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_what_is_no_hex),
		cmocka_unit_test(test_every_byte_survives_hex),
		cmocka_unit_test(test_starts_and_ends),
		cmocka_unit_test(test_comparison_with_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
