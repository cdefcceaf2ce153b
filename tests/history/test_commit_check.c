/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps a file from being committed, each made with the git program, and what a person is
 * told about it: with libgit2 looking, and once more with git, which a hook makes necessary.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "history/commit.h"

#define SETTINGS                                                                               \
	"git config --global user.name Ada; git config --global user.email a@x.org; "          \
	"git config --global init.defaultBranch main; git config --global "                    \
	"protocol.file.allow always; "
#define FIRST                                                                                  \
	"git init -q; mkdir host_vars; echo v1 > f.yaml; echo x > other; git add .; git "      \
	"commit -qm first; "
#define HOOK                                                                                   \
	"printf '#!/bin/sh\\nexit 0\\n' > .git/hooks/pre-commit; chmod +x "                    \
	".git/hooks/pre-commit; "

static struct err err;

static int check_paths(const char *a, const char *b)
{
	AUTO(strlist_release) struct strlist paths = {0};

	strlist_add(&paths, fixture_path(a));
	if (b)
		strlist_add(&paths, fixture_path(b));
	err_clear(&err);
	return git_commit_check(&paths, &err);
}

struct situation {
	const char *what;
	const char *prepare; /* in one/ with a first commit */
	const char *file;
	enum err_code code; /* ERR_NONE: it may be committed */
	const char *says, *remedy;
};

static const struct situation situations[] = {
	{"all is well", ":", "f.yaml", ERR_NONE, "", ""},
	{"others are dirty and staged", "echo d >> other; echo n > new; git add new", "f.yaml",
		ERR_NONE, "", ""},
	{"a file that is yet to be made", ":", "host_vars/a.yaml", ERR_NONE, "", ""},
	{"a directory that is yet to be made", ":", "deep/er/a.yaml", ERR_NONE, "", ""},
	{"a file that git does not know", "echo n > new.yaml", "new.yaml", ERR_NONE, "", ""},
	{"the head is detached", "git checkout -q --detach", "f.yaml", ERR_INPUT, "detached",
		"git switch"},
	{"a merge",
		"git switch -qc side; echo s > s; git add s; git commit -qm s; git switch -q "
		"main; echo m > m; git add m; git commit -qm m; git merge -q --no-commit side",
		"f.yaml", ERR_BUSY, "a merge is in progress", "git merge --abort"},
	{"a merge with conflicts",
		"git switch -qc side; echo s > other; git commit -qam s; git switch -q main; "
		"echo m > other; git commit -qam m; git merge -q side > /dev/null || true",
		"f.yaml", ERR_BUSY, "a merge is in progress", "git merge --abort"},
	{"a rebase",
		"git switch -qc side; echo s > other; git commit -qam s; git switch -q main; "
		"echo m > other; git commit -qam m; git rebase -q side > /dev/null 2>&1 || "
		"true",
		"f.yaml", ERR_BUSY, "a rebase is in progress", "git rebase --abort"},
	{"git am",
		"echo a > other; git commit -qam a; git format-patch -q -1; git reset -q "
		"--hard HEAD~; echo b > other; git commit -qam b; git am -q 0001-a.patch > "
		"/dev/null 2>&1 || true",
		"f.yaml", ERR_BUSY, "a rebase (or git am) is in progress", "git am --abort"},
	{"a cherry-pick",
		"git switch -qc side; echo s > other; git commit -qam s; git switch -q main; "
		"echo m > other; git commit -qam m; git cherry-pick side > /dev/null 2>&1 || "
		"true",
		"f.yaml", ERR_BUSY, "a cherry-pick is in progress", "git cherry-pick --abort"},
	{"a revert",
		"echo 2 > other; git commit -qam 2; echo 3 > other; git commit -qam 3; git "
		"revert HEAD~ > /dev/null 2>&1 || true",
		"f.yaml", ERR_BUSY, "a revert is in progress", "git revert --abort"},
	{"a bisect", "git bisect start -q", "f.yaml", ERR_BUSY, "a bisect is in progress",
		"git bisect reset"},
	{"files are unmerged",
		"echo 2 > other; git stash -q; echo 3 > other; git commit -qam 3; git stash "
		"pop > /dev/null 2>&1 || true",
		"f.yaml", ERR_BUSY, "unmerged", "git status"},
	{"the index is locked", "touch -d '2 hours ago' .git/index.lock", "f.yaml", ERR_BUSY,
		"one/.git/index.lock is there since", "remove the file"},
	{"changes that are not staged", "echo v2 > f.yaml", "f.yaml", ERR_INPUT,
		"not committed", "git diff"},
	{"changes that are staged", "echo v2 > f.yaml; git add f.yaml", "f.yaml", ERR_INPUT,
		"staged and not committed", "git restore --staged"},
	{"staged, and changed back", "echo v2 > f.yaml; git add f.yaml; echo v1 > f.yaml",
		"f.yaml", ERR_INPUT, "staged and not committed", "git restore --staged"},
	{"a new file that is staged", "echo n > new; git add new", "new", ERR_INPUT, "staged",
		"commit them"},
	{"removed, and not committed", "rm f.yaml", "f.yaml", ERR_INPUT, "not committed",
		"git restore"},
	{"an ignored file", "echo '*.yaml' > .gitignore; echo n > new.yaml", "new.yaml",
		ERR_INPUT, "is ignored by git", "git check-ignore -v"},
	{"an ignored file that is yet to be made", "echo host_vars > .gitignore",
		"host_vars/a.yaml", ERR_INPUT, "is ignored by git", "git check-ignore -v"},
	{"a file that is kept although ignored", "echo '*.yaml' > .gitignore", "f.yaml",
		ERR_NONE, "", ""},
	{"a directory", ":", "host_vars", ERR_INPUT, "no file that git keeps", ""},
	{"nobody commits",
		"git config --global --unset user.email; git config --global "
		"user.useConfigOnly "
		"true",
		"f.yaml", ERR_INPUT, "does not know who commits",
		"git config --global user.name"},
};

static int setup(void **state)
{
	int result = fixture_setup(state);

	if (result == 0)
		fixture_shell("mkdir one");
	return result;
}

static int check_situation(const struct situation *s, bool hook)
{
	autofree char *path = xasprintf("one/%s", s->file);

	fixture_shell("rm -rf one .gitconfig; mkdir one; cd one; " SETTINGS FIRST "%s; %s",
		s->prepare, hook ? HOOK : ":");
	const char *before = fixture_shell("cd one; git status --porcelain=v2 --branch; "
					   "find . -type f | sort | xargs sha256sum");
	int result = check_paths(path, NULL);
	const char *after = fixture_shell("cd one; git status --porcelain=v2 --branch; "
					  "find . -type f | sort | xargs sha256sum");

	assert_string_equal(after, before);
	if (err.code == s->code && (result == 0) == (s->code == ERR_NONE) &&
		(result == 0 || (strstr(err.text, s->says) && strstr(err.text, s->remedy))))
		return 0;
	print_message("%s%s: %d %s\n", s->what, hook ? " (hook)" : "", err.code, err.text);
	return 1;
}

static void test_each_situation_has_its_answer(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(situations); i++)
		wrong += check_situation(&situations[i], false);
	assert_int_equal(wrong, 0);
}

static void test_each_situation_when_git_has_to_look(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(situations); i++)
		wrong += check_situation(&situations[i], true);
	assert_int_equal(wrong, 0);
}

static void refuse(const char *a, const char *b, enum err_code code, const char *says)
{
	assert_int_equal(check_paths(a, b), -1);
	if (err.code != code || !strstr(err.text, says))
		fail_msg("%s: %d %s", a, err.code, err.text);
}

static void test_where_there_is_nothing_to_commit_to(void **state)
{
	(void)state;
	fixture_shell(
		SETTINGS "echo x > alone.yaml; git init -q --bare bare; mkdir fresh; cd fresh; "
			 "git init -q; echo v > f.yaml; git add .");
	refuse("alone.yaml", NULL, ERR_NOTFOUND, "git init");
	refuse("bare/config", NULL, ERR_UNSUPPORTED, "bare git repository");
	refuse("fresh/f.yaml", NULL, ERR_INPUT, "no commit yet");
}

static void test_files_of_several_repositories(void **state)
{
	(void)state;
	fixture_shell(
		SETTINGS "cd one; " FIRST "git init -q sub; cd sub; echo s > s.yaml; git add "
			 ".; git commit -qm s; cd ../..; cp -r one two; echo x > alone.yaml; "
			 "ln -s ../two/f.yaml one/link.yaml");
	refuse("one/f.yaml", "two/f.yaml", ERR_INPUT, "one commit is of one repository");
	refuse("one/f.yaml", "one/sub/s.yaml", ERR_INPUT, "one commit is of one repository");
	refuse("one/f.yaml", "alone.yaml", ERR_NOTFOUND, "does not lie in a git repository");
	assert_int_equal(check_paths("one/f.yaml", "one/host_vars/new.yaml"), 0);
}

static void refuse_without_git(const char *prepare, enum err_code code, const char *says)
{
	autofree char *path = xstrdup(getenv("PATH"));

	fixture_shell("%s", prepare);
	setenv("PATH", "/nonexistent", 1);
	int result = check_paths("one/f.yaml", NULL);
	setenv("PATH", path, 1);
	assert_int_equal(result, -1);
	if (err.code != code || !strstr(err.text, says))
		fail_msg("%s: %d %s", prepare, err.code, err.text);
}

static void test_git_is_needed_and_not_there(void **state)
{
	(void)state;
	refuse_without_git(SETTINGS "cd one; " FIRST HOOK, ERR_UNSUPPORTED,
		"hooks/pre-commit; install git");
	refuse_without_git(
		"rm one/.git/hooks/pre-commit; git config --global --unset user.name",
		ERR_INPUT, "does not know who commits");
	refuse_without_git("cd one; git config core.repositoryFormatVersion 1; git config "
			   "extensions.worktreeConfig true",
		ERR_UNSUPPORTED, "worktreeconfig");
}

static void test_a_repository_that_cannot_be_written(void **state)
{
	int status = 0;

	(void)state;
	if (geteuid() != 0) {
		skip();
		return;
	}
	/* Permissions do not hold root back, so somebody else looks. */
	fixture_shell(SETTINGS "cd one; " FIRST "cd ..; chown -R 65534:65534 .; chmod -R a-w "
			       "one/.git");
	pid_t child = fork();
	if (child == 0) {
		bool refused = setgid(65534) == 0 && setuid(65534) == 0 &&
			       check_paths("one/f.yaml", NULL) < 0 && err.code == ERR_DENIED &&
			       strstr(err.text, "one/.git is not writable");
		_exit(refused ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void test_a_repository_of_somebody_else(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		skip();
		return;
	}
	fixture_shell(SETTINGS "cd one; " FIRST "chown -R 65534:65534 .");
	refuse("one/f.yaml", NULL, ERR_DENIED, "safe.directory");
	fixture_shell("git config --global safe.directory %s", fixture_path("one"));
	assert_int_equal(check_paths("one/f.yaml", NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_situation_has_its_answer),
		TEST(test_each_situation_when_git_has_to_look),
		TEST(test_where_there_is_nothing_to_commit_to),
		TEST(test_files_of_several_repositories),
		TEST(test_git_is_needed_and_not_there),
		TEST(test_a_repository_that_cannot_be_written),
		TEST(test_a_repository_of_somebody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
