/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A version that moves: the file and its commit come together or not at all, also when a hook
 * refuses, when somebody else writes, and when the process is killed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "history/fixture.h"
#include "history/identity.h"
#include "history/move.h"
#include "value/yaml.h"

#define REGISTRY "site/inventory/group_vars/all/model_registry.yaml"

static const char before[] =
	"sentinelcam_models:\n  face:\n    current_version: \"2026-02-02\" # good\n"
	"    previous_version: null\n";
static const char after[] =
	"sentinelcam_models:\n  face:\n    current_version: \"2025-11-20\" # good\n"
	"    previous_version: \"2026-02-02\"\n";

static struct arena arena;
static struct registry registry;
static struct move move;
static struct err err;

static int setup(void **state)
{
	if (fixture_setup(state) < 0)
		return -1;
	move = (struct move){.what = "Roll back", .hosts = STRBUF_INIT};
	err_clear(&err);
	fixture_write(REGISTRY, before);
	fixture_write("site/inventory/hosts.yaml", "all:\n  hosts:\n    a:\n    b:\n    c:\n");
	fixture_write("site/inventory/host_vars/b.yaml", "x: 1\n");
	fixture_write("site/other", "x\n");
	fixture_shell(
		"git config --global user.name Ada; git config --global user.email a@x.org; "
		"git config --global init.defaultBranch main; cd site; git init -q; git add "
		".; git commit -qm first; echo s >> other; git add other; echo w >> other");
	return 0;
}

static int teardown(void **state)
{
	move_release(&move);
	registry_release(&registry);
	arena_release(&arena);
	return fixture_teardown(state);
}

static int prepare(const char *to)
{
	AUTO(diags_release) struct diags d = {0};

	registry_release(&registry);
	const struct value *top =
		yaml_read_file(&arena, fixture_path(REGISTRY), NULL, NULL, &err);
	if (!top)
		fail_msg("%s", err.text);
	registry_read(&registry,
		&(struct registry_input){.models = value_dict_get(top, VAR_MODELS)}, &d);
	return move_version(&move, registry_model(&registry, "face"), to, &err);
}

static int pin(const char *host, const char *version)
{
	autofree char *name = xasprintf("site/inventory/host_vars/%s.yaml", host);

	return move_pin(&move, host, fixture_path(name), "face", version, &err);
}

static void must(int result)
{
	if (result < 0)
		fail_msg("%s", err.text);
}

/* All that git and the disk say about the site. */
static const char *describe(void)
{
	return fixture_shell(
		"cd site; git rev-parse HEAD; git status --porcelain -uall; git diff; "
		"git diff --cached; find . -path ./.git -prune -o -print | sort; ls "
		".git | grep lock || true");
}

static const char *who(void)
{
	autofree char *user = identity_user();
	autofree char *host = identity_host();

	return arena_printf(&arena, "%s@%s", user, host);
}

static void test_one_file_and_a_message(void **state)
{
	(void)state;
	move.why = "It takes cats for people.";
	must(prepare("2025-11-20"));
	must(move_check(&move, &err));

	must(move_commit(&move, NULL, &err));

	assert_string_equal(fixture_read(REGISTRY), after);
	assert_string_equal(fixture_shell("cd site; git show -s --format=%%B"),
		arena_printf(&arena,
			"Roll back face to 2025-11-20\n\nIt takes cats for people.\n\nModel: "
			"face\n"
			"From-Version: 2026-02-02\nTo-Version: 2025-11-20\nChanged-By: %s\n\n",
			who()));
	assert_string_equal(
		fixture_shell(
			"cd site; git show --format=%%H --name-only; git status --porcelain"),
		arena_printf(&arena,
			"%s\n\ninventory/group_vars/all/model_registry.yaml\nMM other\n",
			move.commit));
	assert_string_equal(fixture_shell("cd site; git show -s "
					  "--format='%%(trailers:key=To-Version,valueonly)'"),
		"2025-11-20\n\n");
}

static void test_a_move_is_taken_back_by_a_second_commit(void **state)
{
	(void)state;
	must(prepare("2025-11-20"));
	must(move_commit(&move, NULL, &err));

	must(move_undo(&move, "3 hosts failed.", NULL, &err));

	assert_string_equal(fixture_read(REGISTRY), before);
	assert_string_equal(fixture_shell("cd site; git diff HEAD~2 --cached --stat; git log "
					  "--format=%%s; git status --porcelain"),
		" other | 1 +\n 1 file changed, 1 insertion(+)\nTake back \"Roll back face to "
		"2025-11-20\"\nRoll back face to 2025-11-20\nfirst\nMM other\n");
	assert_string_equal(fixture_shell("cd site; git show -s --format=%%b"),
		arena_printf(&arena,
			"3 hosts failed.\n\nThis takes back commit %s.\n\nModel: face\n"
			"From-Version: 2025-11-20\nTo-Version: 2026-02-02\nChanged-By: %s\n\n",
			move.commit, who()));
}

static void test_pins_of_several_hosts_are_one_commit(void **state)
{
	(void)state;
	move.what = "Pin";
	must(pin("a", "2025-11-20"));
	must(pin("b", "2025-11-20"));

	must(move_commit(&move, NULL, &err));

	assert_string_equal(
		fixture_shell("cd site; cat inventory/host_vars/*; git show --format=%%B "
			      "--name-status | grep -v Changed"),
		"model_version_overrides:\n  face: \"2025-11-20\"\nx: 1\n"
		"model_version_overrides:\n  face: \"2025-11-20\"\n"
		"Pin face to 2025-11-20 on 2 hosts\n\nModel: face\nTo-Version: "
		"2025-11-20\nHosts: a, "
		"b\n\n\nA\tinventory/host_vars/a.yaml\nM\tinventory/host_vars/b.yaml\n");

	must(move_undo(&move, NULL, NULL, &err));

	assert_string_equal(
		fixture_shell("cd site; ls inventory/host_vars; git diff HEAD~2 HEAD; "
			      "git status --porcelain"),
		"b.yaml\nMM other\n");
}

static void test_taking_a_pin_away(void **state)
{
	(void)state;
	fixture_shell("cd site; printf 'model_version_overrides:\\n  face: 2025-11-20\\n' > "
		      "inventory/host_vars/c.yaml; git add inventory; git commit -qm pin "
		      "inventory");
	move.what = "Unpin";
	must(pin("c", NULL));

	must(move_commit(&move, NULL, &err));

	assert_string_equal(fixture_read("site/inventory/host_vars/c.yaml"), "");
	assert_string_equal(
		fixture_shell("cd site; git show -s --format=%%s"), "Unpin face on c\n");
}

/* ---- nothing half done ---- */

static void refuse(int result, enum err_code code, const char *says)
{
	assert_int_equal(result, -1);
	if (err.code != code || !strstr(err.text, says))
		fail_msg("%d %s", err.code, err.text);
}

static void test_a_hook_refuses(void **state)
{
	(void)state;
	must(prepare("2025-11-20"));
	fixture_shell(
		"cd site/.git/hooks; printf '#!/bin/sh\\necho never on Fridays\\nexit 1\\n' > "
		"pre-commit; chmod +x pre-commit");
	const char *was = describe();

	refuse(move_commit(&move, NULL, &err), ERR_INPUT, "never on Fridays");

	assert_string_equal(describe(), was);
	assert_string_equal(fixture_read(REGISTRY), before);
}

static void test_pins_are_gone_when_a_hook_refuses(void **state)
{
	(void)state;
	fixture_shell("cd site; git rm -rqf inventory/host_vars; git commit -qm none; cd "
		      ".git/hooks; printf '#!/bin/sh\\nexit 1\\n' > commit-msg; chmod +x "
		      "commit-msg");
	must(pin("a", "2025-11-20"));
	must(pin("b", "2025-11-20"));
	const char *was = describe();

	refuse(move_commit(&move, NULL, &err), ERR_INPUT, "commit-msg");

	assert_string_equal(describe(), was);
}

static void test_a_file_changes_between_looking_and_writing(void **state)
{
	(void)state;
	must(pin("a", "2025-11-20"));
	must(pin("b", "2025-11-20"));
	fixture_shell("cd site; echo y: 1 > inventory/host_vars/b.yaml; git commit -qm y "
		      "inventory/host_vars/b.yaml");
	const char *was = describe();

	refuse(move_commit(&move, NULL, &err), ERR_BUSY, "b.yaml was changed by somebody else");

	assert_string_equal(describe(), was);
}

static void test_an_undo_does_not_overwrite_others(void **state)
{
	(void)state;
	must(prepare("2025-11-20"));
	must(move_commit(&move, NULL, &err));
	fixture_shell("cd site; sed -i 's/good/bad/' inventory/group_vars/all/"
		      "model_registry.yaml; git commit -qm bad inventory");
	const char *was = describe();

	refuse(move_undo(&move, NULL, NULL, &err), ERR_BUSY, "somebody else");

	assert_string_equal(describe(), was);
}

static void test_an_undo_that_cannot_be_committed(void **state)
{
	(void)state;
	must(prepare("2025-11-20"));
	must(move_commit(&move, NULL, &err));
	fixture_shell(
		"cd site/.git/hooks; printf '#!/bin/sh\\nexit 1\\n' > pre-commit; chmod +x "
		"pre-commit");
	const char *was = describe();

	refuse(move_undo(&move, NULL, NULL, &err), ERR_INPUT, "pre-commit");

	assert_string_equal(describe(), was);
	assert_string_equal(fixture_read(REGISTRY), after);
}

/* Commits in a process of its own, which is killed after some time; 0: not at all. */
static void commit_and_kill(int64_t nanoseconds)
{
	pid_t child = fork();

	if (child == 0) {
		move_commit(&move, NULL, &err);
		_exit(0);
	}
	if (nanoseconds) {
		usleep((useconds_t)(nanoseconds / 1000));
		kill(child, SIGKILL);
	}
	waitpid(child, NULL, 0);
}

/* The file is old or new, the repository is whole, and the way on is told. True: committed. */
static bool check_after_kill(void)
{
	const char *text = fixture_read(REGISTRY);
	bool moved = strcmp(text, after) == 0;

	assert_true(moved || strcmp(text, before) == 0);
	fixture_shell("cd site; git fsck --strict; git show HEAD:inventory/group_vars/all/"
		      "model_registry.yaml > ../committed");
	bool committed = strcmp(fixture_read("committed"), after) == 0;
	bool clean = move_check(&move, &err) == 0;
	if (moved && !committed)
		assert_true(!clean && (strstr(err.text, "git restore") ||
					      strstr(err.text, "remove the file")));
	return committed;
}

static void test_killed_at_any_moment(void **state)
{
	const int steps = 40;
	int64_t whole = 0;
	int committed = 0;

	(void)state;
	const char *start = fixture_shell("cd site; git rev-parse HEAD");
	for (int i = 0; i <= steps; i++) {
		must(prepare("2025-11-20"));
		int64_t began = clock_ns();
		commit_and_kill(whole * i / steps);
		if (i == 0)
			whole = clock_ns() - began;
		committed += check_after_kill();
		fixture_shell(
			"cd site; find .git -name '*.lock*' -delete; git reset -q --hard %s",
			start);
		must(move_check(&move, &err));
		move_release(&move);
		move.what = "Roll back";
	}
	assert_in_range(committed, 1, steps); /* the first was not killed, some were in time */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_file_and_a_message),
		TEST(test_a_move_is_taken_back_by_a_second_commit),
		TEST(test_pins_of_several_hosts_are_one_commit),
		TEST(test_taking_a_pin_away),
		TEST(test_a_hook_refuses),
		TEST(test_pins_are_gone_when_a_hook_refuses),
		TEST(test_a_file_changes_between_looking_and_writing),
		TEST(test_an_undo_does_not_overwrite_others),
		TEST(test_an_undo_that_cannot_be_committed),
		TEST(test_killed_at_any_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
