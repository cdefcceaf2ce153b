/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemons/cached/cache_scene.h"

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

void scene_open(struct scene *s, size_t places, uint64_t bytes)
{
	*s = (struct scene){0};
	s->cache = cache_new(&(struct cache_options){.limits = {places, bytes},
		.loader = {on_start, s},
		.changed = on_changed,
		.removed = on_removed,
		.data = s});
}

struct blob *scene_blob(const char *content)
{
	struct blob_writer w = {.fd = -1};
	struct err err = {0};

	assert_int_equal(blob_begin(&w, "test", strlen(content), &err), 0);
	assert_int_equal(blob_write(&w, content, strlen(content), &err), 0);
	return blob_seal(&w, &err);
}

int scene_put(struct scene *s, const char *name, const char *version, const char *content)
{
	const struct cache_about about = {
		.name = name, .version = version, .stage = "Production", .run_id = "r1"};

	return cache_put(s->cache, &about, scene_blob(content), true, &s->err);
}

bool scene_holds(struct scene *s, const char *name, const char *version)
{
	struct cache_model *m = cache_peek(s->cache, name, version, NULL);

	cache_release(s->cache, m);
	return m != NULL;
}

void scene_expect_current(struct scene *s, const char *name, const char *version)
{
	struct cache_model *m = cache_find(s->cache, name, NULL, NULL);

	assert_non_null(m);
	assert_string_equal(m->version, version);
	cache_release(s->cache, m);
}

struct cache_counts scene_counts(struct scene *s)
{
	struct cache_counts counts;

	cache_counts(s->cache, &counts);
	return counts;
}

void scene_ask(struct scene *s, const char *version, const char *stage)
{
	cache_get(s->cache, "fraud", version, stage, on_answer, s);
}

int scene_finish(struct scene *s, const char *version)
{
	const struct cache_about about = {
		.name = "fraud", .version = version, .stage = "Production"};

	return cache_load_done(s->load, &about, scene_blob("bytes"), true, &s->err);
}

/* Gives back what `answers` callbacks got. */
void scene_give_back(struct scene *s, int answers)
{
	assert_int_equal(s->answers, answers);
	while (s->answers-- > 0)
		cache_release(s->cache, s->model);
	s->answers = 0;
}
