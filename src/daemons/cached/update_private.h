/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the updater share. */
#ifndef CACHED_UPDATE_PRIVATE_H
#define CACHED_UPDATE_PRIVATE_H

#include <pthread.h>

#include "daemons/cached/load.h"
#include "daemons/cached/update.h"

struct reload {
	updater_answer answer;
	void *arg;
};

struct reloads {
	struct reload *items;
	size_t count, cap;
};

/*
 * A model that is kept. The updater's lock guards all of it; the part below `busy` is that of
 * the thread that has set it, which needs no lock to read it, and `source` and `wanted` are
 * that thread's alone.
 */
struct target {
	char *name;
	bool configured;
	deadline due;
	struct {
		struct cache_load **items;
		size_t count, cap;
	} loads; /* that wait */
	struct reloads reloads;
	bool busy;

	struct cached_config *config; /* by which `model` is */
	struct cached_model model;
	bool started; /* the disk was looked at */
	bool ready;
	uint64_t checks, errors;
	unsigned failures;
	time_t last_check;
	char *error;
	char *named; /* the version that its source named last */
	struct {
		char *version, *run_id;
		unsigned count; /* how often it was not good */
	} bad;

	struct source *source;
	struct source_version wanted; /* what the source named last */
	bool invalid;                 /* the last load's version came and was not good */
	struct {
		bool there;
		struct err err;
	} answer; /* of the load that a check has asked for; guarded by the updater's lock */
	struct updater *updater;
};

struct updater {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct cached_config *config;
	struct disk *disk;
	struct metrics *metrics;
	struct cache *cache;
	struct {
		struct target **items;
		size_t count, cap;
	} targets;
	pthread_t *threads;
	size_t thread_count;
	bool stopping;
	unsigned random; /* of the jitter */
	struct cancel cancel;
};

/*
 * Checks a target whose `busy` is this thread's. With `forced` what was refused is tried again,
 * and what was left until it is asked for is loaded. -1 with err; what serves, serves on.
 */
int target_check(struct updater *u, struct target *t, bool forced, struct err *err);
/* Ends all loads that wait for a target. */
void target_drain(struct updater *u, struct target *t);
/* Seconds after which a target that has failed so often is tried again. */
double target_backoff(const struct cached_config *config, unsigned failures);
/* True if a version of a source is one that is not tried any more. */
bool target_refuses(const struct target *t, const struct source_version *v);

#endif
