/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the cache: what its files share.
 *
 * One lock guards everything. An entry lives while it has references: one of the table, those
 * of cache_keep, and those of users. Whoever drops the last puts it on the list of the dead,
 * and cache_unlock, after the lock was let go, tells of them and frees them. So no callback
 * runs under the lock except the watcher's `look` and `revoke`.
 *
 * An entry out of the table is leaving: nobody finds it, and its bytes count as leaving until
 * it is freed. It never goes back.
 */
#ifndef DAEMONS_CACHED_CACHE_PRIVATE_H
#define DAEMONS_CACHED_CACHE_PRIVATE_H

#include <pthread.h>

#include "base/str.h"
#include "base/strmap.h"
#include "base/vec.h"
#include "daemons/cached/cache.h"

struct cache_entry {
	struct cache_model model; /* first, so that one is the other */
	struct arena arena;       /* of its strings, former stages and aliases included */
	unsigned refs, users;
	bool current, leaving;
	uint64_t hits, used;
	struct cache_entry *next_leaving, *next_dead;
};

struct cache_failure {
	char *name, *version, *stage;
	struct err err;
	int64_t until;
};

struct cache_waiter {
	cache_answer answer;
	void *arg;
};

struct cache_waiters {
	struct cache_waiter *items;
	size_t count, cap;
};

struct cache_load {
	struct cache *cache;
	char *name, *asked, *stage; /* as it was asked for */
	char *version;              /* which it is, once that is known */
	bool reserved;              /* there is room for it, */
	bool places;                /* a place of its own, */
	uint64_t bytes;             /* and so many bytes */
	struct cache_waiters waiters;
};

struct cache {
	pthread_mutex_t lock;
	struct cache_options options;
	struct cache_watcher watcher;
	struct strmap pins; /* names */
	struct {
		struct cache_entry **items;
		size_t count, cap;
	} entries; /* in the table */
	struct {
		struct cache_load **items;
		size_t count, cap;
	} loads;
	struct {
		struct cache_failure *items;
		size_t count, cap;
	} failures;
	struct cache_entry *leaving, *dead;
	unsigned freeing; /* threads that free the dead, whose memory is not back yet */
	pthread_cond_t freed;
	struct cache_counts counts;
};

/* What was exchanged, to be told after the lock was let go; references to both. */
struct cache_change {
	struct cache_entry *now, *before;
};

/* ---- cache.c ---- */

/* Takes the lock. */
void cache_lock(struct cache *c);
/* Lets it go, then tells of those that have left, and frees them. */
void cache_unlock(struct cache *c);
/* The entry that is meant, as cache_find has it; NULL. */
struct cache_entry *cache_lookup(
	struct cache *c, const char *name, const char *version, const char *stage);
/* Takes a reference for a user, counting a hit. */
struct cache_model *cache_take(struct cache_entry *e);
/* Drops a reference. */
void cache_unref(struct cache *c, struct cache_entry *e);
/* Takes an entry out of the table; it stays as long as somebody has it. */
void cache_leave(struct cache *c, struct cache_entry *e);

/* ---- cache_room.c ---- */

/* What is known of an entry's use, here and by the watcher. */
void cache_look(struct cache *c, const struct cache_entry *e, struct cache_use *use);
/*
 * Makes room for a version of `name`: a place and so many bytes, besides what is held and
 * reserved; the memory of what went for it is back. Where it `replaces` the current version it
 * may pass the limits by number and bytes, but not that of memory. ERR_BUSY, ERR_LIMIT. Lets
 * the lock go meanwhile.
 */
int cache_room(
	struct cache *c, const char *name, uint64_t bytes, bool replaces, struct err *err);
/* Evicts what is beyond the limits, as far as it may go; `keep` (or NULL) stays. */
void cache_trim(struct cache *c, const struct cache_entry *keep);

/* ---- cache_put.c ---- */

/*
 * Puts a version, for which there is room. Takes the blob over, and fills what is to be told.
 * Never NULL.
 */
struct cache_entry *cache_insert(struct cache *c, const struct cache_about *about,
	struct blob *blob, bool current, struct cache_change *change);
/* The version that is held with this run and these bytes; NULL. */
struct cache_entry *cache_lookup_same(
	struct cache *c, const struct cache_about *about, const struct blob *blob);
/* ERR_LIMIT for texts that are too long, ERR_INPUT for a missing name or version. */
int cache_check(const struct cache_about *about, struct err *err);
/* Tells of a change, if there is one, and drops its references. Without the lock. */
void cache_tell(struct cache *c, struct cache_change *change);

/* ---- cache_failures.c ---- */

/* The failure that a request meets, or NULL. */
const struct cache_failure *cache_failure_find(
	struct cache *c, const char *name, const char *version, const char *stage);
/* Remembers a failure. */
void cache_failure_add(struct cache *c, const char *name, const char *version,
	const char *stage, const struct err *err, double seconds);
/* Forgets those of a model, of a version (NULL: of all); with name NULL all there are. */
void cache_failure_drop(struct cache *c, const char *name, const char *version);

#endif
