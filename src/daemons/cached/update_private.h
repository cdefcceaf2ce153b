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

#define STOPPING "model-cached is stopping"

#define FOLLOWED_MAX 16u /* stages of a model that are followed for clients */

/* A stage or alias that is not the target's own, and the version that clients got by it. */
struct followed {
	char *stage, *version, *run_id;
};

struct loads {
	struct cache_load **items;
	size_t count, cap;
};

/*
 * A model that is kept. The updater's lock guards all of it; the part below `busy` is that of
 * the thread that has set it, which needs no lock to read it, and what follows `source` is that
 * thread's alone, but `answer`.
 */
struct target {
	char *name;
	bool configured;
	deadline due;
	struct loads loads; /* that wait */
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
	bool fresh; /* it was asked for in this check, and stays as it is to the check's end */
	bool invalid; /* that version came, and was not good */
	struct {
		struct followed *items;
		size_t count, cap;
	} followed;
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

/* ---- update_check.c ---- */

/*
 * Checks a target whose `busy` is this thread's. With `forced` what was refused is tried again,
 * and what was left until it is asked for is loaded. -1 with err; what serves, serves on.
 */
int target_check(struct updater *u, struct target *t, bool forced, struct err *err);
/* Serves what the disk has, once, and ends those loads that want nothing else. */
void target_begin(struct updater *u, struct target *t);
/* Seconds after which a target that has failed so often is tried again. */
double target_backoff(const struct cached_config *config, unsigned failures);
/* True if a version of a source is one that is not tried any more. */
bool target_refuses(const struct target *t, const struct source_version *v);
/* Says so; always -1. */
int target_refusal(const struct target *t, const struct source_version *v, struct err *err);
/* Notes that a target's version was loaded, or is left until it is asked for. */
void target_set_ready(struct updater *u, struct target *t);
/* Notes which version clients got by a stage that is not the target's own. */
void target_follow_stage(
	struct target *t, const char *stage, const struct source_version *version);
/* Frees its texts. */
void followed_release(struct followed *followed);

/* ---- update_load.c ---- */

/* Asks which version the target's own stage or alias names; it is then t->wanted. */
int target_ask(struct updater *u, struct target *t, struct err *err);
/* Asks for the version of another stage or alias. */
int target_ask_stage(struct updater *u, struct target *t, const char *stage,
	struct source_version *v, struct err *err);
/* How a version is told to the cache; points to all three. */
struct cache_about target_about(
	const struct target *t, const struct source_version *v, const char *stage);
/*
 * Notes on the disk which version serves from now on, before any client can see it: a start
 * after this one serves nothing older.
 */
void target_remember(struct updater *u, const struct target *t, const struct source_version *v);
/* Does all loads that wait for a target. */
void target_drain(struct updater *u, struct target *t);
/* Brings the wanted version in place of another run's that is held under its number. */
int target_replace(struct updater *u, struct target *t, struct err *err);
/* Serves what the disk has as the last that served; 0 as well where it has none. */
int target_serve_last(struct updater *u, struct target *t, struct err *err);

#endif
