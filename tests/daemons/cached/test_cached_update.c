/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: what serves is what the source names, and what happens where it cannot. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/path.h"
#include "base/scratch.h"
#include "daemons/cached/update_private.h"
#include "daemons/cached/update_rig.h"

#define JAN "2026-01-31"
#define FEB "2026-02-01"
#define MAR "2026-03-01"

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

/* Starts with a version in the store, and waits until it serves. */
static void start_with(struct rig *r, void **state, const char *more)
{
	*r = (struct rig){.dir = *state};
	rig_publish(r, "fraud", JAN, "bin", "one");
	rig_start(r, *state, NULL, more);
	RIG_WAIT(rig_row(r, "fraud").checks == 1);
	assert_string_equal(rig_current(r, "fraud"), JAN);
}

/* ---- reloads ---- */

static void test_reload(void **state)
{
	struct rig r;

	start_with(&r, state, NULL);
	assert_int_equal(rig_reload(&r, "fraud"), 0);
	assert_string_equal(r.version, JAN);
	rig_publish(&r, "fraud", FEB, "bin", "two");
	assert_int_equal(rig_reload(&r, "fraud"), 0);
	assert_string_equal(r.version, FEB);
	assert_int_equal(rig_counts(&r).swaps, 1);
	assert_int_equal(rig_counts(&r).loads, 2);
	assert_int_equal(rig_reload(&r, "other"), -1);
	assert_int_equal(r.err.code, ERR_NOTFOUND);
	rig_stop(&r);
}

static void test_reload_that_fails(void **state)
{
	struct rig r;

	start_with(&r, state, NULL);
	rig_store_away(&r, true);
	assert_int_equal(rig_reload(&r, "fraud"), 0); /* none there: the last one serves on */
	rig_store_away(&r, false);
	rig_publish(&r, "fraud", FEB, "zip", "no archive");
	assert_int_equal(rig_reload(&r, "fraud"), -1);
	assert_int_equal(r.err.code, ERR_INTEGRITY);
	assert_string_equal(rig_current(&r, "fraud"), JAN);
	assert_int_equal(rig_row(&r, "fraud").failures, 1);
	rig_publish(&r, "fraud", MAR, "bin", "three");
	assert_int_equal(rig_reload(&r, "fraud"), 0);
	assert_int_equal(rig_row(&r, "fraud").failures, 0);
	rig_stop(&r);
}

static void test_stopped(void **state)
{
	struct rig r;

	start_with(&r, state, NULL);
	updater_stop(r.updater);
	assert_int_equal(rig_reload(&r, "fraud"), -1);
	assert_int_equal(r.err.code, ERR_CANCELLED);
	assert_int_equal(rig_get(&r, "fraud", FEB, NULL), -1);
	assert_int_equal(r.err.code, ERR_CANCELLED);
	rig_stop(&r);
}

/* ---- failures ---- */

static void test_backoff(void **state)
{
	struct rig r = {.dir = *state};
	struct cached_config *c = rig_config(&r, NULL, NULL);
	static const double expected[] = {5, 5, 10, 30, 60, 60, 60};

	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++)
		assert_true(target_backoff(c, i) == expected[i]);
	assert_true(target_backoff(c, UINT32_MAX) == 60);
	cached_config_drop(c);
}

/* It came as often as there are pauses, and is left; the one that serves serves on. */
static void test_bad_version_is_given_up(void **state)
{
	struct rig r;

	start_with(&r, state, "retry_intervals: [0.001, 0.001]");
	rig_publish(&r, "fraud", FEB, "zip", "no archive");
	assert_int_equal(rig_reload(&r, "fraud"), -1);
	RIG_WAIT(*rig_row(&r, "fraud").refused);
	assert_string_equal(rig_row(&r, "fraud").refused, FEB);
	assert_string_equal(rig_current(&r, "fraud"), JAN);
	RIG_WAIT(rig_row(&r, "fraud").failures == 0);

	/* Not by its number either, but by a reload. */
	uint64_t failed = rig_counts(&r).load_failures;
	RIG_WAIT(rig_get(&r, "fraud", FEB, NULL) == -1 &&
		 strstr(r.err.text, "not fetched again"));
	assert_int_equal(r.err.code, ERR_INTEGRITY);
	assert_string_equal(rig_current(&r, "fraud"), JAN);
	assert_int_equal(rig_reload(&r, "fraud"), -1);
	assert_null(strstr(r.err.text, "not fetched again"));
	assert_true(rig_counts(&r).load_failures > failed);
	rig_stop(&r);
}

/* Without any other version there is nothing to serve, and it is said why. */
static void test_bad_version_alone(void **state)
{
	struct rig r = {.dir = *state};

	rig_publish(&r, "fraud", JAN, "zip", "no archive");
	rig_start(&r, *state, NULL, "retry_intervals: [0.001]");
	RIG_WAIT(*rig_row(&r, "fraud").refused);
	RIG_WAIT(rig_get(&r, "fraud", NULL, NULL) == -1 &&
		 strstr(r.err.text, "not fetched again"));
	assert_int_equal(r.err.code, ERR_INTEGRITY);
	assert_false(rig_row(&r, "fraud").ready);
	rig_stop(&r);
}

/* That there was no place is over as soon as there is one. */
static void test_no_place_is_not_remembered(void **state)
{
	struct rig r = {.dir = *state};
	autofree char *models = xasprintf("[{name: a, source: directory, uri: %s/store}, "
					  "{name: b, source: directory, uri: %s/store}]",
		r.dir, r.dir);

	rig_publish(&r, "a", JAN, "bin", "one");
	rig_start(&r, *state, models, "cache_size: 1\nretry_intervals: [3600]");
	RIG_WAIT(rig_row(&r, "a").checks && rig_row(&r, "b").checks);
	rig_publish(&r, "b", JAN, "bin", "two");
	struct cache_model *held = cache_find(r.cache, "a", NULL, NULL);
	assert_non_null(held);
	assert_int_equal(rig_reload(&r, "b"), -1);
	assert_int_equal(r.err.code, ERR_BUSY);
	assert_int_equal(rig_get(&r, "b", JAN, NULL), -1);
	assert_int_equal(r.err.code, ERR_BUSY);
	assert_int_equal(rig_counts(&r).busy, 2);
	cache_release(r.cache, held);
	assert_int_equal(rig_get(&r, "b", JAN, NULL), 0);
	assert_string_equal(r.content, "two");
	rig_stop(&r);
}

/* ---- versions by name ---- */

static void test_by_date(void **state)
{
	struct rig r = {.dir = *state};

	rig_publish(&r, "fraud", JAN, "bin", "one");
	rig_publish(&r, "fraud", FEB, "bin", "two");
	rig_start(&r, *state, NULL, "retry_intervals: [3600]");
	assert_int_equal(rig_get(&r, "fraud", NULL, NULL), 0);
	assert_string_equal(r.version, FEB);
	assert_int_equal(rig_get(&r, "fraud", JAN, NULL), 0);
	assert_string_equal(r.content, "one");
	assert_string_equal(rig_current(&r, "fraud"), FEB);

	/* What does not exist is asked for once. */
	assert_int_equal(rig_get(&r, "fraud", MAR, NULL), -1);
	assert_int_equal(r.err.code, ERR_NOTFOUND);
	assert_int_equal(rig_get(&r, "fraud", MAR, NULL), -1);
	assert_int_equal(r.err.code, ERR_NOTFOUND);
	assert_int_equal(rig_counts(&r).negative, 1);
	rig_stop(&r);
}

static void test_by_date_without_the_source(void **state)
{
	struct rig r = {.dir = *state};
	const char *away = "[{name: fraud, source: registry, uri: 'http://127.0.0.1:9'}]";

	start_with(&r, state, NULL);
	rig_publish(&r, "fraud", FEB, "bin", "two");
	assert_int_equal(rig_reload(&r, "fraud"), 0);
	rig_stop(&r);

	/* The same state, and nobody to ask: the last one serves, and what the disk has. */
	rig_start(&r, *state, away, NULL);
	RIG_WAIT(strcmp(rig_current(&r, "fraud"), FEB) == 0);
	assert_int_equal(rig_get(&r, "fraud", JAN, NULL), 0);
	assert_string_equal(r.content, "one");
	assert_string_equal(rig_current(&r, "fraud"), FEB);
	assert_int_equal(rig_get(&r, "fraud", MAR, NULL), -1);
	assert_int_equal(r.err.code, ERR_UNREACHABLE);
	rig_stop(&r);
}

static void test_aliases_are_links(void **state)
{
	struct rig r;
	autofree char *link = xasprintf("%s/store/fraud/champion", (char *)*state);

	start_with(&r, state, NULL);
	rig_publish(&r, "fraud", FEB, "bin", "two");
	assert_int_equal(rig_reload(&r, "fraud"), 0);
	assert_int_equal(symlink(JAN, link), 0);
	assert_int_equal(rig_get(&r, "fraud", NULL, "champion"), 0);
	assert_string_equal(r.version, JAN);
	/* It moves: the next check sees that, and who asks again gets the other one. */
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink(FEB, link), 0);
	assert_int_equal(rig_reload(&r, "fraud"), 0);
	assert_int_equal(rig_get(&r, "fraud", NULL, "champion"), 0);
	assert_string_equal(r.version, FEB);
	assert_int_equal(rig_get(&r, "fraud", NULL, "latest"), 0);
	assert_string_equal(r.version, FEB);
	assert_int_equal(rig_get(&r, "fraud", NULL, "none"), -1);
	assert_int_equal(r.err.code, ERR_NOTFOUND);
	rig_stop(&r);
}

/* ---- the configuration ---- */

static void test_taken_out(void **state)
{
	struct rig r;

	start_with(&r, state, NULL);
	rig_publish(&r, "fraud", FEB, "bin", "two");
	rig_publish(&r, "spam", JAN, "bin", "mail");
	assert_int_equal(rig_reload(&r, "fraud"), 0);
	assert_int_equal(rig_counts(&r).versions, 2);
	autofree char *models =
		xasprintf("[{name: spam, source: directory, uri: %s/store}]", r.dir);
	rig_configure(&r, models, NULL);
	RIG_WAIT(*rig_current(&r, "spam"));
	RIG_WAIT(!*rig_row(&r, "fraud").name);
	assert_int_equal(rig_counts(&r).versions, 1);
	assert_int_equal(rig_get(&r, "fraud", NULL, NULL), -1);
	assert_int_equal(r.err.code, ERR_NOTFOUND);

	/* And comes back. */
	rig_configure(&r, NULL, NULL);
	RIG_WAIT(strcmp(rig_current(&r, "fraud"), FEB) == 0);
	rig_stop(&r);
}

static void test_taken_out_in_hand(void **state)
{
	struct rig r;

	start_with(&r, state, NULL);
	struct cache_model *held = cache_find(r.cache, "fraud", NULL, NULL);
	rig_configure(&r, "[]", NULL);
	RIG_WAIT(!*rig_row(&r, "fraud").name);
	assert_true(cache_is_leaving(r.cache, held));
	assert_string_equal(held->version, JAN);
	cache_release(r.cache, held);
	assert_int_equal(rig_counts(&r).leaving, 0);
	rig_stop(&r);
}

static void test_another_source(void **state)
{
	struct rig r;
	autofree char *other = path_join(*state, "elsewhere/fraud/" MAR);
	autofree char *file = path_join(other, "model.bin");
	autofree char *models =
		xasprintf("[{name: fraud, source: directory, uri: %s/elsewhere, pinned: true}]",
			(char *)*state);

	start_with(&r, state, NULL);
	assert_int_equal(path_mkdirs(other, 0755, NULL), 0);
	scratch_write(file, "three");
	rig_configure(&r, models, NULL);
	RIG_WAIT(strcmp(rig_current(&r, "fraud"), MAR) == 0);
	assert_true(rig_row(&r, "fraud").pinned);
	RIG_WAIT(cache_shrink(r.cache, 1000) == 3); /* the former one, not this */
	rig_stop(&r);
}

/* ---- restarts ---- */

static void test_start_from_the_disk(void **state)
{
	struct rig r;

	start_with(&r, state, NULL);
	rig_publish(&r, "fraud", FEB, "bin", "two");
	assert_int_equal(rig_reload(&r, "fraud"), 0);
	rig_stop(&r);
	rig_store_away(&r, true);
	rig_start(&r, *state, NULL, NULL);
	RIG_WAIT(strcmp(rig_current(&r, "fraud"), FEB) == 0);
	assert_int_equal(r.metrics.from_source, 0);
	RIG_WAIT(rig_row(&r, "fraud").ready);
	rig_stop(&r);
}

/* ---- many who ask ---- */

struct crowd {
	struct rig *rig;
	int wrong;
};

static void *ask_for_all(void *data)
{
	struct crowd *c = data;
	struct rig own = {.cache = c->rig->cache};
	static const char *const asked[] = {NULL, JAN, FEB};

	for (int i = 0; i < 30; i++) {
		int rc = rig_get(&own, "fraud", asked[i % 3], NULL);
		const char *right = i % 3 == 1 ? "one" : "two";
		if (rc < 0 || strcmp(own.content, right) != 0)
			c->wrong++;
	}
	return NULL;
}

/* Each version is loaded once, however many ask for it, and by whatever name. */
static void test_loaded_once(void **state)
{
	struct rig r = {.dir = *state};
	struct crowd crowd[8];
	pthread_t threads[ARRAY_SIZE(crowd)];

	rig_publish(&r, "fraud", JAN, "bin", "one");
	rig_publish(&r, "fraud", FEB, "bin", "two");
	rig_start(&r, *state, NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(crowd); i++) {
		crowd[i] = (struct crowd){&r, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, ask_for_all, &crowd[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(crowd); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(crowd[i].wrong, 0);
	}
	assert_int_equal(rig_counts(&r).loads, 2);
	rig_stop(&r);
}

static void *ask_for_current(void *data)
{
	struct crowd *c = data;
	struct rig own = {.cache = c->rig->cache};

	c->wrong = rig_get(&own, "fraud", NULL, NULL) < 0 || strcmp(own.content, "one") != 0;
	return NULL;
}

/* What a check has asked for stays what it means, whatever comes while it waits. */
static void test_asked_during_a_check(void **state)
{
	struct rig r = {.dir = *state};
	struct crowd client = {&r, 0};
	autofree char *go = path_join(*state, "go");
	autofree char *models =
		xasprintf("[{name: fraud, source: directory, uri: %s/store, validate_command: "
			  "'while ! test -e %s; do sleep 0.01; done'}]",
			r.dir, go);
	pthread_t thread;

	rig_publish(&r, "fraud", JAN, "bin", "one");
	rig_start(&r, *state, models, NULL);
	RIG_WAIT(rig_counts(&r).misses == 1);
	assert_int_equal(pthread_create(&thread, NULL, ask_for_current, &client), 0);
	RIG_WAIT(rig_counts(&r).misses == 2);
	rig_publish(&r, "fraud", FEB, "bin", "two");
	scratch_write(go, "");
	pthread_join(thread, NULL);
	assert_int_equal(client.wrong, 0);
	RIG_WAIT(rig_row(&r, "fraud").checks == 1);
	assert_string_equal(rig_current(&r, "fraud"), JAN);
	assert_int_equal(rig_reload(&r, "fraud"), 0);
	assert_string_equal(r.version, FEB);
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reload),
		TEST(test_reload_that_fails),
		TEST(test_stopped),
		TEST(test_backoff),
		TEST(test_bad_version_is_given_up),
		TEST(test_bad_version_alone),
		TEST(test_no_place_is_not_remembered),
		TEST(test_by_date),
		TEST(test_by_date_without_the_source),
		TEST(test_aliases_are_links),
		TEST(test_taken_out),
		TEST(test_taken_out_in_hand),
		TEST(test_another_source),
		TEST(test_start_from_the_disk),
		TEST(test_loaded_once),
		TEST(test_asked_during_a_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
