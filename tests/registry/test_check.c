/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `modelfleet check` as a user runs it: output, exit codes, JSON, and the comparison with git.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/path.h"
#include "base/spawn.h"
#include "fixture.h"

#define REGISTRY "inventory/group_vars/all/model_registry.yaml"

struct run {
	const char *out;
	const char *err;
	int code;
};

/* Runs check in the test's directory with words between spaces. */
static struct run check(const char *words)
{
	AUTO(spawn_result_release) struct spawn_result result = {0};
	AUTO(strlist_release) struct strlist argv = {0};
	struct err err;

	strlist_add(&argv, MODELFLEET_PROGRAM);
	strlist_add(&argv, "check");
	strlist_split(&argv, words, " ");
	const struct spawn_options o = {
		.argv = (const char *const *)argv.items,
		.cwd = fixture_dir,
		.until = deadline_in(60),
	};
	if (spawn_run(&o, &result, &err) < 0)
		fail_msg("%s", err.text);
	return (struct run){
		.out = arena_strdup(&fixture_arena, result.out.data),
		.err = arena_strdup(&fixture_arena, result.err.data),
		.code = spawn_exit_code(result.status),
	};
}

static void write_site(void)
{
	autofree char *hosts = xasprintf("all:\n"
					 "  vars: {sentinelcam_model_registry: %s}\n"
					 "  children:\n"
					 "    sentinels: {hosts: {den: , study: }}\n"
					 "    outposts:\n"
					 "      hosts: {porch: }\n"
					 "      vars: {outpost_models: [ssd]}\n",
		fixture_path("store"));

	fixture_write("inventory/hosts.yaml", hosts);
	fixture_write(REGISTRY, "sentinelcam_models:\n"
				"  ssd: {current_version: 2020-12-06}\n"
				"  face: {current_version: 2026-02-02}\n");
	fixture_version("store", "ssd", "2020-12-06");
	fixture_version("store", "ssd", "2026-03-03");
	fixture_version("store", "face", "2026-02-02");
}

static void commit(const char *message)
{
	fixture_shell("test -d .git || git init -q -b main; git add inventory; "
		      "git -c user.name=Ada -c user.email=a@example.org commit -q -m '%s'",
		message);
}

static void test_a_sound_site(void **state)
{
	(void)state;
	write_site();
	struct run run = check("-i inventory");

	autofree char *expected =
		xasprintf("den    ssd 2020-12-06, face 2026-02-02\n"
			  "study  ssd 2020-12-06, face 2026-02-02\n"
			  "porch  ssd 2020-12-06\n"
			  "\n"
			  "3 hosts, 2 model versions of 37 B in %s: all sound\n",
			fixture_path("store"));
	assert_string_equal(run.out, expected);
	assert_string_equal(run.err, "");
	assert_int_equal(run.code, 0);
}

static void test_limits_and_filters(void **state)
{
	(void)state;
	write_site();
	struct run run = check("-i inventory --limit sentinels:!study --models face");

	assert_true(str_starts(run.out, "den  face 2026-02-02\n\n1 host, 1 model version of "));
	assert_int_equal(run.code, 0);
}

static void test_mistakes_end_it_with_1(void **state)
{
	(void)state;
	write_site();
	fixture_write("inventory/host_vars/porch.yaml", "outpost_models: [sdd]\n"
							"model_version_overrides: {face: x}\n");
	struct run run = check("-i inventory");

	autofree char *expected = xasprintf("%s:1:18: error: found the model \"sdd\", expected "
					    "one that sentinelcam_models has; "
					    "did you mean ssd? (host porch)\n"
					    "%s:2:33: error: model_version_overrides.face: "
					    "found \"x\", expected a version as "
					    "\"YYYY-MM-DD\" (host porch)\n"
					    "%s:2:33: warning: model_version_overrides.face "
					    "has no effect: the host does not get "
					    "that model (host porch)\n"
					    "2 errors; nothing was changed\n",
		fixture_path("inventory/host_vars/porch.yaml"),
		fixture_path("inventory/host_vars/porch.yaml"),
		fixture_path("inventory/host_vars/porch.yaml"));
	assert_string_equal(run.err, expected);
	assert_string_equal(run.out, "");
	assert_int_equal(run.code, 1);
}

static void test_files_that_cannot_be_sent(void **state)
{
	(void)state;
	write_site();
	fixture_shell("mkfifo store/face/2026-02-02/pipe");
	struct run run = check("-i inventory");

	assert_int_equal(run.code, 1);
	assert_non_null(strstr(run.err, REGISTRY ":3:27: error: face 2026-02-02: "));
	assert_non_null(strstr(run.err, "pipe"));
}

static void test_json_is_an_event_a_line(void **state)
{
	(void)state;
	write_site();
	fixture_write("inventory/host_vars/den.yaml", "model_version_overrides: {yolo: x}\n"
						      "model_set: [ssd]\n");
	struct run bad = check("-i inventory --json");
	fixture_write("inventory/host_vars/den.yaml",
		"model_version_overrides: {ssd: 2026-03-03}\nmodel_set: [ssd]\n");
	struct run good = check("-i inventory --json");
	fixture_write("bad", bad.out);
	fixture_write("good", good.out);

	const char *text = fixture_shell(
		"python3 -c '\n"
		"import json\n"
		"for line in open(\"bad\"):\n"
		"    e = json.loads(line)\n"
		"    print(e[\"event\"], e.get(\"level\"), e.get(\"line\"), "
		"e.get(\"errors\"))\n"
		"for line in open(\"good\"):\n"
		"    e = json.loads(line)\n"
		"    print(e[\"event\"], e.get(\"host\"), [(m[\"model\"], m[\"version\"], "
		"m[\"pinned\"]) for m in e.get(\"models\", [])], e.get(\"bytes\"))\n"
		"'");

	assert_string_equal(text, "finding error 1 None\n"
				  "check_end None None 1\n"
				  "host den [('ssd', '2026-03-03', True)] None\n"
				  "host study [('ssd', '2020-12-06', False), ('face', "
				  "'2026-02-02', False)] None\n"
				  "host porch [('ssd', '2020-12-06', False)] None\n"
				  "check_end None [] 55\n");
	assert_int_equal(bad.code, 1);
	assert_int_equal(good.code, 0);
	assert_string_equal(bad.err, "");
}

static void test_what_an_edit_changes(void **state)
{
	(void)state;
	write_site();
	commit("first");
	fixture_write(REGISTRY, "sentinelcam_models:\n"
				"  ssd: {current_version: 2026-03-03}\n"
				"  face: {current_version: 2026-02-02}\n");
	fixture_write("inventory/host_vars/study.yaml",
		"model_version_overrides: {ssd: 2020-12-06}\nmodel_set: [ssd]\n");
	struct run run = check("-i inventory --diff");

	const char *id = fixture_shell("git rev-parse HEAD | cut -c-10 | tr -d '\\n'");
	autofree char *expected = xasprintf("Since HEAD (%s, Ada: first)\n"
					    "  ssd: 2020-12-06 -> 2026-03-03 on den, porch\n"
					    "  face: no longer 2026-02-02 on study\n",
		id);
	assert_string_equal(run.out, expected);
	assert_string_equal(run.err, "");
	assert_int_equal(run.code, 0);

	commit("second");
	run = check("-i inventory/hosts.yaml --diff");
	assert_non_null(strstr(run.out, ", Ada: second): nothing changes on any host\n"));
	run = check("-i inventory --diff HEAD~1 --limit study");
	assert_non_null(
		strstr(run.out, "Ada: first)\n  face: no longer 2026-02-02 on study\n"));
	assert_null(strstr(run.out, "den"));
	run = check("-i inventory --diff HEAD~1 --models ssd");
	assert_non_null(strstr(run.out, "  ssd: 2020-12-06 -> 2026-03-03 on den, porch\n"));
	assert_null(strstr(run.out, "face"));
}

static void test_many_hosts_with_one_change(void **state)
{
	(void)state;
	write_site();
	autofree char *hosts =
		xasprintf("all:\n"
			  "  vars: {sentinelcam_model_registry: %s, model_set: [ssd]}\n"
			  "  hosts: {\"n[01:12]\": }\n",
			fixture_path("store"));
	fixture_write("inventory/hosts.yaml", hosts);
	commit("first");
	fixture_write(REGISTRY, "sentinelcam_models:\n"
				"  ssd: {current_version: 2026-03-03}\n"
				"  face: {current_version: 2026-02-02}\n");
	struct run run = check("-i inventory --diff");

	assert_non_null(
		strstr(run.out, "  ssd: 2020-12-06 -> 2026-03-03 on n01, n02, n03, n04, n05, "
				"n06, n07, n08 and 4 more\n"));
}

static void test_a_revision_that_was_wrong_itself(void **state)
{
	(void)state;
	write_site();
	fixture_write("inventory/host_vars/den.yaml", "model_set: [yolo]\n");
	commit("wrong");
	fixture_write("inventory/host_vars/den.yaml", "model_set: [ssd]\n");
	struct run run = check("-i inventory --diff");

	assert_int_equal(run.code, 0);
	assert_non_null(
		strstr(run.out, ", whose inventory had 1 error, the first: found the model "
				"\"yolo\""));
	assert_non_null(strstr(run.out, "  ssd: new, 2020-12-06 on den\n"));
}

static void test_revisions_that_are_not_there(void **state)
{
	(void)state;
	write_site();
	struct run run = check("-i inventory --diff");
	assert_int_equal(run.code, 1);
	assert_non_null(strstr(run.err, "does not lie in a git repository"));

	commit("first");
	run = check("-i inventory --diff v9");
	assert_int_equal(run.code, 1);
	assert_non_null(strstr(run.err, "has no revision \"v9\""));
	assert_string_equal(run.out, "");

	fixture_shell("cp -r inventory new");
	run = check("-i new --diff");
	assert_int_equal(run.code, 1);
	assert_non_null(strstr(run.err, "new was not there at revision \"HEAD\""));
}

static void test_nothing_is_left_behind(void **state)
{
	(void)state;
	write_site();
	commit("first");
	fixture_shell("mkdir tmp");
	setenv("TMPDIR", fixture_path("tmp"), 1);
	struct run good = check("-i inventory --diff");
	struct run bad = check("-i inventory --diff none");
	unsetenv("TMPDIR");

	assert_int_equal(good.code, 0);
	assert_int_equal(bad.code, 1);
	assert_string_equal(fixture_shell("ls tmp"), "");
}

static void test_words_that_are_no_options(void **state)
{
	(void)state;
	write_site();
	assert_int_equal(check("-i inventory porch").code, 1);
	struct run run = check("-i inventory --diff HEAD porch");
	assert_int_equal(run.code, 1);
	assert_non_null(strstr(run.err, "found the argument 'porch'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
		T(test_a_sound_site),
		T(test_limits_and_filters),
		T(test_mistakes_end_it_with_1),
		T(test_files_that_cannot_be_sent),
		T(test_json_is_an_event_a_line),
		T(test_what_an_edit_changes),
		T(test_many_hosts_with_one_change),
		T(test_a_revision_that_was_wrong_itself),
		T(test_revisions_that_are_not_there),
		T(test_nothing_is_left_behind),
		T(test_words_that_are_no_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
