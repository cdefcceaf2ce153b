/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"

static void test_items_end_with_null(void **state)
{
	AUTO(strlist_release) struct strlist l = {0};

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		strlist_addf(&l, "item %zu", i);
		assert_int_equal(l.count, i + 1);
		assert_null(l.items[l.count]);
	}
	assert_string_equal(l.items[0], "item 0");
	assert_string_equal(l.items[99], "item 99");
}

static void test_items_are_copies(void **state)
{
	AUTO(strlist_release) struct strlist l = {0};
	char word[] = "before";

	(void)state;
	strlist_add(&l, word);
	word[0] = 'B';
	assert_string_equal(l.items[0], "before");
}

static void test_has(void **state)
{
	AUTO(strlist_release) struct strlist l = {0};

	(void)state;
	assert_false(strlist_has(&l, "a"));
	strlist_add(&l, "a");
	strlist_add(&l, "");
	assert_true(strlist_has(&l, "a"));
	assert_true(strlist_has(&l, ""));
	assert_false(strlist_has(&l, "A"));
}

static void test_sort_is_by_bytes(void **state)
{
	AUTO(strlist_release) struct strlist l = {0};

	(void)state;
	strlist_sort(&l);
	strlist_add(&l, "b");
	strlist_add(&l, "\xc3\xa9");
	strlist_add(&l, "B");
	strlist_add(&l, "a10");
	strlist_add(&l, "a2");
	strlist_sort(&l);
	assert_string_equal(l.items[0], "B");
	assert_string_equal(l.items[1], "a10");
	assert_string_equal(l.items[2], "a2");
	assert_string_equal(l.items[3], "b");
	assert_string_equal(l.items[4], "\xc3\xa9");
}

static void test_split(void **state)
{
	static const struct {
		const char *text, *separators, *joined;
	} cases[] = {
		{"", ",", ""},
		{"a", ",", "a"},
		{"a,b", ",", "a|b"},
		{" a , b\t,\nc ", ",", "a|b|c"},
		{",,a,,", ",", "a"},
		{" , ", ",", ""},
		{"a b", ",", "a b"},
		{"a:b,c", ",:", "a|b|c"},
		{"a b", " ", "a|b"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(strlist_release) struct strlist l = {0};
		AUTO(strbuf_release) struct strbuf joined = STRBUF_INIT;
		strlist_split(&l, cases[i].text, cases[i].separators);
		for (size_t k = 0; k < l.count; k++)
			strbuf_addf(&joined, "%s%s", k ? "|" : "", l.items[k]);
		assert_string_equal(joined.data, cases[i].joined);
	}
}

static void test_split_appends(void **state)
{
	AUTO(strlist_release) struct strlist l = {0};

	(void)state;
	strlist_add(&l, "first");
	strlist_split(&l, "second,third", ",");
	assert_int_equal(l.count, 3);
	assert_string_equal(l.items[2], "third");
}

static void test_release_leaves_a_usable_list(void **state)
{
	AUTO(strlist_release) struct strlist l = {0};

	(void)state;
	strlist_add(&l, "a");
	strlist_release(&l);
	assert_int_equal(l.count, 0);
	strlist_add(&l, "b");
	assert_string_equal(l.items[0], "b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items_end_with_null),
		cmocka_unit_test(test_items_are_copies),
		cmocka_unit_test(test_has),
		cmocka_unit_test(test_sort_is_by_bytes),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_split_appends),
		cmocka_unit_test(test_release_leaves_a_usable_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
