/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/fleet.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define HOSTS_MAX 200

/* What one run is to do, and what it saw. */
struct scene {
	struct fleet_host hosts[HOSTS_MAX];
	char names[HOSTS_MAX][24];
	size_t count;
	struct fleet_options options;
	struct cancel cancel;
	int working; /* atomic: workers inside the work function that hold a token */
	int most;    /* atomic: the most at a time */
	int started; /* atomic */
	int meeting; /* atomic: workers that wait for all others */
	/* The listener's: */
	unsigned events[FLEET_EVENT_TICK + 1];
	char order[HOSTS_MAX * 6];
	char stop_text[200];
	unsigned batches[HOSTS_MAX];
	uint64_t sum;
	unsigned released; /* payloads */
};

/* What a host is to do, behind its data pointer. */
struct part {
	struct scene *scene;
	unsigned number;
	enum err_code fail;
	bool reach;
};

/* What a worker sends along with an event. */
struct parcel {
	struct scene *scene;
	uint64_t number;
};

static struct part parts[HOSTS_MAX];

static void scene_init(struct scene *s, size_t count)
{
	memset(s, 0, sizeof(*s));
	s->count = count;
	s->options.max_fail_percentage = -1;
	assert_int_equal(cancel_init(&s->cancel, NULL), 0);
	s->options.cancel = &s->cancel;
	for (size_t i = 0; i < count; i++) {
		snprintf(s->names[i], sizeof(s->names[i]), "h%zu", i);
		parts[i] = (struct part){.scene = s, .number = (unsigned)i};
		s->hosts[i] = (struct fleet_host){.name = s->names[i], .data = &parts[i]};
	}
}

static void listen_events(void *data, const struct fleet_event *e)
{
	struct scene *s = data;

	s->events[e->kind]++;
	if (e->kind == FLEET_EVENT_BATCH)
		s->batches[e->number] = (unsigned)e->total;
	if (e->kind == FLEET_EVENT_STOP)
		snprintf(s->stop_text, sizeof(s->stop_text), "%s", e->text);
	if (e->kind == FLEET_EVENT_RESULT)
		s->sum += e->number;
	if (e->payload)
		s->sum += ((const struct parcel *)e->payload)->number;
	if (e->kind == FLEET_EVENT_START) {
		size_t used = strlen(s->order);
		snprintf(s->order + used, sizeof(s->order) - used, "%s ", e->host->name);
	}
}

static int run(struct scene *s, fleet_work work)
{
	struct err err = {0};
	int result = fleet_run(s->hosts, s->count, &s->options, work, listen_events, s, &err);

	assert_int_not_equal(result, -1);
	cancel_release(&s->cancel);
	return result;
}

static unsigned count_state(const struct scene *s, enum fleet_state state)
{
	unsigned found = 0;

	for (size_t i = 0; i < s->count; i++)
		found += s->hosts[i].state == state;
	return found;
}

/* Enters the work: counts who is at it. */
static void enter(struct scene *s)
{
	int now = __atomic_add_fetch(&s->working, 1, __ATOMIC_SEQ_CST);
	int most = __atomic_load_n(&s->most, __ATOMIC_SEQ_CST);

	__atomic_add_fetch(&s->started, 1, __ATOMIC_SEQ_CST);
	while (now > most && !__atomic_compare_exchange_n(&s->most, &most, now, false,
				     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

static void leave(struct scene *s)
{
	__atomic_sub_fetch(&s->working, 1, __ATOMIC_SEQ_CST);
}

/* Works a moment, and fails where its part says so. */
static int work_plain(struct fleet_worker *w, void *data, struct err *err)
{
	struct part *p = data;

	enter(p->scene);
	fleet_phase(w, "work");
	wait_until(deadline_in(0.002), NULL, NULL);
	fleet_emit(w, FLEET_EVENT_RESULT, 0, p->number, 0, "done");
	fleet_set_progress(w, p->number, 100);
	if (p->reach)
		fleet_reached(w);
	leave(p->scene);
	return p->fail ? err_set(err, p->fail, "host %u", p->number) : 0;
}

static void test_all_hosts_and_their_events(void **state)
{
	struct scene s;
	struct fleet_progress progress;

	(void)state;
	scene_init(&s, 100);
	assert_int_equal(run(&s, work_plain), 0);
	assert_int_equal(count_state(&s, FLEET_OK), 100);
	assert_int_equal(s.events[FLEET_EVENT_START], 100);
	assert_int_equal(s.events[FLEET_EVENT_PHASE], 100);
	assert_int_equal(s.events[FLEET_EVENT_END], 100);
	assert_int_equal(s.events[FLEET_EVENT_BATCH], 1);
	assert_int_equal(s.sum, 99 * 100 / 2);
	fleet_get_progress(&s.hosts[42], &progress);
	assert_int_equal(progress.done, 42);
	assert_string_equal(progress.phase, "work");
	assert_true(s.hosts[42].ended_ns > s.hosts[42].started_ns);
}

static void test_no_hosts(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 0);
	assert_int_equal(run(&s, work_plain), 0);
}

static void test_forks_bound_the_work(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 60);
	s.options.forks = 7;
	assert_int_equal(run(&s, work_plain), 0);
	assert_true(s.most <= 7 && s.most >= 2);
}

static void test_one_fork_keeps_the_order(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 6);
	s.options.forks = 1;
	assert_int_equal(run(&s, work_plain), 0);
	assert_string_equal(s.order, "h0 h1 h2 h3 h4 h5 ");
}

static void test_states(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 7);
	parts[1].fail = ERR_UNREACHABLE;
	parts[2].fail = ERR_AUTH;
	parts[3].fail = ERR_TIMEOUT;
	parts[4].fail = ERR_TIMEOUT;
	parts[4].reach = true;
	parts[5].fail = ERR_INTEGRITY;
	parts[6].fail = ERR_CANCELLED;
	assert_int_equal(run(&s, work_plain), 1);
	static const enum fleet_state expected[] = {FLEET_OK, FLEET_UNREACHABLE,
		FLEET_UNREACHABLE, FLEET_UNREACHABLE, FLEET_FAILED, FLEET_FAILED,
		FLEET_CANCELLED};
	for (size_t i = 0; i < s.count; i++)
		assert_int_equal(s.hosts[i].state, expected[i]);
	assert_string_equal(s.hosts[5].err.text, "host 5");
}

static void test_batches(void **state)
{
	static const struct fleet_batch serial[] = {
		{.count = 1}, {.percent = 30}, {.count = 4}};
	struct scene s;

	(void)state;
	scene_init(&s, 12);
	s.options.serial = serial;
	s.options.serial_count = ARRAY_SIZE(serial);
	assert_int_equal(run(&s, work_plain), 0);
	static const unsigned expected[] = {1, 3, 4, 4};
	assert_int_equal(s.events[FLEET_EVENT_BATCH], 4);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_int_equal(s.batches[i], expected[i]);
	assert_int_equal(s.hosts[0].batch, 0);
	assert_int_equal(s.hosts[11].batch, 3);
	/* A batch begins when the one before has ended. */
	assert_true(s.hosts[1].started_ns >= s.hosts[0].ended_ns);
}

static void test_small_percentage_is_one_host(void **state)
{
	static const struct fleet_batch serial[] = {{.percent = 5}};
	struct scene s;

	(void)state;
	scene_init(&s, 10);
	s.options.serial = serial;
	s.options.serial_count = 1;
	assert_int_equal(run(&s, work_plain), 0);
	assert_int_equal(s.events[FLEET_EVENT_BATCH], 10);
}

/* Ten hosts in batches of five, with so many failures in the first batch. */
static void limit_scene(struct scene *s, unsigned failures)
{
	static const struct fleet_batch serial[] = {{.count = 5}};

	scene_init(s, 10);
	s->options.serial = serial;
	s->options.serial_count = 1;
	for (unsigned i = 0; i < failures; i++)
		parts[i].fail = ERR_INTEGRITY;
}

static void test_percentage_must_be_exceeded(void **state)
{
	struct scene s;

	(void)state;
	limit_scene(&s, 2);
	s.options.max_fail_percentage = 40;
	assert_int_equal(run(&s, work_plain), 1);
	assert_int_equal(count_state(&s, FLEET_OK), 8);
	limit_scene(&s, 2);
	s.options.max_fail_percentage = 39;
	assert_int_equal(run(&s, work_plain), 1);
	assert_int_equal(count_state(&s, FLEET_WAITING), 5);
	assert_non_null(strstr(s.stop_text, "max_fail_percentage"));
	assert_int_equal(s.events[FLEET_EVENT_STOP], 1);
}

static void test_failures_count_for_their_batch_only(void **state)
{
	struct scene s;

	(void)state;
	limit_scene(&s, 2);
	parts[7].fail = parts[8].fail = ERR_INTEGRITY;
	s.options.max_fail_percentage = 40;
	assert_int_equal(run(&s, work_plain), 1);
	assert_int_equal(count_state(&s, FLEET_OK), 6);
	assert_int_equal(count_state(&s, FLEET_FAILED), 4);
}

static void test_any_error_is_fatal(void **state)
{
	struct scene s;

	(void)state;
	limit_scene(&s, 1);
	s.options.any_errors_fatal = true;
	assert_int_equal(run(&s, work_plain), 1);
	assert_int_equal(count_state(&s, FLEET_WAITING), 5);
	assert_int_equal(count_state(&s, FLEET_OK), 4);
}

static void test_a_batch_that_failed_whole_ends_the_run(void **state)
{
	struct scene s;

	(void)state;
	limit_scene(&s, 5);
	assert_int_equal(run(&s, work_plain), 1);
	assert_int_equal(count_state(&s, FLEET_WAITING), 5);
}

static void test_limit_stops_the_rest_of_its_batch(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 20);
	s.options.forks = 1;
	s.options.any_errors_fatal = true;
	parts[3].fail = ERR_INTEGRITY;
	assert_int_equal(run(&s, work_plain), 1);
	assert_int_equal(count_state(&s, FLEET_OK), 3);
	assert_int_equal(count_state(&s, FLEET_WAITING), 16);
}

/* Waits until all hosts of the run are here: with fewer tokens than hosts, by yielding. */
static int work_meeting(struct fleet_worker *w, void *data, struct err *err)
{
	struct part *p = data;
	struct scene *s = p->scene;

	enter(s);
	__atomic_add_fetch(&s->meeting, 1, __ATOMIC_SEQ_CST);
	leave(s);
	fleet_yield(w);
	fleet_yield(w);
	while (__atomic_load_n(&s->meeting, __ATOMIC_SEQ_CST) < (int)s->count)
		if (wait_until(deadline_in(0.001), fleet_cancel(w), err) < 0)
			return -1;
	if (fleet_resume(w, err) < 0)
		return -1;
	enter(s);
	wait_until(deadline_in(0.001), NULL, NULL);
	leave(s);
	return fleet_resume(w, err);
}

static void test_hosts_can_wait_for_each_other(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 40);
	s.options.forks = 3;
	assert_int_equal(run(&s, work_meeting), 0);
	assert_true(s.most <= 3);
}

/* Works until interrupted. */
static int work_for_ever(struct fleet_worker *w, void *data, struct err *err)
{
	struct part *p = data;

	enter(p->scene);
	if (p->number == 2)
		cancel_request(&p->scene->cancel);
	int result = wait_until(fleet_deadline(w), fleet_cancel(w), err);
	leave(p->scene);
	return result < 0 ? -1 : err_set(err, ERR_TIMEOUT, "time is up");
}

static void test_interrupt(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 50);
	s.options.forks = 3;
	assert_int_equal(run(&s, work_for_ever), 1);
	assert_int_equal(count_state(&s, FLEET_CANCELLED), 3);
	assert_int_equal(count_state(&s, FLEET_WAITING), 47);
	assert_string_equal(s.stop_text, "interrupted");
}

static void test_host_timeout_holds_up_nobody(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2);
	s.options.host_timeout = 0.05;
	s.options.tick = 0.01;
	int64_t begun = clock_ns();
	assert_int_equal(run(&s, work_for_ever), 1);
	assert_true(clock_ns() - begun < 1000000000);
	assert_int_equal(count_state(&s, FLEET_UNREACHABLE), 2);
	assert_true(s.events[FLEET_EVENT_TICK] >= 2);
}

/* Says far more than the queue holds. */
static int work_talkative(struct fleet_worker *w, void *data, struct err *err)
{
	(void)data, (void)err;
	for (unsigned i = 0; i < 500; i++)
		fleet_emit(w, FLEET_EVENT_RESULT, 0, 1, 0, "a line of text that is copied");
	return 0;
}

static void test_a_full_queue_loses_nothing(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 30);
	assert_int_equal(run(&s, work_talkative), 0);
	assert_int_equal(s.events[FLEET_EVENT_RESULT], 30 * 500);
	assert_int_equal(s.sum, 30 * 500);
}

static void release_parcel(void *payload)
{
	struct parcel *p = payload;

	p->scene->released++;
	free(p);
}

static int work_posting(struct fleet_worker *w, void *data, struct err *err)
{
	const struct part *part = data;

	(void)err;
	for (uint64_t i = 1; i <= 3; i++) {
		struct parcel *p = xmalloc(sizeof(*p));
		*p = (struct parcel){.scene = part->scene, .number = i};
		fleet_post(w, 7, p, release_parcel);
	}
	return 0;
}

static void test_payloads_are_seen_and_released(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 20);
	assert_int_equal(run(&s, work_posting), 0);
	assert_int_equal(s.events[FLEET_EVENT_RESULT], 60);
	assert_int_equal(s.sum, 20 * 6);
	assert_int_equal(s.released, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_hosts_and_their_events),
		cmocka_unit_test(test_no_hosts),
		cmocka_unit_test(test_forks_bound_the_work),
		cmocka_unit_test(test_one_fork_keeps_the_order),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_small_percentage_is_one_host),
		cmocka_unit_test(test_percentage_must_be_exceeded),
		cmocka_unit_test(test_failures_count_for_their_batch_only),
		cmocka_unit_test(test_any_error_is_fatal),
		cmocka_unit_test(test_a_batch_that_failed_whole_ends_the_run),
		cmocka_unit_test(test_limit_stops_the_rest_of_its_batch),
		cmocka_unit_test(test_hosts_can_wait_for_each_other),
		cmocka_unit_test(test_interrupt),
		cmocka_unit_test(test_host_timeout_holds_up_nobody),
		cmocka_unit_test(test_a_full_queue_loses_nothing),
		cmocka_unit_test(test_payloads_are_seen_and_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
