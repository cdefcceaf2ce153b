/* SPDX-License-Identifier: Apache-2.0 */
/* The targets, the threads that work on them, and who waits for them. */
#include "daemons/cached/update_private.h"

#include <stdio.h>

#include "base/log.h"
#include "base/vec.h"

static struct target *find(const struct updater *u, const char *name)
{
	for (size_t i = 0; i < u->targets.count; i++)
		if (strcmp(u->targets.items[i]->name, name) == 0)
			return u->targets.items[i];
	return NULL;
}

static struct target *add(struct updater *u, const char *name, bool configured)
{
	struct target *t = xcalloc(1, sizeof(*t));

	t->updater = u;
	t->name = xstrdup(name);
	t->configured = configured;
	t->due = configured ? 0 : DEADLINE_NEVER;
	*VEC_PUSH(&u->targets) = t;
	return t;
}

static void free_target(struct target *t)
{
	source_close(t->source);
	source_version_release(&t->wanted);
	cached_config_drop(t->config);
	for (size_t i = 0; i < t->followed.count; i++)
		followed_release(&t->followed.items[i]);
	free(t->followed.items);
	free(t->loads.items);
	free(t->reloads.items);
	free(t->bad.version);
	free(t->bad.run_id);
	free(t->error);
	free(t->named);
	free(t->name);
	free(t);
}

static bool is_wanted(const struct updater *u, const struct target *t)
{
	return t->configured || cached_config_allows(u->config, t->name);
}

static void not_allowed(const char *name, struct err *err)
{
	err_set(err, ERR_NOTFOUND,
		"the model \"%s\" is not configured, and no pattern of \"allow\" has it", name);
}

/* The target of a name that may be loaded; NULL with err: ERR_NOTFOUND, ERR_LIMIT. */
static struct target *want(struct updater *u, const char *name, struct err *err)
{
	struct target *t = find(u, name);

	if (t && is_wanted(u, t))
		return t;
	if (t || !cached_config_allows(u->config, name)) {
		not_allowed(name, err);
		return NULL;
	}
	if (u->targets.count >= u->config->models.count + UPDATE_GUESTS_MAX) {
		err_set(err, ERR_LIMIT, "more than %u models that are not configured",
			UPDATE_GUESTS_MAX);
		return NULL;
	}
	return add(u, name, false);
}

/* ---- one turn of a target ---- */

/* Takes up a configuration that is newer than the one the target works by. */
static void adopt(struct updater *u, struct target *t)
{
	if (t->config == u->config)
		return;
	const struct cached_model *m = cached_config_find(u->config, t->name);
	struct cached_config *former = t->config;
	t->config = cached_config_hold(u->config);
	t->model = m ? *m : cached_config_guess(u->config, t->name);
	source_close(t->source); /* it points to the former configuration */
	t->source = NULL;
	cached_config_drop(former);
}

static double next_interval(struct updater *u, const struct target *t)
{
	double luck = (double)rand_r(&u->random) / (double)RAND_MAX;
	double interval = (double)t->config->interval;

	return interval * (1 - luck * t->config->jitter);
}

/* Notes how a check went, and when the next one is. */
static void account(struct updater *u, struct target *t, int rc, const struct err *err)
{
	double pause;

	t->checks++;
	t->last_check = time(NULL);
	free(t->error);
	t->error = rc < 0 ? xstrdup(err->text) : NULL;
	free(t->named);
	t->named = xstrdup(t->wanted.version);
	if (rc == 0) {
		t->failures = 0;
		pause = next_interval(u, t);
	} else {
		t->errors++;
		t->failures++;
		pause = target_backoff(t->config, t->failures);
		log_line(LOG_ERROR, "%s; tried again in %g s", err->text, pause);
	}
	t->due = t->configured || rc == 0 ? deadline_in(pause) : DEADLINE_NEVER;
	if (t->config != u->config) /* another one came meanwhile */
		t->due = 0;
}

static void answer_reloads(struct updater *u, const struct target *t,
	const struct reloads *reloads, int rc, const struct err *err)
{
	struct cache_model *m =
		rc == 0 && reloads->count ? cache_peek(u->cache, t->name, NULL, NULL) : NULL;
	const struct err none = {.code = ERR_NOTFOUND, .text = "no version is there"};

	for (size_t i = 0; i < reloads->count; i++)
		reloads->items[i].answer(reloads->items[i].arg, t->name, m ? m->version : NULL,
			m ? NULL : (rc < 0 ? err : &none));
	cache_release(u->cache, m);
}

static void run_check(struct updater *u, struct target *t)
{
	struct reloads reloads = t->reloads;
	struct err err = {0};

	t->reloads = (struct reloads){0};
	pthread_mutex_unlock(&u->lock);
	int rc = target_check(u, t, reloads.count > 0, &err);
	pthread_mutex_lock(&u->lock);
	if (!u->stopping)
		account(u, t, rc, &err);
	pthread_mutex_unlock(&u->lock);
	answer_reloads(u, t, &reloads, rc, &err);
	free(reloads.items);
	pthread_mutex_lock(&u->lock);
}

static bool is_idle_guest(const struct target *t)
{
	return !t->configured && t->loads.count == 0 && t->reloads.count == 0;
}

/* Whether anything is held of a model. */
static bool is_held(struct updater *u, const char *name)
{
	size_t count;
	autofree struct cache_row *rows = cache_rows(u->cache, &count);

	for (size_t i = 0; i < count; i++)
		if (!rows[i].leaving && strcmp(rows[i].name, name) == 0)
			return true;
	return false;
}

static void drop(struct updater *u, struct target *t)
{
	for (size_t i = 0; i < u->targets.count; i++)
		if (u->targets.items[i] == t)
			u->targets.items[i] = u->targets.items[--u->targets.count];
	free_target(t);
}

/*
 * Tells those who wait for a target that nothing will come. The lock is let go meanwhile; who
 * comes then waits for the next time.
 */
static void refuse_waiting(struct updater *u, struct target *t, const struct err *err)
{
	struct loads loads = t->loads;
	struct reloads reloads = t->reloads;

	t->loads = (struct loads){0};
	t->reloads = (struct reloads){0};
	pthread_mutex_unlock(&u->lock);
	for (size_t i = 0; i < loads.count; i++)
		cache_load_failed(loads.items[i], err, 0);
	for (size_t i = 0; i < reloads.count; i++)
		reloads.items[i].answer(reloads.items[i].arg, t->name, NULL, err);
	free(loads.items);
	free(reloads.items);
	pthread_mutex_lock(&u->lock);
}

/* Lets all go that is held of a model. */
static void let_go(struct updater *u, const char *name)
{
	size_t count;
	autofree struct cache_row *rows = cache_rows(u->cache, &count);

	cache_pin(u->cache, name, false);
	for (size_t i = 0; i < count; i++)
		if (!rows[i].leaving && strcmp(rows[i].name, name) == 0)
			(void)cache_remove(u->cache, name, rows[i].version, NULL);
}

/* A model that is neither configured nor allowed any more. */
static void end_target(struct updater *u, struct target *t)
{
	struct err err = {0};

	not_allowed(t->name, &err);
	t->due = DEADLINE_NEVER;
	pthread_mutex_unlock(&u->lock);
	let_go(u, t->name);
	pthread_mutex_lock(&u->lock);
	refuse_waiting(u, t, &err);
}

/* True if its disk has to be looked at, which goes before all that takes longer. */
static bool is_new(const struct target *t)
{
	return t->configured && !t->started;
}

/* What a target has to do now, wanted as it is. */
static void work_on(struct updater *u, struct target *t)
{
	bool begins = is_new(t);

	pthread_mutex_unlock(&u->lock);
	cache_pin(u->cache, t->name, t->model.pinned);
	if (begins)
		target_begin(u, t);
	else
		target_drain(u, t);
	pthread_mutex_lock(&u->lock);
	if (!begins && !u->stopping && (t->reloads.count || deadline_passed(t->due)))
		run_check(u, t);
}

/*
 * A target's turn. The cache is called without the lock: it tells of what leaves it, and
 * whoever is told asks for the configuration.
 */
static void run(struct updater *u, struct target *t)
{
	t->busy = true;
	adopt(u, t);
	if (is_wanted(u, t))
		work_on(u, t);
	else
		end_target(u, t);
	pthread_mutex_unlock(&u->lock);
	bool held = is_held(u, t->name);
	pthread_mutex_lock(&u->lock);
	t->busy = false;
	if (!is_idle_guest(t))
		return;
	/* It is looked after like any other, until nothing of it is in memory. */
	if (!held)
		drop(u, t);
	else if (t->due == DEADLINE_NEVER)
		t->due = deadline_in(next_interval(u, t));
}

/* ---- the threads ---- */

/* A target that has something to do; NULL, and when the next one will. */
static struct target *pick(const struct updater *u, deadline *next)
{
	*next = DEADLINE_NEVER;
	for (size_t i = 0; i < u->targets.count; i++)
		if (!u->targets.items[i]->busy && is_new(u->targets.items[i]))
			return u->targets.items[i];
	for (size_t i = 0; i < u->targets.count; i++) {
		struct target *t = u->targets.items[i];
		if (t->busy)
			continue;
		if (t->loads.count || t->reloads.count || deadline_passed(t->due))
			return t;
		*next = deadline_min(*next, t->due);
	}
	return NULL;
}

static void wait_for_work(struct updater *u, deadline until)
{
	if (until == DEADLINE_NEVER) {
		pthread_cond_wait(&u->changed, &u->lock);
		return;
	}
	const struct timespec at = {until / 1000000000, until % 1000000000};
	pthread_cond_timedwait(&u->changed, &u->lock, &at);
}

static void *work(void *data)
{
	struct updater *u = data;
	deadline next;

	pthread_mutex_lock(&u->lock);
	while (!u->stopping) {
		struct target *t = pick(u, &next);
		if (!t) {
			wait_for_work(u, next);
			continue;
		}
		run(u, t);
		pthread_cond_broadcast(&u->changed);
	}
	pthread_mutex_unlock(&u->lock);
	return NULL;
}

/* ---- from outside ---- */

/* The cache wants a version: its target's next turn brings it. */
static void start_load(void *data, struct cache_load *load)
{
	struct updater *u = data;
	struct err err = {0};

	pthread_mutex_lock(&u->lock);
	struct target *t = NULL;
	if (u->stopping)
		err_set(&err, ERR_CANCELLED, STOPPING);
	else
		t = want(u, cache_load_name(load), &err);
	if (t) {
		*VEC_PUSH(&t->loads) = load;
		pthread_cond_broadcast(&u->changed);
	}
	pthread_mutex_unlock(&u->lock);
	if (!t)
		cache_load_failed(load, &err, 0);
}

struct cache_loader updater_loader(struct updater *u)
{
	return (struct cache_loader){.start = start_load, .data = u};
}

void updater_reload(struct updater *u, const char *name, updater_answer answer, void *arg)
{
	struct err err = {0};
	struct target *t = NULL;

	pthread_mutex_lock(&u->lock);
	if (u->stopping)
		err_set(&err, ERR_CANCELLED, STOPPING);
	else
		t = want(u, name, &err);
	if (t) {
		*VEC_PUSH(&t->reloads) = (struct reload){answer, arg};
		pthread_cond_broadcast(&u->changed);
	}
	pthread_mutex_unlock(&u->lock);
	if (!t)
		answer(arg, name, NULL, &err);
}

void updater_configure(struct updater *u, struct cached_config *config)
{
	pthread_mutex_lock(&u->lock);
	struct cached_config *former = u->config;
	u->config = cached_config_hold(config);
	cached_config_drop(former);
	for (size_t i = 0; i < u->targets.count; i++) {
		struct target *t = u->targets.items[i];
		t->configured = cached_config_find(config, t->name) != NULL;
		t->due = 0;
	}
	for (size_t i = 0; i < config->models.count; i++) {
		const char *name = cached_config_model(config, i)->name;
		if (!find(u, name))
			add(u, name, true);
	}
	pthread_cond_broadcast(&u->changed);
	pthread_mutex_unlock(&u->lock);
}

struct cached_config *updater_config(struct updater *u)
{
	pthread_mutex_lock(&u->lock);
	struct cached_config *config = cached_config_hold(u->config);
	pthread_mutex_unlock(&u->lock);
	return config;
}

/* ---- its life ---- */

struct updater *updater_new(const struct updater_options *o, struct err *err)
{
	struct updater *u = xcalloc(1, sizeof(*u));
	pthread_condattr_t monotonic;

	if (cancel_init(&u->cancel, err) < 0) {
		free(u);
		return NULL;
	}
	u->config = cached_config_hold(o->config);
	u->disk = o->disk;
	u->metrics = o->metrics;
	u->random = (unsigned)clock_ns();
	pthread_mutex_init(&u->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&u->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return u;
}

int updater_start(struct updater *u, struct cache *cache, struct err *err)
{
	size_t count = (size_t)u->config->loaders;

	u->cache = cache;
	updater_configure(u, u->config);
	u->threads = xcalloc(count, sizeof(*u->threads));
	for (; u->thread_count < count; u->thread_count++)
		if (pthread_create(&u->threads[u->thread_count], NULL, work, u) != 0)
			return err_set(err, ERR_SYSTEM, "a thread cannot be started");
	return 0;
}

void updater_stop(struct updater *u)
{
	const struct err err = {.code = ERR_CANCELLED, .text = STOPPING};

	pthread_mutex_lock(&u->lock);
	u->stopping = true;
	pthread_cond_broadcast(&u->changed);
	pthread_mutex_unlock(&u->lock);
	cancel_request(&u->cancel);
	for (size_t i = 0; i < u->thread_count; i++)
		pthread_join(u->threads[i], NULL);
	u->thread_count = 0;
	/* From now on nobody adds to them. */
	pthread_mutex_lock(&u->lock);
	for (size_t i = 0; i < u->targets.count; i++)
		refuse_waiting(u, u->targets.items[i], &err);
	pthread_mutex_unlock(&u->lock);
}

void updater_free(struct updater *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->targets.count; i++)
		free_target(u->targets.items[i]);
	free(u->targets.items);
	free(u->threads);
	cached_config_drop(u->config);
	cancel_release(&u->cancel);
	pthread_cond_destroy(&u->changed);
	pthread_mutex_destroy(&u->lock);
	free(u);
}
