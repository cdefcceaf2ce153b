/* SPDX-License-Identifier: Apache-2.0 */
/* Which task a run starts at, and what is passed over before it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "play/start.h"

static const char two_plays[] = "- hosts: all\n"
				"  pre_tasks:\n"
				"    - {name: before, command: a}\n"
				"  tasks:\n"
				"    - name: block\n"
				"      block:\n"
				"        - {name: inside, command: b}\n"
				"      rescue:\n"
				"        - {name: rescuer, command: c}\n"
				"      always:\n"
				"        - {name: at last, command: d}\n"
				"    - command: e\n"
				"  handlers:\n"
				"    - {name: handler, command: f}\n"
				"- hosts: all\n"
				"  tasks:\n"
				"    - {name: first, command: g}\n"
				"    - {name: inside, command: h}\n";

struct scene {
	struct playbook playbook;
	struct run_options options;
	struct run run;
	bool answer; /* of --step */
};

static int setup(void **state)
{
	struct scene *s = xcalloc(1, sizeof(*s));
	AUTO(diags_release) struct diags d = {0};

	*state = s;
	s->run = (struct run){.o = &s->options, .playbook = &s->playbook};
	return playbook_parse_text(
		&s->playbook, "site.yaml", ".", two_plays, strlen(two_plays), NULL, &d);
}

static int teardown(void **state)
{
	struct scene *s = *state;

	playbook_release(&s->playbook);
	free(s);
	return 0;
}

/* A task by its name; one of the first play, where both have it. */
static const struct step *task(struct scene *s, const char *name)
{
	const struct step *found = start_find(&s->playbook, name);

	assert_non_null(found);
	return found;
}

static void test_names(void **state)
{
	struct scene *s = *state;

	assert_string_equal(task(s, "before")->name, "before");
	assert_string_equal(task(s, "at *")->name, "at last");
	assert_string_equal(task(s, "first")->name, "first");
	assert_ptr_equal(task(s, "command")->play, s->playbook.plays[0]);
}

static void test_the_first_of_a_name_counts(void **state)
{
	struct scene *s = *state;

	assert_ptr_equal(task(s, "inside")->play, s->playbook.plays[0]);
	assert_ptr_equal(task(s, "[a-z]nside")->play, s->playbook.plays[0]);
}

static void test_what_is_no_start(void **state)
{
	struct scene *s = *state;

	assert_null(start_find(&s->playbook, "rescuer"));
	assert_null(start_find(&s->playbook, "handler"));
	assert_null(start_find(&s->playbook, "block"));
	assert_null(start_find(&s->playbook, "nowhere"));
}

static void test_what_stands_before_is_passed_over(void **state)
{
	struct scene *s = *state;

	s->options.start_at = task(s, "at last");
	assert_false(start_wants(&s->run, task(s, "before")));
	assert_false(start_wants(&s->run, task(s, "inside")));
	assert_true(start_wants(&s->run, task(s, "at last")));
	assert_true(start_wants(&s->run, task(s, "command")));
	assert_true(start_wants(&s->run, task(s, "first")));
}

/* They stand where they are, but run where they are notified. */
static void test_handlers_are_not_passed_over(void **state)
{
	struct scene *s = *state;

	s->options.start_at = task(s, "first");
	assert_true(start_wants(&s->run, s->playbook.plays[0]->handlers.items[0]));
}

static void test_plays_before_the_start(void **state)
{
	struct scene *s = *state;

	assert_true(start_wants_play(&s->run, s->playbook.plays[0]));
	s->options.start_at = task(s, "first");
	assert_false(start_wants_play(&s->run, s->playbook.plays[0]));
	assert_true(start_wants_play(&s->run, s->playbook.plays[1]));
	s->options.start_at = task(s, "at last");
	assert_true(start_wants_play(&s->run, s->playbook.plays[0]));
	assert_true(start_wants_play(&s->run, s->playbook.plays[1]));
}

static bool answer(void *data, const struct step *step)
{
	struct scene *s = data;

	assert_non_null(step);
	return s->answer;
}

static void test_somebody_may_say_no(void **state)
{
	struct scene *s = *state;

	s->options.step = answer;
	s->options.step_data = s;
	assert_false(start_wants(&s->run, task(s, "before")));
	s->answer = true;
	assert_true(start_wants(&s->run, task(s, "before")));
	s->options.start_at = task(s, "first"); /* nobody is asked about what is passed over */
	assert_false(start_wants(&s->run, task(s, "before")));
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_names),
		T(test_the_first_of_a_name_counts),
		T(test_what_is_no_start),
		T(test_what_stands_before_is_passed_over),
		T(test_handlers_are_not_passed_over),
		T(test_plays_before_the_start),
		T(test_somebody_may_say_no),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
