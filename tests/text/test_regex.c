/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the cases against Python do not show: places of errors, limits, names, the cache.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "text/regex.h"

static struct regex *compile(const char *pattern, unsigned flags)
{
	struct err err = {0};
	struct regex *re = regex_compile(pattern, strlen(pattern), flags, &err);

	if (!re)
		fail_msg("%s: %s", pattern, err.text);
	return re;
}

static void assert_refused(const char *pattern, const char *part)
{
	struct err err = {0};

	assert_null(regex_compile(pattern, strlen(pattern), 0, &err));
	assert_int_equal(err.code, ERR_INPUT);
	if (!strstr(err.text, part))
		fail_msg("%s: \"%s\" lacks \"%s\"", pattern, err.text, part);
}

static void test_errors_have_offsets(void **state)
{
	(void)state;
	assert_refused("ab**", "multiple repeat at offset 3");
	assert_refused("ab\\q", "bad escape \\q at offset 2");
	assert_refused("ab[c", "unterminated character set at offset 2");
	assert_refused("a|*", "nothing to repeat at offset 2");
	assert_refused("a(b", "missing ), unterminated subpattern at offset 3");
	assert_refused("a)b", "unbalanced parenthesis at offset 1");
	assert_refused("(?P<a>x)(?P<a>y)", "redefinition of a group's name at offset 8");
	assert_refused("a\\", "bad escape (end of pattern) at offset 1");
}

/* PCRE2 finds this one; its offset lies in the translated pattern, which is longer. */
static void test_offsets_are_the_writers(void **state)
{
	(void)state;
	assert_refused("!!!!(?<=a+)b", "at offset 4");
}

static void test_names(void **state)
{
	AUTO(regex_cleanup) struct regex *re = compile("(x)(?P<year>\\d+)-(?P<m_1>\\d+)", 0);

	(void)state;
	assert_int_equal(regex_group_count(re), 3);
	assert_int_equal(regex_group_number(re, "year"), 2);
	assert_int_equal(regex_group_number(re, "m_1"), 3);
	assert_int_equal(regex_group_number(re, "y"), -1);
	assert_null(regex_group_name(re, 1));
	assert_string_equal(regex_group_name(re, 2), "year");
	assert_null(regex_group_name(re, 4));
}

static void test_start_keeps_the_anchor(void **state)
{
	AUTO(regex_cleanup) struct regex *anchored = compile("^a", 0);
	AUTO(regex_cleanup) struct regex *plain = compile("a", 0);
	struct regex_result result;
	struct err err = {0};

	(void)state;
	assert_int_equal(regex_exec(anchored, REGEX_SEARCH, "aa", 2, 1, &result, &err), 0);
	assert_int_equal(regex_exec(plain, REGEX_MATCH, "aa", 2, 1, &result, &err), 1);
	assert_int_equal(result.spans[0].start, 1);
	assert_int_equal(regex_exec(plain, REGEX_SEARCH, "aa", 2, 3, &result, &err), 0);
}

static void test_hostile_pattern_stops(void **state)
{
	AUTO(regex_cleanup) struct regex *re = compile("(a|aa)+$", 0);
	char text[200];
	struct err err = {0};

	(void)state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = 'b';
	assert_int_equal(regex_exec(re, REGEX_MATCH, text, sizeof(text), 0, NULL, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_non_null(strstr(err.text, "too many steps"));
}

static void test_limits_of_patterns(void **state)
{
	AUTO(strbuf_release) struct strbuf pattern = STRBUF_INIT;
	struct err err = {0};

	(void)state;
	for (unsigned i = 0; i <= REGEX_MAX_GROUPS; i++)
		strbuf_addstr(&pattern, "()");
	assert_null(regex_compile(pattern.data, pattern.len, 0, &err));
	strbuf_clear(&pattern);
	for (int i = 0; i < 300; i++)
		strbuf_addstr(&pattern, "(?:");
	assert_null(regex_compile(pattern.data, pattern.len, 0, &err));
	strbuf_clear(&pattern);
	strbuf_reserve(&pattern, REGEX_MAX_PATTERN + 1);
	for (unsigned i = 0; i <= REGEX_MAX_PATTERN; i++)
		strbuf_addch(&pattern, 'a');
	assert_null(regex_compile(pattern.data, pattern.len, 0, &err));
	assert_int_equal(err.code, ERR_LIMIT);
}

static void test_output_has_a_limit(void **state)
{
	AUTO(regex_cleanup) struct regex *re = compile("(?s)(.*)\\Z", 0);
	AUTO(strbuf_release)
	struct strbuf text = STRBUF_INIT, replacement = STRBUF_INIT, out = STRBUF_INIT;
	struct err err = {0};

	(void)state;
	for (int i = 0; i < 1 << 20; i++)
		strbuf_addch(&text, 'x');
	for (int i = 0; i < 70; i++)
		strbuf_addstr(&replacement, "\\1");
	assert_int_equal(regex_sub(re, text.data, text.len, replacement.data, replacement.len,
				 0, &out, &err),
		-1);
	assert_int_equal(err.code, ERR_LIMIT);
}

static void test_iteration_has_a_deadline(void **state)
{
	AUTO(regex_cleanup) struct regex *re = compile("a", 0);
	struct regex_iter it = {.re = re, .text = "aa", .len = 2, .until = clock_ns() - 1};
	struct regex_result result;
	struct err err = {0};

	(void)state;
	assert_int_equal(regex_next(&it, &result, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

static void test_nul_and_bad_utf8(void **state)
{
	AUTO(regex_cleanup) struct regex *nul = compile("\\x00b", 0);
	AUTO(regex_cleanup) struct regex *any = compile("b", 0);
	struct regex_result result;
	struct err err = {0};

	(void)state;
	assert_int_equal(regex_exec(nul, REGEX_SEARCH, "a\0b", 3, 0, &result, &err), 1);
	assert_int_equal(result.spans[0].start, 1);
	assert_int_equal(regex_exec(any, REGEX_SEARCH,
				 "\xff\xfe"
				 "b",
				 3, 0, &result, &err),
		1);
	assert_int_equal(result.spans[0].start, 2);
}

static void test_expand(void **state)
{
	AUTO(regex_cleanup) struct regex *re = compile("(?P<k>\\w+)=(\\w+)?", 0);
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct regex_result result;
	struct err err = {0};
	static const char text[] = "a=1 b=";

	(void)state;
	assert_int_equal(regex_exec(re, REGEX_SEARCH, text, 6, 4, &result, &err), 1);
	assert_int_equal(regex_expand(re, text, &result, "\\g<k>:\\2;", 9, &out, &err), 0);
	assert_string_equal(out.data, "b:;");
	assert_int_equal(regex_expand(re, text, &result, "\\3", 2, &out, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, "offset 0"));
}

static void test_cache(void **state)
{
	AUTO(regex_cache_release) struct regex_cache cache = {0};
	struct err err = {0};
	const struct regex *first = regex_cache_get(&cache, "a", 1, 0, &err);

	(void)state;
	assert_non_null(first);
	assert_ptr_equal(regex_cache_get(&cache, "a", 1, 0, &err), first);
	assert_ptr_not_equal(regex_cache_get(&cache, "a", 1, REGEX_IGNORECASE, &err), first);
	assert_null(regex_cache_get(&cache, "(", 1, 0, &err));
	assert_int_equal(cache.count, 2);
	for (int i = 0; i < REGEX_CACHE_MAX; i++) {
		char pattern[16];
		int n = snprintf(pattern, sizeof(pattern), "x%d", i);

		assert_non_null(regex_cache_get(&cache, pattern, (size_t)n, 0, &err));
	}
	assert_true(cache.count <= REGEX_CACHE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors_have_offsets),
		cmocka_unit_test(test_offsets_are_the_writers),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_start_keeps_the_anchor),
		cmocka_unit_test(test_hostile_pattern_stops),
		cmocka_unit_test(test_limits_of_patterns),
		cmocka_unit_test(test_output_has_a_limit),
		cmocka_unit_test(test_iteration_has_a_deadline),
		cmocka_unit_test(test_nul_and_bad_utf8),
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_cache),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
