/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/diag.h"

static void test_places(void **state)
{
	static const struct {
		struct place at;
		const char *text;
	} cases[] = {
		{{NULL, 0, 0}, ""},
		{{NULL, 3, 4}, ""},
		{{"hosts.yaml", 0, 0}, "hosts.yaml: "},
		{{"hosts.yaml", 0, 4}, "hosts.yaml: "},
		{{"hosts.yaml", 3, 0}, "hosts.yaml:3: "},
		{{"hosts.yaml", 3, 4}, "hosts.yaml:3:4: "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
		place_format(&cases[i].at, &out);
		assert_string_equal(out.data, cases[i].text);
	}
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	place_format(NULL, &out);
	assert_string_equal(out.data, "");
}

static void test_findings_keep_order_and_place(void **state)
{
	AUTO(diags_release) struct diags d = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	char file[] = "a.yaml";

	(void)state;
	diag_error(&d, &(struct place){file, 7, 2}, "version %s: no such day", "2026-02-30");
	file[0] = 'b'; /* the name was copied */
	diag_warning(&d, &(struct place){file, 0, 0}, "empty");
	diag_error(&d, NULL, "no hosts");
	for (size_t i = 0; i < d.count; i++)
		diag_format(&d.items[i], &out);
	assert_string_equal(out.data, "a.yaml:7:2: error: version 2026-02-30: no such day\n"
				      "b.yaml: warning: empty\n"
				      "error: no hosts\n");
	assert_int_equal(d.errors, 2);
	assert_int_equal(d.dropped, 0);
}

static void test_what_exceeds_the_limit_is_counted(void **state)
{
	AUTO(diags_release) struct diags d = {0};

	(void)state;
	for (unsigned i = 0; i < DIAG_MAX + 30; i++) {
		if (i % 2)
			diag_error(&d, NULL, "%u", i);
		else
			diag_warning(&d, NULL, "%u", i);
	}
	assert_int_equal(d.count, DIAG_MAX);
	assert_int_equal(d.dropped, 30);
	assert_int_equal(d.errors, (DIAG_MAX + 30) / 2);
	assert_string_equal(d.items[DIAG_MAX - 1].text, "999");
}

static void test_release_leaves_an_empty_list(void **state)
{
	struct diags d = {0};

	(void)state;
	diag_error(&d, NULL, "x");
	diags_release(&d);
	assert_int_equal(d.count + d.errors + d.dropped, 0);
	diags_release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_findings_keep_order_and_place),
		cmocka_unit_test(test_what_exceeds_the_limit_is_counted),
		cmocka_unit_test(test_release_leaves_an_empty_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
