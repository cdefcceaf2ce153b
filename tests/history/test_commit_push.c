/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pushing to a repository beside, as git sees it there afterwards, and what is said when the
 * remote does not take it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "fixture.h"
#include "history/commit.h"

static struct err err;

static int setup(void **state)
{
	if (fixture_setup(state) < 0)
		return -1;
	err_clear(&err);
	fixture_shell(
		"git config --global user.name Ada; git config --global user.email a@x.org; "
		"git config --global init.defaultBranch main; git init -q --bare remote; "
		"git clone -q remote one 2> /dev/null; cd one; echo v1 > f.yaml; git add .; "
		"git commit -qm first; git push -q -u origin main; echo v2 > f.yaml; git "
		"commit -qam second");
	return 0;
}

static int push(void)
{
	return git_push_branch(fixture_path("one/f.yaml"), NULL, &err);
}

static void refuse(enum err_code code, const char *says)
{
	assert_int_equal(push(), -1);
	if (err.code != code || !strstr(err.text, says))
		fail_msg("%d %s", err.code, err.text);
}

static void expect_same(const char *branch)
{
	assert_string_equal(fixture_shell("git -C remote rev-parse %s", branch),
		fixture_shell("git -C one rev-parse HEAD"));
}

static void test_the_branch_goes_to_its_upstream(void **state)
{
	(void)state;
	if (push() < 0)
		fail_msg("%s", err.text);
	expect_same("main");
	assert_int_equal(push(), 0); /* there is nothing new, which is fine */
}

static void test_an_upstream_of_another_name(void **state)
{
	(void)state;
	fixture_shell(
		"cd one; git switch -q -c ops/rollback; git config branch.ops/rollback.remote "
		"origin; git config branch.ops/rollback.merge refs/heads/release; git config "
		"push.default nothing");
	assert_int_equal(push(), 0);
	expect_same("release");
	assert_string_not_equal(fixture_shell("git -C remote rev-parse main"),
		fixture_shell("git -C one rev-parse HEAD"));
}

static void test_the_remote_is_ahead(void **state)
{
	(void)state;
	fixture_shell(
		"git clone -q remote two; cd two; echo o > other; git add .; git commit -qm "
		"theirs; git push -q");
	const char *before =
		fixture_shell("git -C remote rev-parse main; git -C one rev-parse HEAD");

	refuse(ERR_BUSY, "nothing is lost: git pull --rebase");
	fixture_shell("cd one; git fetch -q");
	refuse(ERR_BUSY, "nothing is lost: git pull --rebase");

	assert_string_equal(
		fixture_shell("git -C remote rev-parse main; git -C one rev-parse HEAD"),
		before);
}

static void test_there_is_no_upstream(void **state)
{
	(void)state;
	fixture_shell("cd one; git switch -q -c new");
	refuse(ERR_INPUT, "git push --set-upstream REMOTE new");
	fixture_shell("cd one; git checkout -q --detach");
	refuse(ERR_INPUT, "HEAD is detached");
}

static void test_the_remote_refuses(void **state)
{
	(void)state;
	fixture_shell("printf '#!/bin/sh\\necho not on Fridays\\nexit 1\\n' > "
		      "remote/hooks/pre-receive; chmod +x remote/hooks/pre-receive");
	refuse(ERR_SYSTEM, "not on Fridays");
	fixture_shell("rm -rf remote");
	refuse(ERR_SYSTEM, "does not appear to be a git repository");
}

/* A remote that wants a password fails, rather than asking on the terminal. */
static void test_nobody_is_asked(void **state)
{
	(void)state;
	fixture_shell(
		"printf '#!/bin/sh\\necho \"$*\" > %s/asked\\nexit 255\\n' > ssh; chmod +x "
		"ssh; cd one; git remote set-url origin ssh://nobody@localhost/none",
		fixture_dir);
	autofree char *path = xstrdup(getenv("PATH"));
	autofree char *with_ssh = xasprintf("%s:%s", fixture_dir, path);
	setenv("PATH", with_ssh, 1);

	refuse(ERR_SYSTEM, "nothing is lost");

	setenv("PATH", path, 1);
	assert_non_null(strstr(fixture_read("asked"), "BatchMode=yes"));
}

static void test_an_interrupt_ends_it(void **state)
{
	struct cancel cancel;

	(void)state;
	assert_int_equal(cancel_init(&cancel, &err), 0);
	cancel_request(&cancel);

	assert_int_equal(git_push_branch(fixture_path("one"), &cancel, &err), -1);

	assert_int_equal(err.code, ERR_CANCELLED);
	cancel_release(&cancel);
}

static void test_no_git_to_push_with(void **state)
{
	autofree char *path = xstrdup(getenv("PATH"));

	(void)state;
	setenv("PATH", "/nonexistent", 1);
	refuse(ERR_UNSUPPORTED, "install git");
	setenv("PATH", path, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_branch_goes_to_its_upstream),
		TEST(test_an_upstream_of_another_name),
		TEST(test_the_remote_is_ahead),
		TEST(test_there_is_no_upstream),
		TEST(test_the_remote_refuses),
		TEST(test_nobody_is_asked),
		TEST(test_an_interrupt_ends_it),
		TEST(test_no_git_to_push_with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
