/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python literals and words of host lines. What ast.literal_eval and shlex make of most of
 * these is also in the corpus; here are limits, places and the rare refusals.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "inventory/literal.h"
#include "inventory/words.h"
#include "value/json.h"

static const struct place here = {.file = "hosts", .line = 3, .column = 7};

/* The literal as JSON, or "none". */
static void literal(const char *text, const char *wanted)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
	const struct value *value = literal_parse(&arena, text, strlen(text), &here);

	if (value)
		assert_int_equal(json_write(value, NULL, &got, NULL), 0);
	else
		strbuf_addstr(&got, "none");
	assert_string_equal(got.data, wanted);
}

static void reads_numbers(void **state)
{
	(void)state;
	literal("0", "0");
	literal("-17", "-17");
	literal("+ 17", "17");
	literal("1_000", "1000");
	literal("0x_ff", "255");
	literal("0B101", "5");
	literal("1.", "1.0");
	literal(".5e1", "5.0");
	literal("-1e-3", "-0.001");
	literal("99999999999999999999", "99999999999999999999");
	literal("000", "0");
	literal("00.5", "0.5");
}

static void refuses_what_is_no_number(void **state)
{
	(void)state;
	literal("012", "none");
	literal("1_", "none");
	literal("1__0", "none");
	literal("0x", "none");
	literal("0b2", "none");
	literal("1e", "none");
	literal("1x", "none");
	literal(".", "none");
	literal("--1", "none");
	literal("-True", "none");
	literal("1 2", "none");
	literal("1j", "none");
}

static void reads_strings(void **state)
{
	(void)state;
	literal("'a' \"b\"", "\"ab\"");
	literal("'''a'b'''", "\"a'b\"");
	literal("r'\\n'", "\"\\\\n\"");
	literal("'\\x41\\101\\u0042\\q'", "\"AAB\\\\q\"");
	literal("'\\u00e9\\u4e16\\U0001f600\\777'",
		"\"\xc3\xa9\xe4\xb8\x96\xf0\x9f\x98\x80\xc7\xbf\"");
	/* An unknown letter keeps the backslash. */
	literal("'\\\xc3\xa4'", "\"\\\\\xc3\xa4\"");
	literal("U'x'", "\"x\"");
	literal("''", "\"\"");
}

static void refuses_broken_strings(void **state)
{
	(void)state;
	literal("'a", "none");
	literal("'a\\", "none");
	literal("'\\x4'", "none");
	literal("'\\ud800'", "none");
	literal("'\\U00110000'", "none");
	literal("'\\N{DASH}'", "none");
	literal("ur'a'", "none");
	literal("bb'a'", "none");
	literal("b'\xc3\xa4'", "none");
	literal("b'\\\xc3\xa4'", "none");
	literal("rb'\\\xc3\xa4'", "none");
	literal("b'a' 'b'", "none");
	literal("f'a'", "none");
	literal("word", "none");
	literal("", "none");
}

/* Python takes no NUL in its source, behind a backslash neither. */
static void refuses_nul(void **state)
{
	static const char *const texts[] = {"'a\0b'", "'\\\0b'", "r'\\\0'"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO(arena_release) struct arena arena = {0};
		assert_null(literal_parse(&arena, texts[i], 5, &here));
	}
}

/* {(1, (2,)): 3} has a key; with a list anywhere in it, it has none. */
static void keys_are_hashable(void **state)
{
	(void)state;
	literal("{(1, ([],)): 3}", "none");
	literal("{(1, (2,)), 'a'}", "[[1, [2]], \"a\"]");
}

static void reads_containers(void **state)
{
	(void)state;
	literal("[]", "[]");
	literal("[1, [2], ]", "[1, [2]]");
	literal("()", "[]");
	literal("(1)", "1");
	literal("(1,)", "[1]");
	literal("1, 2", "[1, 2]");
	literal("1,", "[1]");
	literal("{}", "{}");
	literal("{'a': 1, 'a': 2, }", "{\"a\": 2}");
	literal("{3, 3, 4}", "[3, 4]");
	literal("[None, True, False]", "[null, true, false]");
	literal("[1] # comment", "[1]");
}

static void refuses_broken_containers(void **state)
{
	(void)state;
	literal("[1", "none");
	literal("[1 2]", "none");
	literal("[,]", "none");
	literal("(,)", "none");
	literal("{'a'}x", "none");
	literal("{'a': }", "none");
	literal("{'a' 1}", "none");
	literal("{'a': 1, 'b'}", "none");
	literal("{[1]: 2}", "none");
	literal("{[1]}", "none");
	literal("1,,", "none");
	literal("nested(1)", "none");
}

static void limits_depth(void **state)
{
	char text[2 * LITERAL_MAX_DEPTH + 3];

	(void)state;
	memset(text, '[', LITERAL_MAX_DEPTH + 1);
	memset(text + LITERAL_MAX_DEPTH + 1, ']', LITERAL_MAX_DEPTH + 1);
	text[2 * LITERAL_MAX_DEPTH + 2] = '\0';
	literal(text, "none");
}

static void places_every_part(void **state)
{
	AUTO(arena_release) struct arena arena = {0};
	const char *text = "[{'a': (1)}]";
	const struct value *value = literal_parse(&arena, text, strlen(text), &here);
	const struct value *inner = value_dict_get(value->items[0], "a");

	(void)state;
	assert_int_equal(value->place.line, 3);
	assert_int_equal(inner->place.line, 3);
	assert_int_equal(inner->place.column, 7);
}

/* The words between bars, or the error. */
static void words(const char *line, const char *wanted)
{
	AUTO(words_release) struct words list = {0};
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
	struct err err = {0};

	if (words_split(&list, line, strlen(line), &err) < 0)
		strbuf_addstr(&got, err.text);
	for (size_t i = 0; err.code == ERR_NONE && i < list.count; i++)
		strbuf_addf(&got, "%s%s", i > 0 ? "|" : "", list.items[i].text);
	assert_string_equal(got.data, wanted);
}

static void splits_words(void **state)
{
	(void)state;
	words("", "");
	words("a b\tc", "a|b|c");
	words("a x='b c' y=\"d e\"", "a|x=b c|y=d e");
	words("a'b'\"c\"d", "abcd");
	words("a\\ b \\#c", "a b|#c");
	words("\"a\\\"b\\c\"", "a\"b\\c");
	words("'a\\b'", "a\\b");
	words("a # b", "a");
	words("a#b", "a");
	words("'a#b'", "a#b");
	words("# all", "");
	words("'' a", "|a");
}

static void refuses_open_quotes(void **state)
{
	(void)state;
	words("a 'b", "a single quote is not closed");
	words("a \"b", "a double quote is not closed");
	words("a \"b\\", "a backslash ends the line");
	words("a \\", "a backslash ends the line");
}

static void words_know_where_they_began(void **state)
{
	AUTO(words_release) struct words list = {0};
	const char *line = "a  b='x' c";

	(void)state;
	assert_int_equal(words_split(&list, line, strlen(line), NULL), 0);
	assert_int_equal(list.items[0].offset, 0);
	assert_int_equal(list.items[1].offset, 3);
	assert_int_equal(list.items[2].offset, 9);
}

static void hashes_are_characters_without_comments(void **state)
{
	AUTO(words_release) struct words list = {0};
	const char *line = "a #b c#d";

	(void)state;
	assert_int_equal(words_split_all(&list, line, strlen(line), NULL), 0);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.items[1].text, "#b");
	assert_string_equal(list.items[2].text, "c#d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_numbers),
		cmocka_unit_test(refuses_what_is_no_number),
		cmocka_unit_test(reads_strings),
		cmocka_unit_test(refuses_broken_strings),
		cmocka_unit_test(refuses_nul),
		cmocka_unit_test(keys_are_hashable),
		cmocka_unit_test(reads_containers),
		cmocka_unit_test(refuses_broken_containers),
		cmocka_unit_test(limits_depth),
		cmocka_unit_test(places_every_part),
		cmocka_unit_test(splits_words),
		cmocka_unit_test(refuses_open_quotes),
		cmocka_unit_test(hashes_are_characters_without_comments),
		cmocka_unit_test(words_know_where_they_began),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
