/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one wait of the project: readiness, deadlines, cancellation from other threads and from
 * signal handlers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"

struct fixture {
	struct cancel cancel;
	int in, out; /* a pipe */
};

static int make(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	int fds[2];

	*state = f;
	if (cancel_init(&f->cancel, NULL) < 0 || pipe(fds) < 0)
		return -1;
	f->out = fds[0];
	f->in = fds[1];
	return 0;
}

static int drop(void **state)
{
	struct fixture *f = *state;

	cancel_release(&f->cancel);
	close(f->in);
	close(f->out);
	free(f);
	return 0;
}

static void test_a_ready_descriptor_is_found(void **state)
{
	struct fixture *f = *state;
	struct pollfd fds[2] = {
		{.fd = f->out, .events = POLLIN},
		{.fd = f->in, .events = POLLOUT},
	};
	struct err err = {0};

	assert_int_equal(wait_fds(fds, 2, DEADLINE_NEVER, &f->cancel, &err), 1);
	assert_int_equal(fds[0].revents, 0);
	assert_int_equal(fds[1].revents, POLLOUT);
	assert_int_equal(write(f->in, "x", 1), 1);
	assert_int_equal(wait_fds(fds, 2, DEADLINE_NEVER, NULL, &err), 2);
	assert_int_equal(fds[0].revents, POLLIN);
}

static void test_a_ready_descriptor_beats_a_passed_deadline(void **state)
{
	struct fixture *f = *state;
	struct pollfd fd = {.fd = f->in, .events = POLLOUT};
	struct err err = {0};

	assert_int_equal(wait_fds(&fd, 1, 0, &f->cancel, &err), 1);
}

static void test_the_deadline_passes(void **state)
{
	struct fixture *f = *state;
	struct pollfd fd = {.fd = f->out, .events = POLLIN};
	struct err err = {0};
	int64_t start = clock_ns();

	assert_int_equal(wait_fds(&fd, 1, deadline_in(0.05), &f->cancel, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_int_equal(fd.revents, 0);
	assert_true(clock_ns() - start >= 50000000);
}

static void test_negative_descriptors_are_passed_over(void **state)
{
	struct fixture *f = *state;
	struct pollfd fds[2] = {{.fd = -1, .events = POLLIN}, {.fd = f->in, .events = POLLOUT}};
	struct err err = {0};

	assert_int_equal(wait_fds(fds, 2, DEADLINE_NEVER, &f->cancel, &err), 1);
	assert_int_equal(fds[0].revents, 0);
}

static void test_fourteen_descriptors_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct pollfd fds[15];
	struct err err = {0};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = (struct pollfd){.fd = f->in, .events = POLLOUT};
	assert_int_equal(wait_fds(fds, 14, DEADLINE_NEVER, &f->cancel, &err), 14);
	assert_int_equal(wait_fds(fds, 15, DEADLINE_NEVER, &f->cancel, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

static void test_levels_of_cancellation(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(cancel_level(NULL), 0);
	for (int requests = 0; requests < 5; requests++) {
		assert_int_equal(cancel_level(&f->cancel), requests < 2 ? requests : 2);
		cancel_request(&f->cancel);
	}
}

static void test_a_cancelled_token_ends_every_wait(void **state)
{
	struct fixture *f = *state;
	struct pollfd fd = {.fd = f->out, .events = POLLIN};
	struct err err = {0};

	cancel_request(&f->cancel);
	for (int i = 0; i < 3; i++) {
		err_clear(&err);
		assert_int_equal(wait_fds(&fd, 1, DEADLINE_NEVER, &f->cancel, &err), -1);
		assert_int_equal(err.code, ERR_CANCELLED);
	}
}

static void *cancel_soon(void *arg)
{
	usleep(20000);
	cancel_request(arg);
	return NULL;
}

static void *wait_for_ever(void *arg)
{
	struct err *err = xcalloc(1, sizeof(*err));

	assert_int_equal(wait_until(DEADLINE_NEVER, arg, err), -1);
	return err;
}

static void test_one_request_wakes_all_threads(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[8];

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, wait_for_ever, &f->cancel);
	cancel_soon(&f->cancel);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *err;
		pthread_join(threads[i], &err);
		assert_int_equal(((struct err *)err)->code, ERR_CANCELLED);
		free(err);
	}
}

static void test_sleeping(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	int64_t start = clock_ns();

	assert_int_equal(wait_until(deadline_in(0.03), &f->cancel, &err), 0);
	assert_int_equal(wait_until(deadline_in(0.03), NULL, &err), 0);
	assert_true(clock_ns() - start >= 60000000);
	assert_int_equal(wait_until(0, &f->cancel, &err), 0);
}

static struct cancel *handler_token;
static volatile sig_atomic_t alarms;

static void on_alarm(int signal_number)
{
	(void)signal_number;
	if (++alarms == 5)
		cancel_request(handler_token);
}

/* Signals interrupt poll: the first four must only be retried, the fifth cancels. */
static void test_signals_interrupt_without_ending_a_wait(void **state)
{
	struct fixture *f = *state;
	struct sigaction action = {.sa_handler = on_alarm}, old;
	struct itimerval often = {{0, 10000}, {0, 10000}}, off = {{0, 0}, {0, 0}};
	struct err err = {0};

	alarms = 0;
	handler_token = &f->cancel;
	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	int result = wait_until(DEADLINE_NEVER, &f->cancel, &err);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
	assert_int_equal(result, -1);
	assert_int_equal(err.code, ERR_CANCELLED);
	assert_true(alarms >= 5);
}

static int pulses, pulse_fd;

/* The third one ends the wait. */
static void count_pulse(void)
{
	if (++pulses == 3)
		assert_int_equal(write(pulse_fd, "x", 1), 1);
}

static void test_a_long_wait_has_a_pulse(void **state)
{
	struct fixture *f = *state;
	struct pollfd fd = {.fd = f->out, .events = POLLIN};

	pulses = 0;
	pulse_fd = f->in;
	f->cancel.pulse = count_pulse;
	f->cancel.pulse_every = 0.001;
	assert_int_equal(wait_fds(&fd, 1, DEADLINE_NEVER, &f->cancel, NULL), 1);
	assert_int_equal(pulses, 3);
	/* One for each wait, without a time. */
	f->cancel.pulse_every = -1;
	assert_int_equal(wait_fds(&fd, 1, DEADLINE_NEVER, &f->cancel, NULL), 1);
	assert_int_equal(wait_until(deadline_in(0), &f->cancel, NULL), 0);
	assert_int_equal(pulses, 5);
}

static void test_release_can_be_repeated(void **state)
{
	struct cancel c;

	(void)state;
	assert_int_equal(cancel_init(&c, NULL), 0);
	cancel_release(&c);
	cancel_release(&c);
	assert_int_equal(c.fd, -1);
}

#define WITH_FIXTURE(t) cmocka_unit_test_setup_teardown(t, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_a_ready_descriptor_is_found),
		WITH_FIXTURE(test_a_ready_descriptor_beats_a_passed_deadline),
		WITH_FIXTURE(test_the_deadline_passes),
		WITH_FIXTURE(test_negative_descriptors_are_passed_over),
		WITH_FIXTURE(test_fourteen_descriptors_and_no_more),
		WITH_FIXTURE(test_levels_of_cancellation),
		WITH_FIXTURE(test_a_cancelled_token_ends_every_wait),
		WITH_FIXTURE(test_one_request_wakes_all_threads),
		WITH_FIXTURE(test_sleeping),
		WITH_FIXTURE(test_signals_interrupt_without_ending_a_wait),
		WITH_FIXTURE(test_a_long_wait_has_a_pulse),
		cmocka_unit_test(test_release_can_be_repeated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
