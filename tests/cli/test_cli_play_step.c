/* SPDX-License-Identifier: Apache-2.0 */
/* --step: what is asked, and which answers mean that a task is done. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/play_step.h"

#define QUESTION(name) "Perform task: TASK: " name " (N)o/(y)es/(c)ontinue: "

/* Three tasks, and a person who types `answers`. */
struct scene {
	struct play_step step;
	struct step tasks[3];
	char *asked;
	size_t asked_len;
};

static void answers(struct scene *s, const char *typed)
{
	static const char *const names[] = {"one", "two", "three"};

	*s = (struct scene){.step = PLAY_STEP_INIT};
	for (unsigned i = 0; i < 3; i++)
		s->tasks[i] = (struct step){.kind = STEP_TASK,
			.name = names[i],
			.index = i,
			.place = {"site.yaml", i + 1, 3}};
	s->step.in = fmemopen((void *)typed, strlen(typed), "r");
	s->step.out = open_memstream(&s->asked, &s->asked_len);
	assert_non_null(s->step.in);
	assert_non_null(s->step.out);
}

static bool ask(struct scene *s, unsigned i)
{
	return play_step_ask(&s->step, &s->tasks[i]);
}

/* What was asked in all; the scene is over. */
static void expect_asked(struct scene *s, const char *text)
{
	fclose(s->step.in);
	fclose(s->step.out);
	assert_string_equal(s->asked, text);
	free(s->asked);
	play_step_release(&s->step);
}

static void test_yes_and_no(void **state)
{
	struct scene s;

	(void)state;
	answers(&s, "y\nn\nYES\n");
	assert_true(ask(&s, 0));
	assert_false(ask(&s, 1));
	assert_true(ask(&s, 2));
	expect_asked(&s, QUESTION("one") QUESTION("two") QUESTION("three"));
}

static void test_all_else_is_no(void **state)
{
	struct scene s;

	(void)state;
	answers(&s, "\nperhaps\n");
	assert_false(ask(&s, 0));
	assert_false(ask(&s, 1));
	assert_false(ask(&s, 2)); /* nothing was typed any more */
	expect_asked(&s, QUESTION("one") QUESTION("two") QUESTION("three"));
}

static void test_an_answer_holds_for_all_hosts(void **state)
{
	struct scene s;

	(void)state;
	answers(&s, "n\ny\n");
	assert_false(ask(&s, 0));
	assert_false(ask(&s, 0));
	assert_true(ask(&s, 1));
	assert_true(ask(&s, 1));
	expect_asked(&s, QUESTION("one") QUESTION("two"));
}

/* Who is behind the others is not asked anew, nor does a task that was passed over run there.
 */
static void test_after_continue_nothing_is_asked(void **state)
{
	struct scene s;

	(void)state;
	answers(&s, "n\nc\n");
	assert_false(ask(&s, 0));
	assert_true(ask(&s, 1));
	assert_true(ask(&s, 2));
	assert_false(ask(&s, 0));
	expect_asked(&s, QUESTION("one") QUESTION("two"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_yes_and_no),
		cmocka_unit_test(test_all_else_is_no),
		cmocka_unit_test(test_an_answer_holds_for_all_hosts),
		cmocka_unit_test(test_after_continue_nothing_is_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
