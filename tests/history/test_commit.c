/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The git program makes a repository and a twin of it. In one we commit, in the other `git
 * commit --only` does: commit ids, index, status and reflog have to be the same in both. What
 * libgit2 is to do is done with no git to be found; what git is to do is refused then.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <unistd.h>

#include "base/path.h"
#include "fixture.h"
#include "history/commit.h"

#define REGISTRY "site/group_vars/all/model_registry.yaml"

/* What every repository begins with: two commits, and a name for who commits. */
#define BEGIN                                                                                  \
	"git config --global user.name 'Ada Lovelace'; "                                       \
	"git config --global user.email ada@example.org; "                                     \
	"git config --global init.defaultBranch main; "                                        \
	"git config --global protocol.file.allow always; "                                     \
	"mkdir -p one/site/group_vars/all one/site/host_vars; cd one; git init -q; "           \
	"echo 'v: 1' > " REGISTRY "; echo x > other; echo y > site/group_vars/all/b.yaml; "    \
	"echo z > zz; git add .; git commit -qm first; echo more >> other; "                   \
	"git commit -qam second; "

static char *search_path;
static struct err err;
static char id[65];

static int setup(void **state)
{
	if (fixture_setup(state) < 0)
		return -1;
	search_path = xstrdup(getenv("PATH"));
	setenv("GIT_AUTHOR_DATE", "1700000000 +0100", 1);
	setenv("GIT_COMMITTER_DATE", "@1700000060 -0230", 1);
	err_clear(&err);
	return 0;
}

static int teardown(void **state)
{
	setenv("PATH", search_path, 1);
	free(search_path);
	unsetenv("GIT_AUTHOR_DATE");
	unsetenv("GIT_COMMITTER_DATE");
	return fixture_teardown(state);
}

static void hide_git(bool hidden)
{
	setenv("PATH", hidden ? "/nonexistent" : search_path, 1);
}

/* Commits files (between blanks) of a working tree below the test's directory. */
static int commit(const char *top, const char *files, const char *message)
{
	AUTO(strlist_release) struct strlist names = {0};
	AUTO(strlist_release) struct strlist paths = {0};

	strlist_split(&names, files, " ");
	for (size_t i = 0; i < names.count; i++)
		strlist_addf(&paths, "%s/%s/%s", fixture_dir, top, names.items[i]);
	err_clear(&err);
	return git_commit_files(&paths, message, id, NULL, &err);
}

static int check(const char *top, const char *file)
{
	AUTO(strlist_release) struct strlist paths = {0};

	strlist_addf(&paths, "%s/%s/%s", fixture_dir, top, file);
	err_clear(&err);
	return git_commit_check(&paths, &err);
}

#define MESSAGE "Roll back face to 2025-11-20\n\nIt crashed.  \n\n\nModel: face\n"

struct twin_case {
	const char *what;
	const char *prepare; /* behind BEGIN, inside one/ */
	const char *change;  /* our own change, made in both */
	const char *files;
	const char *top;    /* of the working tree; NULL: one */
	const char *reason; /* why git has to; NULL: it has not */
};

/* Everything about a working tree that git tells. */
static const char *describe(const char *top)
{
	return fixture_shell(
		"cd '%s'; git rev-parse HEAD; git symbolic-ref HEAD; "
		"git status --porcelain=v1 -uall; git ls-files --stage -t; "
		"git diff --cached; git diff; git log -3 --format=raw --stat; "
		"git reflog --format='%%gs %%gn %%ge'; git reflog main --format=%%gs; "
		"ls \"$(git rev-parse --git-dir)\" | grep -Ev 'COMMIT_EDITMSG|sharedindex' || "
		"true",
		top);
}

/* Fails with the first line that differs: a message has no room for all. */
static void expect_same(const char *what, const char *ours, const char *gits)
{
	size_t line = 1;

	if (strcmp(ours, gits) == 0)
		return;
	for (;; line++) {
		size_t n = strcspn(ours, "\n"), m = strcspn(gits, "\n");
		if (n != m || memcmp(ours, gits, n) != 0 || !ours[n] != !gits[m])
			fail_msg("%s: line %zu\n--- ours\n%.*s\n--- git's\n%.*s", what, line,
				(int)n, ours, (int)m, gits);
		ours += n + (ours[n] == '\n');
		gits += m + (gits[m] == '\n');
	}
}

static void check_twin(const struct twin_case *c)
{
	const char *top = c->top ? c->top : "one";
	autofree char *twin = xasprintf("twin/%s", top);

	fixture_shell("rm -rf one twin tree .gitconfig");
	fixture_shell(BEGIN "%s", c->prepare ? c->prepare : ":");
	fixture_shell("cd '%s'; %s", top, c->change);
	fixture_shell(
		"mkdir twin; for d in one tree; do test ! -d $d || cp -a $d twin/$d; done; "
		"if test -d tree; then cd twin/one; git worktree repair "
		"\"$PWD/../tree\"; fi");
	fixture_shell("cd '%s'; git add -N -- %s 2> /dev/null || true; "
		      "printf '" MESSAGE "' | git commit --only -q -F - -- %s",
		twin, c->files, c->files);
	hide_git(true);
	int result = commit(top, c->files, MESSAGE);
	hide_git(false);
	if (c->reason) {
		if (result == 0 || err.code != ERR_UNSUPPORTED || !strstr(err.text, c->reason))
			fail_msg("%s: without git: %d %s", c->what, err.code, err.text);
		result = commit(top, c->files, MESSAGE);
	}
	if (result < 0)
		fail_msg("%s: %s", c->what, err.text);

	const char *ours = describe(top);
	const char *gits = describe(twin);
	expect_same(c->what, ours, gits);
	assert_int_equal(strncmp(ours, id, strlen(id)), 0);
	fixture_shell("cd '%s'; git fsck --strict", top);
}

#define CHANGE "echo 'v: 2' > " REGISTRY

static void test_the_same_as_git(void **state)
{
	static const struct twin_case cases[] = {
		{"nothing else", NULL, CHANGE, REGISTRY, NULL, NULL},
		{"others are dirty, staged, new, gone and renamed",
			"echo d >> other; echo s >> site/group_vars/all/b.yaml; "
			"git add site/group_vars/all/b.yaml; echo w >> "
			"site/group_vars/all/b.yaml; echo n > site/group_vars/all/new.yaml; "
			"git add site/group_vars/all/new.yaml; git rm -q --cached zz; "
			"git mv other moved; echo u > site/untracked",
			CHANGE, REGISTRY, NULL, NULL},
		{"a whole directory is staged to go", "git rm -rq --cached site/group_vars/all",
			"echo 1 > zz", "zz", NULL, NULL},
		{"flags of other entries",
			"git update-index --assume-unchanged zz; git update-index "
			"--skip-worktree other; echo i > later; git add -N later",
			CHANGE, REGISTRY, NULL, NULL},
		{"a new file in a new directory", NULL,
			"mkdir -p site/host_vars; echo p > site/host_vars/a.yaml; " CHANGE,
			"site/host_vars/a.yaml " REGISTRY, NULL, NULL},
		{"a file that is gone", NULL, "rm site/group_vars/all/b.yaml",
			"site/group_vars/all/b.yaml", NULL, NULL},
		{"several files", NULL, CHANGE "; echo 1 > zz; echo 2 > other",
			"zz " REGISTRY " other", NULL, NULL},
		{"an executable file", "chmod +x " REGISTRY "; git commit -qam x", CHANGE,
			REGISTRY, NULL, NULL},
		{"permissions that do not count",
			"chmod +x zz; git commit -qam x; git config "
			"core.fileMode false; chmod -x zz; chmod +x "
			"other",
			"echo 1 > zz; echo 2 > other", "zz other", NULL, NULL},
		{"line ends are converted",
			"git config core.autocrlf true; printf 'a\\r\\n' > zz",
			"printf 'v: 3\\r\\n' > " REGISTRY, REGISTRY " zz", NULL, NULL},
		{"line ends by attributes",
			"echo '*.yaml text eol=crlf' > .gitattributes; git add "
			".gitattributes; git commit -qm a",
			"printf 'v: 3\\r\\n' > " REGISTRY, REGISTRY, NULL, NULL},
		{"an index of version 4",
			"git update-index --index-version 4; echo s >> other; "
			"git add other",
			CHANGE, REGISTRY, NULL, NULL},
		{"everything is packed", "git gc -q; git pack-refs --all", CHANGE, REGISTRY,
			NULL, NULL},
		{"a name with blanks and signs", NULL,
			"mkdir -p 'a*b'; echo 1 > 'a*b/[x].yaml'", "a*b/[x].yaml", NULL, NULL},
		{"a branch with a slash", "git switch -q -c ops/rollback", CHANGE, REGISTRY,
			NULL, NULL},
		{"a working tree beside",
			"git worktree add -q ../tree -b side; cd ../tree; echo s >> other; git "
			"add other",
			CHANGE, REGISTRY, "tree", NULL},
		{"a submodule",
			"git clone -q . ../lib; git submodule --quiet add ../lib sub; git "
			"commit -qm sub; echo dirty >> other; rm -rf ../lib",
			CHANGE, REGISTRY, "one/sub", NULL},
		{"a shallow clone",
			"git clone -q --depth 1 file://$PWD ../s; rm -rf ../one; mv "
			"../s ../one",
			CHANGE, REGISTRY, NULL, NULL},
		{"a hook that does not count",
			"echo exit 1 > .git/hooks/pre-commit; chmod -x "
			".git/hooks/pre-commit",
			CHANGE, REGISTRY, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_twin(&cases[i]);
}

#define HOOK(name, text)                                                                       \
	"mkdir -p .git/hooks; printf '#!/bin/sh\\n" text "\\n' > .git/hooks/" name             \
	"; chmod +x .git/hooks/" name

static void test_what_git_has_to_do(void **state)
{
	static const struct twin_case cases[] = {
		{"a hook", "echo s >> other; git add other; " HOOK("pre-commit", "exit 0"),
			CHANGE, REGISTRY, NULL, "hooks/pre-commit"},
		{"a hook that writes the message",
			HOOK("prepare-commit-msg", "echo Ticket: 7 >> \"$1\""), CHANGE,
			REGISTRY, NULL, "hooks/prepare-commit-msg"},
		{"a hook behind the commit", HOOK("post-commit", "touch .git/done; exit 1"),
			CHANGE, REGISTRY, NULL, "hooks/post-commit"},
		{"hooks elsewhere",
			"mkdir ours; printf '#!/bin/sh\\nexit 0\\n' > ours/commit-msg; chmod "
			"+x ours/commit-msg; git config core.hooksPath ours",
			CHANGE, REGISTRY, NULL, "ours/commit-msg"},
		{"a hook, and a new file", HOOK("pre-commit", "exit 0"),
			"echo p > site/host_vars/a.yaml", "site/host_vars/a.yaml", NULL,
			"hooks/pre-commit"},
		{"a hook, and a file that is gone", HOOK("pre-commit", "exit 0"), "rm zz", "zz",
			NULL, "hooks/pre-commit"},
		{"signatures",
			"ssh-keygen -q -t ed25519 -N '' -f ../key; git config gpg.format ssh; "
			"git config user.signingKey $PWD/../key; git config commit.gpgSign "
			"true",
			CHANGE, REGISTRY, NULL, "commit.gpgsign"},
		{"a filter",
			/* of that file alone: git looks into others only now and then */
			"git config filter.up.clean 'tr a-z A-Z'; echo 'model_registry.yaml "
			"filter=up' > .gitattributes; git add .gitattributes; git commit -qm a",
			CHANGE, REGISTRY, NULL, "filter=up"},
		{"settings for each working tree", "git config extensions.worktreeConfig true",
			CHANGE, REGISTRY, NULL, "extensions.worktreeConfig"},
		{"an extension that libgit2 does not know",
			"git config core.repositoryFormatVersion 1; git config "
			"extensions.worktreeConfig true",
			CHANGE, REGISTRY, NULL, "this kind of repository"},
		{"a split index",
			"echo s >> other; git add other; git update-index --split-index",
			CHANGE, REGISTRY, NULL, "this kind of index"},
		{"a sparse index",
			"git sparse-checkout set --cone --sparse-index site; git config "
			"--unset extensions.worktreeConfig || true",
			CHANGE, REGISTRY, NULL, "needs the git program"},
		{"a repository that is shared", "git config core.sharedRepository group",
			CHANGE, REGISTRY, NULL, "core.sharedRepository"},
		{"a working tree beside, with a hook",
			HOOK("pre-commit", "exit 0") "; git worktree add -q ../tree -b side",
			CHANGE, REGISTRY, "tree", "hooks/pre-commit"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_twin(&cases[i]);
}

static void test_objects_named_by_sha256(void **state)
{
	(void)state;
	fixture_shell(
		BEGIN "cd ..; mkdir two; cd two; git init -q --object-format=sha256; "
		      "cp -r ../one/site .; git add .; git commit -qm first; echo s > new; "
		      "git add new; " CHANGE);

	assert_int_equal(check("two", "zz"), 0);
	if (commit("two", REGISTRY, MESSAGE) < 0)
		fail_msg("%s", err.text);

	assert_int_equal(strlen(id), 64);
	assert_string_equal(
		fixture_shell("cd two; git show --stat --format=%%H HEAD | head -3"),
		fixture_shell("printf '%s\\n\\n " REGISTRY " | 2 +-\\n'", id));
	assert_string_equal(fixture_shell("cd two; git status --porcelain"), "A  new\n");
}

/* ---- who commits ---- */

struct people_case {
	const char *what;
	const char *prepare;   /* in one/, where the global settings have no user */
	const char *variables; /* "NAME=VALUE", between semicolons */
	bool by_git;
};

static void set_variables(const char *list, bool set)
{
	AUTO(strlist_release) struct strlist items = {0};

	strlist_split(&items, list ? list : "", ";");
	for (size_t i = 0; i < items.count; i++) {
		char *value = strchr(items.items[i], '=');
		*value++ = '\0';
		if (set)
			setenv(items.items[i], value, 1);
		else
			unsetenv(items.items[i]);
	}
}

static void check_people(const struct people_case *c)
{
	fixture_shell("rm -rf one two .gitconfig more");
	fixture_shell(BEGIN
		"git config --global --unset user.name; git config --global --unset "
		"user.email; git config --global user.useConfigOnly true; %s; " CHANGE
		"; cp -a ../one ../two",
		c->prepare);
	set_variables(c->variables, true);
	fixture_shell("cd two; printf '" MESSAGE "' | git commit --only -q -F - " REGISTRY);
	hide_git(!c->by_git);
	int result = commit("one", REGISTRY, MESSAGE);
	hide_git(false);
	set_variables(c->variables, false);
	setenv("GIT_AUTHOR_DATE", "1700000000 +0100", 1);
	if (result < 0)
		fail_msg("%s: %s", c->what, err.text);

	const char *ours = fixture_shell("cd one; git cat-file -p HEAD");
	const char *gits = fixture_shell("cd two; git cat-file -p HEAD");
	if (strcmp(ours, gits) != 0)
		fail_msg("%s:\n--- ours\n%s\n--- git's\n%s", c->what, ours, gits);
}

#define LOCAL "git config user.name Grace; git config user.email g@example.org"

static void test_author_and_committer_are_git_s(void **state)
{
	static const struct people_case cases[] = {
		{"the repository's settings", LOCAL, NULL, false},
		{"an included file",
			"printf '[user]\\nname=Inc\\nemail=i@x.org\\n' > ../more; git "
			"config include.path ../../more",
			NULL, false},
		{"included for some directories",
			"printf '[user]\\nname=Inc\\nemail=i@x.org\\n' > ../more; git config "
			"--global includeIf.gitdir:.git.path $PWD/../more",
			NULL, false},
		{"settings of each role",
			LOCAL
			"; git config author.name Auth; git config committer.email c@x.org",
			NULL, false},
		{"the environment", LOCAL,
			"GIT_AUTHOR_NAME=Env;GIT_AUTHOR_EMAIL=e@x.org;GIT_COMMITTER_NAME=Com",
			false},
		{"the environment alone", ":",
			"GIT_AUTHOR_NAME=Env;GIT_AUTHOR_EMAIL=e@x.org;GIT_COMMITTER_NAME=Com;"
			"GIT_COMMITTER_EMAIL=c@x.org",
			false},
		{"EMAIL",
			"git config user.name Grace; git config --global user.useConfigOnly "
			"false",
			"EMAIL=mail@x.org", true},
		{"signs around a name",
			"git config user.name ' Grace, ' ; git config user.email "
			"'<g@x.org>'",
			NULL, true},
		{"a date in words", LOCAL, "GIT_AUTHOR_DATE=2026-02-25T21:00:00Z", true},
		{"a date of RFC 2822", LOCAL, "GIT_AUTHOR_DATE=Wed, 25 Feb 2026 21:00:00 +0100",
			true},
		{"settings of the environment", ":",
			"GIT_CONFIG_COUNT=2;GIT_CONFIG_KEY_0=user.name;GIT_CONFIG_VALUE_0=Env;"
			"GIT_CONFIG_KEY_1=user.email;GIT_CONFIG_VALUE_1=e@x.org",
			true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_people(&cases[i]);
}

/* ---- when it does not work ---- */

/* After a failure all is as it was before, our own change included. */
static void check_failure(
	const char *prepare, const char *files, enum err_code code, const char *says)
{
	fixture_shell("rm -rf one .gitconfig");
	fixture_shell(BEGIN "echo s >> other; git add other; echo p > site/host_vars/new.yaml; "
			    "%s; " CHANGE,
		prepare);
	const char *before = describe("one");
	int result = commit("one", files, MESSAGE);
	const char *after = describe("one");

	assert_int_equal(result, -1);
	if (err.code != code || !strstr(err.text, says))
		fail_msg("%s: %d %s", prepare, err.code, err.text);
	assert_string_equal(after, before);
	assert_string_equal(id, "");
}

static void test_nothing_is_left_of_a_failure(void **state)
{
	(void)state;
	check_failure(HOOK("pre-commit", "echo house rule 7 >&2; exit 1"),
		REGISTRY " site/host_vars/new.yaml", ERR_INPUT, "house rule 7");
	check_failure(
		HOOK("commit-msg", "echo no ticket; exit 1"), REGISTRY, ERR_INPUT, "no ticket");
	check_failure("git config commit.gpgSign true; git config gpg.program false", REGISTRY,
		ERR_INPUT, "gpg");
	check_failure(":", "zz", ERR_EXISTS, "nothing to commit");
	check_failure(HOOK("pre-commit", "exit 0"), "zz", ERR_EXISTS, "nothing to commit");
	check_failure("touch .git/index.lock", REGISTRY, ERR_BUSY, ".git/index.lock is there");
	check_failure("touch .git/refs/heads/main.lock", REGISTRY, ERR_BUSY, "refs/heads/main");
	check_failure("mkdir dir", "dir", ERR_INPUT, "no file that git keeps");
	check_failure("ln -s zz link", "link", ERR_INPUT, "no file that git keeps");
}

static void *interrupt_soon(void *cancel)
{
	usleep(300000);
	cancel_request(cancel);
	return NULL;
}

static void test_an_interrupt_ends_a_hook(void **state)
{
	AUTO(strlist_release) struct strlist paths = {0};
	struct cancel cancel;
	pthread_t thread;

	(void)state;
	fixture_shell(BEGIN CHANGE "; " HOOK("pre-commit", "exec sleep 20"));
	strlist_add(&paths, fixture_path("one/" REGISTRY));
	const char *before = describe("one");
	assert_int_equal(cancel_init(&cancel, &err), 0);
	assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, &cancel), 0);

	int result = git_commit_files(&paths, MESSAGE, id, &cancel, &err);

	pthread_join(thread, NULL);
	cancel_release(&cancel);
	assert_int_equal(result, -1);
	assert_int_equal(err.code, ERR_CANCELLED);
	assert_string_equal(describe("one"), before);
}

/* While others stage files all the time, nothing of theirs and of ours is lost. */
static void test_others_stage_at_the_same_time(void **state)
{
	(void)state;
	fixture_shell(
		BEGIN "mkdir many; (for i in $(seq 60); do echo $i > many/$i; until git add "
		      "many/$i 2> /dev/null; do :; done; done; touch ../done) > /dev/null "
		      "2>&1 &");
	for (int i = 0; i < 40; i++) {
		fixture_shell("echo 'n: %d' > one/" REGISTRY, i);
		hide_git(true);
		while (commit("one", REGISTRY, MESSAGE) < 0)
			if (err.code != ERR_BUSY)
				fail_msg("%s", err.text);
		hide_git(false);
	}
	fixture_shell("until test -e done; do sleep 0.1; done");

	assert_string_equal(fixture_shell("cd one; git rev-list --count HEAD"), "42\n");
	assert_string_equal(
		fixture_shell("cd one; git diff --cached --name-only | wc -l | tr -d ' '"),
		"60\n");
	fixture_shell("cd one; git fsck --strict");
}

/* A file changed within the tick of the index's own time is still seen as changed. */
static void test_a_change_right_behind_is_seen(void **state)
{
	(void)state;
	fixture_shell(
		BEGIN "git config core.trustctime false; git config core.checkStat minimal");
	for (int i = 0; i < 5; i++) {
		fixture_shell("cd one; echo a%d > zz; git add zz; echo 'n: %d' > " REGISTRY
			      "; echo b%d > zz; touch -r .git/index zz",
			i, i, i);
		assert_int_equal(commit("one", REGISTRY, MESSAGE), 0);
		assert_string_equal(fixture_shell("cd one; git status --porcelain"), "MM zz\n");
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_same_as_git),
		TEST(test_what_git_has_to_do),
		TEST(test_objects_named_by_sha256),
		TEST(test_author_and_committer_are_git_s),
		TEST(test_nothing_is_left_of_a_failure),
		TEST(test_an_interrupt_ends_a_hook),
		TEST(test_others_stage_at_the_same_time),
		TEST(test_a_change_right_behind_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
