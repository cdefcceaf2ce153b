/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history of a file, as `git log` tells it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "history/commit.h"

static struct gitrepo *g;
static struct git_changes changes;
static struct err err;

static int setup(void **state)
{
	if (fixture_setup(state) < 0)
		return -1;
	err_clear(&err);
	fixture_shell(
		"git config --global user.name 'Ada Lovelace'; git config --global user.email "
		"a@x.org; git config --global init.defaultBranch main; git init -q one");
	return 0;
}

static int teardown(void **state)
{
	git_changes_release(&changes);
	gitrepo_free(g);
	g = NULL;
	return fixture_teardown(state);
}

/* Makes commits, each a minute after the last: "m NAME" commits all that is there. */
static void make(const char *script)
{
	fixture_shell(
		"cd one; t=1700000000; m() { t=$((t + 60)); git add -A; GIT_AUTHOR_DATE=\"$t "
		"+0000\" GIT_COMMITTER_DATE=\"$t +0000\" git commit -q --allow-empty -m "
		"\"$1\"; }; merge() { t=$((t + 60)); GIT_COMMITTER_DATE=\"$t +0000\" git "
		"merge -q --no-ff \"$@\" > /dev/null; }; %s",
		script);
}

static const char *look(const char *path, size_t max)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	gitrepo_free(g);
	git_changes_release(&changes);
	g = gitrepo_open(fixture_path("one"), &err);
	assert_non_null(g);
	if (git_file_changes(g, path, max, &changes, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < changes.count; i++) {
		const struct git_commit_info *c = &changes.items[i].commit;
		strbuf_addf(&text, "%s %s %lld %s\n", c->id, c->author, (long long)c->time,
			c->summary);
	}
	return fixture_shell("cat <<'E'\n%sE\n", text.data);
}

#define FORMAT "--format='%%H %%an %%ct %%s'"

static void test_the_commits_that_git_log_has(void **state)
{
	(void)state;
	make("mkdir d; echo 1 > d/f; m one; echo x > x; m other; echo 2 > d/f; m two; m empty; "
	     "rm d/f; m gone; echo 1 > d/f; m again; chmod +x d/f; m mode; echo 3 > d/g; m "
	     "beside");

	/* git counts a change of permissions alone; a version cannot change by that. */
	assert_string_equal(look("d/f", 100),
		fixture_shell("cd one; git log " FORMAT " -- d/f | grep -v ' mode$'"));
	assert_string_equal(look("d", 100), fixture_shell("cd one; git log " FORMAT " -- d"));
	assert_string_equal(look("d/f", 2),
		fixture_shell(
			"cd one; git log " FORMAT " -- d/f | grep -v ' mode$' | head -2"));
	assert_string_equal(look("d/none", 2), "");
	assert_string_equal(look("d/f/below", 2), "");
}

static void test_merges_are_simplified_as_git_does(void **state)
{
	(void)state;
	make("echo 1 > f; echo 1 > o; m base; git switch -q -c side; echo 2 > f; m side2; echo "
	     "3 > f; m side3; git switch -q main; echo 2 > o; m main2; merge side; git switch "
	     "-q -c both; echo b > f; m b; git switch -q main; echo c > f; m c; merge both || "
	     "true; echo bc > f; m resolved; git switch -q -c ours; echo n > f; m ours1; git "
	     "switch -q main; echo 5 > o; m o5; merge -s ours ours");

	assert_string_equal(look("f", 100), fixture_shell("cd one; git log " FORMAT " -- f"));
	assert_string_equal(look("o", 100), fixture_shell("cd one; git log " FORMAT " -- o"));
}

static void test_a_plain_rename_is_followed(void **state)
{
	(void)state;
	make("seq 50 > old.yaml; m one; echo more >> old.yaml; m two; mkdir d; git mv old.yaml "
	     "d/new.yaml; echo x > x; m moved; echo again >> d/new.yaml; m three");

	assert_string_equal(look("d/new.yaml", 100),
		fixture_shell("cd one; git log --follow " FORMAT " -- d/new.yaml"));
	assert_int_equal(changes.count, 4);
	assert_string_equal(changes.items[1].path, "d/new.yaml");
	assert_string_equal(changes.items[1].before, "old.yaml");
	assert_string_equal(changes.items[2].path, "old.yaml");
	assert_null(changes.items[3].before);
}

static void test_an_unborn_branch_has_no_history(void **state)
{
	(void)state;
	assert_string_equal(look("f", 10), "");
}

/* Random histories with branches and merges: the same commits as git's, in its order. */
/* What a commit changed below a directory, each name with a space behind it. */
static void changed(const char *commit, const char *dir, const char *wanted)
{
	AUTO(strlist_release) struct strlist files = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (git_changed_files(g, commit, dir, &files, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < files.count; i++)
		strbuf_addf(&text, "%s ", files.items[i]);
	assert_string_equal(text.data, wanted);
}

static void test_files_that_a_commit_changed(void **state)
{
	(void)state;
	make("mkdir -p d/sub e; echo 1 > d/a; echo 1 > d/sub/b; echo 1 > e/c; m first; "
	     "echo 2 > d/a; rm d/sub/b; echo 2 > d/new; echo 2 > e/c; m second; "
	     "git rm -qr d; m third");
	g = gitrepo_open(fixture_path("one"), &err);
	assert_non_null(g);
	changed("HEAD~2", "d", "a sub/b "); /* the first commit has no parent */
	changed("HEAD~1", "d", "a new sub/b ");
	changed("HEAD~1", "d/sub", "b ");
	changed("HEAD~1", "e", "c ");
	changed("HEAD", "d", "a new ");
	changed("HEAD", "e", "");
	changed("HEAD", "nowhere", "");
	changed("HEAD", "../one/d", "");
}

static void test_random_histories(void **state)
{
	(void)state;
	make("git commit -q --allow-empty -m root; t=1700000100; s=7; for i in $(seq 40); do "
	     "s=$(((s * 1103515245 + 12345) % 2147483648)); case $((s / 65536 % 6)) in 0) git "
	     "switch -q -c b$i;; 1) git switch -q main;; 2) merge -X ours $(git for-each-ref "
	     "--format='%(refname:short)' refs/heads | sed -n \"$((s / 7 % 3 + 1))p\") || git "
	     "reset -q --hard;; *) echo $((s % 5)) > f$((s / 11 % 2)); m c$i;; esac; done; git "
	     "switch -q main; for b in $(git for-each-ref --format='%(refname:short)' "
	     "refs/heads); do merge -X ours $b || git reset -q --hard; done");
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "f1" : "f0";
		assert_string_equal(look(name, 1000),
			fixture_shell("cd one; git log " FORMAT " -- %s", name));
		assert_true(changes.count > 3);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_commits_that_git_log_has),
		TEST(test_merges_are_simplified_as_git_does),
		TEST(test_a_plain_rename_is_followed),
		TEST(test_an_unborn_branch_has_no_history),
		TEST(test_files_that_a_commit_changed),
		TEST(test_random_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
