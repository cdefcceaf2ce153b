/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removal of versions from a store on this machine: what goes, what is refused, and what a
 * crash leaves for the next time. And the store's notes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "fixture.h"
#include "registry/store.h"

static struct store *store;

/* A store with two versions of llama and one of phi. */
static int setup(void **state)
{
	struct err err = {0};

	if (fixture_setup(state) < 0)
		return -1;
	fixture_version("store", "llama", "2026-01-01");
	fixture_version("store", "llama", "2026-01-02");
	fixture_version("store", "phi", "2026-01-01");
	store = store_open_local(fixture_path("store"), &err);
	return store ? 0 : -1;
}

static int teardown(void **state)
{
	store_free(store);
	store = NULL;
	return fixture_teardown(state);
}

/* Removes a version; "" or why not, without the path of the store. */
static const char *removed(const char *model, const char *version, uint64_t *freed)
{
	static struct err err;
	const char *root = fixture_path("store");

	err_clear(&err);
	if (store_remove_version(store, model, version, freed, &err) == 0)
		return "";
	char *at = strstr(err.text, root);
	return at ? arena_printf(&fixture_arena, "%.*s%s", (int)(at - err.text), err.text,
			    at + strlen(root))
		  : err.text;
}

static const char *tree(void)
{
	return fixture_shell("cd store && find . -mindepth 1 -printf '%%P\\n' | sort");
}

static void test_a_version_goes(void **state)
{
	struct tree_usage usage;
	uint64_t freed = 5, bytes;
	struct err err = {0};

	(void)state;
	fixture_write("store/.fleet/verified/llama%2F2026-01-01", "record");
	fixture_write("store/llama/2026-01-01/weights", "0123456789");
	assert_int_equal(store_version_usage(store, "llama", "2026-01-01", &usage, &err), 0);
	assert_int_equal(store_version_size(store, "llama", "2026-01-01", &bytes, &err), 0);
	assert_int_equal(bytes, usage.bytes);
	assert_string_equal(removed("llama", "2026-01-01", &freed), "");
	/* It is added to what was freed before. */
	assert_int_equal(freed, 5 + usage.frees);
	assert_int_equal(store_check_version(store, "llama", "2026-01-01", &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_int_equal(store_check_version(store, "llama", "2026-01-02", &err), 0);
	assert_string_equal(fixture_shell("ls store/.fleet/verified"), "");
	assert_false(path_exists(fixture_path("store/.fleet/trash")));
}

static void test_what_is_refused(void **state)
{
	static const struct {
		const char *model, *version, *error;
	} cases[] = {
		{"llama", "2026-12-31", "open /llama/2026-12-31: No such file or directory"},
		{"nosuch", "2026-01-01", "open /nosuch/2026-01-01: No such file or directory"},
		{"llama", "../phi",
			": \"../phi\" cannot be a version of llama, expected YYYY-MM-DD"},
		{"..", "2026-01-01",
			": \"..\" cannot be a model, expected the name of a directory"},
		{".fleet", "2026-01-01",
			": \".fleet\" cannot be a model, expected the name of a directory"},
		{"alias", "2026-01-01",
			"/alias is a link or no directory: nothing is removed there"},
		{"file", "2026-01-01",
			"/file is a link or no directory: nothing is removed there"},
		{"llama", "2026-01-03",
			"/llama/2026-01-03 is a link or no directory: it is left as it is"},
		{"llama", "2026-01-04",
			"/llama/2026-01-04 is a link or no directory: it is left as it is"},
	};
	uint64_t freed = 0;

	(void)state;
	fixture_shell("cd store && ln -s llama alias && ln -s 2026-01-02 llama/2026-01-03 && "
		      "touch file llama/2026-01-04");
	const char *before = tree();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *error = removed(cases[i].model, cases[i].version, &freed);
		if (strcmp(error, cases[i].error) != 0)
			fail_msg("%s/%s: %s", cases[i].model, cases[i].version, error);
	}
	assert_string_not_equal(removed(STORE_CORAL_DIR, "2026-01-01", &freed), "");
	assert_int_equal(freed, 0);
	assert_string_equal(tree(), before);
}

/* What an interrupted removal left goes with the next one, or when it is asked for. */
static void test_what_a_crash_left(void **state)
{
	uint64_t freed = 0;
	struct err err = {0};

	(void)state;
	assert_int_equal(store_empty_trash(store, &freed, &err), 0);
	assert_int_equal(freed, 0);
	fixture_shell("mkdir -p store/.fleet/trash && "
		      "mv store/llama/2026-01-01 store/.fleet/trash/llama%%2F2026-01-01.5 && "
		      "chmod 0500 store/.fleet/trash/*");
	assert_int_equal(store_empty_trash(store, &freed, &err), 0);
	assert_true(freed > 0);
	assert_false(path_exists(fixture_path("store/.fleet/trash")));
	fixture_shell("mkdir -p store/.fleet/trash/old/sub && echo x > store/.fleet/trash/f");
	assert_string_equal(removed("phi", "2026-01-01", &freed), "");
	assert_false(path_exists(fixture_path("store/.fleet/trash")));
}

/* A link in a version, or in place of the store's own directory, leads no removal astray. */
static void test_links_are_not_followed(void **state)
{
	uint64_t freed = 0;

	(void)state;
	fixture_write("outside/precious", "x");
	fixture_shell("ln -s ../../../outside store/llama/2026-01-01/out && "
		      "ln -s $PWD/outside store/llama/2026-01-01/whole");
	assert_string_equal(removed("llama", "2026-01-01", &freed), "");
	assert_string_equal(fixture_shell("cat outside/precious"), "x");
	fixture_shell("rm -rf store/.fleet && ln -s ../outside store/.fleet");
	assert_string_not_equal(removed("llama", "2026-01-02", &freed), "");
	assert_string_equal(fixture_shell("ls outside store/llama"),
		"outside:\nprecious\n\nstore/llama:\n2026-01-02\n");
}

static void test_linked_versions(void **state)
{
	AUTO(strlist_release) struct strlist found = {0};
	struct err err = {0};

	(void)state;
	fixture_shell("ln -s 2026-01-01 store/llama/current && ln -s phi store/chat");
	assert_int_equal(store_linked_versions(store, &found, &err), 0);
	assert_int_equal(found.count, 2);
	assert_string_equal(found.items[0], "llama/2026-01-01");
	assert_string_equal(found.items[1], "phi/2026-01-01");
}

static void test_notes(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(store_read_note(store, "a.json", &text, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_int_equal(store_write_note(store, "a.json", "{}\n\0x", 5, &err), 0);
	assert_int_equal(store_write_note(store, "a.json", "[]", 2, &err), 0);
	strbuf_addstr(&text, "before");
	assert_int_equal(store_read_note(store, "a.json", &text, &err), 0);
	assert_string_equal(text.data, "before[]");
	fixture_shell("cd store/.fleet && ln -s /etc/hostname link.json && mkdir dir.json && "
		      "mkfifo pipe.json && truncate -s 17M large.json");
	static const char *const bad[] = {"link.json", "dir.json", "pipe.json", "large.json",
		"../x.json", ".a.json", "a.txt", "a/b.json", ""};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(store_read_note(store, bad[i], &text, &err), -1);
		assert_string_equal(text.data, "before[]");
	}
	assert_int_equal(store_write_note(store, "../x.json", "x", 1, &err), -1);
	assert_false(path_exists(fixture_path("store/x.json")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_version_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_a_crash_left, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links_are_not_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_linked_versions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_notes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
