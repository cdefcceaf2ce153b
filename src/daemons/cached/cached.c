/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/cached/cached.h"

#include "base/log.h"
#include "base/path.h"
#include "http/serve.h"

static struct policy_limits limits_of(const struct cached_config *c)
{
	return (struct policy_limits){
		.count = (size_t)c->cache_size, .bytes = (uint64_t)c->cache_bytes};
}

/* A line of the log that names a model where there may be several. */
static void tell(struct cached *d, const char *what, const struct cache_model *m)
{
	AUTO(strbuf_release) struct strbuf tag = STRBUF_INIT;
	struct cached_config *config = updater_config(d->updater);

	cached_config_tag(config, m->name, &tag);
	log_info("%s model version %s%s", what, m->version, tag.data);
	cached_config_drop(config);
}

static void changed(void *data, const struct cache_model *now, const struct cache_model *before)
{
	struct cached *d = data;
	struct cache_counts counts;

	if (now == before) /* only called by another stage */
		return;
	tell(d, before ? "Swapped to" : "Serving", now);
	if (!before)
		return;
	cache_counts(d->cache, &counts);
	metrics_swap(&d->metrics, counts.swap_seconds_last);
	/* The stage is that of the new one now. */
	if (strcmp(before->version, now->version) != 0)
		cache_describe(d->cache, before->name, before->version, NULL, NULL, NULL);
}

static void removed(void *data, const struct cache_model *m)
{
	tell(data, "Cleaned up", m);
}

static int make_cache(struct cached *d, struct cached_config *config, struct err *err)
{
	const struct updater_options o = {
		.config = config, .disk = d->disk, .metrics = &d->metrics};

	d->updater = updater_new(&o, err);
	if (!d->updater)
		return -1;
	d->cache = cache_new(&(struct cache_options){.limits = limits_of(config),
		.loader = updater_loader(d->updater),
		.changed = changed,
		.removed = removed,
		.data = d});
	const struct policy_limits limits = limits_of(config);
	d->pressure = pressure_start(d->cache, &limits, err);
	return d->pressure ? 0 : -1;
}

static int open_socket(struct cached *d, const struct cached_config *config, struct err *err)
{
	autofree char *parent = path_dirname(config->socket);
	const struct hub_options o = {
		.path = config->socket, .group = *config->group ? config->group : NULL};

	if (path_mkdirs(parent, 0755, err) < 0)
		return -1;
	d->hub = hub_start(d->cache, &o, err);
	return d->hub ? 0 : err_wrap(err, "socket");
}

static int start(struct cached *d, struct cached_config *config, struct err *err)
{
	d->disk = disk_open(config->state_dir, (uint64_t)config->disk_bytes, err);
	/* Who connects finds that the configured models are known, and waits for them. */
	if (!d->disk || make_cache(d, config, err) < 0 ||
		updater_start(d->updater, d->cache, err) < 0 || open_socket(d, config, err) < 0)
		return -1;
	d->http = api_start(d, err);
	return d->http ? 0 : err_wrap(err, "listen");
}

struct cached *cached_start(struct cached_config *config, const char *build, struct err *err)
{
	struct cached *d = xcalloc(1, sizeof(*d));

	d->build = build;
	d->first = cached_config_hold(config);
	metrics_init(&d->metrics);
	if (start(d, config, err) == 0)
		return d;
	cached_stop(d);
	return NULL;
}

/* Tells which keys have changed that are read at the start alone. */
static void tell_fixed(const struct cached_config *was, const struct cached_config *is)
{
	const struct {
		const char *name;
		bool changed;
	} keys[] = {{"listen", strcmp(was->listen, is->listen) != 0},
		{"socket", strcmp(was->socket, is->socket) != 0},
		{"group", strcmp(was->group, is->group) != 0},
		{"state_dir", strcmp(was->state_dir, is->state_dir) != 0},
		{"loaders", was->loaders != is->loaders}};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].changed)
			log_warning(
				"%s: what has changed is taken up by a restart", keys[i].name);
}

void cached_configure(struct cached *d, struct cached_config *config)
{
	const struct policy_limits limits = limits_of(config);

	tell_fixed(d->first, config);
	disk_set_limit(d->disk, (uint64_t)config->disk_bytes);
	pressure_configure(d->pressure, &limits);
	updater_configure(d->updater, config);
}

/* In the order in which one needs the other; who waits for a load is answered first. */
void cached_stop(struct cached *d)
{
	if (!d)
		return;
	if (d->updater)
		updater_stop(d->updater);
	http_server_stop(d->http);
	hub_stop(d->hub);
	pressure_stop(d->pressure);
	if (d->cache)
		cache_free(d->cache);
	updater_free(d->updater);
	disk_close(d->disk);
	metrics_release(&d->metrics);
	cached_config_drop(d->first);
	free(d);
}
