/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "value/sort.h"
#include "value/typed.h"
#include "value/value.h"
#include "value/yaml.h"

static int setup(void **state)
{
	*state = xcalloc(1, sizeof(struct arena));
	return 0;
}

static int teardown(void **state)
{
	arena_release(*state);
	free(*state);
	return 0;
}

/* A value written as YAML. */
static const struct value *make(struct arena *a, const char *yaml)
{
	struct err err = {0};
	const struct value *v = yaml_read(a, yaml, strlen(yaml), NULL, NULL, NULL, &err);

	if (!v)
		fail_msg("%s", err.text);
	return v;
}

static void assert_typed(const struct value *v, const char *expected)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	typed_add(&out, v);
	assert_string_equal(out.data, expected);
}

static void test_list_grows(void **state)
{
	struct value *list = value_new_list(*state);

	for (int i = 0; i < 100; i++)
		value_list_add(*state, list, value_new_int(*state, i));
	assert_int_equal(list->count, 100);
	size_t seen = 0;
	value_list_foreach (item, list)
		assert_int_equal(item->integer, seen++);
	assert_int_equal(seen, 100);
}

static void test_string_is_copied_and_ended(void **state)
{
	char text[] = "ab\0cd";
	struct value *v = value_new_stringn(*state, text, 5);

	text[0] = 'x';
	assert_memory_equal(v->text, "ab\0cd\0", 6);
	assert_int_equal(v->len, 5);
	assert_string_equal(value_new_stringf(*state, "%d-%s", 7, "x")->text, "7-x");
}

static void test_dict_keeps_order(void **state)
{
	struct value *dict = value_new_dict(*state);

	value_dict_set(*state, dict, "b", &value_true);
	value_dict_set(*state, dict, "a", &value_true);
	value_dict_set(*state, dict, "b", &value_false);
	assert_typed(dict, "{s:\"b\" = false, s:\"a\" = true}");
}

/* Below and beyond the size at which the index begins. */
static void test_dict_of_any_size(void **state)
{
	struct value *dict = value_new_dict(*state);

	for (int i = 0; i < 1000; i++) {
		char key[16];

		snprintf(key, sizeof(key), "key%d", i);
		assert_null(value_dict_get(dict, key));
		value_dict_set(*state, dict, key, value_new_int(*state, i));
		for (int j = 0; j <= i; j += i < 20 ? 1 : 97) {
			snprintf(key, sizeof(key), "key%d", j);
			assert_int_equal(value_dict_get(dict, key)->integer, j);
		}
	}
	assert_int_equal(dict->pair_count, 1000);
	value_dict_set(*state, dict, "key500", &value_true);
	assert_int_equal(dict->pair_count, 1000);
	assert_ptr_equal(dict->pairs[500].value, &value_true);
}

static void test_dict_remove(void **state)
{
	struct value *dict = value_new_dict(*state);

	for (int i = 0; i < 20; i++)
		value_dict_set_value(*state, dict, value_new_int(*state, i), &value_null);
	for (int i = 0; i < 20; i += 2)
		assert_true(value_dict_remove(*state, dict, value_new_int(*state, i)));
	assert_false(value_dict_remove(*state, dict, value_new_int(*state, 4)));
	assert_int_equal(dict->pair_count, 10);
	for (int i = 0; i < 20; i++)
		assert_int_equal(
			value_dict_find(dict, value_new_int(*state, i)) != NULL, i % 2);
}

static void test_get_of_no_dict(void **state)
{
	(void)state;
	assert_null(value_dict_get(NULL, "a"));
	assert_null(value_dict_get(&value_true, "a"));
	assert_null(value_dict_pair(&value_null, "a"));
	assert_null(value_dict_find(NULL, &value_true));
}

static void test_numbers_are_one_key(void **state)
{
	struct value *dict = value_new_dict(*state);

	value_dict_set_value(*state, dict, value_new_int(*state, 1), value_new_int(*state, 10));
	value_dict_set_value(
		*state, dict, value_new_float(*state, 1), value_new_int(*state, 11));
	value_dict_set_value(*state, dict, &value_true, value_new_int(*state, 12));
	assert_typed(dict, "{i:1 = i:12}");
	value_dict_set_value(*state, dict, value_new_float(*state, -0.0), &value_null);
	assert_non_null(value_dict_get_value(dict, &value_false));
}

static const struct {
	const char *a, *b;
	bool equal;
} equalities[] = {
	{"1", "1.0", true},
	{"1", "true", true},
	{"0", "false", true},
	{"1", "'1'", false},
	{"0", "~", false},
	{"''", "~", false},
	{"9007199254740993", "9007199254740992.0", false},
	{"9223372036854775807", "9.223372036854775807e+18", false},
	{"9223372036854775808", "9.223372036854775808e+18", true},
	{"100000000000000000000", "1.0e+20", true},
	{"100000000000000000001", "1.0e+20", false},
	{"100000000000000000000", "100000000000000000000", true},
	{"-100000000000000000000", "100000000000000000000", false},
	{"1.5", "1", false},
	{".inf", "100000000000000000000", false},
	{".nan", ".nan", false},
	{"[1, a]", "[1.0, a]", true},
	{"[1]", "[1, 2]", false},
	{"{a: 1, b: 2}", "{b: 2, a: 1}", true},
	{"{a: 1}", "{a: 2}", false},
	{"{a: 1}", "{b: 1}", false},
	{"{a: ~}", "{}", false},
	{"2026-02-25", "'2026-02-25'", false},
	{"2026-02-25", "2026-02-25", true},
	{"!!binary aGk=", "hi", false},
	{"!!pairs [a: 1]", "[[a, 1]]", false},
	{"!!pairs [a: 1]", "!!pairs [a: 1]", true},
	{"\"a\\0b\"", "\"a\\0c\"", false},
};

static void test_equality(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(equalities); i++) {
		const struct value *a = make(*state, equalities[i].a);
		const struct value *b = make(*state, equalities[i].b);

		if (value_equal(a, b) != equalities[i].equal ||
			value_equal(b, a) != equalities[i].equal)
			fail_msg("%s and %s", equalities[i].a, equalities[i].b);
		if (equalities[i].equal && value_hashable(a))
			assert_true(value_hash(a) == value_hash(b));
	}
}

/* As Python: [nan] == [nan] when it is the same nan. */
static void test_identity_in_lists(void **state)
{
	struct value *nan_value = value_new_float(*state, NAN);
	struct value *a = value_new_list(*state), *b = value_new_list(*state);

	value_list_add(*state, a, nan_value);
	value_list_add(*state, b, nan_value);
	assert_true(value_equal(a, b));
	assert_false(value_equal(nan_value, nan_value));
}

static void test_hashable(void **state)
{
	struct value *tuple = value_new_tuple(*state), *bad = value_new_tuple(*state);

	value_list_add(*state, tuple, &value_true);
	value_list_add(*state, bad, value_new_list(*state));
	assert_true(value_hashable(tuple));
	assert_false(value_hashable(bad));
	assert_false(value_hashable(make(*state, "{}")));
	assert_false(value_hashable(make(*state, "!vault x")));
	assert_true(value_hashable(make(*state, "2026-02-25")));
}

static void test_truth(void **state)
{
	static const char *const yes[] = {"1", "-1", "0.1", "a", "' '", "[0]", "{a: ~}", "true",
		"2026-02-25", "100000000000000000000", "!!binary aGk="};
	static const char *const no[] = {
		"0", "0.0", "''", "[]", "{}", "~", "false", "!!binary ''"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		if (!value_truthy(make(*state, yes[i])))
			fail_msg("%s is false", yes[i]);
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (value_truthy(make(*state, no[i])))
			fail_msg("%s is true", no[i]);
}

static void test_kind_names(void **state)
{
	assert_string_equal(value_kind_name(make(*state, "{}")), "a mapping");
	assert_string_equal(value_kind_name(make(*state, "[]")), "a list");
	assert_string_equal(value_kind_name(make(*state, "2026-02-25")), "a date");
	assert_string_equal(value_kind_name(&value_null), "null");
	assert_string_equal(value_text(make(*state, "abc")), "abc");
	assert_null(value_text(make(*state, "1")));
	assert_null(value_text(NULL));
	assert_ptr_equal(value_bool(true), &value_true);
}

static void test_copy_is_deep(void **state)
{
	static const char text[] = "{a: [1, x, {b: 2026-02-25}], 99999999999999999999: !unsafe "
				   "y, z: [!!pairs [k: v]]}";
	struct arena source = {0};
	struct err err = {0};
	const struct value *v =
		yaml_read(&source, text, strlen(text), "file.yaml", NULL, NULL, &err);

	assert_non_null(v);
	const struct value *copy = value_copy(*state, v);
	assert_true(value_equal(copy, v));
	arena_release(&source);
	assert_typed(copy,
		"{s:\"a\" = [i:1, s:\"x\", {s:\"b\" = d:2026-02-25}], "
		"i:99999999999999999999 = u:\"y\", s:\"z\" = [[(s:\"k\", s:\"v\")]]}");
	const struct value *list = value_dict_get(copy, "a");
	assert_string_equal(list->items[1]->place.file, "file.yaml");
	assert_ptr_equal(list->items[1]->place.file, list->items[0]->place.file);
	assert_int_equal(list->items[1]->place.column, 9);
	assert_false(list->items[1]->unsafe);
}

static void test_copy_of_a_large_dict(void **state)
{
	struct value *dict = value_new_dict(*state);

	for (int i = 0; i < 50; i++)
		value_dict_set_value(*state, dict, value_new_int(*state, i), &value_null);
	struct value *copy = value_copy(*state, dict);
	value_dict_set(*state, copy, "more", &value_true);
	assert_non_null(value_dict_get_value(copy, value_new_int(*state, 49)));
	assert_int_equal(copy->pair_count, 51);
	assert_int_equal(dict->pair_count, 50);
	assert_null(value_dict_get(dict, "more"));
}

static void test_copy_unsafe(void **state)
{
	const struct value *v = make(*state, "{k: [a, 1, {b: c}]}");
	const struct value *copy = value_copy_unsafe(*state, v);
	const struct value *list = value_dict_get(copy, "k");

	assert_true(copy->pairs[0].key->unsafe);
	assert_true(list->items[0]->unsafe);
	assert_false(list->items[1]->unsafe);
	assert_true(value_dict_get(list->items[2], "b")->unsafe);
	assert_false(value_dict_get(v, "k")->items[0]->unsafe);
}

static const struct {
	const char *low, *high;
} orders[] = {
	{"1", "2"},
	{"-1", "0"},
	{"1", "1.5"},
	{"1.5", "2"},
	{"-1.5", "-1"},
	{"-0.5", "0"},
	{"false", "true"},
	{"true", "2"},
	{"9223372036854775807", "9223372036854775808"},
	{"-9223372036854775809", "-9223372036854775808"},
	{"99999999999999999999", "1.0e+20"},
	{"1.0e+20", "100000000000000000001"},
	{"100000000000000000000", ".inf"},
	{"-.inf", "0"},
	{"'10'", "'9'"},
	{"'a'", "'ab'"},
	{"'Z'", "'a'"},
	{"'z'", "'\xc3\xa4'"},
	{"''", "'a'"},
	{"2025-12-31", "2026-01-01"},
	{"[1, 2]", "[1, 3]"},
	{"[1]", "[1, 0]"},
	{"[a, 1]", "[b, ~]"},
};

static void test_order(void **state)
{
	int order;

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		const struct value *low = make(*state, orders[i].low);
		const struct value *high = make(*state, orders[i].high);

		if (!value_compare(low, high, &order) || order >= 0)
			fail_msg("%s < %s", orders[i].low, orders[i].high);
		if (!value_compare(high, low, &order) || order <= 0)
			fail_msg("%s > %s", orders[i].high, orders[i].low);
		assert_true(value_compare(low, low, &order) && order == 0);
	}
}

static void test_no_order(void **state)
{
	static const char *const pairs[][2] = {{"1", "a"}, {"~", "~"}, {"{}", "{}"},
		{"[a]", "[1]"}, {"2026-02-25", "a"}, {"[1]", "!!pairs [a: 1]"}};
	int order;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		assert_false(value_compare(
			make(*state, pairs[i][0]), make(*state, pairs[i][1]), &order));
}

static void test_sorted_pairs(void **state)
{
	struct value *dict = value_new_dict(*state);
	struct err err = {0};

	for (int i = 0; i < 100; i++)
		value_dict_set_value(
			*state, dict, value_new_int(*state, i * 37 % 100), &value_null);
	autofree struct value_pair *sorted = value_sorted_pairs(dict, &err);
	for (int i = 0; i < 100; i++)
		assert_int_equal(sorted[i].key->integer, i);
	assert_int_equal(dict->pairs[1].key->integer, 37);
	assert_null(value_sorted_pairs(make(*state, "{a: 1, 1: 2}"), &err));
	assert_int_equal(err.code, ERR_INPUT);
	autofree struct value_pair *none = value_sorted_pairs(make(*state, "{}"), &err);
	assert_non_null(none);
}

/* Keys are sorted by their last digit only, so that equal ones show their order. */
static int compare_last_digit(
	void *data, const struct value *a, const struct value *b, int *order)
{
	(void)data;
	if (a->kind != VALUE_INT || b->kind != VALUE_INT)
		return -1;
	*order = (int)(a->integer % 10 - b->integer % 10);
	return 0;
}

static void test_sort_is_stable(void **state)
{
	struct value_pair pairs[60], spare[60];

	for (int backwards = 0; backwards < 2; backwards++) {
		for (int i = 0; i < 60; i++)
			pairs[i] = (struct value_pair){.key = value_new_int(*state, i)};
		assert_int_equal(
			value_sort_pairs(pairs, spare, 60, backwards, compare_last_digit, NULL),
			0);
		for (int i = 0; i < 60; i++) {
			int digit = backwards ? 9 - i / 6 : i / 6;
			assert_int_equal(pairs[i].key->integer, i % 6 * 10 + digit);
		}
	}
	pairs[30].key = &value_null;
	assert_int_equal(
		value_sort_pairs(pairs, spare, 60, false, compare_last_digit, NULL), -1);
	assert_int_equal(value_sort_pairs(pairs, spare, 0, false, compare_last_digit, NULL), 0);
}

/* A prepared key finds what the plain one finds, in dicts with and without an index. */
static void test_seek(void **state)
{
	struct value *dict = value_new_dict(*state);
	char name[64];

	for (int i = 0; i < 40; i++) {
		int n = snprintf(name, sizeof(name), "%.*s%d", i,
			"a long name of which more and more is taken", i);
		const struct value_key key = value_key(name, (size_t)n);
		assert_null(value_dict_seek(dict, &key));
		value_dict_set(*state, dict, name, value_new_int(*state, i));
		const struct value_pair *pair = value_dict_seek(dict, &key);
		assert_non_null(pair);
		assert_true(value_pair_has(pair, &key));
		assert_false(value_pair_has(pair, &(struct value_key){"b", 1, 0}));
		assert_int_equal(pair->value->integer, i);
		assert_ptr_equal(pair, value_dict_pair(dict, name));
	}
	value_dict_set_value(*state, dict, &value_true, &value_null);
	assert_null(value_dict_seek(dict, &(struct value_key){.text = "", .len = 0}));
}

/* Every byte of a text of any length takes part in its hash. */
static void test_hash_of_text(void **state)
{
	char text[40] = "";

	(void)state;
	for (size_t n = 1; n < sizeof(text); n++) {
		uint64_t hash = value_hash_text(text, n);
		assert_true(hash != value_hash_text(text, n - 1));
		for (size_t i = 0; i < n; i++) {
			text[i] = 1;
			assert_true(hash != value_hash_text(text, n));
			text[i] = 0;
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_list_grows),
		TEST(test_string_is_copied_and_ended),
		TEST(test_dict_keeps_order),
		TEST(test_dict_of_any_size),
		TEST(test_dict_remove),
		TEST(test_get_of_no_dict),
		TEST(test_numbers_are_one_key),
		TEST(test_equality),
		TEST(test_identity_in_lists),
		TEST(test_hashable),
		TEST(test_truth),
		TEST(test_kind_names),
		TEST(test_copy_is_deep),
		TEST(test_copy_of_a_large_dict),
		TEST(test_copy_unsafe),
		TEST(test_order),
		TEST(test_no_order),
		TEST(test_sorted_pairs),
		TEST(test_sort_is_stable),
		TEST(test_seek),
		TEST(test_hash_of_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
