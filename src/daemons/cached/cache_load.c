/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads: one at a time for a version, however many ask for it. A request that names a stage is
 * a load of its own until it is known which version that is (cache_load_is); then it goes over
 * to the load of that version, if there is one.
 */
#include "daemons/cached/cache_private.h"

/* Answers that are due once the lock was let go. */
struct answers {
	struct cache_waiters waiters;
	struct cache_entry *model; /* with a reference for each of them; NULL: the error */
	struct err err;
};

static void give(struct answers *a)
{
	for (size_t i = 0; i < a->waiters.count; i++) {
		const struct cache_waiter *w = &a->waiters.items[i];
		w->answer(w->arg, a->model ? &a->model->model : NULL, &a->err);
	}
	free(a->waiters.items);
}

static void answer_with_model(struct cache_load *load, struct cache_entry *e, struct answers *a)
{
	a->waiters = load->waiters;
	load->waiters = (struct cache_waiters){0};
	a->model = e;
	for (size_t i = 0; i < a->waiters.count; i++)
		cache_take(e);
}

static void answer_with_error(struct cache_load *load, const struct err *err, struct answers *a)
{
	a->waiters = load->waiters;
	load->waiters = (struct cache_waiters){0};
	a->err = *err;
}

static void unreserve(struct cache *c, struct cache_load *load)
{
	c->counts.reserved -= load->bytes;
	load->bytes = 0;
	load->reserved = load->places = false;
}

/* The load is over; its waiters have been moved. */
static void end_load(struct cache *c, struct cache_load *load)
{
	unreserve(c, load);
	for (size_t i = 0; i < c->loads.count; i++) {
		if (c->loads.items[i] == load) {
			c->loads.items[i] = c->loads.items[--c->loads.count];
			break;
		}
	}
	free(load->name);
	free(load->asked);
	free(load->stage);
	free(load->version);
	free(load->waiters.items);
	free(load);
}

static struct cache_load *find_load(
	struct cache *c, const char *name, const char *version, const char *stage)
{
	for (size_t i = 0; i < c->loads.count; i++) {
		struct cache_load *l = c->loads.items[i];
		if (strcmp(l->name, name) != 0)
			continue;
		if (version && l->version && !strcmp(l->version, version))
			return l;
		if (!str_cmp0(l->asked, version) && !str_cmp0(l->stage, stage))
			return l;
	}
	return NULL;
}

static struct cache_load *begin_load(
	struct cache *c, const char *name, const char *version, const char *stage)
{
	struct cache_load *load = xcalloc(1, sizeof(*load));

	load->cache = c;
	load->name = xstrdup(name);
	load->asked = xstrdup(version);
	load->version = xstrdup(version);
	load->stage = xstrdup(stage);
	*VEC_PUSH(&c->loads) = load;
	return load;
}

/* What a request meets, under the lock: true if it is to be answered now. */
static bool meet(struct cache *c, const char *name, const char *version, const char *stage,
	struct answers *now, struct cache_load **start)
{
	const struct cache_waiter *waiter = &now->waiters.items[0];
	struct cache_entry *e = cache_lookup(c, name, version, stage);

	if (e) {
		c->counts.hits++;
		cache_take(e);
		now->model = e;
		return true;
	}
	c->counts.misses++;
	const struct cache_failure *f = cache_failure_find(c, name, version, stage);
	if (f) {
		c->counts.negative++;
		now->err = f->err;
		return true;
	}
	if (!c->options.loader.start) {
		err_set(&now->err, ERR_NOTFOUND, "model %s: not in the cache", name);
		return true;
	}
	struct cache_load *load = find_load(c, name, version, stage);
	if (load)
		c->counts.joined++;
	else
		*start = load = begin_load(c, name, version, stage);
	*VEC_PUSH(&load->waiters) = *waiter;
	return false;
}

void cache_get(struct cache *c, const char *name, const char *version, const char *stage,
	cache_answer answer, void *arg)
{
	struct answers now = {0};
	struct cache_load *start = NULL;

	*VEC_PUSH(&now.waiters) = (struct cache_waiter){answer, arg};
	cache_lock(c);
	bool due = meet(c, name, version, stage, &now, &start);
	cache_unlock(c);
	if (!due)
		now.waiters.count = 0;
	give(&now);
	if (start)
		c->options.loader.start(c->options.loader.data, start);
}

struct cache_load *cache_load_begin(struct cache *c, const char *name, const char *version)
{
	cache_lock(c);
	struct cache_load *load = begin_load(c, name, version, NULL);
	cache_unlock(c);
	return load;
}

const char *cache_load_name(const struct cache_load *load)
{
	return load->name;
}

const char *cache_load_version(const struct cache_load *load)
{
	return load->version;
}

const char *cache_load_stage(const struct cache_load *load)
{
	return load->stage;
}

static void move_waiters(struct cache_load *from, struct cache_load *to)
{
	for (size_t i = 0; i < from->waiters.count; i++)
		*VEC_PUSH(&to->waiters) = from->waiters.items[i];
	from->waiters.count = 0;
}

/* True if the load is the one that brings this version. */
static bool is_ours(
	struct cache *c, struct cache_load *load, const char *version, struct answers *answers)
{
	struct cache_entry *e = cache_lookup(c, load->name, version, NULL);
	if (e) {
		answer_with_model(load, e, answers);
		return false;
	}
	const struct cache_failure *f = cache_failure_find(c, load->name, version, NULL);
	if (f) {
		c->counts.negative++;
		answer_with_error(load, &f->err, answers);
		return false;
	}
	struct cache_load *other = find_load(c, load->name, version, NULL);
	if (other && other != load) {
		c->counts.joined += load->waiters.count;
		move_waiters(load, other);
		return false;
	}
	return true;
}

bool cache_load_is(struct cache_load *load, const char *version)
{
	struct cache *c = load->cache;
	struct answers answers = {0};

	cache_lock(c);
	bool ours = is_ours(c, load, version, &answers);
	if (ours && str_cmp0(load->version, version) != 0) {
		free(load->version);
		load->version = xstrdup(version);
	}
	if (!ours)
		end_load(c, load);
	cache_unlock(c);
	give(&answers);
	return ours;
}

/* Whether a version takes the place of its model's current one. */
static bool replaces(struct cache *c, const char *name, bool current)
{
	return current && cache_lookup(c, name, NULL, NULL);
}

int cache_load_reserve(struct cache_load *load, uint64_t bytes, bool current, struct err *err)
{
	struct cache *c = load->cache;

	cache_lock(c);
	unreserve(c, load);
	bool taken = replaces(c, load->name, current);
	int rc = cache_room(c, load->name, bytes, taken, err);
	if (rc == 0) {
		load->reserved = true;
		load->places = !taken;
		load->bytes = bytes;
		c->counts.reserved += bytes;
	}
	cache_unlock(c);
	return rc;
}

int cache_load_done(struct cache_load *load, const struct cache_about *about, struct blob *blob,
	bool current, struct err *err)
{
	struct cache *c = load->cache;
	struct cache_change change = {0};
	struct answers answers = {0};

	int rc = cache_check(about, &answers.err);
	cache_lock(c);
	bool has_room = rc < 0 || (load->reserved && load->bytes >= blob->size) ||
			cache_lookup_same(c, about, blob);
	unreserve(c, load);
	if (!has_room)
		rc = cache_room(c, about->name, blob->size, replaces(c, about->name, current),
			&answers.err);
	if (rc == 0) {
		c->counts.loads++;
		answer_with_model(
			load, cache_insert(c, about, blob, current, &change), &answers);
	} else {
		c->counts.load_failures++;
		blob_unref(blob);
		struct err why = answers.err;
		answer_with_error(load, &why, &answers);
	}
	end_load(c, load);
	cache_unlock(c);
	cache_tell(c, &change);
	if (rc < 0 && err)
		*err = answers.err;
	give(&answers);
	return rc;
}

int cache_put(struct cache *c, const struct cache_about *about, struct blob *blob, bool current,
	struct err *err)
{
	struct cache_load *load = cache_load_begin(c, about->name, about->version);

	return cache_load_done(load, about, blob, current, err);
}

void cache_load_failed(struct cache_load *load, const struct err *err, double seconds)
{
	struct cache *c = load->cache;
	struct answers answers = {0};

	cache_lock(c);
	c->counts.load_failures++;
	cache_failure_add(c, load->name, load->asked, load->stage, err, seconds);
	if (load->version && !load->asked)
		cache_failure_add(c, load->name, load->version, NULL, err, seconds);
	answer_with_error(load, err, &answers);
	end_load(c, load);
	cache_unlock(c);
	give(&answers);
}
