/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "text/glob.h"

static const struct {
	const char *pattern;
	const char *path;
	bool is_dir;
	bool expected;
} cases[] = {
	/* Without a slash: the last component, at any depth. */
	{"*.log", "a.log", false, true},
	{"*.log", "x/y/a.log", false, true},
	{"*.log", "a.log.gz", false, false},
	{"labels.txt", "sub/labels.txt", false, true},
	{"labels.txt", "labels.txt.old", false, false},
	/* With one: the whole path. */
	{"a/*.log", "a/x.log", false, true},
	{"a/*.log", "b/a/x.log", false, false},
	{"a/*.log", "a/b/x.log", false, false},
	{"/labels.txt", "labels.txt", false, true},
	{"/labels.txt", "sub/labels.txt", false, false},
	{"a/?", "a/b", false, true},
	{"a?b", "a/b", false, false},
	{"a[/]b", "a/b", false, false},
	{"a[!x]b", "a/b", false, false},
	/* Two stars. */
	{"**/x", "x", false, true},
	{"**/x", "a/b/x", false, true},
	{"**/x", "a/b/xy", false, false},
	{"a/**", "a/b", false, true},
	{"a/**", "a/b/c", false, true},
	{"a/**", "a", true, false},
	{"a/**", "b/a/c", false, false},
	{"a/**/z", "a/z", false, true},
	{"a/**/z", "a/b/c/z", false, true},
	{"a/**/z", "a/b/c/zz", false, false},
	{"a/**/b/**/c", "a/x/b/y/b/c", false, true},
	{"a/**/b/**/c", "a/x/b/y/d", false, false},
	{"a/**/*.txt", "a/b/c.txt", false, true},
	{"**", "a", false, true},
	{"**", "a/b/c", false, true},
	{"**/*.txt", "c.txt", false, true},
	/* A directory covers what is below it. */
	{"cache", "cache", true, true},
	{"cache", "cache/a/b", false, true},
	{"cache", "x/cache/a", false, true},
	{"cache/", "cache/a", false, true},
	{"cache/", "cache", true, true},
	{"cache/", "cache", false, false},
	{"/cache/", "cache/a", false, true},
	{"/cache/", "x/cache/a", false, false},
	{"a/b", "a/b/c/d", false, true},
	{"a/b", "a/bc", false, false},
	/* Names of any bytes. */
	{"*.bin", "\xff\xfe.bin", false, true},
	{"?.bin", "\xff.bin", false, true},
	{"?", "\xc3\xa4", false, true},
	{"*", "new\nline", false, true},
};

static void test_path_match(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (glob_path_match(cases[i].pattern, cases[i].path, cases[i].is_dir) !=
			cases[i].expected)
			fail_msg("%s against %s: expected %d", cases[i].pattern, cases[i].path,
				cases[i].expected);
}

static void test_check(void **state)
{
	static const char *const good[] = {"*.log", "a/b", "/a", "a/", "**", "a/**/b", "[a]",
		"[]]", "[!]]x", "...", "a]", "[[]"};
	static const char *const bad[] = {"", "/", "a//b", "./a", "a/..", "../x", "a**",
		"**a/b", "[a", "[]", "[!]", "a/[b/c]", "x[a]y["};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (glob_path_check(good[i], &err) < 0)
			fail_msg("%s: %s", good[i], err.text);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (glob_path_check(bad[i], &err) == 0)
			fail_msg("%s was accepted", bad[i]);
		assert_int_equal(err.code, ERR_INPUT);
	}
}

static void test_check_length(void **state)
{
	autofree char *pattern = xmalloc(GLOB_MAX_PATTERN + 2);
	struct err err = {0};

	(void)state;
	memset(pattern, 'a', GLOB_MAX_PATTERN + 1);
	pattern[GLOB_MAX_PATTERN + 1] = '\0';
	assert_int_equal(glob_path_check(pattern, &err), -1);
	assert_int_equal(glob_path_check(pattern + 1, &err), 0);
}

static void test_is_pattern(void **state)
{
	(void)state;
	assert_true(glob_is_pattern("a*"));
	assert_true(glob_is_pattern("a?b"));
	assert_true(glob_is_pattern("[ab]"));
	assert_false(glob_is_pattern("a.b-c]"));
}

/* Many stars over a long text: steps grow with the product, not with a power. */
static void test_stars_are_cheap(void **state)
{
	AUTO(strbuf_release) struct strbuf pattern = STRBUF_INIT, text = STRBUF_INIT;

	(void)state;
	for (int i = 0; i < 500; i++)
		strbuf_addstr(&pattern, "*a");
	strbuf_addch(&pattern, 'b');
	for (int i = 0; i < 20000; i++)
		strbuf_addch(&text, 'a');
	assert_false(glob_match(pattern.data, text.data));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_match),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_length),
		cmocka_unit_test(test_is_pattern),
		cmocka_unit_test(test_stars_are_cheap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
