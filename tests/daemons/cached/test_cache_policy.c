/* SPDX-License-Identifier: Apache-2.0 */
/* Who leaves the cache; and how often the one who is asked for is there, on drawn traces. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cache_trace.h"
#include "daemons/cached/policy.h"

static void test_limits(void **state)
{
	(void)state;
	const struct policy_limits both = {.count = 5, .bytes = 100};
	const struct policy_limits none = {0};

	assert_false(policy_exceeds(&both, 5, 100));
	assert_true(policy_exceeds(&both, 6, 0));
	assert_true(policy_exceeds(&both, 0, 101));
	assert_false(policy_exceeds(&none, SIZE_MAX, UINT64_MAX));
	assert_false(policy_lacks_memory(&both, UINT64_MAX));
}

static void test_memory_is_a_limit_of_its_own(void **state)
{
	(void)state;
	const struct policy_limits limits = {.memory = 100};

	assert_false(policy_lacks_memory(&limits, 100));
	assert_true(policy_lacks_memory(&limits, 101));
	assert_false(policy_exceeds(&limits, SIZE_MAX, UINT64_MAX));
}

static void test_least_recently_used_goes(void **state)
{
	(void)state;
	const struct policy_item items[] = {{.used = 7}, {.used = 3}, {.used = 9}};

	assert_int_equal(policy_victim(items, 3), 1);
	assert_int_equal(policy_victim(items, 0), POLICY_NONE);
}

static void test_superseded_goes_before_current(void **state)
{
	(void)state;
	const struct policy_item items[] = {
		{.used = 1}, {.used = 9, .superseded = true}, {.used = 8, .superseded = true}};

	assert_int_equal(policy_victim(items, 3), 2);
}

static void test_pinned_and_busy_stay(void **state)
{
	(void)state;
	const struct policy_item items[] = {
		{.used = 1, .pinned = true}, {.used = 2, .busy = true}, {.used = 3}};
	const struct policy_item old[] = {{.used = 1, .pinned = true, .superseded = true}};

	assert_int_equal(policy_victim(items, 3), 2);
	assert_int_equal(policy_victim(items, 2), POLICY_NONE);
	assert_int_equal(policy_victim(old, 1), 0);
}

/* ---- traces ---- */

/* The place of a model, or the number of those that are taken. */
static int place_of(const int *held, int count, int model)
{
	int i = 0;

	while (i < count && held[i] != model)
		i++;
	return i;
}

static double hit_rate_ours(const int *trace)
{
	const struct policy_limits limits = {.count = TRACE_PLACES};
	struct policy_item items[TRACE_PLACES] = {{0}};
	int held[TRACE_PLACES], count = 0, hits = 0;

	for (int t = 0; t < TRACE_LENGTH; t++) {
		int at = place_of(held, count, trace[t]);
		hits += at < count;
		if (at == count && policy_exceeds(&limits, (size_t)count + 1, 0))
			at = (int)policy_victim(items, (size_t)count);
		else if (at == count)
			count++;
		held[at] = trace[t];
		items[at].used = (uint64_t)t + 1;
	}
	return (double)hits / TRACE_LENGTH;
}

static void compare_on_zipf(double s, double least_ratio)
{
	struct trace t;

	trace_draw_zipf(&t, s);
	double ours = hit_rate_ours(t.models), optimum = trace_optimum(&t);
	print_message("Zipf s = %.1f: %.1f%% of the requests hit, at the optimum %.1f%%\n", s,
		100 * ours, 100 * optimum);
	assert_true(ours <= optimum);
	assert_true(ours >= least_ratio * optimum);
}

static void test_zipf(void **state)
{
	(void)state;
	compare_on_zipf(0.8, 0.60);
	compare_on_zipf(1.0, 0.65);
	compare_on_zipf(1.5, 0.80);
}

static void test_four_busy_models(void **state)
{
	(void)state;
	struct trace t;

	trace_draw_four(&t);
	double ours = hit_rate_ours(t.models), optimum = trace_optimum(&t);
	print_message(
		"97%% to four models: %.1f%% of the requests hit, at the optimum %.1f%%\n",
		100 * ours, 100 * optimum);
	assert_true(ours > 0.95);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_memory_is_a_limit_of_its_own),
		cmocka_unit_test(test_least_recently_used_goes),
		cmocka_unit_test(test_superseded_goes_before_current),
		cmocka_unit_test(test_pinned_and_busy_stay),
		cmocka_unit_test(test_zipf),
		cmocka_unit_test(test_four_busy_models),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
