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

#include "base/fd.h"
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

static void specials_and_second_names_are_made(void **state)
{
	struct world *w = *state;
	autofree char *pipe = path_join(w->dir, "p"), *second = path_join(w->dir, "g");
	struct stat st;

	world_file(w->dir, "f", "text", 4);
	expect_call(w, "tree_apply", 0,
		"\"changes\": [{\"kind\": \"special\", \"path\": \"p\", \"type\": 4096,"
		" \"mode\": 416},"
		"{\"kind\": \"hard_link\", \"path\": \"g\", \"target\": \"f\"}]",
		ERR_NONE);
	assert_int_equal(lstat(pipe, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(lstat(second, &st), 0);
	assert_int_equal(st.st_nlink, 2);
	expect_call(w, "tree_apply", 0,
		"\"changes\": [{\"kind\": \"special\", \"path\": \"q\", \"type\": 32768}]",
		ERR_INPUT);
	expect_call(w, "tree_apply", 0,
		"\"changes\": [{\"kind\": \"hard_link\", \"path\": \"h\", "
		"\"target\": \"../f\"}]",
		ERR_INPUT);
	assert_false(has(w, "q"));
}

static void links_are_followed_where_that_is_asked_for(void **state)
{
	struct world *w = *state;
	struct module_result r;
	size_t found = 0;

	world_file(w->dir, "f", "text", 4);
	expect_call(w, "tree_apply", 0,
		"\"changes\": [{\"kind\": \"directory\", \"path\": \"d\"},"
		"{\"kind\": \"link\", \"path\": \"d/l\", \"target\": \"../f\"},"
		"{\"kind\": \"link\", \"path\": \"e\", \"target\": \"d\"}]",
		ERR_NONE);
	assert_int_equal(module_call(&w->client, &r, "tree", 0,
				 "{\"path\": \"%s\", \"follow\": true}", w->dir),
		ERR_NONE);
	value_list_foreach (entry, value_dict_get(r.value, "entries"))
		found += strcmp(value_text(value_dict_get(entry, "path")), "e/l") == 0 &&
			 strcmp(value_text(value_dict_get(entry, "kind")), "file") == 0;
	assert_int_equal(found, 1);
	module_result_release(&r);
}

static void small_files_are_read_together(void **state)
{
	struct world *w = *state;
	struct module_result r;

	world_file(w->dir, "a", "one", 3);
	world_file(w->dir, "b", "", 0);
	assert_int_equal(module_call(&w->client, &r, "read_files", 0,
				 "{\"paths\": [\"%s/a\", \"%s/b\"]}", w->dir, w->dir),
		ERR_NONE);
	const struct value *contents = value_dict_get(r.value, "contents");
	assert_int_equal(contents->count, 2);
	assert_string_equal(value_text(value_dict_get(contents->items[0], "$bytes")), "one");
	assert_string_equal(value_text(value_dict_get(contents->items[1], "$bytes")), "");
	module_result_release(&r);
	assert_int_equal(module_call(&w->client, &r, "read_files", 0,
				 "{\"paths\": [\"%s/a\", \"%s\"]}", w->dir, w->dir),
		ERR_INPUT);
	module_result_release(&r);
}

static void a_delta_is_checked(void **state)
{
	struct world *w = *state;
	struct module_result r;
	AUTO(strbuf_release) struct strbuf found = STRBUF_INIT;
	autofree char *path = path_join(w->dir, "f");

	world_file(w->dir, "f", "text", 4);
	assert_int_equal(
		module_call(&w->client, &r, "signature", 0, "{\"path\": \"%s/f\"}", w->dir),
		ERR_NONE);
	assert_non_null(value_dict_get(r.value, "signature"));
	module_result_release(&r);
	expect_call(w, "tree_apply", 0,
		"\"changes\": [{\"kind\": \"file\", \"path\": \"f\", \"size\": 4,"
		" \"hash\": {\"$bytes\": \"sixteen bytes...\"},"
		" \"delta\": {\"$bytes\": \"nonsense\"}}]",
		ERR_INPUT);
	expect_call(w, "tree_apply", 0,
		"\"changes\": [{\"kind\": \"file\", \"path\": \"f\","
		" \"delta\": {\"$bytes\": \"x\"}}]",
		ERR_INPUT);
	assert_int_equal(file_read(path, 100, &found, NULL), 0);
	assert_string_equal(found.data, "text");
	assert_int_equal(
		module_call(&w->client, &r, "signature", 0, "{\"path\": \"%s\"}", w->dir),
		ERR_INPUT);
	module_result_release(&r);
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
		WORLD_TEST(specials_and_second_names_are_made),
		WORLD_TEST(links_are_followed_where_that_is_asked_for),
		WORLD_TEST(small_files_are_read_together),
		WORLD_TEST(a_delta_is_checked),
		WORLD_TEST(a_program_is_run_with_its_arguments),
		WORLD_TEST(a_host_without_the_interpreter_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
