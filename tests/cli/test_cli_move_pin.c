/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file a host's pin goes into: one that counts, and that takes no other pin away.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "cli/move_pin.h"
#include "cli/site.h"
#include "history/fixture.h"

static struct arena arena;
static struct err err;

static int setup(void **state)
{
	if (fixture_setup(state) < 0)
		return -1;
	err_clear(&err);
	fixture_write("site/inventory/hosts.yaml", "all:\n  hosts:\n    a:\n    b:\n    c:\n");
	fixture_write("site/inventory/host_vars/b.yaml", "x: 1\n");
	return 0;
}

static int teardown(void **state)
{
	arena_release(&arena);
	return fixture_teardown(state);
}

static const char *pin_file(const char *host)
{
	AUTO(site_release) struct site site = {0};
	AUTO(site_options_release) struct site_options o = {0};
	AUTO(diags_release) struct diags d = {0};
	char *path = NULL;

	err_clear(&err);
	strlist_add(&o.inventory, fixture_path("site/inventory/hosts.yaml"));
	if (site_read(&site, &o, &d, &err) < 0)
		fail_msg("%s", err.text);
	const struct host *h = inventory_host(&site.inventory, host);
	struct vars_view *view = vars_view_new(site.vars, h);
	int result = move_pin_file(&site.inventory, view, "face", &path, &err);
	vars_view_free(view);
	if (result < 0)
		return NULL;
	const char *name = arena_strdup(&arena, path + strlen(fixture_path("site/inventory/")));
	free(path);
	return name;
}

static void test_where_a_pin_goes(void **state)
{
	(void)state;
	assert_string_equal(pin_file("a"), "host_vars/a.yaml");
	assert_string_equal(pin_file("b"), "host_vars/b.yaml");
	fixture_write("site/inventory/host_vars/a.yml", "");
	assert_string_equal(pin_file("a"), "host_vars/a.yml");
	fixture_write("site/inventory/host_vars/c/10-net.yaml", "x: 1\n");
	fixture_write("site/inventory/host_vars/c/vault.txt", "x");
	assert_string_equal(pin_file("c"), "host_vars/c/10-net.yaml");
	fixture_write("site/inventory/host_vars/c/20-pins.yml",
		"model_version_overrides: {ssd: 2020-01-01}\n");
	fixture_write("site/inventory/host_vars/c/30-more.yml", "y: 1\n");
	assert_string_equal(pin_file("c"), "host_vars/c/20-pins.yml");
}

static void test_pins_of_a_group_are_not_hidden(void **state)
{
	(void)state;
	fixture_write("site/inventory/group_vars/all/pins.yaml",
		"model_version_overrides: {ssd: 2020-01-01}\n");
	assert_null(pin_file("a"));
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "would hide them"));

	fixture_write("site/inventory/group_vars/all/pins.yaml",
		"model_version_overrides: {face: 2020-01-01}\n");
	assert_string_equal(pin_file("a"), "host_vars/a.yaml");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_where_a_pin_goes),
		TEST(test_pins_of_a_group_are_not_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
