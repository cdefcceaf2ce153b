/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The git program makes the repositories and says what is in them.
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
#include "history/gitrepo.h"

#define GIT "git -C repo -c user.name=Ada -c user.email=ada@example.org "

static struct gitrepo *g;

static int setup(void **state)
{
	if (fixture_setup(state) < 0)
		return -1;
	fixture_shell("git init -q -b main repo");
	g = NULL;
	return 0;
}

static int teardown(void **state)
{
	gitrepo_free(g);
	return fixture_teardown(state);
}

static void commit_all(const char *message)
{
	fixture_shell(GIT "add -A && " GIT "commit -q -m '%s'", message);
}

static void open_repo(const char *path)
{
	struct err err;

	g = gitrepo_open(fixture_path(path), &err);
	if (!g)
		fail_msg("%s", err.text);
}

static void two_commits(void)
{
	fixture_write("repo/inventory/hosts.yaml", "first\n");
	fixture_write("repo/inventory/group_vars/all/a.yaml", "a: 1\n");
	commit_all("first");
	fixture_write("repo/inventory/hosts.yaml", "second\n");
	commit_all("second");
	open_repo("repo/inventory");
}

static void test_a_file_as_it_was(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err;

	(void)state;
	two_commits();
	fixture_write("repo/inventory/hosts.yaml", "not committed\n");

	assert_int_equal(
		gitrepo_read_file(g, "HEAD~1", "inventory/hosts.yaml", &text, &err), 0);
	assert_string_equal(text.data, "first\n");
	strbuf_clear(&text);
	assert_int_equal(gitrepo_read_file(g, "main", "inventory/hosts.yaml", &text, &err), 0);
	assert_string_equal(text.data, "second\n");
}

static void test_a_commit_is_what_git_says(void **state)
{
	struct git_commit_info info;
	struct err err;
	char line[256];

	(void)state;
	two_commits();

	assert_int_equal(gitrepo_commit(g, "HEAD", &info, &err), 0);

	snprintf(line, sizeof(line), "%s %s %s %lld\n", info.id, info.author, info.summary,
		(long long)info.time);
	assert_string_equal(line, fixture_shell(GIT "log -1 --format='%%H %%an %%s %%ct'"));
	git_commit_info_release(&info);
}

static void test_tags_and_short_ids_are_revisions(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf id = STRBUF_INIT;
	struct err err;

	(void)state;
	two_commits();
	fixture_shell(GIT "tag -a -m x v1 HEAD~1");
	strbuf_addstr(&id, fixture_shell(GIT "rev-parse --short HEAD~1"));
	strbuf_rtrim(&id);

	assert_int_equal(gitrepo_read_file(g, "v1", "inventory/hosts.yaml", &text, &err), 0);
	assert_int_equal(gitrepo_read_file(g, id.data, "inventory/hosts.yaml", &text, &err), 0);
	assert_string_equal(text.data, "first\nfirst\n");
}

static void test_what_is_not_there(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err;

	(void)state;
	two_commits();

	assert_int_equal(gitrepo_read_file(g, "HEAD", "inventory/none.yaml", &text, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(
		strstr(err.text, "inventory/none.yaml was not there at revision \"HEAD\""));
	assert_int_equal(gitrepo_read_file(g, "v9", "inventory/hosts.yaml", &text, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.text, "no revision \"v9\""));
	assert_int_equal(gitrepo_read_file(g, "HEAD", "inventory", &text, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(
		gitrepo_list(g, "HEAD", "inventory/hosts.yaml", &(struct strlist){0}, &err),
		-1);
	assert_int_equal(err.code, ERR_INPUT);
}

static void test_no_repository_and_no_commit(void **state)
{
	struct git_commit_info info;
	struct err err;

	(void)state;
	fixture_write("elsewhere/file", "");
	assert_null(gitrepo_open(fixture_path("elsewhere/file"), &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.text, "does not lie in a git repository"));

	open_repo("repo");
	assert_int_equal(gitrepo_commit(g, "HEAD", &info, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.text, "has no commit yet"));
}

static void test_a_repository_of_another_user(void **state)
{
	struct err err;

	(void)state;
	if (geteuid() != 0)
		skip();
	fixture_shell("chown -R 65534 repo");
	assert_null(gitrepo_open(fixture_path("repo"), &err));
	assert_int_equal(err.code, ERR_DENIED);
	assert_non_null(strstr(err.text, "safe.directory"));
	fixture_shell("git config --global --add safe.directory \"$PWD/repo\"");
	open_repo("repo");
}

static void check_relative(const char *path, const char *expected)
{
	struct err err;
	autofree char *relative = gitrepo_relative(g, fixture_path(path), &err);

	if (expected)
		assert_string_equal(relative, expected);
	else
		assert_null(relative);
}

static void test_paths_as_the_repository_names_them(void **state)
{
	(void)state;
	two_commits();
	fixture_shell("ln -s repo/inventory site; mkdir repo2");
	check_relative("repo", "");
	check_relative("repo/inventory", "inventory");
	check_relative("repo/inventory/../inventory/hosts.yaml", "inventory/hosts.yaml");
	check_relative("site", "inventory");
	check_relative("site/group_vars/all/a.yaml", "inventory/group_vars/all/a.yaml");
	check_relative("repo/inventory/deleted.yaml", "inventory/deleted.yaml");
	check_relative("repo2", NULL);
	check_relative("repo/none/deleted.yaml", NULL);
	assert_string_equal(gitrepo_workdir(g), fixture_path("repo"));
}

static void test_the_list_is_what_git_lists(void **state)
{
	AUTO(strlist_release) struct strlist files = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err;

	(void)state;
	fixture_write("repo/inventory/host_vars/den.yaml", "");
	fixture_write("repo/inventory/a b/c.yaml", "");
	fixture_write("repo/top.yaml", "");
	two_commits();

	assert_int_equal(gitrepo_list(g, "HEAD", "inventory", &files, &err), 0);

	for (size_t i = 0; i < files.count; i++)
		strbuf_addf(&text, "inventory/%s\n", files.items[i]);
	assert_string_equal(
		text.data, fixture_shell(GIT "ls-tree -r --name-only HEAD inventory"));
}

static void test_an_export_is_what_git_archives(void **state)
{
	struct err err;

	(void)state;
	fixture_write("repo/inventory/script", "#!/bin/sh\n");
	fixture_shell("chmod 755 repo/inventory/script; ln -s hosts.yaml repo/inventory/link; "
		      "mkdir repo/inventory/host_vars; "
		      "ln -s ../group_vars/all/a.yaml repo/inventory/host_vars/den.yaml; "
		      "printf 'a\\0b' > repo/inventory/binary; mkdir out expected");
	two_commits();
	fixture_shell("rm -r repo/inventory/host_vars");

	assert_int_equal(gitrepo_export(g, "HEAD", "inventory", fixture_path("out"), &err), 0);

	fixture_shell(GIT "archive HEAD inventory | tar -x -C expected");
	fixture_shell(
		"diff -r --no-dereference expected/inventory out; test -x out/script; "
		"test -L out/link; test -L out/host_vars/den.yaml; test ! -x out/hosts.yaml");
}

static void test_a_link_out_of_the_exported_directory(void **state)
{
	static const char *const targets[] = {
		"/etc/passwd", "../top.yaml", "group_vars/../../x"};
	struct err err;

	(void)state;
	fixture_write("repo/top.yaml", "");
	two_commits();
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		fixture_shell(
			"rm -rf out; mkdir out; ln -sf %s repo/inventory/link", targets[i]);
		commit_all("link");
		assert_int_equal(
			gitrepo_export(g, "HEAD", "inventory", fixture_path("out"), &err), -1);
		assert_int_equal(err.code, ERR_UNSUPPORTED);
		assert_non_null(strstr(err.text, targets[i]));
		assert_false(path_exists(fixture_path("out/link")));
	}
}

/* A tree that git's own commands would not make: an entry that leads out. */
static void test_a_hostile_tree_writes_nothing_outside(void **state)
{
	struct err err;

	(void)state;
	fixture_write("repo/file", "bad\n");
	fixture_shell("mkdir -p x/out");
	fixture_shell("cd repo; blob=$(git hash-object -w file); "
		      "tree=$(python3 -c 'import sys, binascii; sys.stdout.buffer.write("
		      "b\"100644 ..\\0\" + binascii.unhexlify(sys.argv[1]))' $blob "
		      "| git hash-object -t tree -w --stdin --literally); "
		      "up=$(python3 -c 'import sys, binascii; sys.stdout.buffer.write("
		      "b\"40000 ..\\0\" + binascii.unhexlify(sys.argv[1]))' $tree "
		      "| git hash-object -t tree -w --stdin --literally); "
		      "commit=$(git -c user.name=A -c user.email=a@b commit-tree -m x $up); "
		      "git update-ref refs/heads/bad $commit");
	open_repo("repo");

	assert_int_equal(gitrepo_export(g, "bad", "", fixture_path("x/out"), &err), -1);

	assert_string_equal(fixture_shell("find x"), "x\nx/out\n");
}

static void test_a_large_file_is_refused_before_it_is_read(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err;

	(void)state;
	fixture_shell("truncate -s %u repo/large", GIT_FILE_MAX + 1);
	commit_all("large");
	open_repo("repo");

	assert_int_equal(gitrepo_read_file(g, "HEAD", "large", &text, &err), -1);

	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(text.cap, 0);
}

static void test_line_ends_are_not_converted(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err;

	(void)state;
	fixture_write("repo/.gitattributes", "* text=auto eol=crlf\n");
	two_commits();
	assert_int_equal(gitrepo_read_file(g, "HEAD", "inventory/hosts.yaml", &text, &err), 0);
	assert_string_equal(text.data, "second\n");
}

static void test_a_worktree_and_a_bare_repository(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err;

	(void)state;
	two_commits();
	gitrepo_free(g);
	fixture_shell(GIT "worktree add -q ../tree HEAD~1; git clone -q --bare repo bare.git");

	open_repo("tree/inventory");
	assert_string_equal(gitrepo_workdir(g), fixture_path("tree"));
	assert_int_equal(gitrepo_read_file(g, "HEAD", "inventory/hosts.yaml", &text, &err), 0);
	assert_string_equal(text.data, "first\n");
	gitrepo_free(g);

	open_repo("bare.git");
	assert_null(gitrepo_workdir(g));
	check_relative("bare.git", NULL);
	strbuf_clear(&text);
	assert_int_equal(gitrepo_read_file(g, "HEAD", "inventory/hosts.yaml", &text, &err), 0);
	assert_string_equal(text.data, "second\n");
}

static void test_a_repository_that_the_library_cannot_read(void **state)
{
	struct err err;

	(void)state;
	fixture_shell("git init -q --object-format=sha256 modern");
	g = gitrepo_open(fixture_path("modern"), &err);
	assert_null(g);
	assert_true(str_starts(err.text, "open the repository of"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_a_file_as_it_was),
		T(test_a_commit_is_what_git_says),
		T(test_tags_and_short_ids_are_revisions),
		T(test_what_is_not_there),
		T(test_no_repository_and_no_commit),
		T(test_a_repository_of_another_user),
		T(test_paths_as_the_repository_names_them),
		T(test_the_list_is_what_git_lists),
		T(test_an_export_is_what_git_archives),
		T(test_a_link_out_of_the_exported_directory),
		T(test_a_hostile_tree_writes_nothing_outside),
		T(test_a_large_file_is_refused_before_it_is_read),
		T(test_line_ends_are_not_converted),
		T(test_a_worktree_and_a_bare_repository),
		T(test_a_repository_that_the_library_cannot_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
