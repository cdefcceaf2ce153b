/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache: models by name, each with the versions that are held in memory. One version of a
 * model may be its current one; which one that is changes by one exchange under the cache's
 * lock, and who had the old one in hand keeps it until it lets go.
 *
 * All functions are safe to call from any thread. None waits for a load. Callbacks run without
 * the cache's lock, on the thread whose call caused them, unless they say otherwise.
 *
 * How a version gets here:
 *
 *     cache_get ──held──▶ answered at once
 *        │ not held
 *        ├─ failed a short while ago ──▶ answered with that error (the negative cache)
 *        ├─ is being loaded ──▶ waits for that load with all others
 *        └─ else loader->start(load): a thread of the loader's finds out which version is
 *           meant,
 *             cache_load_is(load, version)    false: somebody else loads it, or it is here
 *             cache_load_reserve(load, size, current)    room is made before it is fetched
 *             ... fetches, writes a blob, validates ...
 *             cache_load_done(load, &about, blob, current)   or   cache_load_failed(load, ...)
 *
 * An updater that wants a version says so with cache_get, too, so that it never loads what a
 * client's request loads already. What nobody asks for is a load of cache_load_begin.
 *
 * A version is in use while a reference of cache_get or cache_find is held, or while a client
 * of the socket has it in hand (the watcher knows). What is in use is never evicted.
 */
#ifndef DAEMONS_CACHED_CACHE_H
#define DAEMONS_CACHED_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "daemons/cached/blob.h"
#include "daemons/cached/policy.h"

/* Bytes of text with its NUL; what is longer is refused with ERR_LIMIT. */
#define CACHE_NAME_MAX    128
#define CACHE_VERSION_MAX 64
#define CACHE_STAGE_MAX   64
#define CACHE_RUN_MAX     64

/* What is known about a version; strings may be NULL except name and version. */
struct cache_about {
	const char *name, *version;
	const char *stage;  /* MLflow's: "Production" */
	const char *alias;  /* "champion" */
	const char *run_id; /* of the run that made it */
	time_t loaded_at;   /* 0: now */
};

/*
 * A version that is held; valid while a reference is. All of it is constant but stage and
 * alias, which cache_describe may make point to other texts; what they pointed to stays valid
 * as long as the version. Strings are never NULL. The library's clients see the stage of the
 * moment in which they got the version (modelcache.h).
 */
struct cache_model {
	const char *name, *version, *run_id;
	const char *_Atomic stage, *_Atomic alias;
	time_t loaded_at;
	struct blob *blob;     /* its bytes, size and sha256 */
	uint64_t watched_hits; /* the watcher's, under a lock of its own */
};

struct cache;
struct cache_load;

/* Brings versions that are not held. */
struct cache_loader {
	/*
	 * Begins a load on a thread of the loader's own and returns; must not wait. The load
	 * ends with cache_load_done, cache_load_failed, or a cache_load_is that gives false.
	 */
	void (*start)(void *data, struct cache_load *load);
	void *data;
};

/* What those who hold a version outside of this process do with it. */
struct cache_use {
	uint64_t in_use; /* how often it is in hand */
	uint64_t hits;   /* how often it was taken, ever */
	uint64_t used;   /* clock_ns of the last time; 0: never */
};

/*
 * Who gives versions to other processes. Called with the cache's lock held, so it must not call
 * the cache; `changed` is called without the lock.
 */
struct cache_watcher {
	/* Adds what is known of a version's use. */
	void (*look)(void *data, const struct cache_model *model, struct cache_use *use);
	/*
	 * Takes a version back, so that nobody can take it in hand again without asking. False,
	 * and nothing done, while somebody has it in hand; with `force` it is taken back from
	 * all who have it not in hand, and from the others as they let go.
	 */
	bool (*revoke)(void *data, const struct cache_model *model, bool force);
	/*
	 * Another version of a model is current: `now`; before there was `before`, or NULL. Or
	 * a version has another stage or alias: both are this version.
	 */
	void (*changed)(
		void *data, const struct cache_model *now, const struct cache_model *before);
	void *data;
};

struct cache_options {
	struct policy_limits limits;
	struct cache_loader loader; /* without `start` what is not held is ERR_NOTFOUND */
	/* Told of another current version, besides the watchers; may be NULL. */
	void (*changed)(
		void *data, const struct cache_model *now, const struct cache_model *before);
	/* Told that a version was evicted or has left with its last user; may be NULL. */
	void (*removed)(void *data, const struct cache_model *model);
	void *data; /* of these two */
};

/* Makes an empty cache. */
struct cache *cache_new(const struct cache_options *options);
/* Frees it. Nobody uses it any more: no load is under way and no reference is held. */
void cache_free(struct cache *c);
/* Sets who gives versions to other processes; NULL: nobody. There is one at most. */
void cache_watch(struct cache *c, const struct cache_watcher *watcher);
/* Changes the limits; what exceeds them goes as far as it may. */
void cache_set_limits(struct cache *c, const struct policy_limits *limits);
/*
 * Pins a model by name, or lets it go: its current version is never evicted. It need not be
 * held.
 */
void cache_pin(struct cache *c, const char *name, bool pinned);

/* ---- what is held ---- */

/*
 * The held version that is meant: by `version`, or by `stage` (a stage or an alias), or with
 * neither the current one. A reference for the caller, to be given back with cache_release;
 * NULL: not held. Counts a hit or a miss.
 */
struct cache_model *cache_find(
	struct cache *c, const char *name, const char *version, const char *stage);
/* Gives a reference back. NULL is fine. */
void cache_release(struct cache *c, struct cache_model *model);
/* The same as cache_find, for looking: counts nothing and is no use that keeps LRU waiting. */
struct cache_model *cache_peek(
	struct cache *c, const char *name, const char *version, const char *stage);

/*
 * One more reference to a version that the caller has one of, which keeps its memory but is no
 * use: the version may be evicted and stays valid. For those who ask the watcher about use.
 */
void cache_keep(struct cache *c, struct cache_model *model);
/* Gives back what cache_keep took. */
void cache_unkeep(struct cache *c, struct cache_model *model);
/* True once a version is no longer to be had; it does not come back. */
bool cache_is_leaving(struct cache *c, const struct cache_model *model);

/* Puts a version that is there already: a load that begins and is done (cache_load_done). */
int cache_put(struct cache *c, const struct cache_about *about, struct blob *blob, bool current,
	struct err *err);
/* Makes a held version current. ERR_NOTFOUND. */
int cache_set_current(struct cache *c, const char *name, const char *version, struct err *err);
/*
 * Gives a held version another stage and alias (NULL: none), which the watcher is told of where
 * they are others than before. ERR_NOTFOUND.
 */
int cache_describe(struct cache *c, const char *name, const char *version, const char *stage,
	const char *alias, struct err *err);
/* Tells the watcher of a version as of one that has another stage: who asked by a stage asks
 * again. */
void cache_announce(struct cache *c, struct cache_model *model);
/*
 * Lets a version go, current or not: at once, or when its last user lets go. ERR_NOTFOUND.
 */
int cache_remove(struct cache *c, const char *name, const char *version, struct err *err);
/* Evicts what may go until `bytes` are free; returns how many bytes that were. */
uint64_t cache_shrink(struct cache *c, uint64_t bytes);

/* ---- loads ---- */

/*
 * Answers once: with the model and a reference that the callee gives back, or NULL and an error
 * (ERR_NOTFOUND, ERR_BUSY, or what the loader said). May be called before cache_get returns.
 */
typedef void (*cache_answer)(void *arg, struct cache_model *model, const struct err *err);

/* Gives a version, loading it if need be; as cache_find it takes version, stage, or neither. */
void cache_get(struct cache *c, const char *name, const char *version, const char *stage,
	cache_answer answer, void *arg);

/*
 * Begins a load that nobody has asked for: of what is there without a request, or of other
 * bytes for a version that is held. The caller ends it as the loader does.
 */
struct cache_load *cache_load_begin(struct cache *c, const char *name, const char *version);
/* What was asked for; version and stage NULL where they were not said. */
const char *cache_load_name(const struct cache_load *load);
/* The version that was asked for, or that cache_load_is has said; else NULL. */
const char *cache_load_version(const struct cache_load *load);
/* The stage or alias that was asked for; else NULL. */
const char *cache_load_stage(const struct cache_load *load);
/*
 * Says which version it turned out to be. False: this version is held, is loaded by another
 * load, or failed a short while ago; those who wait are seen to, and the load is gone.
 */
bool cache_load_is(struct cache_load *load, const char *version);
/*
 * Makes room for so many bytes, which count from now on. Other versions are evicted for it.
 * With `current` it is to be its model's current version, and takes the place of the one that
 * is; else it needs a place like any other. ERR_BUSY where all that is held is in use or
 * pinned, or reserved by other loads: it does not wait for their ends, since a version that
 * came is in the hands of whoever asked for it, and the thread has other models to look after.
 * ERR_LIMIT for more than the cache may hold. May be called again with another size.
 */
int cache_load_reserve(struct cache_load *load, uint64_t bytes, bool current, struct err *err);
/*
 * Ends a load: puts the version, and answers all who wait. The load is gone, and the blob's
 * reference is taken over, whatever happens. With `current` it becomes its model's current
 * version. One that is held with the same run and bytes only gets the new stage and alias; with
 * others it is replaced, and stays with who has it. -1 with what was not reserved: ERR_BUSY,
 * ERR_LIMIT as cache_load_reserve, ERR_LIMIT for a text that is too long; who waits was told.
 */
int cache_load_done(struct cache_load *load, const struct cache_about *about, struct blob *blob,
	bool current, struct err *err);
/*
 * Ends a load without a version: all who wait get the error, and so does who asks for the same
 * within `seconds`.
 */
void cache_load_failed(struct cache_load *load, const struct err *err, double seconds);
/* Forgets what failed of a model (NULL: of all), so that the next request tries again. */
void cache_forget_failures(struct cache *c, const char *name);

/* ---- for lists and metrics ---- */

struct cache_row {
	char name[CACHE_NAME_MAX], version[CACHE_VERSION_MAX], stage[CACHE_STAGE_MAX],
		alias[CACHE_STAGE_MAX], run_id[CACHE_RUN_MAX], sha256[BLOB_SHA256_HEX];
	uint64_t size;
	time_t loaded_at;
	bool current, pinned;
	bool leaving;    /* no longer to be had; its last users have it in hand */
	uint64_t in_use; /* references and clients that have it in hand */
	uint64_t hits;
	double idle; /* seconds since the last use */
};

struct cache_counts {
	size_t models, versions; /* held: names, and versions of them */
	uint64_t bytes;          /* held */
	uint64_t reserved;       /* for loads under way */
	uint64_t leaving;        /* bytes of what only its last users hold */
	uint64_t hits, misses;
	uint64_t loads, load_failures; /* ended */
	uint64_t joined;               /* requests that waited for a load of somebody else */
	uint64_t negative;             /* requests that the negative cache answered */
	uint64_t evictions;
	uint64_t busy;  /* refused because all that is held is in use */
	uint64_t swaps; /* another version became current */
	double swap_seconds_last, swap_seconds_max; /* the lock held for such an exchange */
};

/* All versions, sorted by name, the current one first; to be freed. */
struct cache_row *cache_rows(struct cache *c, size_t *count);
/* The counters. */
void cache_counts(struct cache *c, struct cache_counts *counts);

#endif
