/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads: which version is meant, and how it comes into the cache. What the cache asks for is
 * done in the order in which it was asked, by the thread that has the target.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/vec.h"
#include "daemons/cached/update_private.h"
#include "modelcache/protocol.h"

/* ---- the source ---- */

static int open_source(struct updater *u, struct target *t, struct err *err)
{
	const struct source_options options = {
		.uri = t->model.uri, .cancel = &u->cancel, .rate = (uint64_t)t->config->rate};

	if (!t->source)
		t->source = source_open(t->model.source, &options, err);
	return t->source ? 0 : -1;
}

static int find(struct updater *u, struct target *t, const struct source_request *q,
	struct source_version *v, struct err *err)
{
	return open_source(u, t, err) < 0 || source_find(t->source, q, v, err) < 0 ? -1 : 0;
}

int target_ask(struct updater *u, struct target *t, struct err *err)
{
	const struct source_request q = load_request(&t->model);
	struct source_version v = {0};

	if (find(u, t, &q, &v, err) < 0)
		return -1;
	source_version_release(&t->wanted);
	t->wanted = v;
	return 0;
}

/* Whether a stage or alias that a client names is the one that the target follows. */
static bool is_own_stage(const struct target *t, const char *stage)
{
	const char *own = cached_model_stage(&t->model);

	return strcmp(stage, own) == 0 || (t->model.stage && strcasecmp(stage, own) == 0);
}

int target_ask_stage(struct updater *u, struct target *t, const char *stage,
	struct source_version *v, struct err *err)
{
	struct source_request q = load_request(&t->model);
	bool staged = strcmp(t->model.source, "mlflow") == 0 && mc_is_stage(stage);

	if (!staged && strcmp(t->model.source, "registry") == 0)
		return err_set(err, ERR_NOTFOUND, "the registry has no \"%s\"", stage);
	q.stage = staged ? stage : NULL;
	q.alias = staged ? NULL : stage;
	return find(u, t, &q, v, err);
}

/* ---- bringing a version ---- */

struct cache_about target_about(
	const struct target *t, const struct source_version *v, const char *stage)
{
	bool alias = t->model.alias && strcmp(stage, t->model.alias) == 0;

	return (struct cache_about){.name = t->name,
		.version = v->version,
		.stage = alias ? NULL : stage,
		.alias = alias ? stage : NULL,
		.run_id = v->run_id};
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

void target_remember(struct updater *u, const struct target *t, const struct source_version *v)
{
	struct err why = {0};

	if (disk_use(u->disk, t->name, v->version, v->run_id, &why) < 0)
		log_warning("%s", why.text);
}

/* What a load is for. */
struct meant {
	struct source_version version;
	const char *stage;
	bool current;
	bool disk_only;
};

/* A load of ours, and of the cache's. */
struct bringing {
	struct cache_load *load;
	bool current;
};

static int reserve(void *data, uint64_t bytes, struct err *err)
{
	const struct bringing *b = data;

	return cache_load_reserve(b->load, bytes, b->current, err);
}

/*
 * Seconds for which a failure is remembered. That there was no place is none of the version's,
 * and may be over at any time; and what the disk lacks the source may have.
 */
static double failed_for(const struct target *t, const struct meant *m, const struct err *err)
{
	if (err->code == ERR_BUSY || err->code == ERR_CANCELLED || m->disk_only)
		return 0;
	return target_backoff(t->config, t->failures + 1);
}

/* Whether a version of the model is there for those who ask. */
static bool serves(struct updater *u, const struct target *t)
{
	struct cache_model *now = cache_peek(u->cache, t->name, NULL, NULL);

	cache_release(u->cache, now);
	return now != NULL;
}

/* Brings a version for a load of the cache's, which ends with it. */
static int bring(struct updater *u, struct target *t, struct cache_load *load,
	const struct meant *m, struct err *err)
{
	struct bringing b = {.load = load, .current = m->current};
	const struct cache_about what = target_about(t, &m->version, m->stage);
	struct load l = {.config = t->config,
		.model = &t->model,
		.stage = m->stage,
		.current = m->current,
		.disk = u->disk,
		.cancel = &u->cancel,
		.source = m->disk_only ? NULL : t->source,
		.version = &m->version,
		.reserve = reserve,
		.data = &b,
		.aside = m->current && serves(u, t)};
	int64_t began = clock_ns();

	struct blob *blob = load_bring(&l, err);
	if (m->current)
		t->invalid = l.invalid;
	if (!blob) {
		cache_load_failed(load, err, failed_for(t, m, err));
		return -1;
	}
	tell_loaded(u, t, &l, began);
	if (m->current)
		target_remember(u, t, &m->version);
	if (cache_load_done(load, &what, blob, m->current, err) < 0)
		return -1;
	if (m->current)
		target_set_ready(u, t);
	return 0;
}

/* ---- which version ---- */

static void take_version(struct source_version *to, const struct source_version *from)
{
	*to = (struct source_version){.version = xstrdup(from->version),
		.run_id = xstrdup(from->run_id),
		.origin = xstrdup(from->origin),
		.sha256 = xstrdup(from->sha256)};
}

/* What the disk has of a target: this version, or with NULL its last current one. */
static bool find_on_disk(
	struct updater *u, struct target *t, const char *version, struct meant *m)
{
	AUTO(disk_version_release) struct disk_version v = {0};

	if (!(version ? disk_find_any(u->disk, t->name, version, &v)
		      : disk_find(u->disk, t->name, NULL, NULL, &v)))
		return false;
	m->version = (struct source_version){
		.version = xstrdup(v.version), .run_id = xstrdup(v.run_id)};
	return true;
}

/*
 * A version that is asked for by its number: as the source has it, and where the source cannot
 * be asked, as the disk has it.
 */
static int mean_version(struct updater *u, struct target *t, const char *version,
	struct meant *m, struct err *err)
{
	struct source_request q = load_request(&t->model);

	/* It may be the one that is to serve. */
	int rc = t->wanted.version ? 0 : target_ask(u, t, err);
	if (rc == 0 && strcmp(t->wanted.version, version) == 0) {
		take_version(&m->version, &t->wanted);
		m->current = true;
		return 0;
	}
	m->stage = "";
	q.version = version;
	if (rc == 0 || err->code == ERR_NOTFOUND)
		rc = find(u, t, &q, &m->version, err);
	return rc == 0 || (err->code != ERR_NOTFOUND && find_on_disk(u, t, version, m)) ? 0
											: -1;
}

/* The current version, or that of a stage: as the source says, else as the disk has it. */
static int mean_stage(struct updater *u, struct target *t, const char *stage, struct meant *m,
	struct err *err)
{
	m->current = !stage || is_own_stage(t, stage);
	if (!m->current) {
		m->stage = stage;
		if (target_ask_stage(u, t, stage, &m->version, err) < 0)
			return -1;
		target_follow_stage(t, stage, &m->version);
		return 0;
	}
	if (t->fresh || target_ask(u, t, err) == 0) {
		if (!target_refuses(t, &t->wanted)) {
			take_version(&m->version, &t->wanted);
			return 0;
		}
		target_refusal(t, &t->wanted, err);
	}
	return find_on_disk(u, t, NULL, m) ? 0 : -1;
}

/* ---- loads of the cache's ---- */

static void run_load(struct updater *u, struct target *t, struct cache_load *load)
{
	const char *version = cache_load_version(load), *stage = cache_load_stage(load);
	struct meant m = {.stage = cached_model_stage(&t->model)};
	struct err err = {0};

	int rc = version ? mean_version(u, t, version, &m, &err)
			 : mean_stage(u, t, stage, &m, &err);
	if (rc == 0 && target_refuses(t, &m.version))
		rc = target_refusal(t, &m.version, &err);
	if (rc < 0)
		cache_load_failed(load, &err, target_backoff(t->config, 1));
	else if (cache_load_is(load, m.version.version))
		(void)bring(u, t, load, &m, &err);
	source_version_release(&m.version);
}

/* The load that waits longest, taken out; NULL. */
static struct cache_load *next_load(struct updater *u, struct target *t)
{
	struct cache_load *load = NULL;

	pthread_mutex_lock(&u->lock);
	if (t->loads.count) {
		load = t->loads.items[0];
		memmove(t->loads.items, t->loads.items + 1,
			--t->loads.count * sizeof(t->loads.items[0]));
	}
	pthread_mutex_unlock(&u->lock);
	return load;
}

void target_drain(struct updater *u, struct target *t)
{
	struct cache_load *load;

	while ((load = next_load(u, t)))
		run_load(u, t, load);
}

/* ---- loads of our own ---- */

int target_replace(struct updater *u, struct target *t, struct err *err)
{
	const struct meant m = {
		.version = t->wanted, .stage = cached_model_stage(&t->model), .current = true};

	return bring(u, t, cache_load_begin(u->cache, t->name, t->wanted.version), &m, err);
}

int target_serve_last(struct updater *u, struct target *t, struct err *err)
{
	struct meant m = {
		.stage = cached_model_stage(&t->model), .current = true, .disk_only = true};

	if (!find_on_disk(u, t, NULL, &m))
		return 0;
	int rc = bring(u, t, cache_load_begin(u->cache, t->name, m.version.version), &m, err);
	source_version_release(&m.version);
	return rc;
}
