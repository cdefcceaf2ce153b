/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps that hosts do together: throttle, joint steps, modules that one host does for all, and
 * what an interrupt leaves of them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/clock.h"
#include "play/run_fixture.h"

#define PLAY  "- hosts: all\n  gather_facts: false\n"
#define THREE "h1\nh2\nh3\n"
#define ALONE "mkdir {{ DIR }}/taken && sleep 0.1 && rmdir {{ DIR }}/taken"

static void throttle_keeps_hosts_apart(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = THREE;
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - shell: " ALONE "\n"
				 "      throttle: 1\n");
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(f->run.hosts[i].counts.changed, 1);
		assert_int_equal(f->run.hosts[i].counts.failed, 0);
	}
}

static void an_interrupt_ends_the_wait_for_a_place(void **state)
{
	struct run_fixture *f = *state;
	int64_t start = clock_ns();
	unsigned done = 0;

	f->inventory_text = THREE;
	f->interrupt_at = "slow";
	run_fixture_play(f,
		PLAY "  tasks:\n"
		     "    - name: slow\n"
		     "      shell: sleep 0.3; touch {{ DIR }}/{{ inventory_hostname }}\n"
		     "      throttle: 1\n");
	assert_true(clock_ns() - start < INT64_C(20000000000));
	assert_true(f->run.stopped);
	for (size_t i = 0; i < 3; i++) {
		const struct run_host *h = &f->run.hosts[i];
		done += access(run_fixture_path(f, "%s", h->name), F_OK) == 0;
		assert_false(h->failed);
	}
	/* Who was at it came to its end; nobody else has begun. */
	assert_true(done <= 1);
}

static void facts_reach_another_host_before_it_goes_on(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = THREE;
	f->show = "msg";
	run_fixture_play(f,
		PLAY "  tasks:\n"
		     "    - shell: sleep 0.2\n"
		     "      when: inventory_hostname == 'h3'\n"
		     "    - set_fact: {from_third: told}\n"
		     "      when: inventory_hostname == 'h3'\n"
		     "      delegate_to: h1\n"
		     "      delegate_facts: true\n"
		     "    - debug: {msg: \"{{ from_third | default('nothing') }}\"}\n");
	run_fixture_expect(f, "h1 task 'debug': ok \"told\"\n");
	run_fixture_expect(f, "h3 task 'debug': ok \"nothing\"\n");
}

static void a_pause_is_one_for_all(void **state)
{
	struct run_fixture *f = *state;
	int64_t start = clock_ns();

	f->inventory_text = THREE;
	run_fixture_play(f, PLAY "  tasks:\n"
				 "    - pause: {seconds: 1}\n"
				 "    - debug:\n");
	assert_true(clock_ns() - start >= INT64_C(1000000000));
	assert_non_null(strstr(f->lines[0].data, "h1 task 'pause'"));
	assert_null(strstr(f->lines[1].data, "pause"));
	assert_int_equal(f->run.hosts[1].counts.ok, 1);
}

static void hosts_of_a_play_are_those_that_are_left(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = THREE;
	f->show = "msg";
	run_fixture_play(f,
		PLAY "  tasks:\n"
		     "    - shell: sleep 0.2; exit 1\n"
		     "      when: inventory_hostname == 'h3'\n"
		     "    - debug: {msg: \"{{ ansible_play_hosts | join(' ') }}\"}\n");
	run_fixture_expect(f, "h1 task 'debug': ok \"h1 h2\"\n");
	run_fixture_expect(f, "h2 task 'debug': ok \"h1 h2\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, run_fixture_make, run_fixture_drop)
		TEST(throttle_keeps_hosts_apart),
		TEST(an_interrupt_ends_the_wait_for_a_place),
		TEST(facts_reach_another_host_before_it_goes_on),
		TEST(a_pause_is_one_for_all),
		TEST(hosts_of_a_play_are_those_that_are_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
