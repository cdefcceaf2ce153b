/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON reader beside its corpus: places, texts of errors, findings, options, limits.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "value/json.h"

static const struct value *read_text(struct arena *a, const char *text,
	const struct json_options *options, struct diags *diags)
{
	struct err err = {0};
	const struct value *v =
		json_read(a, text, strlen(text), "f.json", options, diags, &err);

	if (!v)
		fail_msg("%s", err.text);
	return v;
}

static void assert_place(const struct place *at, unsigned line, unsigned column)
{
	assert_string_equal(at->file, "f.json");
	assert_int_equal(at->line, line);
	assert_int_equal(at->column, column);
}

static void test_places(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	const struct value *v =
		read_text(&a, "{\n  \"a\": [1,\n 2],\n\t\"\xc3\xb6\": null}\n", NULL, NULL);
	const struct value *list = value_dict_get(v, "a");

	(void)state;
	assert_place(&v->place, 1, 1);
	assert_place(&value_dict_pair(v, "a")->key->place, 2, 3);
	assert_place(&list->place, 2, 8);
	assert_place(&list->items[1]->place, 3, 2);
	assert_place(&value_dict_get(v, "\xc3\xb6")->place, 4, 8);
}

static const struct {
	const char *text;
	const char *message;
} errors[] = {
	{"", "f.json:1:1: the text ends here, expected a value"},
	{"[1,]", "f.json:1:4: found ']', expected a value"},
	{"[1 2]", "f.json:1:4: found '2', expected ',' or ']'"},
	{"{\"a\" 1}", "f.json:1:6: found '1', expected ':' behind a key"},
	{"{a: 1}", "f.json:1:2: found 'a', expected a key in double quotes"},
	{"{\"a\": 1,\n}", "f.json:2:1: found '}', expected a key in double quotes"},
	{"\"a\nb\"", "f.json:1:3: found control character 0x0a in a string"},
	{"\"a", "f.json:1:3: the text ends here, expected a closing quote"},
	{"\"\\x\"", "f.json:1:3: found 'x', expected one of"},
	{"\"\\u12g4\"", "f.json:1:4: found '1', expected four hex digits"},
	{"\"\xff\"", "f.json:1:2: found byte 0xff, expected UTF-8"},
	{"01", "f.json:1:1: a number begins with 0"},
	{"1.", "f.json:1:3: the text ends here, expected a digit"},
	{"[1e+]", "f.json:1:5: found ']', expected a digit"},
	{"-", "f.json:1:2: the text ends here, expected a value"},
	{"true false", "f.json:1:6: found 'f', expected the end of the text"},
	{"\x01", "f.json:1:1: found byte 0x01, expected a value"},
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		AUTO(arena_release) struct arena a = {0};
		struct err err = {0};

		assert_null(json_read(&a, errors[i].text, strlen(errors[i].text), "f.json",
			NULL, NULL, &err));
		assert_int_equal(err.code, ERR_INPUT);
		if (!str_starts(err.text, errors[i].message))
			fail_msg("expected %s, found %s", errors[i].message, err.text);
	}
}

static void test_duplicates(void **state)
{
	static const char text[] = "{\"a\": 1,\n \"a\": 2}";
	const struct json_options options = {.duplicates_are_errors = true};
	AUTO(arena_release) struct arena a = {0};
	AUTO(diags_release) struct diags diags = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(value_dict_get(read_text(&a, text, NULL, &diags), "a")->integer, 2);
	assert_int_equal(diags.count, 0);
	assert_int_equal(
		value_dict_get(read_text(&a, text, &options, &diags), "a")->integer, 2);
	assert_int_equal(diags.errors, 1);
	assert_int_equal(diags.items[0].line, 2);
	assert_null(json_read(&a, text, strlen(text), "f.json", &options, NULL, &err));
	assert_non_null(strstr(err.text, "key a is given twice"));
}

static void test_strict_numbers(void **state)
{
	static const char *const bad[] = {"NaN", "Infinity", "-Infinity", "1e400"};
	const struct json_options options = {.strict_numbers = true};
	AUTO(arena_release) struct arena a = {0};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_null(json_read(&a, bad[i], strlen(bad[i]), NULL, &options, NULL, &err));
	assert_non_null(read_text(&a, "-1e3", &options, NULL));
}

static void test_number_texts(void **state)
{
	static const char text[] = "[0.820, 1.50E-3, -0, -0.0, 7, -7, 12345678901234567890123]";
	const struct json_options options = {.number_texts = true, .strict_numbers = true};
	AUTO(arena_release) struct arena a = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct value *v = read_text(&a, text, &options, NULL);

	(void)state;
	assert_int_equal(v->items[4]->kind, VALUE_INT);
	assert_int_equal(json_write(v, NULL, &out, NULL), 0);
	assert_string_equal(out.data, text);
	assert_null(json_read(&a, "1e400", 5, NULL, &options, NULL, NULL));
}

static void test_unsafe(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	const struct value *v =
		read_text(&a, "{\"k\": [\"x\"]}", &(struct json_options){.unsafe = true}, NULL);

	(void)state;
	assert_true(v->pairs[0].key->unsafe);
	assert_true(value_dict_get(v, "k")->items[0]->unsafe);
	assert_false(read_text(&a, "\"x\"", NULL, NULL)->unsafe);
}

static void test_byte_order_mark(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	const struct value *v = read_text(&a, "\xef\xbb\xbf[1]", NULL, NULL);

	(void)state;
	assert_place(&v->place, 1, 1);
}

static void assert_limit(const char *text, size_t len, const struct json_options *options)
{
	AUTO(arena_release) struct arena a = {0};
	struct err err = {0};

	assert_null(json_read(&a, text, len, "f.json", options, NULL, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_true(str_starts(err.text, "f.json:"));
}

static void test_limits(void **state)
{
	AUTO(strbuf_release) struct strbuf deep = STRBUF_INIT, digits = STRBUF_INIT;

	(void)state;
	for (int i = 0; i <= JSON_MAX_DEPTH; i++)
		strbuf_addch(&deep, '[');
	assert_limit(deep.data, deep.len, NULL);
	for (int i = 0; i < 5000; i++)
		strbuf_addch(&digits, '7');
	assert_limit(digits.data, digits.len, NULL);
	assert_limit("[1]", 3, &(struct json_options){.max_bytes = 2});
	assert_limit("[1]", 3, &(struct json_options){.max_depth = 1});
	assert_limit("[1]", 3, &(struct json_options){.max_nodes = 1});
}

/* What stands behind the length given is not looked at. */
static void test_length_counts(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(json_read(&a, "12345", 2, NULL, NULL, NULL, &err)->integer, 12);
	assert_null(json_read(&a, "true", 3, NULL, NULL, NULL, &err));
	assert_null(json_read(&a, "\"\\u0041\"", 5, NULL, NULL, NULL, &err));
}

static void test_file(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	struct err err = {0};
	const struct value *v = json_read_file(&a, "corpus/json/facts.json", NULL, NULL, &err);

	(void)state;
	assert_non_null(v);
	assert_string_equal(v->place.file, "corpus/json/facts.json");
	assert_null(json_read_file(&a, "corpus/none.json", NULL, NULL, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_strict_numbers),
		cmocka_unit_test(test_number_texts),
		cmocka_unit_test(test_unsafe),
		cmocka_unit_test(test_byte_order_mark),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_length_counts),
		cmocka_unit_test(test_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
