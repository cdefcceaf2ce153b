/* SPDX-License-Identifier: Apache-2.0 */
/* The cache's loads: who waits for whom, what failed, and exchanges under load. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"

#include "daemons/cached/cache_scene.h"

/* ---- loads ---- */

static void test_one_load_for_all_who_ask(void **state)
{
	(void)state;
	struct scene s;

	scene_open(&s, 5, 0);
	for (int i = 0; i < 3; i++)
		scene_ask(&s, "2", NULL);
	assert_int_equal(s.loads, 1);
	assert_int_equal(s.answers, 0);
	assert_string_equal(cache_load_name(s.load), "fraud");
	assert_string_equal(cache_load_version(s.load), "2");
	assert_null(cache_load_stage(s.load));
	assert_true(cache_load_is(s.load, "2"));
	assert_int_equal(cache_load_reserve(s.load, 5, true, &s.err), 0);
	assert_int_equal(scene_counts(&s).reserved, 5);
	assert_int_equal(scene_finish(&s, "2"), 0);
	assert_string_equal(s.model->version, "2");
	scene_give_back(&s, 3);
	assert_int_equal(scene_counts(&s).reserved, 0);
	assert_int_equal(scene_counts(&s).joined, 2);
	scene_ask(&s, NULL, "Production");
	scene_give_back(&s, 1);
	assert_int_equal(s.loads, 1);
	cache_free(s.cache);
}

static void test_stage_that_is_a_version_being_loaded(void **state)
{
	(void)state;
	struct scene s;

	scene_open(&s, 5, 0);
	scene_ask(&s, "2", NULL);
	struct cache_load *first = s.load;
	scene_ask(&s, NULL, "Production");
	assert_int_equal(s.loads, 2);
	assert_false(cache_load_is(s.load, "2"));
	s.load = first;
	scene_finish(&s, "2");
	scene_give_back(&s, 2);

	/* And one that is held already, under a stage that the cache did not know of. */
	scene_ask(&s, NULL, "Staging");
	assert_int_equal(s.loads, 3);
	assert_false(cache_load_is(s.load, "2"));
	scene_give_back(&s, 1);
	cache_free(s.cache);
}

static void test_failure_is_remembered(void **state)
{
	(void)state;
	struct scene s;
	struct err why = {0};

	err_set(&why, ERR_INTEGRITY, "broken");
	scene_open(&s, 5, 0);
	scene_ask(&s, NULL, "Production");
	assert_true(cache_load_is(s.load, "2"));
	cache_load_failed(s.load, &why, 3600);
	assert_null(s.model);
	assert_int_equal(s.err.code, ERR_INTEGRITY);
	scene_ask(&s, "2", NULL);
	scene_ask(&s, NULL, "Production");
	assert_int_equal(s.answers, 3);
	assert_int_equal(s.loads, 1);
	assert_int_equal(scene_counts(&s).negative, 2);

	cache_forget_failures(s.cache, "fraud");
	scene_ask(&s, "2", NULL);
	assert_int_equal(s.loads, 2);
	cache_load_failed(s.load, &why, 0);
	scene_ask(&s, "2", NULL);
	assert_int_equal(s.loads, 3);
	s.answers = 0;
	scene_finish(&s, "2");
	scene_give_back(&s, 1);
	cache_free(s.cache);
}

static void test_no_place_for_a_load(void **state)
{
	(void)state;
	struct scene s;

	scene_open(&s, 1, 100);
	scene_put(&s, "a", "1", "one");
	struct cache_model *held = cache_find(s.cache, "a", NULL, NULL);
	scene_ask(&s, "2", NULL);
	assert_int_equal(cache_load_reserve(s.load, 101, true, &s.err), -1);
	assert_int_equal(s.err.code, ERR_LIMIT);
	assert_int_equal(cache_load_reserve(s.load, 5, true, &s.err), -1);
	assert_int_equal(s.err.code, ERR_BUSY);
	assert_int_equal(scene_finish(&s, "2"), -1);
	assert_int_equal(s.answers, 1);
	assert_null(s.model);
	assert_int_equal(s.err.code, ERR_BUSY);
	cache_release(s.cache, held);
	cache_free(s.cache);
}

/* An old version is no update: it needs a place, and not that of what serves. */
static void test_old_version_needs_a_place(void **state)
{
	(void)state;
	struct scene s;
	const struct cache_about old = {.name = "fraud", .version = "1"};

	scene_open(&s, 1, 0);
	scene_put(&s, "fraud", "2", "two");
	scene_ask(&s, "1", NULL);
	assert_int_equal(cache_load_reserve(s.load, 5, false, &s.err), -1);
	assert_int_equal(s.err.code, ERR_BUSY);
	assert_int_equal(cache_load_done(s.load, &old, scene_blob("one"), false, &s.err), -1);
	assert_null(s.model);
	scene_expect_current(&s, "fraud", "2");

	/* Another model's may go for it, and the next old one takes its place. */
	s.answers = 0;
	cache_set_limits(s.cache, &(struct policy_limits){.count = 2});
	scene_put(&s, "other", "1", "one");
	scene_ask(&s, "1", NULL);
	assert_int_equal(cache_load_reserve(s.load, 3, false, &s.err), 0);
	assert_false(scene_holds(&s, "other", "1"));
	assert_int_equal(cache_load_done(s.load, &old, scene_blob("one"), false, &s.err), 0);
	scene_expect_current(&s, "fraud", "2");
	scene_ask(&s, "0", NULL);
	assert_int_equal(cache_load_reserve(s.load, 3, false, &s.err), -1); /* in hand */
	scene_give_back(&s, 1);
	assert_int_equal(cache_load_reserve(s.load, 3, false, &s.err), 0);
	assert_false(scene_holds(&s, "fraud", "1"));
	cache_load_failed(s.load, &s.err, 0);
	cache_free(s.cache);
}

/* Another run under a number that is held: room is made before, and it takes the place. */
static void test_another_run_of_a_version(void **state)
{
	(void)state;
	struct scene s;
	const struct cache_about second = {
		.name = "fraud", .version = "1", .stage = "Production", .run_id = "r2"};
	static const char *const contents[] = {"twelve bytes", "one"};

	for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
		size_t size = strlen(contents[i]);
		scene_open(&s, 2, 15);
		scene_put(&s, "fraud", "0", "12 bytes too");
		scene_put(&s, "fraud", "1", "one");
		struct cache_load *load = cache_load_begin(s.cache, "fraud", "1");
		assert_int_equal(cache_load_reserve(load, size, true, &s.err), 0);
		assert_int_equal(scene_counts(&s).reserved, size);
		assert_false(scene_holds(&s, "fraud", "0"));
		assert_int_equal(
			cache_load_done(load, &second, scene_blob(contents[i]), true, &s.err),
			0);
		struct cache_model *m = cache_find(s.cache, "fraud", NULL, NULL);
		assert_string_equal(m->run_id, "r2");
		assert_int_equal(m->blob->size, size);
		cache_release(s.cache, m);
		assert_int_equal(scene_counts(&s).versions, 1);
		assert_int_equal(scene_counts(&s).bytes, size);
		assert_int_equal(s.removed, 2);
		cache_free(s.cache);
	}
}

/* Who asks while a load that nobody asked for is under way waits for that one. */
static void test_joins_a_load_of_nobody(void **state)
{
	(void)state;
	struct scene s;

	scene_open(&s, 5, 0);
	s.load = cache_load_begin(s.cache, "fraud", "2");
	scene_ask(&s, "2", NULL);
	assert_int_equal(s.loads, 0);
	assert_int_equal(scene_counts(&s).joined, 1);
	scene_finish(&s, "2");
	assert_string_equal(s.model->version, "2");
	scene_give_back(&s, 1);
	cache_free(s.cache);
}

static void test_failures_by_stage_and_version(void **state)
{
	(void)state;
	struct scene s;
	struct err why = {0};

	err_set(&why, ERR_NOTFOUND, "no such stage");
	scene_open(&s, 5, 0);
	scene_ask(&s, NULL, "Staging");
	cache_load_failed(s.load, &why, 3600);
	scene_ask(&s, NULL, "Staging");
	assert_int_equal(s.loads, 1);
	assert_int_equal(s.err.code, ERR_NOTFOUND);
	/* Neither another stage nor another model has failed. */
	scene_ask(&s, NULL, "Production");
	assert_int_equal(s.loads, 2);
	cache_load_failed(s.load, &why, 0);
	cache_forget_failures(s.cache, "other");
	scene_ask(&s, NULL, "Staging");
	assert_int_equal(s.loads, 2);
	/* A version that is there is no failure any more; a stage alone may still be one. */
	scene_put(&s, "fraud", "1", "one");
	cache_forget_failures(s.cache, NULL);
	scene_ask(&s, NULL, "Staging");
	assert_int_equal(s.loads, 3);
	cache_load_failed(s.load, &why, 0);
	cache_free(s.cache);
}

/* Clients choose what they ask for: no more than a thousand failures are remembered. */
static void test_failures_are_bounded(void **state)
{
	(void)state;
	struct scene s;
	struct err why = {0};
	char version[32];

	err_set(&why, ERR_NOTFOUND, "none");
	scene_open(&s, 5, 0);
	for (int i = 0; i < 1025; i++) {
		snprintf(version, sizeof(version), "%d", i);
		scene_ask(&s, version, NULL);
		cache_load_failed(s.load, &why, 3600);
	}
	assert_int_equal(s.loads, 1025);
	scene_ask(&s, "1024", NULL);
	scene_ask(&s, "1", NULL);
	assert_int_equal(s.loads, 1025);
	scene_ask(&s, "0", NULL); /* the oldest has gone */
	assert_int_equal(s.loads, 1026);
	cache_load_failed(s.load, &why, 0);
	cache_free(s.cache);
}

static void test_failure_ends_by_itself(void **state)
{
	(void)state;
	struct scene s;
	struct err why = {0};
	deadline until = deadline_in(60);

	err_set(&why, ERR_INTEGRITY, "broken");
	scene_open(&s, 5, 0);
	scene_ask(&s, "2", NULL);
	cache_load_failed(s.load, &why, 0.05);
	while (s.loads == 1) {
		assert_false(deadline_passed(until));
		scene_ask(&s, "2", NULL);
	}
	cache_load_failed(s.load, &why, 0);
	cache_free(s.cache);
}

static void test_without_a_loader(void **state)
{
	(void)state;
	struct scene s = {0};

	s.cache = cache_new(&(struct cache_options){0});
	scene_ask(&s, NULL, NULL);
	assert_null(s.model);
	assert_int_equal(s.err.code, ERR_NOTFOUND);
	cache_free(s.cache);
}

/* ---- threads ---- */

struct race {
	struct scene scene;
	atomic_bool stop;
	atomic_ulong reads, wrong;
};

static void *read_current(void *data)
{
	struct race *race = data;

	while (!atomic_load(&race->stop)) {
		struct cache_model *m = cache_find(race->scene.cache, "a", NULL, NULL);
		char content[4] = "";
		if (!m || pread(m->blob->fd, content, 3, 0) != 3 || content[0] != m->version[0])
			atomic_fetch_add(&race->wrong, 1);
		cache_release(race->scene.cache, m);
		atomic_fetch_add(&race->reads, 1);
	}
	return NULL;
}

static void test_exchange_under_load(void **state)
{
	(void)state;
	struct race race = {0};
	pthread_t readers[8];
	static const char *const versions[] = {"1", "2", "3", "4"};
	static const char *const contents[] = {"1__", "2__", "3__", "4__"};

	scene_open(&race.scene, 2, 0);
	scene_put(&race.scene, "a", versions[0], contents[0]);
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_current, &race), 0);
	for (unsigned i = 1; i < 200 || atomic_load(&race.reads) < 1000; i++)
		assert_int_equal(
			scene_put(&race.scene, "a", versions[i % 4], contents[i % 4]), 0);
	atomic_store(&race.stop, true);
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		pthread_join(readers[i], NULL);
	assert_int_equal(atomic_load(&race.wrong), 0);
	assert_int_equal(scene_counts(&race.scene).leaving, 0);
	cache_free(race.scene.cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_load_for_all_who_ask),
		cmocka_unit_test(test_stage_that_is_a_version_being_loaded),
		cmocka_unit_test(test_failure_is_remembered),
		cmocka_unit_test(test_no_place_for_a_load),
		cmocka_unit_test(test_old_version_needs_a_place),
		cmocka_unit_test(test_another_run_of_a_version),
		cmocka_unit_test(test_joins_a_load_of_nobody),
		cmocka_unit_test(test_failures_by_stage_and_version),
		cmocka_unit_test(test_failures_are_bounded),
		cmocka_unit_test(test_failure_ends_by_itself),
		cmocka_unit_test(test_without_a_loader),
		cmocka_unit_test(test_exchange_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
