/* SPDX-License-Identifier: Apache-2.0 */
/* The cache: what is held, and what makes way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemons/cached/cache_scene.h"

/* ---- what is held ---- */

static void test_found_by_version_stage_alias(void **state)
{
	(void)state;
	struct scene s;
	const char *const asked[][2] = {
		{NULL, NULL}, {"2", NULL}, {NULL, "production"}, {NULL, "champion"}};

	scene_open(&s, 5, 0);
	assert_int_equal(scene_put(&s, "fraud", "2", "two"), 0);
	assert_int_equal(
		cache_describe(s.cache, "fraud", "2", "Production", "champion", &s.err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		struct cache_model *m = cache_find(s.cache, "fraud", asked[i][0], asked[i][1]);
		assert_non_null(m);
		assert_string_equal(m->version, "2");
		assert_string_equal(m->run_id, "r1");
		assert_true(m->loaded_at > 0);
		cache_release(s.cache, m);
	}
	assert_null(cache_find(s.cache, "fraud", "1", NULL));
	assert_null(cache_find(s.cache, "fraud", NULL, "Staging"));
	assert_null(cache_find(s.cache, "other", NULL, NULL));
	assert_int_equal(scene_counts(&s).hits, 4);
	assert_int_equal(scene_counts(&s).misses, 3);
	cache_free(s.cache);
}

static void test_exchange(void **state)
{
	(void)state;
	struct scene s;

	scene_open(&s, 5, 0);
	scene_put(&s, "fraud", "1", "one");
	struct cache_model *held = cache_find(s.cache, "fraud", NULL, NULL);
	scene_put(&s, "fraud", "2", "two");
	assert_int_equal(s.changed, 2);
	assert_string_equal(s.now, "2");
	assert_string_equal(s.before, "1");
	scene_expect_current(&s, "fraud", "2");
	assert_string_equal(held->version, "1");
	cache_release(s.cache, held);

	/* There is room, so the way back needs no load. */
	assert_int_equal(cache_set_current(s.cache, "fraud", "1", &s.err), 0);
	scene_expect_current(&s, "fraud", "1");
	assert_int_equal(scene_counts(&s).swaps, 2);
	assert_int_equal(s.removed, 0);
	assert_int_equal(cache_set_current(s.cache, "fraud", "3", &s.err), -1);
	assert_int_equal(s.err.code, ERR_NOTFOUND);
	cache_free(s.cache);
}

static void test_same_version_again(void **state)
{
	(void)state;
	struct scene s;

	scene_open(&s, 5, 0);
	scene_put(&s, "fraud", "1", "one");
	scene_put(&s, "fraud", "1", "one");
	assert_int_equal(s.changed, 1);
	assert_int_equal(scene_counts(&s).versions, 1);

	/* Other bytes under the same name: who asks gets these. */
	scene_put(&s, "fraud", "1", "other");
	struct cache_model *m = cache_find(s.cache, "fraud", "1", NULL);
	assert_int_equal(m->blob->size, 5);
	cache_release(s.cache, m);
	assert_int_equal(scene_counts(&s).versions, 1);
	assert_int_equal(scene_counts(&s).bytes, 5);
	assert_int_equal(s.removed, 1);
	cache_free(s.cache);
}

static void test_texts_are_limited(void **state)
{
	(void)state;
	struct scene s;
	char name[CACHE_NAME_MAX + 1];

	memset(name, 'x', sizeof(name));
	name[CACHE_NAME_MAX] = '\0';
	scene_open(&s, 5, 0);
	assert_int_equal(scene_put(&s, name, "1", "one"), -1);
	assert_int_equal(s.err.code, ERR_LIMIT);
	assert_int_equal(scene_put(&s, "", "1", "one"), -1);
	assert_int_equal(s.err.code, ERR_INPUT);
	name[CACHE_NAME_MAX - 1] = '\0';
	assert_int_equal(scene_put(&s, name, "1", "one"), 0);
	cache_free(s.cache);
}

/* Another stage or alias is told of, once; what held texts point to stays valid. */
static void test_described(void **state)
{
	(void)state;
	struct scene s;

	scene_open(&s, 5, 0);
	scene_put(&s, "fraud", "1", "one");
	struct cache_model *m = cache_find(s.cache, "fraud", NULL, NULL);
	const char *former = m->stage;
	assert_int_equal(
		cache_describe(s.cache, "fraud", "1", "Archived", "champion", &s.err), 0);
	assert_string_equal(s.now, "1");
	assert_string_equal(s.before, "1");
	assert_int_equal(s.changed, 2);
	assert_string_equal(m->stage, "Archived");
	assert_string_equal(m->alias, "champion");
	assert_string_equal(former, "Production");
	cache_describe(s.cache, "fraud", "1", "Archived", "champion", &s.err);
	assert_int_equal(s.changed, 2);
	cache_announce(s.cache, m);
	assert_int_equal(s.changed, 3);
	assert_int_equal(cache_describe(s.cache, "fraud", "1", NULL, NULL, &s.err), 0);
	assert_string_equal(m->stage, "");
	assert_int_equal(cache_describe(s.cache, "fraud", "2", NULL, NULL, &s.err), -1);
	assert_int_equal(s.err.code, ERR_NOTFOUND);
	cache_release(s.cache, m);
	cache_free(s.cache);
}

/* Of several in a stage the current one is meant. */
static void test_two_in_a_stage(void **state)
{
	(void)state;
	struct scene s;

	scene_open(&s, 5, 0);
	scene_put(&s, "fraud", "1", "one");
	scene_put(&s, "fraud", "2", "two");
	for (int i = 0; i < 2; i++) {
		const char *wanted = i ? "1" : "2";
		struct cache_model *m = cache_find(s.cache, "fraud", NULL, "Production");
		assert_string_equal(m->version, wanted);
		cache_release(s.cache, m);
		cache_set_current(s.cache, "fraud", "1", &s.err);
	}
	cache_free(s.cache);
}

static void test_rows(void **state)
{
	(void)state;
	struct scene s;
	size_t count;

	scene_open(&s, 5, 0);
	scene_put(&s, "b", "1", "one");
	scene_put(&s, "a", "10", "ten");
	scene_put(&s, "a", "9", "nine");
	struct cache_model *m = cache_find(s.cache, "a", "10", NULL);
	autofree struct cache_row *rows = cache_rows(s.cache, &count);
	assert_int_equal(count, 3);
	assert_string_equal(rows[0].version, "9");
	assert_true(rows[0].current);
	assert_string_equal(rows[1].version, "10");
	assert_false(rows[1].current || rows[1].leaving);
	assert_int_equal(rows[1].in_use, 1);
	assert_int_equal(rows[1].hits, 1);
	assert_int_equal(rows[1].size, 3);
	assert_string_equal(rows[1].sha256, m->blob->sha256);
	assert_string_equal(rows[2].name, "b");
	assert_true(rows[0].idle >= 0 && rows[2].idle >= 0);
	assert_int_equal(scene_counts(&s).models, 2);
	assert_int_equal(scene_counts(&s).versions, 3);
	cache_release(s.cache, m);
	cache_free(s.cache);
}

/* ---- who makes way ---- */

static void test_least_recently_used_makes_way(void **state)
{
	(void)state;
	struct scene s;

	scene_open(&s, 2, 0);
	scene_put(&s, "a", "1", "one");
	scene_put(&s, "b", "1", "one");
	scene_expect_current(&s, "a", "1");
	assert_int_equal(scene_put(&s, "c", "1", "one"), 0);
	assert_true(scene_holds(&s, "a", "1"));
	assert_false(scene_holds(&s, "b", "1"));
	assert_int_equal(s.removed, 1);
	assert_int_equal(scene_counts(&s).evictions, 1);
	cache_free(s.cache);
}

static void test_bytes_make_way(void **state)
{
	(void)state;
	struct scene s;

	scene_open(&s, 5, 10);
	scene_put(&s, "a", "1", "aaaa");
	scene_put(&s, "b", "1", "bbbb");
	assert_int_equal(scene_put(&s, "c", "1", "cccccccc"), 0);
	assert_false(scene_holds(&s, "a", "1"));
	assert_false(scene_holds(&s, "b", "1"));
	assert_int_equal(scene_counts(&s).bytes, 8);
	assert_int_equal(scene_put(&s, "d", "1", "ddddddddddd"), -1);
	assert_int_equal(s.err.code, ERR_LIMIT);
	assert_true(scene_holds(&s, "c", "1"));
	cache_free(s.cache);
}

static void test_all_in_use(void **state)
{
	(void)state;
	struct scene s;

	scene_open(&s, 1, 0);
	scene_put(&s, "a", "1", "one");
	struct cache_model *held = cache_find(s.cache, "a", NULL, NULL);
	assert_int_equal(scene_put(&s, "b", "1", "one"), -1);
	assert_int_equal(s.err.code, ERR_BUSY);
	assert_int_equal(scene_counts(&s).busy, 1);
	cache_release(s.cache, held);
	assert_int_equal(scene_put(&s, "b", "1", "one"), 0);
	cache_free(s.cache);
}

static void test_pinned_stays(void **state)
{
	(void)state;
	struct scene s;

	scene_open(&s, 1, 0);
	cache_pin(s.cache, "a", true);
	scene_put(&s, "a", "1", "one");
	assert_int_equal(scene_put(&s, "b", "1", "one"), -1);
	assert_int_equal(s.err.code, ERR_BUSY);
	assert_int_equal(cache_shrink(s.cache, 100), 0);
	cache_pin(s.cache, "a", false);
	assert_int_equal(scene_put(&s, "b", "1", "one"), 0);
	cache_free(s.cache);
}

/* A swap needs no place of its own; the old one stays with who has it, and no longer. */
static void test_old_version_leaves_with_its_last_user(void **state)
{
	(void)state;
	struct scene s;
	size_t count;

	scene_open(&s, 1, 0);
	cache_pin(s.cache, "a", true);
	scene_put(&s, "a", "1", "one");
	struct cache_model *held = cache_find(s.cache, "a", NULL, NULL);
	assert_int_equal(scene_put(&s, "a", "2", "two!"), 0);
	assert_false(scene_holds(&s, "a", "1"));
	assert_true(cache_is_leaving(s.cache, held));
	assert_int_equal(scene_counts(&s).leaving, 3);
	struct cache_row *rows = cache_rows(s.cache, &count);
	assert_int_equal(count, 2);
	assert_true(rows[0].current && rows[0].pinned && !rows[0].leaving);
	assert_true(rows[1].leaving && rows[1].in_use == 1);
	free(rows);
	assert_int_equal(s.removed, 0);
	cache_release(s.cache, held);
	assert_int_equal(s.removed, 1);
	assert_int_equal(scene_counts(&s).leaving, 0);
	cache_free(s.cache);
}

static void test_shrink(void **state)
{
	(void)state;
	struct scene s;

	scene_open(&s, 5, 0);
	scene_put(&s, "a", "1", "aaaa");
	scene_put(&s, "a", "2", "aaaa");
	scene_put(&s, "b", "1", "bbbb");
	struct cache_model *held = cache_find(s.cache, "b", NULL, NULL);
	assert_int_equal(cache_shrink(s.cache, 1), 4);
	assert_false(scene_holds(&s, "a", "1"));
	assert_int_equal(cache_shrink(s.cache, 100), 4);
	assert_true(scene_holds(&s, "b", "1"));
	cache_release(s.cache, held);
	cache_free(s.cache);
}

static void test_removed_and_limits_changed(void **state)
{
	(void)state;
	struct scene s;

	scene_open(&s, 5, 0);
	scene_put(&s, "a", "1", "aaaa");
	scene_put(&s, "b", "1", "bbbb");
	scene_put(&s, "c", "1", "cccc");
	assert_int_equal(cache_remove(s.cache, "b", "1", &s.err), 0);
	assert_int_equal(cache_remove(s.cache, "b", "1", &s.err), -1);
	cache_set_limits(s.cache, &(struct policy_limits){.count = 1});
	assert_false(scene_holds(&s, "a", "1"));
	assert_true(scene_holds(&s, "c", "1"));
	cache_free(s.cache);
}

/* ---- what a watcher says ---- */

static void watch_look(void *data, const struct cache_model *model, struct cache_use *use)
{
	struct scene *s = data;

	use->hits += 10;
	if (s->in_hand && !strcmp(s->in_hand, model->name))
		use->in_use++;
}

static bool watch_revoke(void *data, const struct cache_model *model, bool force)
{
	struct scene *s = data;

	if (s->in_hand && !strcmp(s->in_hand, model->name) && !force)
		return false;
	snprintf(s->revoked, sizeof(s->revoked), "%s", model->name);
	return true;
}

static void test_watcher_is_asked(void **state)
{
	(void)state;
	struct scene s;

	scene_open(&s, 2, 0);
	cache_watch(s.cache, &(struct cache_watcher){
				     .look = watch_look, .revoke = watch_revoke, .data = &s});
	scene_put(&s, "a", "1", "one");
	scene_put(&s, "b", "1", "one");
	s.in_hand = "a";
	assert_int_equal(scene_put(&s, "c", "1", "one"), 0);
	assert_string_equal(s.revoked, "b");
	assert_true(scene_holds(&s, "a", "1"));
	/* Of three versions, one of which has left. */
	assert_int_equal(scene_counts(&s).hits, 30);
	cache_watch(s.cache, NULL);
	cache_free(s.cache);
}

static void test_kept_is_no_use(void **state)
{
	(void)state;
	struct scene s;

	scene_open(&s, 1, 0);
	scene_put(&s, "a", "1", "one");
	struct cache_model *m = cache_find(s.cache, "a", NULL, NULL);
	cache_keep(s.cache, m);
	cache_release(s.cache, m);
	assert_int_equal(scene_put(&s, "b", "1", "one"), 0);
	assert_true(cache_is_leaving(s.cache, m));
	assert_string_equal(m->version, "1");
	assert_int_equal(s.removed, 0);
	cache_unkeep(s.cache, m);
	assert_int_equal(s.removed, 1);
	cache_free(s.cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_by_version_stage_alias),
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_same_version_again),
		cmocka_unit_test(test_texts_are_limited),
		cmocka_unit_test(test_described),
		cmocka_unit_test(test_two_in_a_stage),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_least_recently_used_makes_way),
		cmocka_unit_test(test_bytes_make_way),
		cmocka_unit_test(test_all_in_use),
		cmocka_unit_test(test_pinned_stays),
		cmocka_unit_test(test_old_version_leaves_with_its_last_user),
		cmocka_unit_test(test_shrink),
		cmocka_unit_test(test_removed_and_limits_changed),
		cmocka_unit_test(test_watcher_is_asked),
		cmocka_unit_test(test_kept_is_no_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
