/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "daemons/registryd/manifest_cache.h"

#define LONG 3600.0 /* seconds */

static struct manifest_cache *cache;

static void put(const char *key, const char *text)
{
	manifest_cache_put(cache, key, text, strlen(text));
}

static bool holds(const char *key, const char *text)
{
	AUTO(strbuf_release) struct strbuf found = STRBUF_INIT;

	return manifest_cache_get(cache, key, &found) && strcmp(found.data, text) == 0;
}

static bool has(const char *key)
{
	AUTO(strbuf_release) struct strbuf found = STRBUF_INIT;

	return manifest_cache_get(cache, key, &found);
}

static int forget(void **state)
{
	(void)state;
	manifest_cache_free(cache);
	cache = NULL;
	return 0;
}

static void what_is_kept_is_found(void **state)
{
	(void)state;
	cache = manifest_cache_new(1000, LONG);
	assert_false(has("a/1"));
	put("a/1", "one");
	put("a/2", "two");
	assert_true(holds("a/1", "one"));
	assert_true(holds("a/2", "two"));
	assert_false(has("a/"));
}

static void a_later_text_takes_the_place(void **state)
{
	(void)state;
	cache = manifest_cache_new(1000, LONG);
	put("a/1", "one");
	put("a/1", "other");
	assert_true(holds("a/1", "other"));
	manifest_cache_drop(cache, "a/1");
	manifest_cache_drop(cache, "a/1");
	assert_false(has("a/1"));
}

/* A key of one byte and a text of nine: ten bytes. */
static void what_was_asked_for_longest_ago_makes_room(void **state)
{
	(void)state;
	cache = manifest_cache_new(30, LONG);
	put("a", "123456789");
	put("b", "123456789");
	put("c", "123456789");
	assert_true(has("a"));
	put("d", "123456789");
	assert_false(has("b"));
	assert_true(has("a") && has("c") && has("d"));
	put("e", "1234567890123456789");
	assert_true(has("e") && has("d"));
	assert_false(has("a") || has("c"));
}

static void one_without_room_is_not_kept_and_drives_nobody_out(void **state)
{
	(void)state;
	cache = manifest_cache_new(10, LONG);
	put("a", "123456789");
	put("b", "1234567890");
	assert_true(has("a"));
	assert_false(has("b"));
	put("a", "1234567890");
	assert_false(has("a")); /* the former text is not the key's any more */
}

static void there_are_so_many_at_most(void **state)
{
	char key[16];

	(void)state;
	cache = manifest_cache_new(1 << 20, LONG);
	for (int i = 0; i <= MANIFEST_CACHE_MAX; i++) {
		snprintf(key, sizeof(key), "%d", i);
		put(key, "text");
	}
	assert_false(has("0"));
	assert_true(has("1") && has(key));
}

static void a_text_is_not_believed_for_ever(void **state)
{
	(void)state;
	cache = manifest_cache_new(1000, 0);
	put("a", "one");
	assert_false(has("a"));
}

/* ---- threads ---- */

static void *work(void *key)
{
	for (int i = 0; i < 2000; i++) {
		put(key, key);
		if (has(key) && !holds(key, key))
			return key; /* it may be gone, and is never another's */
		if (i % 7 == 0)
			manifest_cache_drop(cache, key);
	}
	return NULL;
}

static void threads_do_not_mix_texts(void **state)
{
	static char keys[][4] = {"aaa", "bbb", "ccc", "ddd"};
	pthread_t threads[ARRAY_SIZE(keys)];
	void *wrong = NULL;

	(void)state;
	cache = manifest_cache_new(100, LONG);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, keys[i]), 0);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
}

#define T(name) cmocka_unit_test_teardown(name, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_kept_is_found),
		T(a_later_text_takes_the_place),
		T(what_was_asked_for_longest_ago_makes_room),
		T(one_without_room_is_not_kept_and_drives_nobody_out),
		T(there_are_so_many_at_most),
		T(a_text_is_not_believed_for_ever),
		T(threads_do_not_mix_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
