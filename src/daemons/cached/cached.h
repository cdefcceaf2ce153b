/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model-cached as one thing: the disk store, the cache, who keeps it as the sources say, who
 * watches memory, the socket that gives models to clients, and the HTTP port.
 */
#ifndef CACHED_CACHED_H
#define CACHED_CACHED_H

#include "daemons/cached/cache.h"
#include "daemons/cached/config.h"
#include "daemons/cached/disk.h"
#include "daemons/cached/hub.h"
#include "daemons/cached/metrics.h"
#include "daemons/cached/pressure.h"
#include "daemons/cached/update.h"

struct cached {
	const char *build; /* the version of this program */
	struct disk *disk;
	struct cache *cache;
	struct updater *updater;
	struct pressure *pressure;
	struct hub *hub;
	struct http_server *http;
	struct metrics metrics;
	struct cached_config *first; /* what cannot change while it runs is as here */
};

/* Starts all of it; the configuration is held. NULL with err. */
struct cached *cached_start(struct cached_config *config, const char *build, struct err *err);
/* Takes another configuration up; what needs a start is only told of. */
void cached_configure(struct cached *cached, struct cached_config *config);
/* Ends all of it. NULL is fine. */
void cached_stop(struct cached *cached);

/* Listens on the configured port; NULL with err. */
struct http_server *api_start(struct cached *cached, struct err *err);
/* Appends all metrics. */
void api_metrics(struct cached *cached, struct strbuf *out);

#endif
