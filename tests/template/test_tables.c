/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables: sorted, so that they can be searched; sound declarations; and complete against
 * what Jinja2 and ansible-core register (corpus/names.json), but for what is left out on
 * purpose.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "template/callable.h"
#include "template/methods.h"
#include "template/tables.h"
#include "value/json.h"

static const struct {
	const char *name;
	const struct callables *table;
} tables[] = {
	{"filters_text", &filters_text},
	{"filters_list", &filters_list},
	{"filters_select", &filters_select},
	{"filters_number", &filters_number},
	{"filters_dict", &filters_dict},
	{"filters_data", &filters_data},
	{"filters_regex", &filters_regex},
	{"filters_path", &filters_path},
	{"filters_iter", &filters_iter},
	{"filters_units", &filters_units},
	{"filters_random", &filters_random},
	{"filters_web", &filters_web},
	{"filters_files", &filters_files},
	{"tests_value", &tests_value},
	{"tests_more", &tests_more},
	{"tests_version", &tests_version},
	{"globals_all", &globals_all},
	{"globals_lookup", &globals_lookup},
	{"lookups_values", &lookups_values},
	{"lookups_files", &lookups_files},
	{"methods_str", &methods_str},
	{"methods_list", &methods_list},
	{"methods_tuple", &methods_tuple},
	{"methods_dict", &methods_dict},
	{"methods_int", &methods_int},
	{"methods_float", &methods_float},
	{"methods_bytes", &methods_bytes},
};

static void test_sorted(void **state)
{
	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		const struct callables *table = tables[t].table;
		for (size_t i = 0; i < table->count; i++) {
			if (i > 0 &&
				strcmp(table->items[i - 1].name, table->items[i].name) >= 0)
				fail_msg("%s: '%s' is in the wrong place", tables[t].name,
					table->items[i].name);
			assert_ptr_equal(
				callables_find(table, table->items[i].name), &table->items[i]);
		}
	}
}

/* At most as many parameters as fit; "!" at most once, "*" and "**" last. */
static void test_declarations(void **state)
{
	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		for (size_t i = 0; i < tables[t].table->count; i++) {
			const char *s = tables[t].table->items[i].parameters;
			size_t names = 0;
			size_t required = 0;
			bool star = false;
			for (; s && *s; s += strspn(s, " ")) {
				size_t n = strcspn(s, " ");
				required += n == 1 && *s == '!';
				names += *s != '!' && *s != '*';
				assert_false(star && *s != '*');
				star |= *s == '*';
				s += n;
			}
			assert_true(names <= CALL_MAX_PARAMETERS);
			assert_true(required <= 1);
		}
	}
}

/* Left out on purpose; docs/templates.md says why. */
static bool left_out(const char *kind, const char *name)
{
	static const struct {
		const char *kind, *name;
	} names[] = {{"filter", "pprint"}, {"filter", "unvault"}, {"filter", "urlize"},
		{"filter", "vault"}, {"lookup", "config"}, {"lookup", "csvfile"},
		{"lookup", "ini"}, {"lookup", "inventory_hostnames"}, {"lookup", "password"},
		{"lookup", "unvault"}, {"lookup", "url"}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i].kind, kind) == 0 && strcmp(names[i].name, name) == 0)
			return true;
	}
	return false;
}

static size_t count_missing(
	const struct value *names, const char *kind_name, enum template_kind kind)
{
	const struct value *list = value_dict_get(names, kind_name);
	size_t missing = 0;

	for (size_t i = 0; i < list->count; i++) {
		const char *name = list->items[i]->text;
		bool there = callable_find(kind, name) != NULL;
		if (there == left_out(kind_name, name)) {
			print_message("%s '%s' is %s\n", kind_name, name,
				there ? "there, but listed as left out" : "missing");
			missing++;
		}
	}
	return missing;
}

static void test_complete(void **state)
{
	struct arena arena = {0};
	struct err err = {0};
	const struct value *names =
		json_read_file(&arena, "corpus/names.json", NULL, NULL, &err);
	size_t missing;

	(void)state;
	assert_non_null(names);
	missing = count_missing(names, "filter", TEMPLATE_FILTER) +
		  count_missing(names, "test", TEMPLATE_TEST) +
		  count_missing(names, "lookup", TEMPLATE_LOOKUP);
	arena_release(&arena);
	assert_int_equal(missing, 0);
}

static void test_entries(void **state)
{
	size_t count = 0;
	const char *name;

	(void)state;
	for (; (name = template_entry(TEMPLATE_FILTER, count)); count++)
		assert_non_null(callable_find(TEMPLATE_FILTER, name));
	assert_true(count > 100);
	assert_null(callable_find(TEMPLATE_FILTER, "nowhere"));
	assert_non_null(callable_find(TEMPLATE_FILTER, "ansible.builtin.combine"));
	assert_null(callable_find(TEMPLATE_GLOBAL, "ansible.builtin.range"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorted),
		cmocka_unit_test(test_declarations),
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
