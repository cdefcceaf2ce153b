/* SPDX-License-Identifier: Apache-2.0 */
/* Versions come, become current, get other stages, and are let go. */
#include "base/clock.h"
#include "daemons/cached/cache_private.h"

static int check_text(
	const char *what, const char *text, size_t room, bool needed, struct err *err)
{
	if (needed && (!text || !*text))
		return err_set(err, ERR_INPUT, "a version to be cached has no %s", what);
	if (text && strlen(text) >= room)
		return err_set(err, ERR_LIMIT, "%s \"%.40s...\": longer than %zu bytes", what,
			text, room - 1);
	return 0;
}

int cache_check(const struct cache_about *about, struct err *err)
{
	if (check_text("name", about->name, CACHE_NAME_MAX, true, err) < 0 ||
		check_text("version", about->version, CACHE_VERSION_MAX, true, err) < 0 ||
		check_text("stage", about->stage, CACHE_STAGE_MAX, false, err) < 0 ||
		check_text("alias", about->alias, CACHE_STAGE_MAX, false, err) < 0 ||
		check_text("run_id", about->run_id, CACHE_RUN_MAX, false, err) < 0)
		return -1;
	return 0;
}

static const char *or_empty(struct arena *a, const char *s)
{
	return s ? arena_strdup(a, s) : "";
}

static struct cache_entry *new_entry(const struct cache_about *about, struct blob *blob)
{
	struct cache_entry *e = xcalloc(1, sizeof(*e));
	struct arena *a = &e->arena;

	e->model.name = arena_strdup(a, about->name);
	e->model.version = arena_strdup(a, about->version);
	e->model.run_id = or_empty(a, about->run_id);
	e->model.stage = or_empty(a, about->stage);
	e->model.alias = or_empty(a, about->alias);
	e->model.loaded_at = about->loaded_at ? about->loaded_at : time(NULL);
	e->model.blob = blob;
	e->refs = 1;
	e->used = (uint64_t)clock_ns();
	return e;
}

static void note_change(
	struct cache_change *change, struct cache_entry *now, struct cache_entry *before)
{
	*change = (struct cache_change){now, before};
	now->refs++;
	if (before)
		before->refs++;
}

/* True if that was a change. */
static bool relabel(struct cache_entry *e, const char *stage, const char *alias)
{
	bool same = !strcmp(e->model.stage, stage ? stage : "") &&
		    !strcmp(e->model.alias, alias ? alias : "");

	if (!same) {
		e->model.stage = or_empty(&e->arena, stage);
		e->model.alias = or_empty(&e->arena, alias);
	}
	return !same;
}

/* The exchange: from here on who asks for the model gets e. */
static void make_current(struct cache *c, struct cache_entry *e, struct cache_change *change)
{
	int64_t begin = clock_ns();
	struct cache_entry *before = cache_lookup(c, e->model.name, NULL, NULL);

	if (before == e)
		return;
	if (before)
		before->current = false;
	e->current = true;
	note_change(change, e, before);
	if (!before)
		return;
	double seconds = (double)(clock_ns() - begin) / 1e9;
	c->counts.swaps++;
	c->counts.swap_seconds_last = seconds;
	if (seconds > c->counts.swap_seconds_max)
		c->counts.swap_seconds_max = seconds;
}

/* Other bytes under a version's name: the old ones go as an old version does. */
static void replace(struct cache *c, struct cache_entry *old)
{
	if (c->watcher.revoke)
		c->watcher.revoke(c->watcher.data, &old->model, true);
	cache_leave(c, old);
}

struct cache_entry *cache_lookup_same(
	struct cache *c, const struct cache_about *about, const struct blob *blob)
{
	struct cache_entry *e = cache_lookup(c, about->name, about->version, NULL);
	const char *run_id = about->run_id ? about->run_id : "";

	return e && !strcmp(e->model.run_id, run_id) &&
			       !strcmp(e->model.blob->sha256, blob->sha256)
		       ? e
		       : NULL;
}

struct cache_entry *cache_insert(struct cache *c, const struct cache_about *about,
	struct blob *blob, bool current, struct cache_change *change)
{
	struct cache_entry *e = cache_lookup_same(c, about, blob);
	struct cache_entry *old = NULL;

	if (e) {
		blob_unref(blob);
		if (relabel(e, about->stage, about->alias))
			note_change(change, e, e);
	} else {
		old = cache_lookup(c, about->name, about->version, NULL);
		e = new_entry(about, blob);
		*VEC_PUSH(&c->entries) = e;
		c->counts.bytes += blob->size;
	}
	if (current || (old && old->current)) {
		struct cache_change exchange = {0};
		make_current(c, e, &exchange);
		if (exchange.now && change->now) {
			cache_unref(c, change->now);
			cache_unref(c, change->before);
		}
		if (exchange.now)
			*change = exchange;
	}
	if (old)
		replace(c, old);
	cache_failure_drop(c, about->name, about->version);
	cache_trim(c, e);
	return e;
}

void cache_tell(struct cache *c, struct cache_change *change)
{
	if (!change->now)
		return;
	const struct cache_model *now = &change->now->model;
	const struct cache_model *before = change->before ? &change->before->model : NULL;

	cache_lock(c);
	struct cache_watcher watcher = c->watcher;
	cache_unlock(c);
	if (watcher.changed)
		watcher.changed(watcher.data, now, before);
	if (c->options.changed)
		c->options.changed(c->options.data, now, before);
	cache_lock(c);
	cache_unref(c, change->now);
	if (change->before)
		cache_unref(c, change->before);
	cache_unlock(c);
}

static int not_held(const char *name, const char *version, struct err *err)
{
	return err_set(
		err, ERR_NOTFOUND, "model %s: version %s is not in the cache", name, version);
}

int cache_set_current(struct cache *c, const char *name, const char *version, struct err *err)
{
	struct cache_change change = {0};

	cache_lock(c);
	struct cache_entry *e = cache_lookup(c, name, version, NULL);
	if (e) {
		make_current(c, e, &change);
		cache_trim(c, e);
	}
	cache_unlock(c);
	cache_tell(c, &change);
	return e ? 0 : not_held(name, version, err);
}

int cache_describe(struct cache *c, const char *name, const char *version, const char *stage,
	const char *alias, struct err *err)
{
	const struct cache_about about = {
		.name = name, .version = version, .stage = stage, .alias = alias};
	struct cache_change change = {0};

	if (cache_check(&about, err) < 0)
		return -1;
	cache_lock(c);
	struct cache_entry *e = cache_lookup(c, name, version, NULL);
	if (e && relabel(e, stage, alias))
		note_change(&change, e, e);
	cache_unlock(c);
	cache_tell(c, &change);
	return e ? 0 : not_held(name, version, err);
}

void cache_announce(struct cache *c, struct cache_model *model)
{
	struct cache_entry *e = (struct cache_entry *)model;
	struct cache_change change = {0};

	cache_lock(c);
	note_change(&change, e, e);
	cache_unlock(c);
	cache_tell(c, &change);
}

int cache_remove(struct cache *c, const char *name, const char *version, struct err *err)
{
	cache_lock(c);
	struct cache_entry *e = cache_lookup(c, name, version, NULL);
	if (e)
		replace(c, e);
	cache_unlock(c);
	return e ? 0 : not_held(name, version, err);
}
