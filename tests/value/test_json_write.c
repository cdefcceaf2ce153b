/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as we write it against Python's json, in the ways of expect.py; then what Python's
 * json does not know: vaults, unsafe text, dates, limits.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "value/corpus.h"
#include "value/json.h"
#include "value/typed.h"
#include "value/yaml.h"

/* JSON_WAYS of expect.py, in its order. */
static const struct json_write_options ways[] = {
	{.ascii = true},
	{0},
	{.indent = 4, .sort_keys = true, .ascii = true},
	{.empty_indent = true, .ascii = true},
	{.compact = true, .ascii = true},
};

static void answer(const char *text, size_t len, struct strbuf *out)
{
	AUTO(arena_release) struct arena a = {0};
	struct err err = {0};
	const struct value *v = json_read(&a, text, len, NULL, NULL, NULL, &err);

	assert_non_null(v);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		AUTO(strbuf_release) struct strbuf written = STRBUF_INIT;

		if (json_write(v, &ways[i], &written, &err) < 0)
			fail_msg("%s", err.text);
		strbuf_addstr(out, i ? " " : "");
		typed_add_text(out, &written);
	}
}

static void test_frozen(void **state)
{
	(void)state;
	corpus_check_frozen("to_json", answer);
}

static void test_live(void **state)
{
	(void)state;
	corpus_check_live("to_json", answer);
}

/* Writes a value that is given as YAML. */
static int write(const char *yaml, const struct json_write_options *options, struct strbuf *out,
	struct err *err)
{
	AUTO(arena_release) struct arena a = {0};
	const struct value *v = yaml_read(&a, yaml, strlen(yaml), NULL, NULL, NULL, err);

	assert_non_null(v);
	*err = (struct err){0};
	strbuf_clear(out);
	return json_write(v, options, out, err);
}

static void test_other_kinds(void **state)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(write("{d: 2026-02-25, t: 2026-02-25 01:02:03Z, b: !!binary aGk=, "
			       "p: !!pairs [a: 1]}",
				 NULL, &out, &err),
		0);
	assert_string_equal(out.data,
		"{\"d\": \"2026-02-25\", \"t\": \"2026-02-25T01:02:03+00:00\", "
		"\"b\": \"hi\", \"p\": [[\"a\", 1]]}");
}

static void test_keys(void **state)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(
		write("{1: a, 1.5: b, false: c, ~: d, 99999999999999999999: e, .inf: f}", NULL,
			&out, &err),
		0);
	assert_string_equal(out.data,
		"{\"1\": \"a\", \"1.5\": \"b\", \"false\": \"c\", \"null\": \"d\", "
		"\"99999999999999999999\": \"e\", \"Infinity\": \"f\"}");
	assert_int_equal(write("{2026-02-25: a}", NULL, &out, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, "a date cannot be a key"));
}

static void test_unsortable_keys(void **state)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(write("{1: a, b: c}", &(struct json_write_options){.sort_keys = true},
				 &out, &err),
		-1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(write("{2: a, 1.5: c, true: d}",
				 &(struct json_write_options){.sort_keys = true}, &out, &err),
		0);
	assert_string_equal(out.data, "{\"true\": \"d\", \"1.5\": \"c\", \"2\": \"a\"}");
}

static void test_marks(void **state)
{
	const struct json_write_options marked = {.mark_vault = true, .mark_unsafe = true};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(
		write("[!vault \"x\\ny\", !unsafe '{{ a }}', b]", &marked, &out, &err), 0);
	assert_string_equal(out.data, "[{\"__ansible_vault\": \"x\\ny\"}, "
				      "{\"__ansible_unsafe\": \"{{ a }}\"}, \"b\"]");
	assert_int_equal(write("[!unsafe a]", NULL, &out, &err), 0);
	assert_string_equal(out.data, "[\"a\"]");
	assert_int_equal(write("[!vault x]", NULL, &out, &err), -1);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
}

static void test_strict_numbers(void **state)
{
	const struct json_write_options strict = {.compact = true, .strict_numbers = true};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(write("{a: [1, 2.5]}", &strict, &out, &err), 0);
	assert_string_equal(out.data, "{\"a\":[1,2.5]}");
	assert_int_equal(write("[.nan]", &strict, &out, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
}

static void test_limits(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct value object = {.kind = VALUE_OBJECT};
	struct value *loop = value_new_list(&a);
	struct err err = {0};

	(void)state;
	value_list_add(&a, loop, loop);
	assert_int_equal(json_write(loop, NULL, &out, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(json_write(&object, NULL, &out, &err), -1);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
}

static void test_bytes_that_are_not_utf8(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(
		json_write(value_new_text(&a, VALUE_BYTES, "a\xff", 2), NULL, &out, &err), 0);
	assert_string_equal(out.data, "\"a\xef\xbf\xbd\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_unsortable_keys),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_strict_numbers),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_bytes_that_are_not_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
