/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pump under stress: many links at once to a real sshd that changes keys all the time,
 * through networks that delay, cut into pieces, stall and break. What is asserted is that
 * every byte comes back right, that nothing ever waits beyond its deadline, and that a break
 * is an error rather than a hang.
 */
#include "link/relay.h"
#include "link/sshd.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#define LINKS_MAX 24

struct bench {
	struct link_fixture link;
	struct sshd sshd;
};

/* One link on a thread of its own. */
struct worker {
	pthread_t thread;
	const struct link_options *options;
	unsigned seed;
	unsigned frames;
	double seconds;
	int result;
	int64_t took_ns;
	struct err err;
};

static int set_up(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	link_fixture_init(&b->link);
	sshd_start(&b->sshd, &(struct sshd_options){.config = "RekeyLimit 1M\n"});
	sshd_options_for(&b->sshd, &b->link.options);
	b->link.options.host_key_checking = LINK_HOST_KEY_OFF;
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	sshd_stop(&b->sshd);
	link_fixture_release(&b->link);
	free(b);
	return 0;
}

static void *work(void *data)
{
	struct worker *w = data;
	struct link *link = NULL;
	int64_t begun = clock_ns();
	deadline until = deadline_in(w->seconds);

	w->result = link_open(&link, w->options, until, NULL, &w->err);
	if (w->result == 0)
		w->result = echo_check(link, w->seed, w->frames, until, &w->err);
	w->took_ns = clock_ns() - begun;
	if (w->result == 0 && link_close(link, until) < 0)
		w->result = err_set(&w->err, ERR_PROTOCOL, "no BYE came");
	else if (w->result < 0)
		link_abort(link);
	return NULL;
}

/* Runs links at once and waits for them. */
static void run_links(struct bench *b, struct worker *workers, unsigned count, unsigned frames,
	double seconds)
{
	unsigned seed = test_seed();

	for (unsigned i = 0; i < count; i++) {
		workers[i] = (struct worker){.options = &b->link.options,
			.seed = seed + i,
			.frames = frames,
			.seconds = seconds};
		assert_int_equal(
			pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < count; i++)
		pthread_join(workers[i].thread, NULL);
}

static void expect_all_well(const struct worker *workers, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (workers[i].result < 0)
			fail_msg("link %u: %s", i, workers[i].err.text);
}

/* Puts the helper in place, so that the links that follow are warm. */
static void warm_up(struct bench *b)
{
	struct worker w[1];

	run_links(b, w, 1, 10, 120);
	expect_all_well(w, 1);
}

static void test_many_links_that_rekey(void **state)
{
	struct bench *b = *state;
	struct worker w[LINKS_MAX];

	warm_up(b);
	run_links(b, w, LINKS_MAX, 250, 300);
	expect_all_well(w, LINKS_MAX);
}

static void test_many_links_by_the_program(void **state)
{
	struct bench *b = *state;
	struct worker w[8];

	b->link.options.transport = LINK_SSH;
	warm_up(b);
	run_links(b, w, ARRAY_SIZE(w), 100, 300);
	expect_all_well(w, ARRAY_SIZE(w));
}

/* Runs links through a relay. */
static void through_relay(struct bench *b, struct relay_options o, struct worker *workers,
	unsigned count, unsigned frames, double seconds)
{
	struct relay relay;

	warm_up(b);
	o.to_port = b->sshd.port;
	relay_start(&relay, &o);
	b->link.options.port = relay.port;
	run_links(b, workers, count, frames, seconds);
	relay_stop(&relay);
}

static void test_small_pieces(void **state)
{
	struct worker w[8];

	through_relay(
		*state, (struct relay_options){.max_piece = 3000}, w, ARRAY_SIZE(w), 60, 300);
	expect_all_well(w, ARRAY_SIZE(w));
}

static void test_delay_and_pauses(void **state)
{
	struct worker w[8];

	through_relay(*state, (struct relay_options){.delay_ms = 10, .pause_every = 100000}, w,
		ARRAY_SIZE(w), 100, 300);
	expect_all_well(w, ARRAY_SIZE(w));
}

static void test_cuts_are_errors(void **state)
{
	static const uint64_t cuts[] = {1, 40, 1200, 3000, 50000, 500000};
	struct worker w[2];

	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		through_relay(*state, (struct relay_options){.cut_after = cuts[i]}, w,
			ARRAY_SIZE(w), 100, 120);
		for (size_t k = 0; k < ARRAY_SIZE(w); k++) {
			assert_int_equal(w[k].result, -1);
			if (w[k].err.code != ERR_UNREACHABLE)
				fail_msg("cut after %u: %s", (unsigned)cuts[i], w[k].err.text);
			assert_true(w[k].took_ns < 90 * (int64_t)1000000000);
		}
		((struct bench *)*state)->link.options.port =
			((struct bench *)*state)->sshd.port;
	}
}

static void test_stalls_end_at_the_deadline(void **state)
{
	/* Before the banner's end, in the key exchange, in the login, in the middle of work. */
	static const uint64_t stalls[] = {1, 100, 1500, 2200, 2600, 300000};
	struct bench *b = *state;
	struct worker w[2];

	for (size_t i = 0; i < ARRAY_SIZE(stalls); i++) {
		through_relay(b, (struct relay_options){.stall_after = stalls[i]}, w,
			ARRAY_SIZE(w), 100, 1.5);
		for (size_t k = 0; k < ARRAY_SIZE(w); k++) {
			assert_int_equal(w[k].result, -1);
			if (w[k].err.code != ERR_TIMEOUT)
				fail_msg("stall after %u: %s", (unsigned)stalls[i],
					w[k].err.text);
			assert_true(w[k].took_ns < 60 * (int64_t)1000000000);
		}
		b->link.options.port = b->sshd.port;
	}
}

static void test_killed_in_the_middle(void **state)
{
	struct bench *b = *state;
	struct worker w[LINKS_MAX];
	unsigned seed = test_seed(), failed = 0;

	warm_up(b);
	for (unsigned i = 0; i < LINKS_MAX; i++) {
		w[i] = (struct worker){.options = &b->link.options,
			.seed = seed + i,
			.frames = 3000,
			.seconds = 300};
		assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
	}
	for (int i = 0; i < LINKS_MAX; i++) {
		usleep(50000);
		sshd_kill_session(&b->sshd);
	}
	for (unsigned i = 0; i < LINKS_MAX; i++) {
		pthread_join(w[i].thread, NULL);
		failed += w[i].result < 0;
		if (w[i].result < 0 && w[i].err.code != ERR_UNREACHABLE)
			fail_msg("link %u: %s", i, w[i].err.text);
	}
	assert_true(failed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_many_links_that_rekey),
		TEST(test_many_links_by_the_program),
		TEST(test_small_pieces),
		TEST(test_delay_and_pauses),
		TEST(test_cuts_are_errors),
		TEST(test_stalls_end_at_the_deadline),
		TEST(test_killed_in_the_middle),
	};

	if (!sshd_available()) {
		print_message("skipped: there is no sshd here\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
