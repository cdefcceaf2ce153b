/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays: which hosts in which batches, limits, what hosts know of each other.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/clock.h"
#include "play/run_fixture.h"

#define PLAY    "- hosts: all\n  gather_facts: false\n"
#define SIX     "[a]\nh1\nh2\nh3\n[b]\nh4\nh5\nh6\n"
#define DEBUG   "  tasks:\n    - debug: {msg: x}\n"
#define COMMAND "  tasks:\n    - command: 'true'\n"
#define FAIL_1  "    - fail: {msg: broken}\n      when: inventory_hostname == 'h1'\n"

/* The run's own lines. */
static const char *run_lines(const struct run_fixture *f)
{
	return f->lines[RUN_HOSTS_MAX].data;
}

/* The names of the hosts that did something. */
static const char *who(struct run_fixture *f)
{
	struct strbuf names = STRBUF_INIT;

	for (size_t i = 0; i < f->run.count; i++)
		if (f->lines[i].len > 0)
			strbuf_addf(&names, "%s%s", names.len ? " " : "", f->run.hosts[i].name);
	const char *result = arena_strdup(&f->arena, names.data);
	strbuf_release(&names);
	return result;
}

static void patterns_and_limits_choose_hosts(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = SIX;
	run_fixture_play(f, "- hosts: a:!h2\n  gather_facts: false\n" DEBUG);
	assert_string_equal(who(f), "h1 h3");
	run_fixture_play(f, "- hosts: [h5, b]\n  gather_facts: false\n" DEBUG);
	assert_string_equal(who(f), "h4 h5 h6");
	f->options.limit = "h4,a";
	run_fixture_play(f, "- hosts: b\n  gather_facts: false\n" DEBUG);
	assert_string_equal(who(f), "h4");
}

static void a_pattern_may_be_a_template(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = SIX;
	strlist_add(&f->extra, "where=b");
	run_fixture_play(f, "- hosts: '{{ where }}:!h4'\n  gather_facts: false\n" DEBUG);
	assert_string_equal(who(f), "h5 h6");
}

/* A play that says which facts it wants gets these at once, or an answer why not. */
static void what_a_play_gathers_is_checked(void **state)
{
	struct run_fixture *f = *state;

	f->show = "msg";
	run_fixture_play(f, "- hosts: all\n  gather_subset: [no_such]\n" DEBUG);
	run_fixture_expect(f, "Bad subset 'no_such' given to Ansible");
	run_fixture_play(f, "- hosts: all\n  gather_timeout: \"{{ ['x'] }}\"\n" DEBUG);
	run_fixture_expect(f, "gather_timeout: a list is no value for it");
	run_fixture_play(f, "- hosts: all\n  gather_subset: ['!all', '!min', env]\n  tasks:\n"
			    "    - debug: {msg: \"system {{ ansible_system is defined }}\"}\n");
	run_fixture_expect(f, "system False");
}

static void a_play_for_nobody_is_left_out(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = SIX;
	f->options.limit = "a";
	run_fixture_play(f, "- hosts: b\n  gather_facts: false\n" DEBUG PLAY DEBUG);
	assert_string_equal(run_lines(f), "play 'b'\n"
					  " warning: skipping the play: no hosts matched\n"
					  "play 'all'\nbatch 0 of 3\n");
}

static void serial_makes_batches(void **state)
{
	static const struct {
		const char *serial, *batches;
	} cases[] = {
		{"2", "batch 0 of 2\nbatch 1 of 2\nbatch 2 of 2\n"},
		{"[1, 50%]", "batch 0 of 1\nbatch 1 of 3\nbatch 2 of 2\n"},
		{"10%", "batch 0 of 1\nbatch 1 of 1\nbatch 2 of 1\nbatch 3 of 1\nbatch 4 of "
			"1\nbatch 5 of 1\n"},
		{"0", "batch 0 of 6\n"},
		{"'{{ count }}'", "batch 0 of 4\nbatch 1 of 2\n"},
		{"[1, 100]", "batch 0 of 1\nbatch 1 of 5\n"},
	};
	struct run_fixture *f = *state;

	f->inventory_text = SIX;
	strlist_add(&f->extra, "count=4");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		run_fixture_play(f,
			arena_printf(&f->arena, PLAY "  serial: %s\n" DEBUG, cases[i].serial));
		assert_string_equal(run_lines(f),
			arena_printf(&f->arena, "play 'all'\n%s", cases[i].batches));
	}
}

static void a_wrong_keyword_is_told_with_its_place(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_play(f, PLAY "  serial: '{{ 1 + \"x\" }}'\n" DEBUG);
	run_fixture_expect(f, "serial");
	run_fixture_play(f, PLAY "  order: '{{ \"best\" }}'\n" DEBUG);
	run_fixture_expect(f, "order: found best");
}

static void hosts_have_an_order(void **state)
{
	static const struct {
		const char *order, *first;
	} cases[] = {{"inventory", "h2"}, {"reverse_inventory", "h3"}, {"sorted", "h1"},
		{"reverse_sorted", "h3"}};
	struct run_fixture *f = *state;

	f->inventory_text = "h2\nh1\nh3\n";
	f->show = "msg";
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		run_fixture_play(
			f, arena_printf(&f->arena,
				   PLAY "  order: %s\n  tasks:\n    - debug: {msg: '{{ "
					"ansible_play_hosts[0] }}'}\n",
				   cases[i].order));
		run_fixture_expect(f, arena_printf(&f->arena, "ok \"%s\"\n", cases[i].first));
	}
}

static void a_failed_host_leaves_the_run(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = SIX;
	run_fixture_play(f, PLAY "  tasks:\n" FAIL_1 PLAY "  tasks:\n"
				 "    - {name: next, debug: {msg: '{{ ansible_play_hosts | "
				 "length }}'}}\n");
	assert_null(strstr(f->lines[0].data, "next"));
	assert_non_null(strstr(f->lines[1].data, "h2 task 'next': ok"));
	assert_string_equal(run_fixture_recap(f, "h1"),
		"ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0");
	assert_false(f->run.stopped);
}

static void a_batch_that_is_lost_ends_the_run(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = SIX;
	run_fixture_play(f, PLAY "  serial: 1\n  tasks:\n" FAIL_1 PLAY DEBUG);
	assert_string_equal(run_lines(f), "play 'all'\nbatch 0 of 1\n"
					  "stop: all hosts of the batch failed\n");
	assert_true(f->run.stopped);
}

static void limits_on_failures_end_the_run(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = SIX;
	/* One of three is more than 33 per cent, and not more than 34. */
	run_fixture_play(f, PLAY "  serial: 3\n  max_fail_percentage: 34\n  tasks:\n" FAIL_1);
	assert_false(f->run.stopped);
	run_fixture_play(f, PLAY "  serial: 3\n  max_fail_percentage: 33\n  tasks:\n" FAIL_1);
	assert_true(f->run.stopped);
	assert_string_equal(f->lines[3].data, "");
	f->options.max_fail_percentage = 50;
	run_fixture_play(f, PLAY "  serial: 3\n  max_fail_percentage: 33\n  tasks:\n" FAIL_1);
	assert_false(f->run.stopped);
}

static void hosts_stop_before_their_next_task(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = SIX;
	f->options.forks = 1;
	f->show = "msg";
	run_fixture_play(f, PLAY "  any_errors_fatal: true\n"
				 "  tasks:\n"
				 "    - debug: {msg: a}\n" FAIL_1 "    - debug: {msg: b}\n");
	assert_true(f->run.stopped);
	for (size_t i = 0; i < 6; i++) {
		assert_non_null(strstr(f->lines[i].data, "\"a\""));
		assert_null(strstr(f->lines[i].data, "\"b\""));
	}
}

static void one_host_does_it_for_all(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = SIX;
	f->show = "msg";
	run_fixture_play(f, PLAY "  tasks:\n"
				 "");
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - debug: {msg: 'by {{ inventory_hostname }}'}\n"
				 "      run_once: true\n"
				 "      register: r\n"
				 "    - set_fact: {shared: '{{ 6 * 7 }}'}\n"
				 "      run_once: true\n"
				 "    - debug: {msg: '{{ r.msg }} {{ shared }}'}\n");
	for (size_t i = 1; i < 6; i++)
		assert_string_equal(f->lines[i].data,
			arena_printf(&f->arena, "h%zu task 'debug': ok \"by h1 42\"\n", i + 1));
	assert_string_equal(run_fixture_recap(f, "h1"),
		"ok=3 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0");
	assert_string_equal(run_fixture_recap(f, "h2"),
		"ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0");
}

static void one_that_fails_fails_for_all(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = SIX;
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - fail: {msg: broken}\n"
				 "      run_once: true\n"
				 "    - debug: {msg: never}\n");
	assert_string_equal(who(f), "h1");
	assert_true(f->run.stopped);
}

static void the_first_that_is_left_does_it(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = SIX;
	f->show = "msg";
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - shell: sleep 0.2; false\n"
				 "      when: inventory_hostname == 'h1'\n"
				 "    - debug: {msg: 'by {{ inventory_hostname }}'}\n"
				 "      run_once: true\n"
				 "      register: r\n"
				 "    - debug: {msg: '{{ r.msg }}'}\n");
	for (size_t i = 2; i < 6; i++)
		assert_non_null(strstr(f->lines[i].data, "'debug': ok \"by h2\"\n"));
}

static void hosts_see_what_others_have_set(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = SIX;
	f->show = "msg";
	f->options.forks = 2;
	run_fixture_play(f,
		PLAY "  tasks:\n"
		     "    - shell: sleep 0.1; echo {{ inventory_hostname }}\n"
		     "      register: r\n"
		     "    - set_fact: {mine: 'of {{ inventory_hostname }}'}\n"
		     "    - debug: {msg: \"{{ ansible_play_hosts | map('extract', hostvars, "
		     "'mine') | join(',') }} {{ hostvars['h6'].r.stdout }}\"}\n");
	for (size_t i = 0; i < 6; i++)
		assert_non_null(strstr(f->lines[i].data,
			"'debug': ok \"of h1,of h2,of h3,of h4,of h5,of h6 h6\"\n"));
}

static void a_task_may_be_done_elsewhere(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = "h1\nh2\n";
	f->show = "stdout";
	run_fixture_play(f, "- hosts: h1\n"
			    "  gather_facts: false\n"
			    "  tasks:\n"
			    "    - shell: 'echo {{ inventory_hostname }}'\n"
			    "      delegate_to: localhost\n"
			    "    - shell: 'echo {{ inventory_hostname }}'\n"
			    "      delegate_to: nowhere\n");
	run_fixture_expect(
		f, "h1 task 'shell': changed \"h1\"\nh1 task 'shell': changed \"h1\"");
	run_fixture_play(f, "- hosts: h1\n"
			    "  gather_facts: false\n"
			    "  tasks:\n"
			    "    - ping:\n"
			    "      delegate_to: \"a\\tb\"\n");
	assert_non_null(strstr(run_fixture_host(f, "h1")->err.text, "control character"));
}

static void a_local_action_needs_no_way_to_its_host(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = "h1 ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1\n";
	f->show = "stdout";
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - local_action: shell echo {{ inventory_hostname }}\n");
	run_fixture_expect(f, "h1 task 'shell': changed \"h1\"\n");
}

static void a_play_says_how_a_host_is_reached(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_play(f, PLAY "  remote_user: one\n" COMMAND PLAY
				 "  remote_user: one\n" COMMAND PLAY "  tasks:\n"
				 "    - command: 'true'\n"
				 "      remote_user: one\n");
	assert_int_equal(f->connects, 1);
	run_fixture_play(f,
		PLAY "  remote_user: one\n" COMMAND PLAY "  remote_user: two\n" COMMAND PLAY
		     "  remote_user: two\n" COMMAND);
	assert_int_equal(f->connects, 2);
	run_fixture_play(f,
		PLAY COMMAND PLAY "  vars: {ansible_connection: ssh, ansible_host: 127.0.0.1, "
				  "ansible_port: 1}\n" COMMAND);
	run_fixture_expect(f, "h1 task 'command': unreachable");
}

static void a_transaction_has_one_way_to_its_host(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_play(f, PLAY "  transaction: true\n" COMMAND "    - command: 'true'\n"
				 "      remote_user: two\n");
	assert_non_null(strstr(run_fixture_host(f, "h1")->err.text,
		"reached in one way within a transaction"));
	run_fixture_play(f, PLAY "  transaction: true\n  remote_user: one\n" COMMAND PLAY
				 "  transaction: true\n  remote_user: two\n" COMMAND);
	assert_string_equal(run_fixture_recap(f, "h1"),
		"ok=2 changed=2 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0");
}

static void facts_are_there_when_they_are_asked_for(void **state)
{
	struct run_fixture *f = *state;

	f->show = "msg";
	run_fixture_play(f,
		"- hosts: all\n"
		"  tasks:\n"
		"    - debug: {msg: \"{{ ansible_facts['system'] }} {{ ansible_system }}"
		"\"}\n");
	run_fixture_expect(f, "h1 task 'Gathering Facts': ok\n"
			      "h1 task 'debug': ok \"Linux Linux\"\n");
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - debug: {msg: '{{ ansible_system is defined }}'}\n");
	run_fixture_expect(f, "batch 0 of 1\nh1 task 'debug': ok false\n");
}

/* Sixteen helpers, each of which takes half a second to end. */
static void links_end_side_by_side(void **state)
{
	struct run_fixture *f = *state;
	const char *slow = run_fixture_path(f, "slow-helper");
	struct err err = {0};
	const struct link_helper *own = &f->helpers.items[0];
	autofree char *machine = xstrdup(own->machine);

	run_fixture_write(f, "slow-helper",
		arena_printf(&f->arena, "#!/bin/sh\n%s \"$@\"\nsleep 0.5\n", own->path));
	assert_int_equal(link_helpers_add(&f->helpers, machine, slow, &err), 0);
	f->inventory_text = "h[1:16]\n";
	run_fixture_play(f, "- hosts: all\n"
			    "  gather_facts: false\n"
			    "  tasks:\n"
			    "    - command: 'true'\n");
	run_fixture_expect(f, "h16 task 'command': changed\n");
	int64_t begin = clock_ns();
	run_release(&f->run);
	int64_t took = clock_ns() - begin;
	assert_true(took > 400000000);
	assert_true(took < 4000000000);
}

static void a_node_out_of_reach_is_told(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text =
		"h1 ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1\nh2\n";
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - shell: 'true'\n"
				 "      ignore_unreachable: true\n"
				 "    - debug: {msg: still here}\n"
				 "    - shell: 'true'\n"
				 "    - debug: {msg: gone}\n");
	assert_string_equal(f->lines[0].data, "h1 task 'shell': ignored\n"
					      "h1 task 'debug': ok\n"
					      "h1 task 'shell': unreachable\n");
	assert_string_equal(run_fixture_recap(f, "h1"),
		"ok=2 changed=0 unreachable=1 failed=0 skipped=0 rescued=0 ignored=1");
	assert_true(run_fixture_host(f, "h1")->unreachable);
	assert_false(run_fixture_host(f, "h1")->failed);
}

static void a_play_may_say_how_hosts_are_reached(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = "h1 ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1\n";
	run_fixture_play(f, "- hosts: all\n  gather_facts: false\n"
			    "  vars: {ansible_connection: local}\n"
			    "  tasks:\n    - shell: 'true'\n");
	assert_int_equal(run_fixture_host(f, "h1")->counts.ok, 1);
	f->inventory_text = "h1\n";
	run_fixture_play(f, "- hosts: all\n  gather_facts: false\n"
			    "  tasks:\n    - shell: 'true'\n"
			    "      vars: {ansible_connection: telepathy}\n");
	assert_non_null(strstr(run_fixture_host(f, "h1")->err.text, "telepathy"));
}

static void no_link_is_opened_that_no_task_needs(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = "h1 ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1\n";
	run_fixture_play(f, PLAY "  tasks:\n    - debug: {msg: a}\n    - set_fact: {a: 1}\n");
	assert_string_equal(run_fixture_recap(f, "h1"),
		"ok=2 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0");
	assert_false(run_fixture_host(f, "h1")->connected);
}

static void links_stay_open_between_plays(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_play(f,
		PLAY "  tasks:\n    - shell: 'true'\n" PLAY "  tasks:\n    - shell: 'true'\n");
	assert_int_equal(run_fixture_host(f, "h1")->counts.ok, 2);
	assert_int_equal(f->connects, 1);
}

static void an_interrupt_lets_the_task_end(void **state)
{
	struct run_fixture *f = *state;

	f->interrupt_at = "slow";
	run_fixture_play(f,
		PLAY "  tasks:\n"
		     "    - {name: first, shell: 'true'}\n"
		     "    - name: slow\n"
		     "      shell: sleep 0.3; touch {{ DIR }}/{{ inventory_hostname }}\n"
		     "    - debug: {msg: never}\n" PLAY DEBUG);
	assert_string_equal(
		f->lines[0].data, "h1 task 'first': changed\nh1 task 'slow': changed\n");
	assert_int_equal(access(run_fixture_path(f, "h1"), F_OK), 0);
	assert_true(f->run.stopped);
	assert_true(run_fixture_host(f, "h1")->stopped);
	assert_false(run_fixture_host(f, "h1")->failed);
}

static void a_second_interrupt_stops_at_once(void **state)
{
	struct run_fixture *f = *state;

	int64_t start = clock_ns();

	f->interrupt_at = "slow";
	f->interrupt_twice = true;
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - name: slow\n"
				 "      shell: sleep 20\n"
				 "    - debug: {msg: never}\n");
	assert_true(clock_ns() - start < INT64_C(10000000000));
	assert_true(run_fixture_host(f, "h1")->stopped);
	assert_null(strstr(f->seen.data, "debug"));
}

static void what_is_before_the_run_stops_it(void **state)
{
	struct run_fixture *f = *state;

	cancel_request(&f->cancel);
	run_fixture_play(f, PLAY DEBUG);
	assert_true(f->run.stopped);
	assert_string_equal(who(f), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_fixture_make, run_fixture_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(patterns_and_limits_choose_hosts),
		TEST(a_pattern_may_be_a_template),
		TEST(what_a_play_gathers_is_checked),
		TEST(a_play_for_nobody_is_left_out),
		TEST(serial_makes_batches),
		TEST(a_wrong_keyword_is_told_with_its_place),
		TEST(hosts_have_an_order),
		TEST(a_failed_host_leaves_the_run),
		TEST(a_batch_that_is_lost_ends_the_run),
		TEST(limits_on_failures_end_the_run),
		TEST(hosts_stop_before_their_next_task),
		TEST(one_host_does_it_for_all),
		TEST(one_that_fails_fails_for_all),
		TEST(the_first_that_is_left_does_it),
		TEST(hosts_see_what_others_have_set),
		TEST(a_task_may_be_done_elsewhere),
		TEST(a_local_action_needs_no_way_to_its_host),
		TEST(a_play_says_how_a_host_is_reached),
		TEST(a_transaction_has_one_way_to_its_host),
		TEST(facts_are_there_when_they_are_asked_for),
		TEST(links_end_side_by_side),
		TEST(a_node_out_of_reach_is_told),
		TEST(a_play_may_say_how_hosts_are_reached),
		TEST(no_link_is_opened_that_no_task_needs),
		TEST(links_stay_open_between_plays),
		TEST(an_interrupt_lets_the_task_end),
		TEST(a_second_interrupt_stops_at_once),
		TEST(what_is_before_the_run_stops_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
