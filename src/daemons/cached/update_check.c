/* SPDX-License-Identifier: Apache-2.0 */
/* What is done for one target: which version is meant, and how it comes into the cache. */
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

static void set_ready(struct updater *u, struct target *t)
{
	pthread_mutex_lock(&u->lock);
	t->ready = true;
	pthread_mutex_unlock(&u->lock);
}

/* ---- the source ---- */

static int open_source(struct updater *u, struct target *t, struct err *err)
{
	const struct source_options options = {
		.uri = t->model.uri, .cancel = &u->cancel, .rate = (uint64_t)t->config->rate};

	if (!t->source)
		t->source = source_open(t->model.source, &options, err);
	return t->source ? 0 : -1;
}

/* Asks which version the configured stage or alias names; it is then t->wanted. */
static int ask(struct updater *u, struct target *t, struct err *err)
{
	const struct source_request q = load_request(&t->model);
	struct source_version v = {0};

	if (open_source(u, t, err) < 0 || source_find(t->source, &q, &v, err) < 0)
		return -1;
	source_version_release(&t->wanted);
	t->wanted = v;
	return 0;
}

/* Asks for a stage or alias that a client names. */
static int ask_stage(struct updater *u, struct target *t, const char *stage,
	struct source_version *v, struct err *err)
{
	static const char *const stages[] = {"None", "Staging", "Production", "Archived"};
	struct source_request q = load_request(&t->model);

	if (strcmp(stage, cached_model_stage(&t->model)) != 0) {
		q.stage = NULL;
		q.alias = stage;
		for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
			if (strcmp(t->model.source, "mlflow") == 0 &&
				strcasecmp(stages[i], stage) == 0) {
				q.stage = stages[i];
				q.alias = NULL;
			}
		if (q.alias && strcmp(t->model.source, "registry") == 0)
			return err_set(err, ERR_NOTFOUND, "the registry has no \"%s\"", stage);
	}
	return open_source(u, t, err) < 0 || source_find(t->source, &q, v, err) < 0 ? -1 : 0;
}

/* ---- bringing a version ---- */

/* How a version is told to the cache. */
static struct cache_about about(
	const struct target *t, const struct source_version *v, const char *stage)
{
	bool alias = t->model.alias && strcmp(stage, t->model.alias) == 0;

	return (struct cache_about){.name = t->name,
		.version = v->version,
		.stage = alias ? NULL : stage,
		.alias = alias ? stage : NULL,
		.run_id = v->run_id};
}

static struct load load_of(
	struct updater *u, struct target *t, const struct source_version *v, const char *stage)
{
	return (struct load){.config = t->config,
		.model = &t->model,
		.stage = stage,
		.disk = u->disk,
		.cancel = &u->cancel,
		.source = t->source,
		.version = v};
}

/* Tells of a version that was brought. */
static void tell_loaded(
	struct updater *u, const struct target *t, const struct load *l, int64_t began)
{
	AUTO(strbuf_release) struct strbuf tag = STRBUF_INIT;
	double seconds = (double)(clock_ns() - began) / 1e9;

	cached_config_tag(t->config, t->name, &tag);
	log_info("Model loaded successfully in %.1fs%s", seconds, tag.data);
	metrics_load(u->metrics, seconds, l->downloaded);
}

/*
 * Notes on the disk which version serves from now on, before any client can see it: a start
 * after this one serves nothing older.
 */
static void remember(struct updater *u, const struct target *t, const struct source_version *v)
{
	struct err why = {0};

	if (disk_use(u->disk, t->name, v->version, v->run_id, &why) < 0)
		log_warning("%s", why.text);
}

static int reserve(void *data, uint64_t bytes, struct err *err)
{
	return cache_load_reserve(data, bytes, err);
}

/* Brings a version for a load of the cache's, which ends with it. */
static void bring(struct updater *u, struct target *t, struct cache_load *load,
	const struct source_version *v, const char *stage, bool current)
{
	struct load l = load_of(u, t, v, stage);
	const struct cache_about what = about(t, v, stage);
	int64_t began = clock_ns();
	struct err err = {0};

	l.reserve = reserve;
	l.data = load;
	struct blob *blob = load_bring(&l, &err);
	t->invalid = l.invalid;
	if (!blob) {
		cache_load_failed(load, &err, target_backoff(t->config, t->failures + 1));
		return;
	}
	tell_loaded(u, t, &l, began);
	if (current)
		remember(u, t, v);
	if (cache_load_done(load, &what, blob, current, &err) == 0 && current)
		set_ready(u, t);
}

/* Brings a version without a load: from the disk, or over one of the same name. */
static int bring_alone(struct updater *u, struct target *t, const struct source_version *v,
	const char *stage, bool disk_only, struct err *err)
{
	struct load l = load_of(u, t, v, stage);
	const struct cache_about what = about(t, v, stage);
	int64_t began = clock_ns();

	if (disk_only)
		l.source = NULL;
	struct blob *blob = load_bring(&l, err);
	t->invalid = l.invalid;
	if (!blob)
		return -1;
	tell_loaded(u, t, &l, began);
	remember(u, t, v);
	if (cache_put(u->cache, &what, blob, true, err) < 0)
		return -1;
	set_ready(u, t);
	return 0;
}

/* ---- loads of the cache's ---- */

/* What a load is for. */
struct meant {
	struct source_version version;
	const char *stage;
	bool current;
};

static void take_version(struct source_version *to, const struct source_version *from)
{
	*to = (struct source_version){.version = xstrdup(from->version),
		.run_id = xstrdup(from->run_id),
		.origin = xstrdup(from->origin),
		.sha256 = xstrdup(from->sha256)};
}

/* What the disk has of a target: its last current version. */
static bool find_last(struct updater *u, struct target *t, struct meant *m)
{
	AUTO(disk_version_release) struct disk_version v = {0};

	if (!disk_find(u->disk, t->name, NULL, NULL, &v))
		return false;
	m->version = (struct source_version){
		.version = xstrdup(v.version), .run_id = xstrdup(v.run_id)};
	return true;
}

/* A version that is asked for by its number. */
static int mean_version(struct updater *u, struct target *t, const char *version,
	struct meant *m, struct err *err)
{
	struct err why = {0};

	if (!t->wanted.version)
		(void)ask(u, t, &why); /* the disk may have it */
	if (t->wanted.version && strcmp(t->wanted.version, version) == 0) {
		take_version(&m->version, &t->wanted);
		m->current = true;
		return 0;
	}
	AUTO(disk_version_release) struct disk_version v = {0};
	if (!disk_find_any(u->disk, t->name, version, &v))
		return err_set(err, ERR_NOTFOUND,
			"%s version %s is neither on the disk nor in %s", t->name, version,
			cached_model_stage(&t->model));
	m->version = (struct source_version){
		.version = xstrdup(v.version), .run_id = xstrdup(v.run_id)};
	m->stage = "";
	return 0;
}

/* The current version, or that of a stage: as the source says, else as the disk has it. */
static int mean_stage(struct updater *u, struct target *t, const char *stage, struct meant *m,
	struct err *err)
{
	const char *own = cached_model_stage(&t->model);

	m->current = !stage || strcmp(stage, own) == 0;
	m->stage = m->current ? own : stage;
	if (!m->current)
		return ask_stage(u, t, stage, &m->version, err);
	if (ask(u, t, err) == 0 && !target_refuses(t, &t->wanted)) {
		take_version(&m->version, &t->wanted);
		return 0;
	}
	return find_last(u, t, m) ? 0 : -1;
}

static void run_load(struct updater *u, struct target *t, struct cache_load *load)
{
	const char *version = cache_load_version(load), *stage = cache_load_stage(load);
	struct meant m = {.stage = cached_model_stage(&t->model)};
	struct err err = {0};

	int rc = version ? mean_version(u, t, version, &m, &err)
			 : mean_stage(u, t, stage, &m, &err);
	if (rc < 0)
		cache_load_failed(load, &err, target_backoff(t->config, 1));
	else if (version || cache_load_is(load, m.version.version))
		bring(u, t, load, &m.version, m.stage, m.current);
	source_version_release(&m.version);
}

void target_drain(struct updater *u, struct target *t)
{
	for (;;) {
		struct cache_load *load = NULL;
		pthread_mutex_lock(&u->lock);
		if (t->loads.count)
			load = t->loads.items[--t->loads.count];
		pthread_mutex_unlock(&u->lock);
		if (!load)
			return;
		run_load(u, t, load);
	}
}

/* ---- a check ---- */

/* Whether a model of which nothing is in memory is to be brought there by a check. */
static bool has_place(struct updater *u, const struct target *t)
{
	struct cache_counts counts;

	if (t->model.pinned)
		return true;
	cache_counts(u->cache, &counts);
	return !t->ready && counts.versions < (size_t)t->config->cache_size;
}

/* At the start: what the disk has, before the source is asked. */
static void serve_last(struct updater *u, struct target *t)
{
	struct meant m = {.stage = cached_model_stage(&t->model)};
	struct err err = {0};

	if (t->started)
		return;
	t->started = true;
	if (!has_place(u, t) || !find_last(u, t, &m))
		return;
	if (bring_alone(u, t, &m.version, m.stage, true, &err) < 0)
		log_warning("%s: %s", t->name, err.text);
	source_version_release(&m.version);
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
		err_set(&why, ERR_CANCELLED, "model-cached is stopping");
	pthread_mutex_unlock(&u->lock);
	return why.code == ERR_NONE ? 0 : err_set(err, why.code, "%s", why.text);
}

/* Brings what the source names, through the cache, so that it is loaded once. */
static int bring_wanted(struct updater *u, struct target *t, struct err *err)
{
	const char *version = t->wanted.version;

	cache_forget_failures(u->cache, t->name);
	t->answer.there = false;
	t->invalid = false;
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
		return bring_alone(u, t, &t->wanted, stage, false, err);
	const struct cache_about what = about(t, &t->wanted, stage);
	remember(u, t, &t->wanted);
	if (cache_set_current(u->cache, t->name, held->version, err) < 0)
		return -1;
	set_ready(u, t);
	return cache_describe(u->cache, t->name, held->version, what.stage, what.alias, err);
}

static int swap(struct updater *u, struct target *t, struct err *err)
{
	struct cache_model *held = cache_peek(u->cache, t->name, t->wanted.version, NULL);
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
			about(t, &t->wanted, cached_model_stage(&t->model));
		set_ready(u, t);
		return cache_describe(
			u->cache, t->name, now->version, what.stage, what.alias, err);
	}
	if (forced)
		forget_bad(u, t);
	if (target_refuses(t, &t->wanted))
		return now ? 0
			   : err_set(err, ERR_INTEGRITY,
				     "%s version %s was not good, and is not tried again "
				     "before "
				     "another one is named or a reload is asked for",
				     t->name, t->wanted.version);
	if (!now && !forced && !has_place(u, t)) {
		set_ready(u, t);
		return 0;
	}
	return swap(u, t, err);
}

int target_check(struct updater *u, struct target *t, bool forced, struct err *err)
{
	serve_last(u, t);
	struct cache_model *now = cache_peek(u->cache, t->name, NULL, NULL);
	int rc = ask(u, t, err);

	if (rc == 0)
		rc = follow(u, t, now, forced, err);
	else if (now && err->code == ERR_NOTFOUND)
		rc = 0; /* none is in the stage at present: what serves, serves on */
	cache_release(u->cache, now);
	return rc;
}
