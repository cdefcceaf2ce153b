/* SPDX-License-Identifier: Apache-2.0 */
/* The cache: what is held, what makes way, who waits for whom. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/str.h"
#include "daemons/cached/cache.h"

/* What a test's cache has told, and what a test's watcher says. */
struct scene {
	struct cache *cache;
	struct cache_load *load; /* the last that was begun */
	int loads, changed;
	atomic_int removed;       /* by whoever lets go last */
	char now[64], before[64]; /* of the last change */
	int answers;
	struct cache_model *model; /* of the last answer */
	struct err err;
	const char *in_hand; /* a version that a client has in hand */
	char revoked[64];
};

static void on_start(void *data, struct cache_load *load)
{
	struct scene *s = data;

	s->loads++;
	s->load = load;
}

static void on_removed(void *data, const struct cache_model *model)
{
	(void)model;
	((struct scene *)data)->removed++;
}

static void on_changed(
	void *data, const struct cache_model *now, const struct cache_model *before)
{
	struct scene *s = data;

	s->changed++;
	snprintf(s->now, sizeof(s->now), "%s", now->version);
	snprintf(s->before, sizeof(s->before), "%s", before ? before->version : "");
}

static void on_answer(void *arg, struct cache_model *model, const struct err *err)
{
	struct scene *s = arg;

	s->answers++;
	s->model = model;
	s->err = *err;
}

static void open_scene(struct scene *s, size_t places, uint64_t bytes)
{
	*s = (struct scene){0};
	s->cache = cache_new(&(struct cache_options){.limits = {places, bytes},
		.loader = {on_start, s},
		.changed = on_changed,
		.removed = on_removed,
		.data = s});
}

static struct blob *make_blob(const char *content)
{
	struct blob_writer w = {.fd = -1};
	struct err err = {0};

	assert_int_equal(blob_begin(&w, "test", strlen(content), &err), 0);
	assert_int_equal(blob_write(&w, content, strlen(content), &err), 0);
	return blob_seal(&w, &err);
}

static int put(struct scene *s, const char *name, const char *version, const char *content)
{
	const struct cache_about about = {
		.name = name, .version = version, .stage = "Production", .run_id = "r1"};

	return cache_put(s->cache, &about, make_blob(content), true, &s->err);
}

static bool holds(struct scene *s, const char *name, const char *version)
{
	struct cache_model *m = cache_peek(s->cache, name, version, NULL);

	cache_release(s->cache, m);
	return m != NULL;
}

static void expect_current(struct scene *s, const char *name, const char *version)
{
	struct cache_model *m = cache_find(s->cache, name, NULL, NULL);

	assert_non_null(m);
	assert_string_equal(m->version, version);
	cache_release(s->cache, m);
}

static struct cache_counts counts_of(struct scene *s)
{
	struct cache_counts counts;

	cache_counts(s->cache, &counts);
	return counts;
}

/* ---- what is held ---- */

static void test_found_by_version_stage_alias(void **state)
{
	(void)state;
	struct scene s;
	const char *const asked[][2] = {
		{NULL, NULL}, {"2", NULL}, {NULL, "production"}, {NULL, "champion"}};

	open_scene(&s, 5, 0);
	assert_int_equal(put(&s, "fraud", "2", "two"), 0);
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
	assert_int_equal(counts_of(&s).hits, 4);
	assert_int_equal(counts_of(&s).misses, 3);
	cache_free(s.cache);
}

static void test_exchange(void **state)
{
	(void)state;
	struct scene s;

	open_scene(&s, 5, 0);
	put(&s, "fraud", "1", "one");
	struct cache_model *held = cache_find(s.cache, "fraud", NULL, NULL);
	put(&s, "fraud", "2", "two");
	assert_int_equal(s.changed, 2);
	assert_string_equal(s.now, "2");
	assert_string_equal(s.before, "1");
	expect_current(&s, "fraud", "2");
	assert_string_equal(held->version, "1");
	cache_release(s.cache, held);

	/* There is room, so the way back needs no load. */
	assert_int_equal(cache_set_current(s.cache, "fraud", "1", &s.err), 0);
	expect_current(&s, "fraud", "1");
	assert_int_equal(counts_of(&s).swaps, 2);
	assert_int_equal(s.removed, 0);
	assert_int_equal(cache_set_current(s.cache, "fraud", "3", &s.err), -1);
	assert_int_equal(s.err.code, ERR_NOTFOUND);
	cache_free(s.cache);
}

static void test_same_version_again(void **state)
{
	(void)state;
	struct scene s;

	open_scene(&s, 5, 0);
	put(&s, "fraud", "1", "one");
	put(&s, "fraud", "1", "one");
	assert_int_equal(s.changed, 1);
	assert_int_equal(counts_of(&s).versions, 1);

	/* Other bytes under the same name: who asks gets these. */
	put(&s, "fraud", "1", "other");
	struct cache_model *m = cache_find(s.cache, "fraud", "1", NULL);
	assert_int_equal(m->blob->size, 5);
	cache_release(s.cache, m);
	assert_int_equal(counts_of(&s).versions, 1);
	assert_int_equal(counts_of(&s).bytes, 5);
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
	open_scene(&s, 5, 0);
	assert_int_equal(put(&s, name, "1", "one"), -1);
	assert_int_equal(s.err.code, ERR_LIMIT);
	assert_int_equal(put(&s, "", "1", "one"), -1);
	assert_int_equal(s.err.code, ERR_INPUT);
	name[CACHE_NAME_MAX - 1] = '\0';
	assert_int_equal(put(&s, name, "1", "one"), 0);
	cache_free(s.cache);
}

/* ---- who makes way ---- */

static void test_least_recently_used_makes_way(void **state)
{
	(void)state;
	struct scene s;

	open_scene(&s, 2, 0);
	put(&s, "a", "1", "one");
	put(&s, "b", "1", "one");
	expect_current(&s, "a", "1");
	assert_int_equal(put(&s, "c", "1", "one"), 0);
	assert_true(holds(&s, "a", "1"));
	assert_false(holds(&s, "b", "1"));
	assert_int_equal(s.removed, 1);
	assert_int_equal(counts_of(&s).evictions, 1);
	cache_free(s.cache);
}

static void test_bytes_make_way(void **state)
{
	(void)state;
	struct scene s;

	open_scene(&s, 5, 10);
	put(&s, "a", "1", "aaaa");
	put(&s, "b", "1", "bbbb");
	assert_int_equal(put(&s, "c", "1", "cccccccc"), 0);
	assert_false(holds(&s, "a", "1"));
	assert_false(holds(&s, "b", "1"));
	assert_int_equal(counts_of(&s).bytes, 8);
	assert_int_equal(put(&s, "d", "1", "ddddddddddd"), -1);
	assert_int_equal(s.err.code, ERR_LIMIT);
	assert_true(holds(&s, "c", "1"));
	cache_free(s.cache);
}

static void test_all_in_use(void **state)
{
	(void)state;
	struct scene s;

	open_scene(&s, 1, 0);
	put(&s, "a", "1", "one");
	struct cache_model *held = cache_find(s.cache, "a", NULL, NULL);
	assert_int_equal(put(&s, "b", "1", "one"), -1);
	assert_int_equal(s.err.code, ERR_BUSY);
	assert_int_equal(counts_of(&s).busy, 1);
	cache_release(s.cache, held);
	assert_int_equal(put(&s, "b", "1", "one"), 0);
	cache_free(s.cache);
}

static void test_pinned_stays(void **state)
{
	(void)state;
	struct scene s;

	open_scene(&s, 1, 0);
	cache_pin(s.cache, "a", true);
	put(&s, "a", "1", "one");
	assert_int_equal(put(&s, "b", "1", "one"), -1);
	assert_int_equal(s.err.code, ERR_BUSY);
	assert_int_equal(cache_shrink(s.cache, 100), 0);
	cache_pin(s.cache, "a", false);
	assert_int_equal(put(&s, "b", "1", "one"), 0);
	cache_free(s.cache);
}

/* A swap needs no place of its own; the old one stays with who has it, and no longer. */
static void test_old_version_leaves_with_its_last_user(void **state)
{
	(void)state;
	struct scene s;
	size_t count;

	open_scene(&s, 1, 0);
	cache_pin(s.cache, "a", true);
	put(&s, "a", "1", "one");
	struct cache_model *held = cache_find(s.cache, "a", NULL, NULL);
	assert_int_equal(put(&s, "a", "2", "two!"), 0);
	assert_false(holds(&s, "a", "1"));
	assert_true(cache_is_leaving(s.cache, held));
	assert_int_equal(counts_of(&s).leaving, 3);
	struct cache_row *rows = cache_rows(s.cache, &count);
	assert_int_equal(count, 2);
	assert_true(rows[0].current && rows[0].pinned && !rows[0].leaving);
	assert_true(rows[1].leaving && rows[1].in_use == 1);
	free(rows);
	assert_int_equal(s.removed, 0);
	cache_release(s.cache, held);
	assert_int_equal(s.removed, 1);
	assert_int_equal(counts_of(&s).leaving, 0);
	cache_free(s.cache);
}

static void test_shrink(void **state)
{
	(void)state;
	struct scene s;

	open_scene(&s, 5, 0);
	put(&s, "a", "1", "aaaa");
	put(&s, "a", "2", "aaaa");
	put(&s, "b", "1", "bbbb");
	struct cache_model *held = cache_find(s.cache, "b", NULL, NULL);
	assert_int_equal(cache_shrink(s.cache, 1), 4);
	assert_false(holds(&s, "a", "1"));
	assert_int_equal(cache_shrink(s.cache, 100), 4);
	assert_true(holds(&s, "b", "1"));
	cache_release(s.cache, held);
	cache_free(s.cache);
}

static void test_removed_and_limits_changed(void **state)
{
	(void)state;
	struct scene s;

	open_scene(&s, 5, 0);
	put(&s, "a", "1", "aaaa");
	put(&s, "b", "1", "bbbb");
	put(&s, "c", "1", "cccc");
	assert_int_equal(cache_remove(s.cache, "b", "1", &s.err), 0);
	assert_int_equal(cache_remove(s.cache, "b", "1", &s.err), -1);
	cache_set_limits(s.cache, &(struct policy_limits){.count = 1});
	assert_false(holds(&s, "a", "1"));
	assert_true(holds(&s, "c", "1"));
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

	open_scene(&s, 2, 0);
	cache_watch(s.cache, &(struct cache_watcher){
				     .look = watch_look, .revoke = watch_revoke, .data = &s});
	put(&s, "a", "1", "one");
	put(&s, "b", "1", "one");
	s.in_hand = "a";
	assert_int_equal(put(&s, "c", "1", "one"), 0);
	assert_string_equal(s.revoked, "b");
	assert_true(holds(&s, "a", "1"));
	/* Of three versions, one of which has left. */
	assert_int_equal(counts_of(&s).hits, 30);
	cache_watch(s.cache, NULL);
	cache_free(s.cache);
}

static void test_kept_is_no_use(void **state)
{
	(void)state;
	struct scene s;

	open_scene(&s, 1, 0);
	put(&s, "a", "1", "one");
	struct cache_model *m = cache_find(s.cache, "a", NULL, NULL);
	cache_keep(s.cache, m);
	cache_release(s.cache, m);
	assert_int_equal(put(&s, "b", "1", "one"), 0);
	assert_true(cache_is_leaving(s.cache, m));
	assert_string_equal(m->version, "1");
	assert_int_equal(s.removed, 0);
	cache_unkeep(s.cache, m);
	assert_int_equal(s.removed, 1);
	cache_free(s.cache);
}

/* ---- loads ---- */

static void ask(struct scene *s, const char *version, const char *stage)
{
	cache_get(s->cache, "fraud", version, stage, on_answer, s);
}

static int finish(struct scene *s, const char *version)
{
	const struct cache_about about = {
		.name = "fraud", .version = version, .stage = "Production"};

	return cache_load_done(s->load, &about, make_blob("bytes"), true, &s->err);
}

/* Gives back what `answers` callbacks got. */
static void give_back(struct scene *s, int answers)
{
	assert_int_equal(s->answers, answers);
	while (s->answers-- > 0)
		cache_release(s->cache, s->model);
	s->answers = 0;
}

static void test_one_load_for_all_who_ask(void **state)
{
	(void)state;
	struct scene s;

	open_scene(&s, 5, 0);
	for (int i = 0; i < 3; i++)
		ask(&s, "2", NULL);
	assert_int_equal(s.loads, 1);
	assert_int_equal(s.answers, 0);
	assert_string_equal(cache_load_name(s.load), "fraud");
	assert_string_equal(cache_load_version(s.load), "2");
	assert_null(cache_load_stage(s.load));
	assert_true(cache_load_is(s.load, "2"));
	assert_int_equal(cache_load_reserve(s.load, 5, &s.err), 0);
	assert_int_equal(counts_of(&s).reserved, 5);
	assert_int_equal(finish(&s, "2"), 0);
	assert_string_equal(s.model->version, "2");
	give_back(&s, 3);
	assert_int_equal(counts_of(&s).reserved, 0);
	assert_int_equal(counts_of(&s).joined, 2);
	ask(&s, NULL, "Production");
	give_back(&s, 1);
	assert_int_equal(s.loads, 1);
	cache_free(s.cache);
}

static void test_stage_that_is_a_version_being_loaded(void **state)
{
	(void)state;
	struct scene s;

	open_scene(&s, 5, 0);
	ask(&s, "2", NULL);
	struct cache_load *first = s.load;
	ask(&s, NULL, "Production");
	assert_int_equal(s.loads, 2);
	assert_false(cache_load_is(s.load, "2"));
	s.load = first;
	finish(&s, "2");
	give_back(&s, 2);

	/* And one that is held already, under a stage that the cache did not know of. */
	ask(&s, NULL, "Staging");
	assert_int_equal(s.loads, 3);
	assert_false(cache_load_is(s.load, "2"));
	give_back(&s, 1);
	cache_free(s.cache);
}

static void test_failure_is_remembered(void **state)
{
	(void)state;
	struct scene s;
	struct err why = {0};

	err_set(&why, ERR_INTEGRITY, "broken");
	open_scene(&s, 5, 0);
	ask(&s, NULL, "Production");
	assert_true(cache_load_is(s.load, "2"));
	cache_load_failed(s.load, &why, 3600);
	assert_null(s.model);
	assert_int_equal(s.err.code, ERR_INTEGRITY);
	ask(&s, "2", NULL);
	ask(&s, NULL, "Production");
	assert_int_equal(s.answers, 3);
	assert_int_equal(s.loads, 1);
	assert_int_equal(counts_of(&s).negative, 2);

	cache_forget_failures(s.cache, "fraud");
	ask(&s, "2", NULL);
	assert_int_equal(s.loads, 2);
	cache_load_failed(s.load, &why, 0);
	ask(&s, "2", NULL);
	assert_int_equal(s.loads, 3);
	s.answers = 0;
	finish(&s, "2");
	give_back(&s, 1);
	cache_free(s.cache);
}

static void test_no_place_for_a_load(void **state)
{
	(void)state;
	struct scene s;

	open_scene(&s, 1, 100);
	put(&s, "a", "1", "one");
	struct cache_model *held = cache_find(s.cache, "a", NULL, NULL);
	ask(&s, "2", NULL);
	assert_int_equal(cache_load_reserve(s.load, 101, &s.err), -1);
	assert_int_equal(s.err.code, ERR_LIMIT);
	assert_int_equal(cache_load_reserve(s.load, 5, &s.err), -1);
	assert_int_equal(s.err.code, ERR_BUSY);
	assert_int_equal(finish(&s, "2"), -1);
	assert_int_equal(s.answers, 1);
	assert_null(s.model);
	assert_int_equal(s.err.code, ERR_BUSY);
	cache_release(s.cache, held);
	cache_free(s.cache);
}

static void test_without_a_loader(void **state)
{
	(void)state;
	struct scene s = {0};

	s.cache = cache_new(&(struct cache_options){0});
	ask(&s, NULL, NULL);
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

	open_scene(&race.scene, 2, 0);
	put(&race.scene, "a", versions[0], contents[0]);
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_current, &race), 0);
	for (unsigned i = 1; i < 200 || atomic_load(&race.reads) < 1000; i++)
		assert_int_equal(put(&race.scene, "a", versions[i % 4], contents[i % 4]), 0);
	atomic_store(&race.stop, true);
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		pthread_join(readers[i], NULL);
	assert_int_equal(atomic_load(&race.wrong), 0);
	assert_int_equal(counts_of(&race.scene).leaving, 0);
	cache_free(race.scene.cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_by_version_stage_alias),
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_same_version_again),
		cmocka_unit_test(test_texts_are_limited),
		cmocka_unit_test(test_least_recently_used_makes_way),
		cmocka_unit_test(test_bytes_make_way),
		cmocka_unit_test(test_all_in_use),
		cmocka_unit_test(test_pinned_stays),
		cmocka_unit_test(test_old_version_leaves_with_its_last_user),
		cmocka_unit_test(test_shrink),
		cmocka_unit_test(test_removed_and_limits_changed),
		cmocka_unit_test(test_watcher_is_asked),
		cmocka_unit_test(test_kept_is_no_use),
		cmocka_unit_test(test_one_load_for_all_who_ask),
		cmocka_unit_test(test_stage_that_is_a_version_being_loaded),
		cmocka_unit_test(test_failure_is_remembered),
		cmocka_unit_test(test_no_place_for_a_load),
		cmocka_unit_test(test_without_a_loader),
		cmocka_unit_test(test_exchange_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
