/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"
#include "base/scratch.h"
#include "daemons/cached/update_rig.h"

/* ---- the store ---- */

void rig_publish(struct rig *r, const char *model, const char *date, const char *ending,
	const char *content)
{
	/* As publishers do: whole under another name first. */
	autofree char *new = xasprintf("%s/store/%s/new", r->dir, model);
	autofree char *version = xasprintf("%s/store/%s/%s", r->dir, model, date);
	autofree char *file = xasprintf("%s/model.%s", new, ending);

	assert_int_equal(path_mkdirs(new, 0755, NULL), 0);
	scratch_write(file, content);
	assert_int_equal(rename(new, version), 0);
}

void rig_store_away(struct rig *r, bool away)
{
	autofree char *store = path_join(r->dir, "store");
	autofree char *hidden = path_join(r->dir, "hidden");

	assert_int_equal(away ? rename(store, hidden) : rename(hidden, store), 0);
}

/* ---- its life ---- */

struct cached_config *rig_config(struct rig *r, const char *models, const char *more)
{
	autofree char *path = path_join(r->dir, "config.yaml");
	autofree char *fraud =
		xasprintf("[{name: fraud, source: directory, uri: %s/store}]", r->dir);
	autofree char *text = xasprintf("state_dir: %s/state\nupdate_interval_seconds: 86400\n"
					"update_jitter: 0\nmodels: %s\n%s\n",
		r->dir, models ? models : fraud, more ? more : "");
	AUTO(diags_release) struct diags diags = {0};
	struct err err = {0};

	scratch_write(path, text);
	struct cached_config *config = cached_config_read(path, &diags, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(diags.count, 0);
	return config;
}

static struct policy_limits limits_of(const struct cached_config *c)
{
	return (struct policy_limits){
		.count = (size_t)c->cache_size, .bytes = (uint64_t)c->cache_bytes};
}

void rig_start(struct rig *r, const char *dir, const char *models, const char *more)
{
	struct err err = {0};

	r->dir = dir;
	r->config = rig_config(r, models, more);
	r->disk = disk_open(r->config->state_dir, (uint64_t)r->config->disk_bytes, &err);
	assert_non_null(r->disk);
	metrics_init(&r->metrics);
	const struct updater_options options = {
		.config = r->config, .disk = r->disk, .metrics = &r->metrics};
	r->updater = updater_new(&options, &err);
	assert_non_null(r->updater);
	r->cache = cache_new(&(struct cache_options){
		.limits = limits_of(r->config), .loader = updater_loader(r->updater)});
	assert_int_equal(updater_start(r->updater, r->cache, &err), 0);
}

void rig_configure(struct rig *r, const char *models, const char *more)
{
	struct cached_config *former = r->config;

	r->config = rig_config(r, models, more);
	const struct policy_limits limits = limits_of(r->config);
	cache_set_limits(r->cache, &limits);
	updater_configure(r->updater, r->config);
	cached_config_drop(former);
}

void rig_stop(struct rig *r)
{
	updater_stop(r->updater);
	cache_free(r->cache);
	updater_free(r->updater);
	metrics_release(&r->metrics);
	disk_close(r->disk);
	cached_config_drop(r->config);
}

/* ---- asking ---- */

/* An answer that another thread gives. */
struct answer {
	struct rig *rig;
	pthread_mutex_t lock;
	pthread_cond_t given;
	bool there;
	struct cache_model *model;
};

static void wait_for(struct answer *a)
{
	pthread_mutex_lock(&a->lock);
	while (!a->there)
		pthread_cond_wait(&a->given, &a->lock);
	pthread_mutex_unlock(&a->lock);
}

static void give(struct answer *a, const char *version, const struct err *err)
{
	static const struct err none = {0};

	pthread_mutex_lock(&a->lock);
	a->rig->err = version ? none : *err;
	snprintf(a->rig->version, sizeof(a->rig->version), "%s", version ? version : "");
	a->there = true;
	pthread_cond_signal(&a->given);
	pthread_mutex_unlock(&a->lock);
}

static void on_reload(void *arg, const char *name, const char *version, const struct err *err)
{
	(void)name;
	give(arg, version, err);
}

static void on_model(void *arg, struct cache_model *model, const struct err *err)
{
	struct answer *a = arg;

	a->model = model;
	give(a, model ? model->version : NULL, err);
}

int rig_reload(struct rig *r, const char *model)
{
	struct answer a = {r, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, NULL};

	updater_reload(r->updater, model, on_reload, &a);
	wait_for(&a);
	return *r->version ? 0 : -1;
}

int rig_get(struct rig *r, const char *model, const char *version, const char *stage)
{
	struct answer a = {r, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, NULL};

	memset(r->content, 0, sizeof(r->content));
	cache_get(r->cache, model, version, stage, on_model, &a);
	wait_for(&a);
	if (!a.model)
		return -1;
	assert_true(pread(a.model->blob->fd, r->content, sizeof(r->content) - 1, 0) >= 0);
	cache_release(r->cache, a.model);
	return 0;
}

const char *rig_current(struct rig *r, const char *model)
{
	struct cache_model *m = cache_peek(r->cache, model, NULL, NULL);

	snprintf(r->version, sizeof(r->version), "%s", m ? m->version : "");
	cache_release(r->cache, m);
	return r->version;
}

struct update_row rig_row(struct rig *r, const char *model)
{
	struct update_row row = {0};
	size_t count;
	autofree struct update_row *rows = updater_rows(r->updater, &count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].name, model) == 0)
			row = rows[i];
	return row;
}

struct cache_counts rig_counts(struct rig *r)
{
	struct cache_counts counts;

	cache_counts(r->cache, &counts);
	return counts;
}

void rig_pause(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}
