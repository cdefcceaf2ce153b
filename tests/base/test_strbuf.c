/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>

#include "base/spawn.h"
#include "base/str.h"

static void test_empty_buffers(void **state)
{
	AUTO(strbuf_release) struct strbuf b;

	(void)state;
	strbuf_init(&b);
	assert_string_equal(b.data, "");
	strbuf_clear(&b);
	strbuf_rtrim(&b);
	strbuf_add(&b, NULL, 0);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	assert_int_equal(strbuf_empty[0], '\0');
}

static void test_append_every_length(void **state)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < 5000; i++) {
		strbuf_addch(&b, (char)('a' + i % 26));
		assert_int_equal(b.len, i + 1);
		assert_int_equal(b.data[b.len], '\0');
	}
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
}

static void test_bytes_with_nul(void **state)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;

	(void)state;
	strbuf_add(&b, "a\0b", 3);
	strbuf_addstr(&b, "c");
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "a\0bc", 5);
}

static void test_formats_of_any_length(void **state)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;

	(void)state;
	for (int width = 0; width < 300; width++) {
		strbuf_clear(&b);
		strbuf_addf(&b, "<%*d>", width, 7);
		assert_int_equal(b.len, (width > 1 ? width : 1) + 2);
		assert_int_equal(b.data[b.len - 2], '7');
		assert_int_equal(b.data[b.len], '\0');
	}
}

static void test_truncate_and_trim(void **state)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;

	(void)state;
	strbuf_addstr(&b, "word \t\r\n");
	strbuf_rtrim(&b);
	assert_string_equal(b.data, "word");
	strbuf_truncate(&b, 2);
	assert_string_equal(b.data, "wo");
	strbuf_clear(&b);
	strbuf_addstr(&b, " \n ");
	strbuf_rtrim(&b);
	assert_string_equal(b.data, "");
}

static void test_detach_gives_the_string_away(void **state)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;
	size_t len;

	(void)state;
	strbuf_addstr(&b, "model");
	autofree char *s = strbuf_detach(&b, &len);
	autofree char *empty = strbuf_detach(&b, NULL);
	assert_string_equal(s, "model");
	assert_int_equal(len, 5);
	assert_string_equal(empty, "");
	assert_int_equal(b.len, 0);
}

static void test_hex(void **state)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;

	(void)state;
	strbuf_addstr(&b, "x");
	strbuf_addhex(&b, "\x00\x7f\x80\xff", 4);
	strbuf_addhex(&b, "", 0);
	assert_string_equal(b.data, "x007f80ff");
	assert_int_equal(b.len, 9);
}

static void test_sizes_for_people(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0 B"},
		{1, "1 B"},
		{999, "999 B"},
		{1000, "1.0 kB"},
		{1549, "1.5 kB"},
		{999949, "999.9 kB"},
		{999950, "1.0 MB"},
		{310000000, "310.0 MB"},
		{1200000000, "1.2 GB"},
		{5000000000000, "5.0 TB"},
		{UINT64_C(7000000000000000), "7.0 PB"},
		{UINT64_MAX, "18.4 EB"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;
		strbuf_addsize(&b, cases[i].bytes);
		assert_string_equal(b.data, cases[i].text);
	}
}

static void test_json_literals(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *json;
	} cases[] = {
		{"", 0, "\"\""},
		{"plain", 5, "\"plain\""},
		{"a\"b\\c/", 6, "\"a\\\"b\\\\c/\""},
		{"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
		{"\x00\x01\x0b\x1f\x7f", 5, "\"\\u0000\\u0001\\u000b\\u001f\\u007f\""},
		{"\xc3\xa9\xe2\x82\xac\xf0\x9f\xa4\x96", 9,
			"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\xa4\x96\""},
		{"a\xff z", 4, "\"a\xef\xbf\xbd z\""},
		{"\xe2\x82", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;
		strbuf_addjson(&b, cases[i].text, cases[i].len);
		assert_string_equal(b.data, cases[i].json);
	}
}

static void test_shell_words_stay_plain_where_they_can(void **state)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;

	(void)state;
	strbuf_addshell(&b, "/opt/models-1.0_x@h:%+,k=v");
	assert_string_equal(b.data, "/opt/models-1.0_x@h:%+,k=v");
	strbuf_clear(&b);
	strbuf_addshell(&b, "");
	assert_string_equal(b.data, "''");
}

/* The shell itself says what it understood: printf gives the word back, byte for byte. */
static void expect_shell_reads(const char *word)
{
	AUTO(strbuf_release) struct strbuf command = STRBUF_INIT;
	AUTO(spawn_result_release) struct spawn_result result;
	struct err err = {0};

	strbuf_addstr(&command, "printf %s ");
	strbuf_addshell(&command, word);
	const char *const argv[] = {"/bin/sh", "-c", command.data, NULL};
	assert_int_equal(spawn_run(&(struct spawn_options){.argv = argv}, &result, &err), 0);
	assert_int_equal(spawn_exit_code(result.status), 0);
	assert_string_equal(result.out.data, word);
}

static void test_shell_reads_back_every_byte(void **state)
{
	char word[] = "axb";

	(void)state;
	for (int c = 1; c < 256; c++) {
		word[1] = (char)c;
		expect_shell_reads(word);
	}
}

static void test_shell_reads_back_hard_words(void **state)
{
	static const char *const words[] = {
		"",
		"'",
		"''",
		"it's",
		"'start",
		"end'",
		"$HOME",
		"`id`",
		"$(id)",
		"a b\tc\nd",
		"*",
		"~",
		"~root",
		"#no",
		"a\\",
		"\\n",
		"!!",
		"{a,b}",
		"a;b&c|d>e<f",
		"-n",
		"\"",
		"\xff\xfe",
		"\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		expect_shell_reads(words[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_buffers),
		cmocka_unit_test(test_append_every_length),
		cmocka_unit_test(test_bytes_with_nul),
		cmocka_unit_test(test_formats_of_any_length),
		cmocka_unit_test(test_truncate_and_trim),
		cmocka_unit_test(test_detach_gives_the_string_away),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_sizes_for_people),
		cmocka_unit_test(test_json_literals),
		cmocka_unit_test(test_shell_words_stay_plain_where_they_can),
		cmocka_unit_test(test_shell_reads_back_every_byte),
		cmocka_unit_test(test_shell_reads_back_hard_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
