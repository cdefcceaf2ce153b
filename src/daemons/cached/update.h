/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps models as their sources say. Each model that is configured, or was asked for, is a
 * target: it is asked for again every interval, and by itself, so that one that fails holds up
 * no other. A few threads do the work; a target is worked on by one of them at a time, which
 * makes its loads one after the other.
 *
 * A check asks the source which version is meant and compares by identity (version and run),
 * never by which is greater: a stage or alias may move back. What is new is fetched and
 * validated while the version that is there serves on, and then exchanged. Failures change
 * nothing for clients, and are tried again after 5, 10, 30, then 60 seconds. A version that
 * came and was not good as often as there are such steps is not fetched again before its source
 * names another one, or somebody asks for a reload.
 *
 * At the start the configured targets serve what the disk has of them, all of them before any
 * source is asked: one that hangs must not keep a client from what is there. Requests that came
 * before are answered with it.
 */
#ifndef CACHED_UPDATE_H
#define CACHED_UPDATE_H

#include "daemons/cached/cache.h"
#include "daemons/cached/config.h"
#include "daemons/cached/disk.h"
#include "daemons/cached/metrics.h"

/* Targets beside those that are configured. */
#define UPDATE_GUESTS_MAX 1000u

struct updater;

struct updater_options {
	struct cached_config *config; /* held by it */
	struct disk *disk;
	struct metrics *metrics;
};

/* Makes one that does nothing yet. NULL with err. */
struct updater *updater_new(const struct updater_options *options, struct err *err);
/* How the cache asks it for versions. */
struct cache_loader updater_loader(struct updater *updater);
/* Begins to work for a cache. */
int updater_start(struct updater *updater, struct cache *cache, struct err *err);
/* Takes another configuration up, which it holds. */
void updater_configure(struct updater *updater, struct cached_config *config);
/* The configuration in use; the caller drops it. */
struct cached_config *updater_config(struct updater *updater);
/*
 * Ends what is under way; whoever waits gets ERR_CANCELLED, and so does who asks afterwards.
 * The cache is not used any more.
 */
void updater_stop(struct updater *updater);
/* Frees it, stopped. NULL is fine. */
void updater_free(struct updater *updater);

/* Told of a reload's end, once: the version that is current, or NULL and why. */
typedef void (*updater_answer)(
	void *arg, const char *name, const char *version, const struct err *err);
/*
 * Checks a model now, and loads what is new; answered from a thread of its own, or at once.
 * ERR_NOTFOUND: neither configured nor allowed.
 */
void updater_reload(
	struct updater *updater, const char *name, updater_answer answer, void *arg);

/* How a target does. */
struct update_row {
	char name[CACHE_NAME_MAX];
	char source[16], stage[CACHE_STAGE_MAX];
	char wanted[CACHE_VERSION_MAX];  /* what its source named last; "" */
	char refused[CACHE_VERSION_MAX]; /* a version that is not taken any more; "" */
	bool configured, pinned, busy;
	bool ready; /* its version was loaded, or is left until it is asked for */
	uint64_t checks, errors;
	unsigned failures;        /* since the last success */
	time_t last_check;        /* 0: none yet */
	double next_check;        /* seconds from now */
	char error[ERR_TEXT_MAX]; /* of the last check; "" */
};

/* All targets, sorted by name; to be freed. */
struct update_row *updater_rows(struct updater *updater, size_t *count);

#endif
