/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts and groups that a playbook adds while hosts of it are at work: what the comparison with
 * Ansible (run_corpus/added.yaml, grouped.yaml, refreshed.yaml) cannot show. Who waits for
 * whom, strategies, limits, and failures.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "play/run_fixture.h"

#define PLAY  "- hosts: all\n  gather_facts: false\n"
#define FREE  "- hosts: all\n  gather_facts: false\n  strategy: free\n"
#define THREE "h1\nh2\nh3\n"

static void who_is_behind_does_not_see_what_comes_later(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = THREE;
	f->show = "msg";
	run_fixture_play(f, PLAY
		"  tasks:\n"
		"    - shell: sleep 0.3\n"
		"      when: inventory_hostname == 'h3'\n"
		"    - debug: {msg: \"before {{ groups.all | length }}\"}\n"
		"    - add_host: {name: h4, groups: late}\n"
		"    - debug: {msg: \"after {{ groups.late }}\"}\n"
		"    - shell: sleep 0.2\n"
		"      when: inventory_hostname == 'h1'\n"
		"    - group_by: {key: \"of_{{ inventory_hostname }}\"}\n"
		"    - debug: {msg: \"{{ groups | select('match', 'of_') | join(' ') }}\"}\n");
	run_fixture_expect(f, "h3 task 'debug': ok \"before 3\"\n");
	run_fixture_expect(f, "h2 task 'debug': ok \"after ['h4']\"\n");
	run_fixture_expect(f, "h2 task 'debug': ok \"of_h1 of_h2 of_h3\"\n");
}

static void groups_come_in_the_order_of_hosts(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = THREE;
	f->show = "msg";
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - shell: sleep 0.2\n"
				 "      when: inventory_hostname == 'h1'\n"
				 "    - group_by: {key: made}\n"
				 "    - debug: {msg: \"{{ groups.made | join(' ') }}\"}\n");
	run_fixture_expect(f, "h3 task 'debug': ok \"h1 h2 h3\"\n");
}

static void a_play_works_on_hosts_that_another_one_added(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = "h1\n";
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - add_host: {name: \"new{{ item }}\", groups: fresh}\n"
				 "      loop: [1, 2]\n"
				 "- hosts: fresh\n  gather_facts: false\n  tasks:\n"
				 "    - command: touch {{ DIR }}/{{ inventory_hostname }}\n"
				 "- hosts: all\n  gather_facts: false\n  tasks:\n"
				 "    - debug:\n");
	assert_int_equal(f->run.count, 3);
	assert_int_equal(access(run_fixture_path(f, "new1"), F_OK), 0);
	assert_string_equal(run_fixture_recap(f, "new2"),
		"ok=2 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0");
}

static void a_host_that_was_added_does_work_for_others(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = THREE;
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - add_host: {name: helper, word: told}\n"
				 "    - command: touch {{ DIR }}/{{ inventory_hostname }}\n"
				 "      delegate_to: helper\n"
				 "      throttle: 1\n"
				 "    - add_host: {name: helper, word: anew}\n"
				 "    - assert: {that: \"hostvars.helper.word == 'anew'\"}\n"
				 "    - set_fact: {left: behind}\n"
				 "      delegate_to: helper\n"
				 "      delegate_facts: true\n"
				 "      run_once: true\n"
				 "- hosts: helper\n  gather_facts: false\n  tasks:\n"
				 "    - assert: {that: \"left == 'behind'\"}\n");
	assert_int_equal(access(run_fixture_path(f, "h3"), F_OK), 0);
	assert_string_equal(run_fixture_recap(f, "helper"),
		"ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0");
}

static void hosts_on_their_own_add_and_look_at_once(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = THREE "h4\nh5\nh6\n";
	run_fixture_play(f, FREE
		"  tasks:\n"
		"    - group_by: {key: \"a{{ item }}_{{ inventory_hostname }}\", parents: "
		"\"top{{ item }}\"}\n"
		"      loop: \"{{ range(8) | list }}\"\n"
		"    - assert:\n"
		"        that: inventory_hostname in groups['top' ~ item]\n"
		"      loop: \"{{ range(8) | list }}\"\n"
		"    - add_host: {name: \"{{ inventory_hostname }}-twin\", groups: twins}\n"
		"    - assert: {that: hostvars | length >= 6}\n"
		"- hosts: top3:twins\n  gather_facts: false\n  tasks:\n"
		"    - ping:\n");
	assert_int_equal(f->run.count, 7);
	for (size_t i = 0; i < f->run.count; i++)
		assert_int_equal(f->run.hosts[i].counts.failed, 0);
	assert_int_equal(run_fixture_host(f, "h6")->counts.ok, 4);
}

static void more_hosts_than_there_is_room_for_end_the_run(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = "h1\n";
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - add_host: {name: \"new{{ item }}\"}\n"
				 "      loop: \"{{ range(40) | list }}\"\n"
				 "- hosts: all\n  gather_facts: false\n  tasks:\n"
				 "    - debug:\n");
	run_fixture_expect(f, "a run takes 4096 hosts more");
	assert_int_equal(f->run.count, RUN_HOSTS_MAX);
	assert_int_equal(run_fixture_host(f, "h1")->counts.ok, 1);
}

static void a_bad_name_fails_all_hosts(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = THREE;
	f->show = "msg";
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - add_host: {name: \"a\\nb\"}\n"
				 "    - debug:\n");
	run_fixture_expect(f, "control character");
	assert_int_equal(run_fixture_host(f, "h1")->counts.failed, 1);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(f->run.hosts[i].counts.ok, 0);
}

static void a_failure_of_one_for_all_is_rescued_by_all(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = THREE;
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - block:\n"
				 "        - add_host: {groups: [no, name]}\n"
				 "      rescue:\n"
				 "        - ping:\n"
				 "    - ping:\n");
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(f->run.hosts[i].counts.ok, 2);
}

static void sources_that_cannot_be_read_again_end_the_play(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = THREE;
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - shell: rm {{ DIR }}/hosts.ini\n"
				 "      run_once: true\n"
				 "    - meta: refresh_inventory\n"
				 "    - debug:\n");
	assert_int_equal(run_fixture_host(f, "h2")->counts.ok, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, run_fixture_make, run_fixture_drop)
		TEST(who_is_behind_does_not_see_what_comes_later),
		TEST(groups_come_in_the_order_of_hosts),
		TEST(a_play_works_on_hosts_that_another_one_added),
		TEST(a_host_that_was_added_does_work_for_others),
		TEST(hosts_on_their_own_add_and_look_at_once),
		TEST(more_hosts_than_there_is_room_for_end_the_run),
		TEST(a_bad_name_fails_all_hosts),
		TEST(a_failure_of_one_for_all_is_rescued_by_all),
		TEST(sources_that_cannot_be_read_again_end_the_play),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
