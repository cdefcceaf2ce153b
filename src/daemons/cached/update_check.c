/* SPDX-License-Identifier: Apache-2.0 */
/* A check: what a target's source names is made what serves. */
#include <stdio.h>

#include "base/log.h"
#include "base/vec.h"
#include "daemons/cached/update_private.h"

double target_backoff(const struct cached_config *c, unsigned failures)
{
	size_t step = failures ? failures - 1 : 0;

	return c->retry.items[step < c->retry.count ? step : c->retry.count - 1];
}

static bool is_version(const struct source_version *v, const char *version, const char *run_id)
{
	return v->version && version && strcmp(v->version, version) == 0 &&
	       strcmp(v->run_id, run_id) == 0;
}

bool target_refuses(const struct target *t, const struct source_version *v)
{
	return t->bad.count >= t->config->retry.count &&
	       is_version(v, t->bad.version, t->bad.run_id);
}

int target_refusal(const struct target *t, const struct source_version *v, struct err *err)
{
	return err_set(err, ERR_INTEGRITY,
		"%s version %s was not good, and is not fetched again before another one is "
		"named or a reload is asked for",
		t->name, v->version);
}

static void forget_bad(struct updater *u, struct target *t)
{
	pthread_mutex_lock(&u->lock);
	t->bad.count = 0;
	pthread_mutex_unlock(&u->lock);
}

/* Counts that a version came and was not good. */
static void note_bad(struct updater *u, struct target *t, const struct source_version *v)
{
	pthread_mutex_lock(&u->lock);
	if (!is_version(v, t->bad.version, t->bad.run_id)) {
		free(t->bad.version);
		free(t->bad.run_id);
		t->bad.version = xstrdup(v->version);
		t->bad.run_id = xstrdup(v->run_id);
		t->bad.count = 0;
	}
	t->bad.count++;
	pthread_mutex_unlock(&u->lock);
}

void target_set_ready(struct updater *u, struct target *t)
{
	pthread_mutex_lock(&u->lock);
	t->ready = true;
	pthread_mutex_unlock(&u->lock);
}

/* ---- a check ---- */

/*
 * Whether a model of which nothing is in memory is to be brought there by a check. Those that
 * are not configured come when they are asked for.
 */
static bool has_place(struct updater *u, const struct target *t)
{
	struct cache_counts counts;

	if (!cached_config_find(t->config, t->name))
		return false;
	if (t->model.pinned)
		return true;
	cache_counts(u->cache, &counts);
	return !t->ready && counts.versions < (size_t)t->config->cache_size;
}

/* What the disk has, before the source is asked. */
static void serve_last(struct updater *u, struct target *t)
{
	struct err err = {0};

	if (t->started)
		return;
	t->started = true;
	if (has_place(u, t) && target_serve_last(u, t, &err) < 0)
		log_warning("%s: %s", t->name, err.text);
}

/* Ends a load that wants what is in memory by now. */
static bool is_served(struct updater *u, struct cache_load *load)
{
	struct cache_model *m = cache_peek(u->cache, cache_load_name(load),
		cache_load_version(load), cache_load_stage(load));
	bool served = m && !cache_load_is(load, m->version);

	cache_release(u->cache, m);
	return served;
}

void target_begin(struct updater *u, struct target *t)
{
	serve_last(u, t);
	pthread_mutex_lock(&u->lock);
	struct loads waiting = t->loads;
	t->loads = (struct loads){0};
	pthread_mutex_unlock(&u->lock);
	for (size_t i = 0; i < waiting.count; i++) {
		if (is_served(u, waiting.items[i]))
			continue;
		pthread_mutex_lock(&u->lock);
		*VEC_PUSH(&t->loads) = waiting.items[i];
		pthread_mutex_unlock(&u->lock);
	}
	free(waiting.items);
}

static void take_answer(void *arg, struct cache_model *model, const struct err *err)
{
	struct target *t = arg;
	struct updater *u = t->updater;
	const struct err none = {0};

	pthread_mutex_lock(&u->lock);
	t->answer.there = true;
	t->answer.err = model ? none : *err;
	pthread_cond_broadcast(&u->changed);
	pthread_mutex_unlock(&u->lock);
	cache_release(u->cache, model);
}

/*
 * Does the target's loads until the answer is there. The load that it comes from may be one
 * that another thread has begun, and is about to put among them.
 */
static int await(struct updater *u, struct target *t, struct err *err)
{
	pthread_mutex_lock(&u->lock);
	while (!t->answer.there && !u->stopping) {
		if (t->loads.count == 0) {
			pthread_cond_wait(&u->changed, &u->lock);
			continue;
		}
		pthread_mutex_unlock(&u->lock);
		target_drain(u, t);
		pthread_mutex_lock(&u->lock);
	}
	struct err why = t->answer.err;
	if (!t->answer.there)
		err_set(&why, ERR_CANCELLED, STOPPING);
	pthread_mutex_unlock(&u->lock);
	return why.code == ERR_NONE ? 0 : err_set(err, why.code, "%s", why.text);
}

/* Brings what the source names, through the cache, so that it is loaded once. */
static int bring_wanted(struct updater *u, struct target *t, struct err *err)
{
	const char *version = t->wanted.version;

	cache_forget_failures(u->cache, t->name);
	t->answer.there = false;
	cache_get(u->cache, t->name, version, NULL, take_answer, t);
	if (await(u, t, err) < 0)
		return -1;
	return cache_set_current(u->cache, t->name, version, err);
}

/* Makes the wanted version current, which is in memory, or another one of its number is. */
static int take_held(
	struct updater *u, struct target *t, const struct cache_model *held, struct err *err)
{
	const char *stage = cached_model_stage(&t->model);

	if (!is_version(&t->wanted, held->version, held->run_id))
		return target_replace(u, t, err);
	const struct cache_about what = target_about(t, &t->wanted, stage);
	target_remember(u, t, &t->wanted);
	if (cache_set_current(u->cache, t->name, held->version, err) < 0)
		return -1;
	target_set_ready(u, t);
	return cache_describe(u->cache, t->name, held->version, what.stage, what.alias, err);
}

static int swap(struct updater *u, struct target *t, struct err *err)
{
	struct cache_model *held = cache_peek(u->cache, t->name, t->wanted.version, NULL);

	t->invalid = false;
	int rc = held ? take_held(u, t, held, err) : bring_wanted(u, t, err);

	cache_release(u->cache, held);
	if (rc < 0 && t->invalid)
		note_bad(u, t, &t->wanted);
	return rc;
}

/* Takes up which version is named, with `now` in use or NULL. */
static int follow(struct updater *u, struct target *t, const struct cache_model *now,
	bool forced, struct err *err)
{
	if (now && is_version(&t->wanted, now->version, now->run_id)) {
		const struct cache_about what =
			target_about(t, &t->wanted, cached_model_stage(&t->model));
		target_set_ready(u, t);
		return cache_describe(
			u->cache, t->name, now->version, what.stage, what.alias, err);
	}
	if (forced)
		forget_bad(u, t);
	if (target_refuses(t, &t->wanted))
		return now ? 0 : target_refusal(t, &t->wanted, err);
	if (!now && !forced && !has_place(u, t)) {
		target_set_ready(u, t);
		return 0;
	}
	return swap(u, t, err);
}

/* ---- stages that clients follow ---- */

void target_follow_stage(
	struct target *t, const char *stage, const struct source_version *version)
{
	struct followed *f = NULL;

	for (size_t i = 0; i < t->followed.count && !f; i++)
		if (strcmp(t->followed.items[i].stage, stage) == 0)
			f = &t->followed.items[i];
	if (f)
		followed_release(f);
	else if (t->followed.count < FOLLOWED_MAX)
		f = VEC_PUSH(&t->followed);
	else
		return;
	*f = (struct followed){.stage = xstrdup(stage),
		.version = xstrdup(version->version),
		.run_id = xstrdup(version->run_id)};
}

void followed_release(struct followed *f)
{
	free(f->stage);
	free(f->version);
	free(f->run_id);
}

/* Whether a stage names the version that clients got by it; while it names none, it does. */
static bool still_names(struct updater *u, struct target *t, const struct followed *f)
{
	AUTO(source_version_release) struct source_version v = {0};

	return target_ask_stage(u, t, f->stage, &v, NULL) < 0 ||
	       is_version(&v, f->version, f->run_id);
}

/*
 * Looks whether a stage has moved on. Then its version loses it, and clients are told, who ask
 * again. False: it is followed no longer.
 */
static bool look_at_stage(struct updater *u, struct target *t, const struct followed *f)
{
	struct cache_model *held = cache_peek(u->cache, t->name, f->version, NULL);

	if (!held)
		return false;
	bool same = still_names(u, t, f);
	if (!same && strcmp(held->stage, f->stage) == 0)
		(void)cache_describe(u->cache, t->name, f->version, NULL, NULL, NULL);
	else if (!same)
		cache_announce(u->cache, held);
	cache_release(u->cache, held);
	return same;
}

static void look_at_stages(struct updater *u, struct target *t)
{
	for (size_t i = t->followed.count; i-- > 0;) {
		struct followed *f = &t->followed.items[i];
		if (look_at_stage(u, t, f))
			continue;
		followed_release(f);
		*f = t->followed.items[--t->followed.count];
	}
}

int target_check(struct updater *u, struct target *t, bool forced, struct err *err)
{
	serve_last(u, t);
	struct cache_model *now = cache_peek(u->cache, t->name, NULL, NULL);
	int rc = target_ask(u, t, err);
	bool asked = rc == 0 || err->code == ERR_NOTFOUND;

	t->fresh = rc == 0;
	if (rc == 0)
		rc = follow(u, t, now, forced, err);
	else if (now && asked)
		rc = 0; /* none is in the stage at present: what serves, serves on */
	t->fresh = false;
	cache_release(u->cache, now);
	if (asked)
		look_at_stages(u, t);
	return rc;
}
