/* SPDX-License-Identifier: Apache-2.0 */
/* The cache where there is less memory than its models would like to have. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "daemons/cached/cache.h"

static struct cache *open_cache(uint64_t memory)
{
	return cache_new(&(struct cache_options){.limits = {.memory = memory}});
}

static struct blob *make_blob(uint64_t size)
{
	struct blob_writer w = {.fd = -1};
	struct err err = {0};

	assert_int_equal(blob_begin(&w, "test", size, &err), 0);
	for (uint64_t i = 0; i < size; i++)
		assert_int_equal(blob_write(&w, "x", 1, &err), 0);
	return blob_seal(&w, &err);
}

static int put(struct cache *c, const char *name, const char *version, uint64_t size)
{
	const struct cache_about about = {.name = name, .version = version};
	struct err err = {0};

	return cache_put(c, &about, make_blob(size), true, &err) == 0 ? ERR_NONE
								      : (int)err.code;
}

static bool holds(struct cache *c, const char *name, const char *version)
{
	struct cache_model *m = cache_peek(c, name, version, NULL);

	cache_release(c, m);
	return m != NULL;
}

static int reserve(struct cache *c, const char *name, uint64_t size, struct cache_load **load)
{
	struct err err = {0};

	*load = cache_load_begin(c, name, "new");
	return cache_load_reserve(*load, size, true, &err) == 0 ? ERR_NONE : (int)err.code;
}

static void give_up(struct cache_load *load)
{
	const struct err err = {.code = ERR_CANCELLED, .text = "given up"};

	cache_load_failed(load, &err, 0);
}

/* Limits by number and bytes may be passed until the exchange; memory may not. */
static void test_others_go_for_an_update(void **state)
{
	struct cache *c = open_cache(10);
	struct cache_load *load;

	(void)state;
	assert_int_equal(put(c, "a", "1", 4), ERR_NONE);
	assert_int_equal(put(c, "b", "1", 4), ERR_NONE);
	assert_int_equal(reserve(c, "a", 4, &load), ERR_NONE);
	assert_true(holds(c, "a", "1"));
	assert_false(holds(c, "b", "1"));
	give_up(load);
	cache_free(c);
}

static void test_an_update_without_memory_is_refused(void **state)
{
	struct cache *c = open_cache(10);
	struct cache_load *load;

	(void)state;
	assert_int_equal(put(c, "a", "1", 4), ERR_NONE);
	assert_int_equal(put(c, "b", "1", 4), ERR_NONE);
	cache_pin(c, "b", true);
	assert_int_equal(reserve(c, "a", 4, &load), ERR_BUSY);
	give_up(load);
	assert_true(holds(c, "a", "1") && holds(c, "b", "1"));
	assert_int_equal(reserve(c, "a", 11, &load), ERR_LIMIT);
	give_up(load);
	cache_free(c);
}

static void test_what_others_load_counts(void **state)
{
	struct cache *c = open_cache(10);
	struct cache_load *first, *second;

	(void)state;
	assert_int_equal(reserve(c, "a", 6, &first), ERR_NONE);
	assert_int_equal(reserve(c, "b", 6, &second), ERR_BUSY);
	give_up(first);
	assert_int_equal(put(c, "b", "1", 6), ERR_NONE);
	give_up(second);
	cache_free(c);
}

static void test_what_is_leaving_counts(void **state)
{
	struct cache *c = open_cache(10);
	struct err err = {0};

	(void)state;
	assert_int_equal(put(c, "a", "1", 6), ERR_NONE);
	struct cache_model *held = cache_find(c, "a", NULL, NULL);
	assert_int_equal(cache_remove(c, "a", "1", &err), 0);
	assert_int_equal(put(c, "b", "1", 6), ERR_BUSY);
	cache_release(c, held);
	assert_int_equal(put(c, "b", "1", 6), ERR_NONE);
	cache_free(c);
}

static void test_less_memory_lets_models_go(void **state)
{
	struct cache *c = open_cache(0);

	(void)state;
	assert_int_equal(put(c, "a", "1", 4), ERR_NONE);
	assert_int_equal(put(c, "b", "1", 4), ERR_NONE);
	cache_pin(c, "a", true);
	cache_set_limits(c, &(struct policy_limits){.memory = 5});
	assert_true(holds(c, "a", "1"));
	assert_false(holds(c, "b", "1"));
	cache_free(c);
}

/* ---- memory is back before a load gets it ---- */

enum { SIZE = 1 << 16 };

/* A version that goes, and a load that needs its memory. */
struct going {
	struct cache *cache;
	struct cache_model *held; /* its last reference */
	sem_t leaves, go;
	uint64_t seen; /* of memory, by the load once it had room */
};

/* Called between the moment from which on it does not count, and that of its memory's end. */
static void on_removed(void *data, const struct cache_model *model)
{
	struct going *going = data;

	(void)model;
	sem_post(&going->leaves);
	while (sem_wait(&going->go) < 0)
		;
}

static void *let_go(void *data)
{
	struct going *going = data;

	cache_release(going->cache, going->held);
	return NULL;
}

static void *load(void *data)
{
	struct going *going = data;
	struct blob_memory now;
	struct cache_load *load;

	assert_int_equal(reserve(going->cache, "b", SIZE, &load), ERR_NONE);
	blob_memory(&now);
	going->seen = now.bytes;
	give_up(load);
	return NULL;
}

static void test_a_load_waits_for_memory_that_comes_back(void **state)
{
	struct going going = {0};
	struct err err = {0};
	pthread_t first, second;

	(void)state;
	sem_init(&going.leaves, 0, 0);
	sem_init(&going.go, 0, 0);
	going.cache = cache_new(&(struct cache_options){
		.limits = {.memory = SIZE}, .removed = on_removed, .data = &going});
	assert_int_equal(put(going.cache, "a", "1", SIZE), ERR_NONE);
	going.held = cache_find(going.cache, "a", NULL, NULL);
	assert_int_equal(cache_remove(going.cache, "a", "1", &err), 0);
	assert_int_equal(pthread_create(&first, NULL, let_go, &going), 0);
	sem_wait(&going.leaves);
	assert_int_equal(pthread_create(&second, NULL, load, &going), 0);
	usleep(50000); /* in which a load that does not wait goes on */
	sem_post(&going.go);
	pthread_join(first, NULL);
	pthread_join(second, NULL);
	assert_int_equal(going.seen, 0);
	cache_free(going.cache);
	sem_destroy(&going.leaves);
	sem_destroy(&going.go);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_others_go_for_an_update),
		cmocka_unit_test(test_an_update_without_memory_is_refused),
		cmocka_unit_test(test_what_others_load_counts),
		cmocka_unit_test(test_what_is_leaving_counts),
		cmocka_unit_test(test_less_memory_lets_models_go),
		cmocka_unit_test(test_a_load_waits_for_memory_that_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
