/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The updater, a cache and a disk store over a directory of versions, without a port. Nothing
 * is checked by itself but at the start: the interval is a day.
 */
#ifndef TESTS_UPDATE_RIG_H
#define TESTS_UPDATE_RIG_H

#include <pthread.h>

#include "daemons/cached/update.h"

struct rig {
	const char *dir; /* of the test; the store is DIR/store, and versions are dates */
	struct cached_config *config;
	struct disk *disk;
	struct metrics metrics;
	struct updater *updater;
	struct cache *cache;
	struct err err;   /* of the last answer */
	char version[64]; /* of the last answer; "" */
	char content[64]; /* of the last model that was got */
};

/* Puts a version into the store: MODEL/DATE/model.ENDING. */
void rig_publish(struct rig *r, const char *model, const char *date, const char *ending,
	const char *content);
/* Takes the whole store away, or brings it back. */
void rig_store_away(struct rig *r, bool away);
/* Makes a configuration: "fraud" of the store, unless `models` says others, and more keys. */
struct cached_config *rig_config(struct rig *r, const char *models, const char *more);
/* Starts all. */
void rig_start(struct rig *r, const char *dir, const char *models, const char *more);
/* Takes another configuration up. */
void rig_configure(struct rig *r, const char *models, const char *more);
/* Ends all. */
void rig_stop(struct rig *r);
/* Asks for a reload and waits for its end; 0 or -1 with version and err filled in. */
int rig_reload(struct rig *r, const char *model);
/* Gets a version as a client does, and lets it go; the same, with its content. */
int rig_get(struct rig *r, const char *model, const char *version, const char *stage);
/* The version that is current; "" */
const char *rig_current(struct rig *r, const char *model);
/* How a target does; all-zero where there is none. */
struct update_row rig_row(struct rig *r, const char *model);
/* The cache's counters. */
struct cache_counts rig_counts(struct rig *r);
/* Waits until a condition holds; fails the test after a minute. */
#define RIG_WAIT(condition)                                                                    \
	do {                                                                                   \
		deadline until_ = deadline_in(60);                                             \
		while (!(condition)) {                                                         \
			assert_false(deadline_passed(until_));                                 \
			rig_pause();                                                           \
		}                                                                              \
	} while (0)
/* A millisecond, between two looks at a condition. */
void rig_pause(void);

#endif
