/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <pthread.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"
#include "base/scratch.h"
#include "base/str.h"

static void test_join(void **state)
{
	static const struct {
		const char *dir, *name, *joined;
	} cases[] = {
		{"a", "b", "a/b"},
		{"a/", "b", "a/b"},
		{"/", "b", "/b"},
		{"", "b", "b"},
		{".", "b", "b"},
		{"a", "/b", "/b"},
		{"./a", "b/c", "./a/b/c"},
		{"..", "b", "../b"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *joined = path_join(cases[i].dir, cases[i].name);
		assert_string_equal(joined, cases[i].joined);
	}
}

static void test_dirname_and_basename(void **state)
{
	static const struct {
		const char *path, *dir, *base;
	} cases[] = {
		{"a", ".", "a"},
		{"a/b", "a", "b"},
		{"/a", "/", "a"},
		{"//a", "/", "a"},
		{"/", "/", ""},
		{"a//b", "a", "b"},
		{"/a/b/c", "/a/b", "c"},
		{"a/", "a", ""},
		{"", ".", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *dir = path_dirname(cases[i].path);
		assert_string_equal(dir, cases[i].dir);
		assert_string_equal(path_basename(cases[i].path), cases[i].base);
	}
}

static char *repeat(const char *unit, size_t times)
{
	struct strbuf b = STRBUF_INIT;

	while (times--)
		strbuf_addstr(&b, unit);
	return strbuf_detach(&b, NULL);
}

static void test_components(void **state)
{
	autofree char *longest = repeat("x", 255), *longer = repeat("x", 256);

	(void)state;
	assert_true(path_is_component("a"));
	assert_true(path_is_component("..."));
	assert_true(path_is_component(" \n\xff"));
	assert_true(path_is_component(longest));
	assert_false(path_is_component(""));
	assert_false(path_is_component("."));
	assert_false(path_is_component(".."));
	assert_false(path_is_component("a/b"));
	assert_false(path_is_component("/"));
	assert_false(path_is_component(longer));
}

static void test_contained_paths(void **state)
{
	static const char *const good[] = {
		"a", "a/b", "a/b/c.txt", "...", "..a/b..", ".hidden", "a b/\n"};
	static const char *const bad[] = {"", "/", "/a", "a/", "a//b", ".", "..", "../a",
		"a/..", "a/../b", "./a", "a/./b", "a/."};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(path_is_contained(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(path_is_contained(bad[i]));
}

static void test_limits_of_contained_paths(void **state)
{
	autofree char *most = repeat("a/", 2047), *long_part = repeat("x", 256);
	autofree char *longest = xasprintf("%sa", most), *longer = xasprintf("%sab", most);
	autofree char *with_long_part = xasprintf("a/%s/b", long_part);

	(void)state;
	assert_int_equal(strlen(longest), PATH_MAX - 1);
	assert_true(path_is_contained(longest));
	assert_false(path_is_contained(longer));
	assert_false(path_is_contained(with_long_part));
}

static void test_home(void **state)
{
	struct passwd *me = getpwuid(getuid());
	autofree char *saved = xstrdup(getenv("HOME"));

	(void)state;
	setenv("HOME", "/home/tester", 1);
	autofree char *home = path_expand_home("~");
	autofree char *below = path_expand_home("~/x/y");
	autofree char *inside = path_expand_home("a/~");
	autofree char *unknown = path_expand_home("~no-such-user-here/x");
	autofree char *named_tilde = xasprintf("~%s/x", me->pw_name);
	autofree char *named = path_expand_home(named_tilde);
	unsetenv("HOME");
	autofree char *passwd = path_expand_home("~/x");
	if (saved)
		setenv("HOME", saved, 1);
	autofree char *own = xasprintf("%s/x", me->pw_dir);
	assert_string_equal(home, "/home/tester");
	assert_string_equal(below, "/home/tester/x/y");
	assert_string_equal(inside, "a/~");
	assert_string_equal(unknown, "~no-such-user-here/x");
	assert_string_equal(named, own);
	assert_string_equal(passwd, own);
}

static void test_user_directories(void **state)
{
	(void)state;
	setenv("XDG_CACHE_HOME", "/x/cache", 1);
	setenv("XDG_STATE_HOME", "relative", 1); /* the specification says: ignore it */
	unsetenv("XDG_CONFIG_HOME");
	autofree char *cache = path_user_dir("cache"), *state_dir = path_user_dir("state");
	autofree char *config = path_user_dir("config");
	unsetenv("XDG_CACHE_HOME");
	unsetenv("XDG_STATE_HOME");
	autofree char *expected_state = path_expand_home("~/.local/state/modelfleet");
	autofree char *expected_config = path_expand_home("~/.config/modelfleet");
	assert_string_equal(cache, "/x/cache/modelfleet");
	assert_string_equal(state_dir, expected_state);
	assert_string_equal(config, expected_config);
	assert_null(path_user_dir("music"));
}

static void test_mkdirs(void **state)
{
	autofree char *deep = path_join(*state, "a/b/c/"), *file = path_join(*state, "file");
	autofree char *below = path_join(*state, "file/x");
	struct err err = {0};

	assert_int_equal(path_mkdirs(deep, 0755, &err), 0);
	assert_true(path_is_dir(deep));
	assert_int_equal(path_mkdirs(deep, 0755, &err), 0);
	scratch_write(file, "");
	assert_int_equal(path_mkdirs(file, 0755, &err), -1);
	assert_non_null(strstr(err.text, file));
	assert_int_equal(path_mkdirs(below, 0755, &err), -1);
}

static void *make_deep(void *arg)
{
	return path_mkdirs(arg, 0755, NULL) == 0 ? arg : NULL;
}

static void test_mkdirs_by_many_threads(void **state)
{
	autofree char *deep = path_join(*state, "a/b/c/d/e/f/g/h");
	pthread_t threads[8];

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, make_deep, deep);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *result;
		pthread_join(threads[i], &result);
		assert_non_null(result);
	}
}

static void test_remove_tree(void **state)
{
	autofree char *deep = path_join(*state, "t/a/b"), *top = path_join(*state, "t");
	autofree char *file = path_join(deep, "file"), *hidden = path_join(top, ".hidden");
	struct err err = {0};

	assert_int_equal(path_mkdirs(deep, 0755, &err), 0);
	scratch_write(file, "x");
	scratch_write(hidden, "x");
	assert_int_equal(path_remove_tree(top, &err), 0);
	assert_false(path_exists(top));
	assert_int_equal(path_remove_tree(top, &err), 0);
}

static void test_remove_tree_does_not_follow_links(void **state)
{
	autofree char *kept = path_join(*state, "kept"), *file = path_join(kept, "file");
	autofree char *tree = path_join(*state, "tree"), *link = path_join(tree, "link");
	autofree char *top_link = path_join(*state, "top-link");
	autofree char *dangling = path_join(tree, "dangling");

	assert_int_equal(path_mkdirs(kept, 0755, NULL) + path_mkdirs(tree, 0755, NULL), 0);
	scratch_write(file, "x");
	assert_int_equal(symlink("../kept", link), 0);
	assert_int_equal(symlink("nowhere", dangling), 0);
	assert_int_equal(symlink("kept", top_link), 0);
	assert_int_equal(path_remove_tree(tree, NULL), 0);
	assert_int_equal(path_remove_tree(top_link, NULL), 0);
	assert_true(scratch_holds(file, "x"));
	autofree char *names = scratch_list(*state);
	assert_string_equal(names, "kept");
}

static void test_remove_tree_of_a_wide_directory(void **state)
{
	autofree char *wide = path_join(*state, "wide");
	size_t before = scratch_open_fds();

	assert_int_equal(mkdir(wide, 0755), 0);
	for (int i = 0; i < 3000; i++) {
		autofree char *file = xasprintf("%s/%d", wide, i);
		scratch_write(file, "");
	}
	assert_int_equal(path_remove_tree(wide, NULL), 0);
	assert_false(path_exists(wide));
	assert_int_equal(scratch_open_fds(), before);
}

/* The depth is limited; what remains is removed piece by piece from below. */
static void test_remove_tree_refuses_what_is_too_deep(void **state)
{
	autofree char *names = repeat("d/", 203), *deep = path_join(*state, names);
	autofree char *inner_names = repeat("d/", 100);
	autofree char *inner = path_join(*state, inner_names), *top = path_join(*state, "d");
	struct err err = {0};

	assert_int_equal(path_mkdirs(deep, 0755, &err), 0);
	assert_int_equal(path_remove_tree(top, &err), -1);
	assert_non_null(strstr(err.text, top));
	inner[strlen(inner) - 1] = '\0';
	assert_int_equal(path_remove_tree(inner, &err), 0);
	assert_int_equal(path_remove_tree(top, &err), 0);
}

static int remove_as_nobody(const char *path, struct err *err)
{
	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 0;
	return path_remove_tree(path, err);
}

/* In a directory with the sticky bit others' files stay: the error has to say that. */
static void test_remove_tree_tells_why_it_may_not(void **state)
{
	if (getuid() != 0)
		skip();
	autofree char *file = path_join(*state, "file");
	int status;

	scratch_write(file, "x");
	assert_int_equal(chmod(*state, 01777), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct err err = {0};
		remove_as_nobody(file, &err);
		_exit(err.code == ERR_DENIED ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(path_exists(file));
}

static void test_existence_follows_links(void **state)
{
	autofree char *link = path_join(*state, "link"),
		      *dangling = path_join(*state, "dangling");
	autofree char *file = path_join(*state, "file");

	scratch_write(file, "");
	assert_int_equal(symlink(".", link), 0);
	assert_int_equal(symlink("nowhere", dangling), 0);
	assert_true(path_exists(link));
	assert_true(path_is_dir(link));
	assert_true(path_exists(file));
	assert_false(path_is_dir(file));
	assert_false(path_exists(dangling));
}

#define SCRATCH(t) cmocka_unit_test_setup_teardown(t, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_dirname_and_basename),
		cmocka_unit_test(test_components),
		cmocka_unit_test(test_contained_paths),
		cmocka_unit_test(test_limits_of_contained_paths),
		cmocka_unit_test(test_home),
		cmocka_unit_test(test_user_directories),
		SCRATCH(test_mkdirs),
		SCRATCH(test_mkdirs_by_many_threads),
		SCRATCH(test_remove_tree),
		SCRATCH(test_remove_tree_does_not_follow_links),
		SCRATCH(test_remove_tree_of_a_wide_directory),
		SCRATCH(test_remove_tree_refuses_what_is_too_deep),
		SCRATCH(test_remove_tree_tells_why_it_may_not),
		SCRATCH(test_existence_follows_links),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
