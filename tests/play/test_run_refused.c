/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run refuses when it comes to it, because nobody can know it before: files of variables
 * that are none, includes without an end, times that templates give, ways that change.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "play/run_fixture.h"

#define PLAY  "- hosts: all\n  gather_facts: false\n"
#define TASKS PLAY "  tasks:\n"

/* Runs a playbook that fails its host; the host's error has to hold a text. */
static void expect_error(struct run_fixture *f, const char *playbook, const char *text)
{
	run_fixture_play(f, playbook);
	const struct run_host *h = run_fixture_host(f, "h1");
	assert_true(h->failed);
	if (!strstr(h->err.text, text))
		fail_msg("expected: %s\nfound: %s", text, h->err.text);
}

static void a_missing_file_of_variables_is_told_without_a_task(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_play(f, PLAY "  vars_files: [nowhere.yml]\n  tasks:\n    - debug:\n");
	run_fixture_expect(f, ":3:16: vars_files: cannot open");
	run_fixture_expect(f, "h1 warning: ");
	assert_string_equal(run_fixture_recap(f, "h1"),
		"ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0");
}

static void none_of_several_files_of_variables_is_there(void **state)
{
	expect_error(*state,
		PLAY "  vars_files:\n    - [one.yml, two.yml]\n  tasks:\n    - debug:\n",
		"two.yml: No such file");
	expect_error(*state, PLAY "  vars_files:\n    - []\n  tasks:\n    - debug:\n",
		"the list of files is empty");
}

static void the_first_file_of_variables_that_is_there_counts(void **state)
{
	struct run_fixture *f = *state;

	f->show = "msg";
	run_fixture_write(f, "two.yml", "a: two\n");
	run_fixture_write(f, "three.yml", "a: three\n");
	run_fixture_play(f, PLAY "  vars_files:\n    - [one.yml, two.yml, three.yml]\n"
				 "  tasks:\n    - debug: {msg: '{{ a }}'}\n");
	run_fixture_expect(f, "'debug': ok \"two\"\n");
}

static void a_file_of_variables_holds_a_mapping(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "list.yml", "- a\n");
	expect_error(f, PLAY "  vars_files: [list.yml]\n  tasks:\n    - debug:\n",
		"expected a mapping of variables");
	/* One that is broken does not make room for the next. */
	run_fixture_write(f, "broken.yml", "a: [\n");
	run_fixture_write(f, "good.yml", "a: 1\n");
	expect_error(f,
		PLAY "  vars_files:\n    - [broken.yml, good.yml]\n"
		     "  tasks:\n    - debug:\n",
		"broken.yml:2:1");
}

static void an_empty_file_of_variables_is_one(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "empty.yml", "---\n");
	run_fixture_play(f, PLAY "  vars_files: [empty.yml]\n  tasks:\n    - debug:\n");
	run_fixture_expect(f, "h1 task 'debug': ok");
}

static void a_file_that_includes_itself_comes_to_an_end(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "round.yml", "- include_tasks: round.yml\n");
	expect_error(f, TASKS "    - include_tasks: round.yml\n", "nested deeper than");
}

static void an_include_that_is_nowhere_names_each_place_once(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "roles/r/tasks/main.yml", "- include_tasks: nowhere.yml\n");
	run_fixture_play(f, PLAY "  roles: [r]\n");
	const char *text = run_fixture_host(f, "h1")->err.text;
	const char *first = strstr(text, "r/tasks/nowhere.yml");
	assert_non_null(first);
	assert_null(strstr(first + 1, "r/tasks/nowhere.yml"));
	assert_non_null(strstr(text, "r/nowhere.yml"));
}

static void what_a_loop_goes_over_is_a_list(void **state)
{
	struct run_fixture *f = *state;

	strlist_add(&f->extra, "{\"d\": {\"a\": 1}, \"t\": \"a\"}");
	expect_error(f, TASKS "    - debug:\n      loop: '{{ d }}'\n",
		"got a mapping; '| dict2items'");
	expect_error(f, TASKS "    - debug:\n      loop: '{{ t }}'\n", "got a string; lookups");
}

static void times_that_templates_give_are_not_negative(void **state)
{
	struct run_fixture *f = *state;

	strlist_add(&f->extra, "n=-1");
	expect_error(f, TASKS "    - command: 'true'\n      async: '{{ n }}'\n",
		"async: a time limit is not negative");
	expect_error(f, TASKS "    - command: 'true'\n      async: 60\n      poll: '{{ n }}'\n",
		"poll: a time is not negative");
}

int main(void)
{
#define RUN_TEST(f) cmocka_unit_test_setup_teardown(f, run_fixture_make, run_fixture_drop)
	const struct CMUnitTest tests[] = {
		RUN_TEST(a_missing_file_of_variables_is_told_without_a_task),
		RUN_TEST(none_of_several_files_of_variables_is_there),
		RUN_TEST(the_first_file_of_variables_that_is_there_counts),
		RUN_TEST(a_file_of_variables_holds_a_mapping),
		RUN_TEST(an_empty_file_of_variables_is_one),
		RUN_TEST(a_file_that_includes_itself_comes_to_an_end),
		RUN_TEST(an_include_that_is_nowhere_names_each_place_once),
		RUN_TEST(what_a_loop_goes_over_is_a_list),
		RUN_TEST(times_that_templates_give_are_not_negative),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
