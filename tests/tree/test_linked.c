/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions that links lead to, in a directory of models of the test's own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "tree/linked.h"

/* Three versions of two models, what is in the making, and a place beside them. */
static int make_models(void **state)
{
	static const char *const dirs[] = {"models/llama/2026-01-01/sub",
		"models/llama/2026-01-02", "models/phi/2026-01-01", "models/.staging/x",
		"elsewhere/llama/2026-01-09"};

	if (scratch_make(state) < 0 || chdir(*state) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (path_mkdirs(dirs[i], 0755, NULL) < 0)
			return -1;
	}
	scratch_write("models/llama/2026-01-02/a.bin", "a");
	return 0;
}

static int remove_models(void **state)
{
	return chdir("/") < 0 || scratch_remove(state) < 0 ? -1 : 0;
}

/* What tree_linked finds below a path, joined by spaces; valid until the next call. */
static const char *linked(const char *root)
{
	static char text[1000];
	AUTO(strlist_release) struct strlist found = {0};
	autofd int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err err = {0};

	if (tree_linked(fd, &found, &err) < 0)
		fail_msg("%s", err.text);
	*text = '\0';
	for (size_t i = 0; i < found.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			found.items[i]);
	return text;
}

static void test_targets(void **state)
{
	static const struct {
		const char *name;
		const char *target;
		const char *found;
	} links[] = {
		{"llama/current", "2026-01-01", "llama/2026-01-01"},
		{"llama/current", "2026-01-01/sub", "llama/2026-01-01"},
		{"llama/current", "./../phi/../llama//2026-01-02/", "llama/2026-01-02"},
		{"weights.bin", "llama/2026-01-02/a.bin", "llama/2026-01-02"},
		{"chat", "llama", "llama/2026-01-01 llama/2026-01-02"},
		{"phi/current", "../llama/2026-01-02", "llama/2026-01-02"},
		{"outside", "../elsewhere/../models/phi/2026-01-01", "phi/2026-01-01"},
		/* What leads elsewhere, or nowhere, holds nothing. */
		{"llama/current", "2026-12-31", ""},
		{"llama/current", "current", ""},
		{"llama/current", "2026-01-02/a.bin/beyond", ""},
		{"outside", "../elsewhere/llama/2026-01-09", ""},
		{"half", ".staging/x", ""},
		{"all", ".", ""},
		{".hidden", "llama/2026-01-01", ""},
		{"llama/.hidden", "2026-01-01", ""},
		/* Only names that lie beside versions are looked at. */
		{"llama/2026-01-01/inner", "../2026-01-02", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		autofree char *path = path_join("models", links[i].name);
		assert_int_equal(symlink(links[i].target, path), 0);
		if (strcmp(linked("models"), links[i].found) != 0)
			fail_msg("%s -> %s: found '%s'", links[i].name, links[i].target,
				linked("models"));
		assert_int_equal(unlink(path), 0);
	}
}

/* By its whole path, through links to links, from a root that was opened through a link. */
static void test_ways_round(void **state)
{
	autofree char *whole = xasprintf("%s/models/llama/2026-01-02", (char *)*state);

	assert_int_equal(symlink(whole, "models/whole"), 0);
	assert_int_equal(symlink("whole", "models/again"), 0);
	assert_int_equal(symlink("models", "root"), 0);
	assert_string_equal(linked("models"), "llama/2026-01-02");
	assert_string_equal(linked("root"), "llama/2026-01-02");
	/* A directory whose name begins as the root's does is another one. */
	assert_int_equal(path_mkdirs("models2/llama/2026-01-01", 0755, NULL), 0);
	assert_int_equal(symlink("../models2/llama/2026-01-01", "models/other"), 0);
	assert_string_equal(linked("models"), "llama/2026-01-02");
}

static void test_sorted_and_once(void **state)
{
	(void)state;
	assert_string_equal(linked("models"), "");
	assert_int_equal(symlink("phi/2026-01-01", "models/z"), 0);
	assert_int_equal(symlink("llama/2026-01-02", "models/y"), 0);
	assert_int_equal(symlink("2026-01-02", "models/llama/x"), 0);
	assert_int_equal(symlink("llama", "models/w"), 0);
	assert_string_equal(
		linked("models"), "llama/2026-01-01 llama/2026-01-02 llama/x phi/2026-01-01");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_targets, make_models, remove_models),
		cmocka_unit_test_setup_teardown(test_ways_round, make_models, remove_models),
		cmocka_unit_test_setup_teardown(
			test_sorted_and_once, make_models, remove_models),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
