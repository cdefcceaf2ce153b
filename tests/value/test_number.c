/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and repr. (That floats are written as Python writes them is shown for a thousand of
 * them by test_json_write.)
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/spawn.h"
#include "value/number.h"

static void test_floats(void **state)
{
	static const struct {
		double d;
		const char *text;
	} cases[] = {{0, "0.0"}, {-0.0, "-0.0"}, {1, "1.0"}, {0.1, "0.1"}, {100, "100.0"},
		{1e15, "1000000000000000.0"}, {1e16, "1e+16"}, {1e-4, "0.0001"},
		{1e-5, "1e-05"}, {1.5e300, "1.5e+300"}, {5e-324, "5e-324"},
		{123456.75, "123456.75"}, {9999999999999998.0, "9999999999999998.0"},
		{0x1p-44, "5.684341886080802e-14"}, {-2.5, "-2.5"}, {INFINITY, "inf"},
		{-INFINITY, "-inf"}, {NAN, "nan"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

		number_add_float(&out, cases[i].d);
		assert_string_equal(out.data, cases[i].text);
	}
}

static void test_parse_float(void **state)
{
	static const struct {
		const char *text;
		double d;
	} good[] = {{"1", 1}, {"-1.5", -1.5}, {"+.5", 0.5}, {"1.", 1}, {"1e3", 1000},
		{"1.5E-2", 0.015}, {"1e400", INFINITY}};
	static const char *const bad[] = {"", ".", "-", "e5", "1e", "1e+", "1.2.3", "0x10",
		"1 ", " 1", "inf", "nan", "1_0"};
	double d;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(number_parse_float(good[i].text, strlen(good[i].text), &d));
		assert_true(d == good[i].d);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (number_parse_float(bad[i], strlen(bad[i]), &d))
			fail_msg("%s was accepted", bad[i]);
	assert_true(number_parse_float("1.5x", 3, &d));
	assert_true(d == 1.5);
}

static void test_integers(void **state)
{
	static const struct {
		bool negative;
		const char *digits;
		unsigned base;
		int64_t value;
	} cases[] = {{false, "0", 10, 0}, {true, "0", 10, 0}, {false, "42", 10, 42},
		{true, "42", 10, -42}, {false, "ff", 16, 255}, {false, "FF", 16, 255},
		{false, "777", 8, 511}, {false, "101", 2, 5}, {false, "z", 36, 35},
		{false, "9223372036854775807", 10, INT64_MAX},
		{true, "9223372036854775808", 10, INT64_MIN},
		{true, "8000000000000000", 16, INT64_MIN},
		{false, "0000000000000000000000007", 10, 7}};
	AUTO(arena_release) struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct value *v = number_new_integer(&a, cases[i].negative,
			cases[i].digits, strlen(cases[i].digits), cases[i].base);

		assert_non_null(v);
		assert_int_equal(v->kind, VALUE_INT);
		assert_true(v->integer == cases[i].value);
	}
}

static void assert_big(bool negative, const char *digits, unsigned base, const char *expected)
{
	AUTO(arena_release) struct arena a = {0};
	const struct value *v = number_new_integer(&a, negative, digits, strlen(digits), base);

	assert_non_null(v);
	assert_int_equal(v->kind, VALUE_BIGINT);
	assert_string_equal(v->text, expected);
	assert_int_equal(v->len, strlen(expected));
}

static void test_big_integers(void **state)
{
	(void)state;
	assert_big(false, "9223372036854775808", 10, "9223372036854775808");
	assert_big(true, "9223372036854775809", 10, "-9223372036854775809");
	assert_big(false, "ffffffffffffffffffffffff", 16, "79228162514264337593543950335");
	assert_big(false, "1000000000000000000000000000", 10, "1000000000000000000000000000");
	assert_big(false, "00099999999999999999999", 10, "99999999999999999999");
	assert_big(false, "zzzzzzzzzzzzzzz", 36, "221073919720733357899775");
}

static void test_integers_refused(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	autofree char *digits = xmalloc(NUMBER_MAX_DIGITS + 1);

	(void)state;
	assert_null(number_new_integer(&a, false, "", 0, 10));
	assert_null(number_new_integer(&a, false, "8", 1, 8));
	assert_null(number_new_integer(&a, false, "1_0", 3, 10));
	assert_null(number_new_integer(&a, false, "g", 1, 16));
	memset(digits, '7', NUMBER_MAX_DIGITS + 1);
	assert_null(number_new_integer(&a, false, digits, NUMBER_MAX_DIGITS + 1, 10));
	assert_non_null(number_new_integer(&a, false, digits, NUMBER_MAX_DIGITS, 10));
}

static void test_repr_string(void **state)
{
	static const struct {
		const char *s;
		size_t n;
		const char *repr;
	} cases[] = {{"", 0, "''"}, {"abc", 3, "'abc'"}, {"it's", 4, "\"it's\""},
		{"'\"", 2, "'\\'\"'"}, {"a\\b", 3, "'a\\\\b'"}, {"\n\r\t", 3, "'\\n\\r\\t'"},
		{"\0\x1f\x7f", 3, "'\\x00\\x1f\\x7f'"}, {"k\xc3\xa4se", 5, "'k\xc3\xa4se'"},
		{"\xc2\x80\xc2\xa0\xc2\xad", 6, "'\\x80\\xa0\\xad'"},
		{"\xe2\x80\x8b\xe3\x80\x80", 6, "'\\u200b\\u3000'"},
		{"\xf0\x9f\x98\x80", 4, "'\xf0\x9f\x98\x80'"},
		{"\xf3\xa0\x80\x81", 4, "'\\U000e0001'"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

		repr_add_string(&out, cases[i].s, cases[i].n);
		assert_string_equal(out.data, cases[i].repr);
	}
}

static void test_repr_bytes(void **state)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	(void)state;
	repr_add_bytes(&out, "a'\n\xff\\", 5);
	assert_string_equal(out.data, "b\"a'\\n\\xff\\\\\"");
}

/* Every character: 16 times 65,536 of them in one text, compared by Python itself. */
static void test_repr_of_all_characters(void **state)
{
	AUTO(strbuf_release) struct strbuf all = STRBUF_INIT, input = STRBUF_INIT;
	AUTO(spawn_result_release)
	struct spawn_result result = {.out = STRBUF_INIT, .err = STRBUF_INIT};
	const char *const argv[] = {"/usr/bin/python3", "-c",
		"import sys, unicodedata\n"
		"if unicodedata.unidata_version != '14.0.0': sys.exit(77)\n"
		"text = ''.join(chr(c) for c in range(0x110000) if not 0xd800 <= c < 0xe000)\n"
		"sys.exit(sys.stdin.buffer.read().decode() != repr(text))\n",
		NULL};
	struct err err = {0};

	(void)state;
	for (uint32_t c = 0; c < 0x110000; c++)
		if (c < 0xd800 || c >= 0xe000)
			strbuf_addutf8(&all, c);
	repr_add_string(&input, all.data, all.len);
	const struct spawn_options options = {
		.argv = argv, .input = input.data, .input_len = input.len};
	if (spawn_run(&options, &result, &err) < 0 || spawn_exit_code(result.status) == 77)
		skip();
	assert_int_equal(spawn_exit_code(result.status), 0);
}

/* Against C's own formats: halves, what lies beside them, and sizes that take the long way. */
static void test_fixed(void **state)
{
	static const double values[] = {0, 0.5, 1.5, 2.5, 0.125, 0.375, 0.0625, 0.005, 2.675,
		1e-5, 0.0005, 0.9995, 0.99949999, 999.9999, 1e14 + 0.5, 1e15, 1e22, 5e-324,
		123456.785};
	char expected[400];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		for (int digits = 0; digits < 6; digits++)
			for (int sign = -1; sign <= 1; sign += 2) {
				AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
				double d = sign * values[i];
				number_add_fixed(&out, d, (unsigned)digits);
				snprintf(expected, sizeof(expected), "%.*f", digits, d);
				assert_string_equal(out.data, expected);
			}
}

static void test_decimal_integers(void **state)
{
	static const struct {
		int64_t value;
		const char *text;
	} table[] = {{0, "0"}, {-1, "-1"}, {10, "10"}, {INT64_MAX, "9223372036854775807"},
		{INT64_MIN, "-9223372036854775808"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
		number_add_int(&out, table[i].value);
		assert_string_equal(out.data, table[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_floats),
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_decimal_integers),
		cmocka_unit_test(test_parse_float),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_big_integers),
		cmocka_unit_test(test_integers_refused),
		cmocka_unit_test(test_repr_string),
		cmocka_unit_test(test_repr_bytes),
		cmocka_unit_test(test_repr_of_all_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
