/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results as YAML: what a block of lines can hold of a text. What is expected was printed by
 * ansible-playbook 2.14; output.py compares whole runs.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/play_text.h"
#include "value/json.h"

static void expect(const struct show *s, const char *json, const char *lines)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct value *result =
		json_read(&arena, json, strlen(json), NULL, NULL, NULL, NULL);

	assert_non_null(result);
	play_dump_yaml(s, result, &out);
	assert_string_equal(out.data, lines);
}

static const struct show below = {.results = RESULTS_YAML};
static const struct show exact = {.results = RESULTS_YAML, .plain = true};
static const struct show headed = {.results = RESULTS_HEADED};

static void test_members_stand_below(void **state)
{
	(void)state;
	expect(&below, "{\"msg\": \"x\", \"changed\": false}",
		"\n    changed: false\n    msg: x");
	expect(&below, "{}", "\n    {}");
}

static void test_changed_stands_in_front(void **state)
{
	(void)state;
	expect(&headed, "{\"msg\": \"x\", \"changed\": false}", "changed=false \n  msg: x");
	expect(&headed, "{\"changed\": true}", "changed=true");
	expect(&headed, "{\"msg\": \"x\"}", "\n  msg: x");
	expect(&headed, "{}", "");
}

static void test_lines_beside_their_text_are_left_out(void **state)
{
	(void)state;
	expect(&below, "{\"stdout\": \"a\", \"stdout_lines\": [\"a\"]}",
		"\n    stdout: a\n    stdout_lines: <omitted>");
	expect(&below, "{\"stderr_lines\": [\"a\"]}", "\n    stderr_lines:\n    - a");
	expect(&exact, "{\"stdout\": \"a\", \"stdout_lines\": [\"a\"]}",
		"\n    stdout: a\n    stdout_lines:\n    - a");
}

static void test_blocks_lose_what_they_cannot_hold(void **state)
{
	(void)state;
	expect(&below, "{\"m\": \"a \\n\\tb\\u0001\\nab\\tc\\n\\n\"}",
		"\n    m: |-\n        a\n                b\n        ab      c");
	expect(&below, "{\"m\": \"a\\r\\nb\"}", "\n    m: |-\n        a\n        b");
	expect(&below, "{\"m\": \"\\ufeffa\\nb\"}", "\n    m: |-\n        a\n        b");
	expect(&headed, "{\"m\": \"a\\r\\n\\nb \\n\"}", "\n  m: |-\n    a\n  \n    b");
	expect(&headed, "{\"m\": \"a\\rb\"}", "\n  m: |-\n    ab");
}

/* A text of nothing but lines has none that a block could hold. */
static void test_only_white_space(void **state)
{
	(void)state;
	expect(&below, "{\"m\": \"\\n \\n\"}", "\n    m: \"\"");
	expect(&headed, "{\"m\": \" \\n\"}", "\n  m: \"\"");
}

static void test_exact_texts_lose_nothing(void **state)
{
	(void)state;
	expect(&exact, "{\"m\": \"a\\nb\\n\"}", "\n    m: |\n      a\n      b");
	expect(&exact, "{\"m\": \"a \\nb\"}", "\n    m: \"a \\nb\"");
}

static void test_differences_of_mappings(void **state)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	static const char diff[] = "[{\"before\": {\"state\": \"absent\"}, \"after\": "
				   "{\"state\": \"file\"}}, {\"prepared\": \"done\\n\"}]";
	const struct value *v = json_read(&arena, diff, strlen(diff), NULL, NULL, NULL, NULL);

	(void)state;
	play_dump_diff(&headed, v, &out);
	assert_string_equal(out.data,
		"--- before\n+++ after\n@@ -1 +1 @@\n-state: absent\n+state: file\n\ndone\n");
	strbuf_clear(&out);
	play_dump_diff(&headed, NULL, &out);
	assert_string_equal(out.data, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_stand_below),
		cmocka_unit_test(test_changed_stands_in_front),
		cmocka_unit_test(test_lines_beside_their_text_are_left_out),
		cmocka_unit_test(test_blocks_lose_what_they_cannot_hold),
		cmocka_unit_test(test_only_white_space),
		cmocka_unit_test(test_exact_texts_lose_nothing),
		cmocka_unit_test(test_differences_of_mappings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
