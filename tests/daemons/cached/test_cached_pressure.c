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

/* What a group leaves for models, of which `held` bytes are there. */
static uint64_t room_of(int version, char *path, uint64_t held)
{
	const struct pressure_group group = {version, path};
	const struct pressure_own own = {.models = held};
	struct pressure_view view;

	pressure_look(root, &group, &own, &view);
	return view.room;
}

#define SPARE (UINT64_C(500000000) / 20)

static void test_the_lowest_limit_above_counts(void **state)
{
	(void)state;
	put("/a.slice", "memory.max", "500000000\n");
	put("/a.slice", "memory.high", "max\n");
	put("/a.slice/b.service", "memory.max", "900000000\n");
	put("/a.slice/b.service", "memory.high", "800000000\n");
	assert_int_equal(room_of(2, "/a.slice/b.service", 0), 500000000 - SPARE);
	put("/a.slice/b.service", "memory.high", "400000000\n");
	assert_int_equal(room_of(2, "/a.slice/b.service", 0), 400000000 - 20000000);
}

static void test_models_are_not_counted_among_the_others(void **state)
{
	(void)state;
	put("/b.service", "memory.max", "500000000\n");
	put("/b.service", "memory.stat",
		"anon 1000\nfile 900000\nshmem 70000\nslab_unreclaimable 200\nsock 5\n"
		"unevictable 60000\n");
	assert_int_equal(
		room_of(2, "/b.service", 60000), 500000000 - SPARE - (1000 + 10000 + 200 + 5));
	assert_int_equal(room_of(2, "/b.service", 600000), 500000000 - SPARE);
}

/* The kernel's sums do not know yet of models that are there already. */
static void test_late_sums_leave_what_is_our_own(void **state)
{
	const struct pressure_group group = {2, "/b.service"};
	const struct pressure_own own = {.models = 60000, .other = 4000};
	struct pressure_view view;

	(void)state;
	put("/b.service", "memory.max", "500000000\n");
	put("/b.service", "memory.stat", "anon 4100\nshmem 50000\n");
	pressure_look(root, &group, &own, &view);
	assert_int_equal(view.room, 500000000 - SPARE - 4000);
	put("/b.service", "memory.stat", "anon 4100\nshmem 60000\n");
	pressure_look(root, &group, &own, &view);
	assert_int_equal(view.room, 500000000 - SPARE - 4100);
}

/* A slice's other services take from what it has. */
static void test_neighbours_count(void **state)
{
	(void)state;
	put("/a.slice", "memory.max", "500000000\n");
	put("/a.slice", "memory.stat", "anon 300001000\nshmem 60000\n");
	put("/a.slice/b.service", "memory.max", "400000000\n");
	put("/a.slice/b.service", "memory.stat", "anon 1000\nshmem 60000\n");
	assert_int_equal(
		room_of(2, "/a.slice/b.service", 60000), 500000000 - SPARE - 300001000);
}

static void test_there_is_always_a_limit_if_there_is_one(void **state)
{
	(void)state;
	put("/b.service", "memory.max", "1000000\n");     /* less than the spare part */
	assert_int_equal(room_of(2, "/b.service", 0), 1); /* 0 would be none */
}

static void test_what_cannot_be_read_is_no_limit(void **state)
{
	(void)state;
	put("/b.service", "memory.max", "plenty\n");
	assert_true(room_of(2, "/b.service/not/there", 0) == UINT64_MAX);
}

static void test_stalls(void **state)
{
	const struct pressure_group group = {2, "/b.service"};
	const struct pressure_own own = {0};
	struct pressure_view view;

	(void)state;
	pressure_look(root, &group, &own, &view);
	assert_true(view.stalled == 0);
	put("/b.service", "memory.pressure",
		"some avg10=12.34 avg60=1.00 avg300=0.10 total=5\nfull avg10=0.00\n");
	pressure_look(root, &group, &own, &view);
	assert_true(view.stalled > 12.3 && view.stalled < 12.4);
}

static void test_the_first_interface(void **state)
{
	(void)state;
	put("/memory", "memory.limit_in_bytes", "9223372036854771712\n");
	put("/memory/b", "memory.limit_in_bytes", "9223372036854771712\n");
	assert_true(room_of(1, "/memory/b", 0) == UINT64_MAX);
	put("/memory/b", "memory.limit_in_bytes", "500000000\n");
	put("/memory/b", "memory.stat", "rss 7\nshmem 7\ntotal_rss 1000\ntotal_shmem 60500\n");
	put("/memory/b", "memory.kmem.usage_in_bytes", "2000\n");
	assert_int_equal(room_of(1, "/memory/b", 60000), 500000000 - SPARE - 3500);
}

static void test_which_group(void **state)
{
	static const struct {
		const char *text;
		int version;
		const char *path;
	} cases[] = {
		{"0::/system.slice/x.service\n", 2, "/system.slice/x.service"},
		{"0::/\n", 2, "/"},
		{"4:memory:/x\n0::/y\n", 1, "/memory/x"},
		{"0::/y\n4:memory:/x\n", 1, "/memory/x"},
		{"9:name=systemd:/z\n2:cpu,memory:/x:y", 1, "/memory/x:y"},
		{"2:memory2,cpu:/x\n", 0, NULL},
		{"2:cpu:/x\n", 0, NULL},
		{"memory\n:\n::\n0:\n", 2, ""},
		{"", 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pressure_group group;
		pressure_parse_group(cases[i].text, &group);
		assert_int_equal(group.version, cases[i].version);
		if (cases[i].path)
			assert_string_equal(group.path, cases[i].path);
		else
			assert_null(group.path);
		pressure_group_release(&group);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_the_lowest_limit_above_counts, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			test_models_are_not_counted_among_the_others, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			test_late_sums_leave_what_is_our_own, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_neighbours_count, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			test_there_is_always_a_limit_if_there_is_one, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			test_what_cannot_be_read_is_no_limit, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_stalls, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			test_the_first_interface, make_root, remove_root),
		cmocka_unit_test(test_which_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
