/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oracle of versions and of the status file is dpkg itself, on this machine's packages.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/spawn.h"
#include "node/dpkg.h"

static int run(const char *const *argv, struct spawn_result *r)
{
	struct spawn_options o = {
		.argv = argv, .output_max = 16u << 20, .until = deadline_in(60)};

	return spawn_run(&o, r, NULL);
}

static bool dpkg_is_here(void)
{
	struct spawn_result r;
	const char *argv[] = {"dpkg-query", "--version", NULL};
	bool here = run(argv, &r) == 0 && r.status == 0;

	spawn_result_release(&r);
	return here;
}

static bool dpkg_says(const char *a, const char *relation, const char *b)
{
	struct spawn_result r;
	const char *argv[] = {"dpkg", "--compare-versions", a, relation, b, NULL};

	assert_int_equal(0, run(argv, &r));
	bool says = r.status == 0;
	spawn_result_release(&r);
	return says;
}

static const char *const versions[] = {"1.0", "1.0-1", "1.0-0", "1.0~rc1", "1.0~rc1-1", "1.0~",
	"1.0~~", "1.0+b1", "1:0.1", "0:1.0", "1.00", "1.0a", "1.0.", "1.0.1", "10.0", "9.9",
	"1.0-1ubuntu2", "1.0-1+deb12u1", "2.5.0.post1", "14.0-1~bpo", "1.0-1-2",
	"20260101000000000000001", "20260101000000000000002", "a", "0"};

static void test_versions(void **state)
{
	(void)state;
	if (!dpkg_is_here())
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(versions); k++) {
			int order = dpkg_compare_versions(versions[i], versions[k]);
			const char *relation = order < 0 ? "lt" : order > 0 ? "gt" : "eq";
			if (!dpkg_says(versions[i], relation, versions[k]))
				fail_msg("%s is not %s %s", versions[i], relation, versions[k]);
		}
	}
}

/* Every package of this machine, as dpkg-query lists them. */
static void test_status_of_this_machine(void **state)
{
	AUTO(dpkg_status_release) struct dpkg_status s = {0};
	AUTO(strlist_release) struct strlist lines = {0};
	struct spawn_result r;
	const char *argv[] = {"dpkg-query", "-W", "-f",
		"${Package}:${Architecture} ${db:Status-Status} ${Version}\n", NULL};

	(void)state;
	if (!dpkg_is_here())
		skip();
	assert_int_equal(0, run(argv, &r));
	assert_int_equal(0, dpkg_status_read(&s, DPKG_STATUS_FILE, NULL));
	strlist_split(&lines, r.out.data, "\n");
	assert_true(lines.count > 10);
	for (size_t i = 0; i < lines.count; i++) {
		AUTO(strlist_release) struct strlist words = {0};
		strlist_split(&words, lines.items[i], " ");
		const char *ours = dpkg_installed_version(&s, words.items[0]);
		if (strcmp(words.items[1], "installed") == 0) {
			assert_non_null(ours);
			assert_string_equal(ours, words.items[2]);
		} else {
			assert_null(ours);
		}
	}
	spawn_result_release(&r);
}

static const char status[] = "Package: a\n"
			     "Status: install ok installed\n"
			     "Architecture: amd64\n"
			     "Version: 1.0\n"
			     "Description: x\n"
			     " Version: no field\n"
			     "Provides: virtual (= 1), other\n"
			     "\n"
			     "Package: gone\n"
			     "Status: deinstall ok config-files\n"
			     "Architecture: all\n"
			     "Version: 2\n"
			     "\n"
			     "Package: two\n"
			     "Status: deinstall ok config-files\n"
			     "Architecture: i386\n"
			     "Version: 3\n"
			     "\n"
			     "Package: two\n"
			     "Status: hold ok installed\n"
			     "Architecture: amd64\n"
			     "Version: 4";

static void test_states(void **state)
{
	AUTO(dpkg_status_release) struct dpkg_status s = {0};

	(void)state;
	dpkg_status_parse(&s, status, strlen(status));
	assert_string_equal(dpkg_installed_version(&s, "a"), "1.0");
	assert_null(dpkg_installed_version(&s, "gone"));
	assert_true(dpkg_find(&s, "gone")->has_files);
	assert_string_equal(dpkg_installed_version(&s, "two"), "4");
	assert_null(dpkg_installed_version(&s, "two:i386"));
	assert_string_equal(dpkg_installed_version(&s, "two:amd64"), "4");
	assert_true(strmap_has(&s.provided, "virtual"));
	assert_true(strmap_has(&s.provided, "other"));
	assert_null(dpkg_find(&s, "virtual"));
}

static void test_no_status_file(void **state)
{
	AUTO(dpkg_status_release) struct dpkg_status s = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(-1, dpkg_status_read(&s, "/nonexistent/status", &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.text, "/nonexistent/status"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_status_of_this_machine),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_no_status_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
