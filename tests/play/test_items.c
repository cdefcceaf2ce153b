/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "play/items.h"
#include "value/json.h"

struct fixture {
	struct arena arena;
	struct strbuf bytes;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	strbuf_init(&f->bytes);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_release(&f->arena);
	strbuf_release(&f->bytes);
	free(f);
	return 0;
}

/* A value that goes out as items and comes back. */
static struct value *there_and_back(struct fixture *f, const struct value *v)
{
	struct err err = {0};

	if (items_write(v, &f->bytes, &err) < 0)
		fail_msg("%s", err.text);
	const struct item *item = item_parse(&f->arena, f->bytes.data, f->bytes.len, &err);
	if (!item)
		fail_msg("%s", err.text);
	return items_read(&f->arena, item);
}

static struct value *dict_of(struct fixture *f, const char *key, const struct value *v)
{
	struct value *d = value_new_dict(&f->arena);

	value_dict_set(&f->arena, d, key, v);
	return d;
}

static void plain_values_survive(void **state)
{
	static const char text[] =
		"{\"null\": null, \"yes\": true, \"no\": false, \"int\": -9007199254740993, "
		"\"float\": 0.1, \"text\": \"\\u00e4\\u20ac\", \"list\": [1, [], {\"k\": []}], "
		"\"empty\": {}}";
	struct fixture *f = *state;
	const struct value *v =
		json_read(&f->arena, text, strlen(text), NULL, NULL, NULL, NULL);

	assert_non_null(v);
	assert_true(value_equal(there_and_back(f, v), v));
}

static void bytes_stay_bytes(void **state)
{
	struct fixture *f = *state;
	const struct value *v = value_new_text(&f->arena, VALUE_BYTES, "\0\xff\n", 3);
	const struct value *got = value_dict_get(there_and_back(f, dict_of(f, "b", v)), "b");

	assert_int_equal(got->kind, VALUE_BYTES);
	assert_int_equal(got->len, 3);
	assert_memory_equal(got->text, "\0\xff\n", 3);
}

static void texts_of_nodes_are_unsafe_utf8(void **state)
{
	struct fixture *f = *state;
	struct value *odd = value_new_stringn(&f->arena, "a\xffz", 3);
	const struct value *got = value_dict_get(there_and_back(f, dict_of(f, "t", odd)), "t");

	assert_true(got->unsafe);
	assert_string_equal(got->text, "a\xef\xbf\xbdz");
}

static void dates_and_big_numbers_go_as_texts(void **state)
{
	struct fixture *f = *state;
	const struct value *date =
		value_new_text(&f->arena, VALUE_DATE, "2026-02-25", strlen("2026-02-25"));
	const struct value *got = value_dict_get(there_and_back(f, dict_of(f, "d", date)), "d");

	assert_string_equal(value_text(got), "2026-02-25");
}

static void what_no_node_understands_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct value *vault = value_new_text(&f->arena, VALUE_VAULT, "x", 1);
	struct value *odd_key = value_new_dict(&f->arena);
	struct err err = {0};

	assert_int_equal(items_write(dict_of(f, "secret", vault), &f->bytes, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, "secret"));
	value_dict_set_value(&f->arena, odd_key, value_new_int(&f->arena, 1), &value_null);
	assert_int_equal(items_write(odd_key, &f->bytes, &err), -1);
}

static void what_is_too_large_is_refused(void **state)
{
	struct fixture *f = *state;
	struct value *list = value_new_list(&f->arena);
	struct err err = {0};

	for (size_t i = 0; i < ITEM_COUNT_MAX; i++)
		value_list_add(&f->arena, list, &value_null);
	assert_int_equal(items_write(dict_of(f, "l", list), &f->bytes, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(plain_values_survive),
		TEST(bytes_stay_bytes),
		TEST(texts_of_nodes_are_unsafe_utf8),
		TEST(dates_and_big_numbers_go_as_texts),
		TEST(what_no_node_understands_is_refused),
		TEST(what_is_too_large_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
