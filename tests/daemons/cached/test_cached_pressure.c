/* SPDX-License-Identifier: Apache-2.0 */
/* What control groups say, read from directories that look like theirs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/path.h"
#include "daemons/cached/pressure.h"

static char root[] = "/tmp/cached-pressure.XXXXXX";

static void put(const char *group, const char *name, const char *text)
{
	autofree char *dir = xasprintf("%s%s", root, group);
	autofree char *path = path_join(dir, name);

	assert_int_equal(path_mkdirs(dir, 0755, NULL), 0);
	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

static int make_root(void **state)
{
	(void)state;
	memcpy(root + strlen(root) - 6, "XXXXXX", 6);
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	return path_remove_tree(root, NULL);
}

static void test_the_lowest_limit_above_counts(void **state)
{
	struct pressure_view view;

	(void)state;
	put("/a.slice", "memory.max", "500000000\n");
	put("/a.slice", "memory.high", "max\n");
	put("/a.slice/b.service", "memory.max", "900000000\n");
	put("/a.slice/b.service", "memory.high", "800000000\n");
	pressure_look(root, "/a.slice/b.service", 0, &view);
	assert_int_equal(view.limit, 500000000);
	put("/a.slice/b.service", "memory.high", "400000000\n");
	pressure_look(root, "/a.slice/b.service", 0, &view);
	assert_int_equal(view.limit, 400000000);
}

static void test_models_are_not_counted_among_the_others(void **state)
{
	struct pressure_view view;

	(void)state;
	put("/b.service", "memory.stat",
		"anon 1000\nfile 900000\nshmem 70000\nslab_unreclaimable 200\nsock 5\n");
	put("/b.service", "memory.pressure",
		"some avg10=12.34 avg60=1.00 avg300=0.10 total=5\nfull avg10=0.00\n");
	pressure_look(root, "/b.service", 60000, &view);
	assert_int_equal(view.others, 1000 + 10000 + 200 + 5);
	assert_true(view.stalled > 12.3 && view.stalled < 12.4);
	pressure_look(root, "/b.service", 600000, &view);
	assert_int_equal(view.others, 0);
}

static void test_what_cannot_be_read_is_no_limit(void **state)
{
	struct pressure_view view;

	(void)state;
	put("/b.service", "memory.max", "plenty\n");
	pressure_look(root, "/b.service/not/there", 0, &view);
	assert_true(view.limit == UINT64_MAX);
	assert_int_equal(view.others, 0);
	assert_true(view.stalled == 0);
	assert_int_equal(pressure_budget(&view, 0), 0);
	assert_int_equal(pressure_budget(&view, 77), 77);
}

static void test_the_budget_is_what_is_left(void **state)
{
	struct pressure_view view = {.limit = UINT64_C(1) << 30, .others = 24u << 20};
	uint64_t spare = (UINT64_C(1) << 30) / 20;
	uint64_t left = view.limit - view.others - spare;

	(void)state;
	assert_int_equal(pressure_budget(&view, 0), left);
	assert_int_equal(pressure_budget(&view, left - 1), left - 1);
	assert_int_equal(pressure_budget(&view, left + 1), left);
	/* Never 0, which would be no limit. */
	view.others = view.limit;
	assert_int_equal(pressure_budget(&view, 0), 1);
}

static void test_our_own_group(void **state)
{
	autofree char *group = pressure_own_group();

	(void)state;
	assert_true(!group || (group[0] == '/' && !strchr(group, '\n')));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_the_lowest_limit_above_counts, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			test_models_are_not_counted_among_the_others, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			test_what_cannot_be_read_is_no_limit, make_root, remove_root),
		cmocka_unit_test(test_the_budget_is_what_is_left),
		cmocka_unit_test(test_our_own_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
