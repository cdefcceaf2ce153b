/* SPDX-License-Identifier: Apache-2.0 */
/* Work that gives way: when, on which thread, and what its caller gets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "daemons/cached/aside.h"

struct seen {
	pthread_t thread;
	int policy, answer;
};

static int look(void *arg)
{
	struct seen *s = arg;

	s->thread = pthread_self();
	s->policy = sched_getscheduler(0);
	return s->answer;
}

static void test_a_machine_has_time_below_one_thread_a_processor(void **state)
{
	(void)state;
	assert_true(aside_has_time(0, 1));
	assert_true(aside_has_time(1.9, 2));
	assert_false(aside_has_time(2, 2));
	assert_false(aside_has_time(20, 2));
	assert_false(aside_has_time(0, -1));
}

static void test_work_that_is_waited_for_stays_on_its_thread(void **state)
{
	(void)state;
	struct seen seen = {.answer = -7};
	int policy = sched_getscheduler(0);

	assert_int_equal(aside_run(false, look, &seen), -7);
	assert_true(pthread_equal(seen.thread, pthread_self()));
	assert_int_equal(seen.policy, policy);
}

/* A machine that is busy does it here; both are right, nothing between is. */
static void test_other_work_gives_way_and_its_caller_does_not(void **state)
{
	(void)state;
	struct seen seen = {.answer = 3};
	int policy = sched_getscheduler(0);

	assert_int_equal(aside_run(true, look, &seen), 3);
	assert_int_equal(
		seen.policy, pthread_equal(seen.thread, pthread_self()) ? policy : SCHED_IDLE);
	assert_int_equal(sched_getscheduler(0), policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_machine_has_time_below_one_thread_a_processor),
		cmocka_unit_test(test_work_that_is_waited_for_stays_on_its_thread),
		cmocka_unit_test(test_other_work_gives_way_and_its_caller_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
