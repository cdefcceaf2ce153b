/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules that the engine does a part of: tree and tree_apply (synchronize), and foreign (a
 * program that is brought along).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/path.h"
#include "node/module_call.h"
#include "node/world.h"

static bool has(struct world *w, const char *name)
{
	autofree char *path = path_join(w->dir, name);

	return path_exists(path);
}

static void expect_call(struct world *w, const char *module, uint8_t flags, const char *json,
	enum err_code expected)
{
	struct module_result r;

	if (module_call(&w->client, &r, module, flags, "{\"path\": \"%s\", %s}", w->dir,
		    json) != expected)
		fail_msg("%s %s: %s", module, json, r.text);
	module_result_release(&r);
}

static void a_tree_is_told_with_all_below_it(void **state)
{
	struct world *w = *state;
	struct module_result r;

	world_file(w->dir, "f", "text", 4);
	assert_int_equal(module_call(&w->client, &r, "tree", 0,
				 "{\"path\": \"%s\", \"hash\": true}", w->dir),
		ERR_NONE);
	assert_string_equal(module_text(&r, "kind"), "directory");
	const struct value *f = NULL;
	value_list_foreach (entry, value_dict_get(r.value, "entries"))
		if (strcmp(value_text(value_dict_get(entry, "path")), "f") == 0)
			f = entry;
	assert_non_null(f);
	assert_string_equal(value_text(value_dict_get(f, "kind")), "file");
	assert_int_equal(value_dict_get(f, "size")->integer, 4);
	assert_non_null(value_dict_get(f, "hash"));
	module_result_release(&r);
}

static void what_is_not_there_has_no_kind(void **state)
{
	struct world *w = *state;
	struct module_result r;

	assert_int_equal(
		module_call(&w->client, &r, "tree", 0, "{\"path\": \"%s/a/b\"}", w->dir),
		ERR_NONE);
	assert_null(value_dict_get(r.value, "kind"));
	assert_false(module_bool(&r, "parent"));
	module_result_release(&r);
}

static void changes_are_made_in_their_order(void **state)
{
	struct world *w = *state;

	expect_call(w, "tree_apply", 0,
		"\"changes\": [{\"kind\": \"directory\", \"path\": \"d\", \"mode\": 448},"
		"{\"kind\": \"file\", \"path\": \"d/f\", \"mode\": 384, \"mtime\": 1600000000,"
		" \"content\": {\"$bytes\": \"text\"}},"
		"{\"kind\": \"link\", \"path\": \"l\", \"target\": \"d/f\"}]",
		ERR_NONE);
	assert_true(has(w, "l"));
	expect_call(w, "tree_apply", 0,
		"\"changes\": [{\"kind\": \"remove\", \"path\": \"d\"}]", ERR_NONE);
	assert_false(has(w, "d"));
}

static void check_mode_makes_none(void **state)
{
	struct world *w = *state;

	expect_call(w, "tree_apply", FRAME_CHECK,
		"\"changes\": [{\"kind\": \"directory\", \"path\": \"d\"}]", ERR_NONE);
	assert_false(has(w, "d"));
}

static void no_change_leaves_the_tree(void **state)
{
	static const char *const paths[] = {"../x", "/etc/x", "a/../../x", "./x", "a//b"};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		autofree char *json = xasprintf(
			"\"changes\": [{\"kind\": \"directory\", \"path\": \"%s\"}]", paths[i]);
		expect_call(w, "tree_apply", 0, json, ERR_INPUT);
	}
	expect_call(w, "tree_apply", 0,
		"\"changes\": [{\"kind\": \"device\", \"path\": \"x\"}]", ERR_INPUT);
	expect_call(w, "tree_apply", 0, "\"changes\": [7]", ERR_INPUT);
}

static void a_program_is_run_with_its_arguments(void **state)
{
	struct world *w = *state;
	struct module_result r;

	assert_int_equal(module_call(&w->client, &r, "foreign", 0,
				 "{\"module\": \"m\", \"name\": \"m.sh\", \"interpreters\": "
				 "[\"/no/such\", \"sh\"], \"options\": [\"-u\"], "
				 "\"file\": {\"$bytes\": \"cat $1; echo $E; exit 3\"}, "
				 "\"arguments\": {\"$bytes\": \"args \"}, "
				 "\"environment\": {\"E\": \"set\"}}"),
		ERR_NONE);
	assert_string_equal(module_text(&r, "stdout"), "args set\n");
	assert_string_equal(module_text(&r, "interpreter"), "sh");
	assert_int_equal(module_int(&r, "rc"), 3);
	module_result_release(&r);
}

static void a_host_without_the_interpreter_says_so(void **state)
{
	struct world *w = *state;
	struct module_result r;

	assert_int_equal(
		module_call(&w->client, &r, "foreign", 0,
			"{\"module\": \"m\", \"name\": \"m\", \"interpreters\": "
			"[\"/no/such\", \"/nor/this\"], \"file\": {\"$bytes\": \"\"}}"),
		ERR_NOTFOUND);
	module_result_release(&r);
	assert_int_equal(module_call(&w->client, &r, "foreign", 0,
				 "{\"module\": \"m\", \"name\": \"../m\", \"interpreters\": "
				 "[\"/bin/sh\"], \"file\": {\"$bytes\": \"\"}}"),
		ERR_INPUT);
	module_result_release(&r);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_tree_is_told_with_all_below_it),
		WORLD_TEST(what_is_not_there_has_no_kind),
		WORLD_TEST(changes_are_made_in_their_order),
		WORLD_TEST(check_mode_makes_none),
		WORLD_TEST(no_change_leaves_the_tree),
		WORLD_TEST(a_program_is_run_with_its_arguments),
		WORLD_TEST(a_host_without_the_interpreter_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
