/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way through a play: blocks with rescue and always, handlers, tags, meta.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "play/run_fixture.h"

#define PLAY "- hosts: all\n  gather_facts: false\n"

/* Whether the last run's lines of h1 are these, in this order and nothing between. */
static void expect_lines(struct run_fixture *f, const char *lines)
{
	assert_string_equal(f->lines[0].data, lines);
}

static void a_rescue_takes_over(void **state)
{
	struct run_fixture *f = *state;

	f->show = "msg";
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - block:\n"
				 "        - {name: falls, fail: {msg: broken}}\n"
				 "        - debug: {msg: never}\n"
				 "      rescue:\n"
				 "        - debug: {msg: '{{ ansible_failed_task.name }}: {{ "
				 "ansible_failed_result.msg }}'}\n"
				 "      always:\n"
				 "        - debug: {msg: always}\n"
				 "    - debug: {msg: goes on}\n");
	expect_lines(f, "h1 task 'falls': rescued \"broken\"\n"
			"h1 task 'debug': ok \"falls: broken\"\n"
			"h1 task 'debug': ok \"always\"\n"
			"h1 task 'debug': ok \"goes on\"\n");
	assert_string_equal(run_fixture_recap(f, "h1"),
		"ok=3 changed=0 unreachable=0 failed=0 skipped=0 rescued=1 ignored=0");
	assert_false(run_fixture_host(f, "h1")->failed);
	assert_int_equal(run_fixture_host(f, "h1")->err.code, ERR_NONE);
}

static void always_runs_after_a_failure_that_stays(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - block:\n"
				 "        - fail: {msg: broken}\n"
				 "      always:\n"
				 "        - debug: {msg: always}\n"
				 "    - debug: {msg: never}\n");
	expect_lines(f, "h1 task 'fail': failed\nh1 task 'debug': ok\n");
	assert_true(run_fixture_host(f, "h1")->failed);
	assert_string_equal(run_fixture_host(f, "h1")->err.text, "broken");
}

static void a_rescue_that_fails_fails_the_host(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - block:\n"
				 "        - fail: {msg: first}\n"
				 "      rescue:\n"
				 "        - fail: {msg: second}\n"
				 "      always:\n"
				 "        - debug: {msg: always}\n");
	expect_lines(
		f, "h1 task 'fail': rescued\nh1 task 'fail': failed\nh1 task 'debug': ok\n");
	assert_string_equal(run_fixture_recap(f, "h1"),
		"ok=1 changed=0 unreachable=0 failed=1 skipped=0 rescued=1 ignored=0");
	assert_string_equal(run_fixture_host(f, "h1")->err.text, "second");
}

static void an_outer_rescue_takes_an_inner_failure(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - block:\n"
				 "        - block:\n"
				 "            - fail: {msg: deep}\n"
				 "          always:\n"
				 "            - debug: {msg: inner}\n"
				 "        - debug: {msg: never}\n"
				 "      rescue:\n"
				 "        - debug: {msg: outer}\n");
	expect_lines(f, "h1 task 'fail': rescued\nh1 task 'debug': ok\nh1 task 'debug': ok\n");
	assert_false(run_fixture_host(f, "h1")->failed);
}

static void blocks_lend_their_keywords(void **state)
{
	struct run_fixture *f = *state;

	f->show = "msg";
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - when: yes_please\n"
				 "      vars: {yes_please: true, deep: block}\n"
				 "      ignore_errors: true\n"
				 "      block:\n"
				 "        - fail: {msg: '{{ deep }}'}\n"
				 "        - debug: {msg: skipped}\n"
				 "          when: not yes_please\n");
	expect_lines(f, "h1 task 'fail': ignored \"block\"\nh1 task 'debug': skipped\n");
}

static void handlers_run_once_in_their_order(void **state)
{
	struct run_fixture *f = *state;

	f->show = "msg";
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - debug: {msg: a}\n"
				 "      changed_when: true\n"
				 "      notify: second\n"
				 "    - debug: {msg: b}\n"
				 "      changed_when: true\n"
				 "      notify: [topic, second]\n"
				 "    - debug: {msg: unchanged}\n"
				 "      notify: never\n"
				 "    - debug: {msg: c}\n"
				 "  handlers:\n"
				 "    - {name: first, debug: {msg: 1}, listen: topic}\n"
				 "    - {name: never, debug: {msg: 0}}\n"
				 "    - {name: second, debug: {msg: 2}}\n");
	expect_lines(f, "h1 task 'debug': changed \"a\"\n"
			"h1 task 'debug': changed \"b\"\n"
			"h1 task 'debug': ok \"unchanged\"\n"
			"h1 task 'debug': ok \"c\"\n"
			"h1 handler 'first': ok 1\n"
			"h1 handler 'second': ok 2\n");
}

static void sections_and_flushes_run_handlers(void **state)
{
	struct run_fixture *f = *state;

	f->show = "msg";
	run_fixture_play(f, PLAY "  pre_tasks:\n"
				 "    - {debug: {msg: pre}, changed_when: true, notify: h}\n"
				 "  tasks:\n"
				 "    - {debug: {msg: a}, changed_when: true, notify: h}\n"
				 "    - meta: flush_handlers\n"
				 "    - debug: {msg: b}\n"
				 "  post_tasks:\n"
				 "    - debug: {msg: post}\n"
				 "  handlers:\n"
				 "    - {name: h, debug: {msg: handled}}\n");
	expect_lines(f, "h1 task 'debug': changed \"pre\"\n"
			"h1 handler 'h': ok \"handled\"\n"
			"h1 task 'debug': changed \"a\"\n"
			"h1 handler 'h': ok \"handled\"\n"
			"h1 task 'debug': ok \"b\"\n"
			"h1 task 'debug': ok \"post\"\n");
}

static void items_notify_by_their_own_names(void **state)
{
	struct run_fixture *f = *state;

	f->show = "msg";
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - debug: {msg: '{{ item }}'}\n"
				 "      loop: [a, b, c]\n"
				 "      changed_when: item != 'b'\n"
				 "      notify: 'restart {{ item }}'\n"
				 "  handlers:\n"
				 "    - {name: restart c, debug: {msg: C}}\n"
				 "    - {name: restart b, debug: {msg: B}}\n"
				 "    - {name: restart a, debug: {msg: A}}\n");
	/* The one that did not change, too. */
	run_fixture_expect(f, "h1 handler 'restart c': ok \"C\"\n"
			      "h1 handler 'restart b': ok \"B\"\n"
			      "h1 handler 'restart a': ok \"A\"\n");
}

static void a_handler_may_notify_a_later_one(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_play(f,
		PLAY "  tasks:\n"
		     "    - {debug: {msg: a}, changed_when: true, notify: one}\n"
		     "  handlers:\n"
		     "    - {name: one, debug: {msg: 1}, changed_when: true, notify: two}\n"
		     "    - {name: two, debug: {msg: 2}}\n");
	expect_lines(f, "h1 task 'debug': changed\n"
			"h1 handler 'one': changed\n"
			"h1 handler 'two': ok\n");
}

static void a_handler_that_is_not_there_is_an_error(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_play(f,
		PLAY "  tasks:\n"
		     "    - {debug: {msg: a}, changed_when: true, notify: nobody}\n");
	assert_non_null(strstr(run_fixture_host(f, "h1")->err.text, "'nobody'"));
}

static void a_failed_host_runs_handlers_only_when_forced(void **state)
{
	static const char tasks[] = "  tasks:\n"
				    "    - {debug: {msg: a}, changed_when: true, notify: h}\n"
				    "    - fail: {msg: broken}\n"
				    "  handlers:\n"
				    "    - {name: h, debug: {msg: handled}}\n";
	struct run_fixture *f = *state;

	run_fixture_play(f, arena_printf(&f->arena, PLAY "%s", tasks));
	assert_null(strstr(f->seen.data, "handler"));
	run_fixture_play(f, arena_printf(&f->arena, PLAY "  force_handlers: true\n%s", tasks));
	run_fixture_expect(f, "h1 task 'fail': failed\nh1 handler 'h': ok\n");
	assert_true(run_fixture_host(f, "h1")->failed);
}

static void a_name_that_no_handler_has_is_told(void **state)
{
	struct run_fixture *f = *state;

	f->show = "msg";
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - {command: 'true', notify: restart_web}\n"
				 "  handlers:\n"
				 "    - {name: restart web, debug: {msg: handled}}\n"
				 "    - {name: other, listen: [all], debug: {msg: heard}}\n");
	assert_non_null(strstr(f->seen.data, "the handler 'restart_web' is not there: "));
	assert_non_null(strstr(f->seen.data, "; did you mean 'restart web'?"));
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - {command: 'true', notify: al}\n"
				 "  handlers:\n"
				 "    - {name: other, listen: [all], debug: {msg: heard}}\n");
	assert_non_null(strstr(f->seen.data, "; did you mean 'all'?"));
}

static void tags_choose_tasks(void **state)
{
	static const char tasks[] = PLAY "  tasks:\n"
					 "    - {name: a, debug: {msg: a}, tags: [x]}\n"
					 "    - {name: b, debug: {msg: b}, tags: [y]}\n"
					 "    - {name: c, debug: {msg: c}, tags: [always]}\n"
					 "    - {name: d, debug: {msg: d}, tags: [never, z]}\n";
	struct run_fixture *f = *state;

	run_fixture_play(f, tasks);
	expect_lines(f, "h1 task 'a': ok\nh1 task 'b': ok\nh1 task 'c': ok\n");
	strlist_add(&f->options.tags, "x");
	run_fixture_play(f, tasks);
	expect_lines(f, "h1 task 'a': ok\nh1 task 'c': ok\n");
	strlist_add(&f->options.skip_tags, "always");
	run_fixture_play(f, tasks);
	expect_lines(f, "h1 task 'a': ok\n");
}

static void a_host_may_end_its_play(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - debug: {msg: a}\n"
				 "    - meta: end_host\n"
				 "      when: inventory_hostname == 'h1'\n"
				 "    - debug: {msg: never}\n" PLAY "  tasks:\n"
				 "    - {name: next, debug: {msg: next play}}\n");
	expect_lines(f, "h1 task 'debug': ok\nh1 task 'next': ok\n");
}

static void names_are_rendered(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_play(f, PLAY "  vars: {what: world}\n"
				 "  tasks:\n"
				 "    - {name: 'hello {{ what }}', debug: {msg: a}}\n"
				 "    - {name: 'hello {{ nobody }}', debug: {msg: a}}\n");
	expect_lines(f, "h1 task 'hello world': ok\nh1 task 'hello {{ nobody }}': ok\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_fixture_make, run_fixture_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_rescue_takes_over),
		TEST(always_runs_after_a_failure_that_stays),
		TEST(a_rescue_that_fails_fails_the_host),
		TEST(an_outer_rescue_takes_an_inner_failure),
		TEST(blocks_lend_their_keywords),
		TEST(handlers_run_once_in_their_order),
		TEST(sections_and_flushes_run_handlers),
		TEST(items_notify_by_their_own_names),
		TEST(a_handler_may_notify_a_later_one),
		TEST(a_handler_that_is_not_there_is_an_error),
		TEST(a_failed_host_runs_handlers_only_when_forced),
		TEST(a_name_that_no_handler_has_is_told),
		TEST(tags_choose_tasks),
		TEST(a_host_may_end_its_play),
		TEST(names_are_rendered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
