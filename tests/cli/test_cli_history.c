/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet history, as a user runs it: a repository that git made, a journal beside it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "history/fixture.h"
#include "history/journal.h"

#define FILE_NAME "site/inventory/group_vars/all/model_registry.yaml"

static struct arena arena;

/* Commits all that is there, so many minutes after 2026-01-01. */
static void commit(int minutes, const char *message)
{
	fixture_shell("cd site; git add -A; GIT_COMMITTER_DATE='%d +0000' git commit -qm '%s'",
		1767225600 + 60 * minutes, message);
}

static void write_models(const char *face, const char *previous, const char *ssd)
{
	const char *text = arena_printf(&arena,
		"sentinelcam_models:\n  face: {current_version: %s, previous_version: %s}\n  "
		"ssd: "
		"{current_version: %s}\n",
		face, previous, ssd);

	fixture_write(FILE_NAME, text);
}

static int setup(void **state)
{
	if (fixture_setup(state) < 0)
		return -1;
	fixture_shell(
		"git config --global user.name 'Ada Lovelace'; git config --global user.email "
		"a@x.org; git config --global init.defaultBranch main; git init -q site");
	fixture_write(
		"site/inventory/hosts.yaml", "all:\n  hosts:\n    a:\n    b.x:\n    c:\n");
	return 0;
}

static int teardown(void **state)
{
	arena_release(&arena);
	return fixture_teardown(state);
}

/* The history, with ids of commits as "#" and the number of the commit, the first being 1. */
static const char *look(const char *arguments)
{
	return fixture_shell(
		"cd site; " MODELFLEET " history -i inventory %s > ../out 2> ../errors "
		"|| echo exit $?; n=0; for c in $(git rev-list --reverse HEAD); do "
		"n=$((n + 1)); sed -i \"s/$c/#$n/g; s/$(echo $c | cut -c-12)/#$n/g\" "
		"../out ../errors; done; cat ../out; cat ../errors",
		arguments);
}

/* Adds a run to the site's journal. */
static const char *add_run(const char *name, int minutes, bool check, bool ends)
{
	struct journal_run run = {.check = check};
	autofree char *dir = journal_site_dir(fixture_path("site/inventory"));
	struct err err;

	strlist_add(&run.versions, "face 2026-02-02");
	strlist_add(&run.versions, "ssd 2020-12-06");
	journal_add_host(&run, "a", JOURNAL_CHANGED, NULL);
	journal_add_host(&run, "b.x", JOURNAL_CHANGED, NULL);
	journal_add_host(&run, "c", JOURNAL_FAILED, "no space left");
	if (journal_begin(&run, dir, name, "deploy-models -i inventory", &err) < 0)
		fail_msg("%s", err.text);
	free(run.user);
	free(run.admin);
	run.user = xstrdup("ops");
	run.admin = xstrdup("admin1");
	run.start = 1767225600 + 60 * minutes;
	int result = ends ? journal_end(&run, dir, 2, &err) : journal_write(&run, dir, &err);
	if (result < 0)
		fail_msg("%s", err.text);
	const char *id = arena_strdup(&arena, run.id);
	journal_run_release(&run);
	return id;
}

static void test_commits_and_runs_are_one_list(void **state)
{
	(void)state;
	write_models("2025-02-25", "null", "2020-12-06");
	commit(0, "first");
	write_models("'2026-02-02'", "'2025-02-25'", "2020-12-06");
	fixture_write("site/other", "x");
	commit(10, "face");
	const char *id = add_run("deploy", 12, false, true);
	const char *killed = add_run("rollback", 13, false, false);
	add_run("deploy", 14, true, true);
	fixture_write("site/inventory/host_vars/a.yaml",
		"model_version_overrides: {face: 2025-11-20}\n");
	fixture_write("site/inventory/host_vars/b.x.yml",
		"model_version_overrides: {face: 2025-11-20}\n");
	fixture_write("site/inventory/host_vars/c/pins.yaml",
		"model_version_overrides: {ssd: 2019-01-01}\n");
	commit(20, "pins");
	fixture_shell("cd site; echo '# a comment' >> inventory/group_vars/all/"
		      "model_registry.yaml; echo 'z: 1' >> inventory/host_vars/a.yaml");
	commit(30, "other things");
	fixture_shell("rm -r site/inventory/host_vars");
	commit(40, "unpin");

	assert_string_equal(look(""),
		arena_printf(&arena,
			"2026-01-01T00:40:00Z  Ada Lovelace  face no longer pinned to "
			"2025-11-20 on "
			"a, b.x (commit #5)\n"
			"2026-01-01T00:40:00Z  Ada Lovelace  ssd no longer pinned to "
			"2019-01-01 on c "
			"(commit #5)\n"
			"2026-01-01T00:20:00Z  Ada Lovelace  face pinned to 2025-11-20 on a, "
			"b.x "
			"(commit #3)\n"
			"2026-01-01T00:20:00Z  Ada Lovelace  ssd pinned to 2019-01-01 on c "
			"(commit "
			"#3)\n"
			"2026-01-01T00:13:00Z  ops@admin1    rollback of face 2026-02-02, ssd "
			"2020-12-06: 2 changed, 1 failed; it did not end (%s)\n"
			"2026-01-01T00:12:00Z  ops@admin1    deploy of face 2026-02-02, ssd "
			"2020-12-06: 2 changed, 1 failed; exit 2 (%s)\n"
			"2026-01-01T00:10:00Z  Ada Lovelace  face 2025-02-25 -> 2026-02-02 "
			"(commit "
			"#2)\n"
			"2026-01-01T00:00:00Z  Ada Lovelace  face (none) -> 2025-02-25 (commit "
			"#1)\n"
			"2026-01-01T00:00:00Z  Ada Lovelace  ssd (none) -> 2020-12-06 (commit "
			"#1)\n",
			killed, id));
	assert_string_equal(look("ssd --since 2026-01-01T00:12:00Z"),
		arena_printf(&arena,
			"2026-01-01T00:40:00Z  Ada Lovelace  ssd no longer pinned to "
			"2019-01-01 on c "
			"(commit #5)\n"
			"2026-01-01T00:20:00Z  Ada Lovelace  ssd pinned to 2019-01-01 on c "
			"(commit "
			"#3)\n"
			"2026-01-01T00:13:00Z  ops@admin1    rollback of ssd 2020-12-06: 2 "
			"changed, 1 "
			"failed; it did not end (%s)\n"
			"2026-01-01T00:12:00Z  ops@admin1    deploy of ssd 2020-12-06: 2 "
			"changed, 1 "
			"failed; exit 2 (%s)\n",
			killed, id));
	assert_string_equal(look("-n 1"), "2026-01-01T00:40:00Z  Ada Lovelace  face no longer "
					  "pinned to 2025-11-20 on a, b.x "
					  "(commit #5)\n");
}

static void test_broken_revisions_are_passed_over(void **state)
{
	(void)state;
	write_models("2025-02-25", "null", "2020-12-06");
	commit(0, "first");
	fixture_write(FILE_NAME, "sentinelcam_models: [\n");
	commit(10, "oops");
	write_models("2026-02-02", "2025-02-25", "2020-12-06");
	commit(20, "face");
	write_models("2026-02-02", "null", "2020-12-06");
	commit(30, "forget");

	const char *said = look("--since 2026-01-01T00:01:00Z");

	assert_true(str_starts(said, "2026-01-01T00:30:00Z  Ada Lovelace  face: previous "
				     "version 2025-02-25 -> (none) "
				     "(commit #4)\n"
				     "2026-01-01T00:20:00Z  Ada Lovelace  face 2025-02-25 -> "
				     "2026-02-02 (commit #3)\n"
				     "warning: inventory/group_vars/all/model_registry.yaml in "
				     "commit #2 is passed over: "));
}

static void test_the_registry_of_an_inventory_that_was_renamed(void **state)
{
	(void)state;
	fixture_shell("rm site/inventory/hosts.yaml");
	fixture_write("site/inventory/old.yaml",
		"all:\n  hosts:\n    a:\n  vars:\n    sentinelcam_models:\n      face:\n"
		"        current_version: '2025-02-25'\n");
	commit(0, "first");
	fixture_shell("cd site/inventory; mv old.yaml new.yaml");
	commit(10, "renamed");
	fixture_shell("cd site/inventory; sed -i s/2025-02-25/2026-02-02/ new.yaml");
	commit(20, "face");

	assert_string_equal(look(""),
		"2026-01-01T00:20:00Z  Ada Lovelace  face 2025-02-25 -> 2026-02-02 (commit "
		"#3)\n"
		"2026-01-01T00:00:00Z  Ada Lovelace  face (none) -> 2025-02-25 (commit #1)\n");
}

static void test_events_for_programs(void **state)
{
	static const char script[] = "import json, sys\n"
				     "def once(pairs):\n"
				     "  assert len(dict(pairs)) == len(pairs), pairs\n"
				     "  return dict(pairs)\n"
				     "for l in open('out'):\n"
				     "  e = json.loads(l, object_pairs_hook=once)\n"
				     "  assert e.pop('time') and e.pop('event') == 'history'\n"
				     "  e.pop('end', 0), e.pop('run', 0)\n"
				     "  print(*[f'{k}={v}' for k, v in e.items()], sep='|')\n";

	(void)state;
	write_models("2025-02-25", "null", "2020-12-06");
	commit(0, "first");
	add_run("deploy", 12, false, true);
	fixture_write("site/inventory/host_vars/a.yaml",
		"model_version_overrides: {face: 2025-11-20}\n");
	commit(20, "pins");
	look("face --json");
	fixture_write("read.py", script);

	assert_string_equal(fixture_shell("/usr/bin/python3 read.py"),
		"kind=pin_changed|at=2026-01-01T00:20:00Z|who=Ada "
		"Lovelace|commit=#2|summary=pins|"
		"file=inventory/host_vars/"
		"a.yaml|model=face|from=None|to=2025-11-20|hosts=['a']\n"
		"kind=run|at=2026-01-01T00:12:00Z|who=ops@admin1|name=deploy|command=deploy-"
		"models -i "
		"inventory|exit_code=2|versions=['face 2026-02-02', 'ssd "
		"2020-12-06']|hosts={'ok': 0, "
		"'changed': 2, 'failed': 1, 'drifted': 0, 'unreachable': 0, 'rolled_back': 0, "
		"'skipped': 0}\n"
		"kind=version_changed|at=2026-01-01T00:00:00Z|who=Ada Lovelace|commit=#1|"
		"summary=first|file=inventory/group_vars/all/model_registry.yaml|model=face|"
		"from=None|to=2025-02-25\n");
}

static void test_without_a_repository_the_journal_is_told(void **state)
{
	(void)state;
	write_models("2025-02-25", "null", "2020-12-06");
	const char *id = add_run("deploy", 12, false, true);
	fixture_shell("rm -rf site/.git");

	const char *said =
		fixture_shell("cd site; " MODELFLEET " history -i inventory face 2>&1");

	assert_non_null(strstr(said, arena_printf(&arena, "exit 2 (%s)\n", id)));
	assert_non_null(strstr(said, "does not lie in a git repository"));
	assert_non_null(strstr(said, "the journal of runs alone is told\n"));
}

static void test_nothing_and_mistakes(void **state)
{
	(void)state;
	write_models("2025-02-25", "null", "2020-12-06");
	commit(0, "first");
	assert_string_equal(look("none"), "no change of none is known\n");
	assert_string_equal(
		look("--since 2026-02-01"), "no change of a version is known since then\n");
	assert_string_equal(look("-n 0"),
		"exit 1\nmodelfleet: -n: found '0', expected a number of "
		"entries from 1 to 5000\n");
	assert_non_null(strstr(look("--since yesterday"), "expected a day as YYYY-MM-DD"));
	assert_non_null(strstr(look("face 2020-01-01"), "behind MODEL"));
}

/* What others have written reaches the terminal without its control characters. */
static void test_names_from_git_are_cleaned(void **state)
{
	(void)state;
	fixture_shell("git config --global user.name \"$(printf 'Eve\\033[2J')\"");
	write_models("2025-02-25", "null", "\"2\\e[2J\"");
	commit(0, "first");

	const char *said = look("");

	assert_null(strchr(said, '\033'));
	assert_non_null(strstr(said, "Eve?[2J"));
	assert_non_null(strstr(said, "ssd (none) -> 2?[2J"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_commits_and_runs_are_one_list),
		TEST(test_broken_revisions_are_passed_over),
		TEST(test_the_registry_of_an_inventory_that_was_renamed),
		TEST(test_events_for_programs),
		TEST(test_without_a_repository_the_journal_is_told),
		TEST(test_nothing_and_mistakes),
		TEST(test_names_from_git_are_cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
