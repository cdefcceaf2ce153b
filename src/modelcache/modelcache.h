/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmodelcache: models that model-cached holds in memory, for the programs that use them. All
 * processes of the host share one copy, mapped read-only; a hit makes no system call.
 *
 *     struct modelcache *cache = modelcache_open(NULL, &error);
 *     const struct modelcache_model *model = modelcache_acquire(cache, "fraud", NULL, &error);
 *     if (!model) return complain(error.text);
 *     predict(model->data, model->size);
 *     modelcache_release(model);
 *
 * The bytes of an acquired model never change and stay mapped until it is released, whatever
 * the daemon does, and if it dies. So acquire for a request, or for a batch of them, and
 * release afterwards: what is held is not evicted, and an old version's memory goes when its
 * last holder lets go (the library's thread unmaps it, so that no release takes long).
 *
 * Which version. `selector` is NULL or "" for the current version, "@ALIAS", a stage of MLflow
 * ("Production"), or a version ("2"). When another version becomes current, a thread of the
 * library maps it first, without haste (1 GB takes some 0.3 seconds), and from then on
 * modelcache_acquire gives it; nobody waits meanwhile. modelcache_fd tells of it. One that
 * cannot be had just then (no memory, no slot) is asked for again every second.
 *
 * Waiting. The first acquisition of a version asks the daemon, which may have to load it: up to
 * MODELCACHE_TIMEOUT_MS. Later ones do not wait.
 *
 * The daemon's death. What was acquired before, by whatever selector, can be acquired further.
 * The library connects again, with pauses that grow from 0.1 to 5 seconds, maps what the new
 * daemon has, and only then lets the old mappings go.
 *
 * Threads: all functions may be called from any thread, except that modelcache_close must be
 * the last, with nothing acquired. Signals: no function is safe in a handler; the library's
 * thread blocks all signals. fork: models that the parent holds stay readable in the child, but
 * the child must open a cache of its own: its calls with the parent's fail with EOWNERDEAD,
 * except modelcache_release, which does nothing there, and modelcache_close, which frees the
 * memory.
 */
#ifndef MODELCACHE_H
#define MODELCACHE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MODELCACHE_SOCKET     "/run/model-cached/cache.sock" /* where NULL is given */
#define MODELCACHE_TIMEOUT_MS 30000

/* What went wrong: an errno, and a sentence. Filled only when a function fails; may be NULL. */
struct modelcache_error {
	int code;
	char text[208];
};

/*
 * A version in hand. `data` is page-aligned, and NULL if size is 0. Texts are never NULL; ""
 * where nothing is known. Nothing of it changes while any thread has it in hand: `stage` is the
 * one that it had when this process got it, and does not follow what the registry says later.
 */
struct modelcache_model {
	const void *data;
	uint64_t size; /* bytes */
	const char *name, *version, *stage, *run_id;
	const char *sha256; /* of the bytes, as hex; the daemon has verified it */
	int64_t loaded_at;  /* by the daemon, in seconds since 1970 */
};

struct modelcache;

/*
 * Connects to a daemon's socket (NULL: MODELCACHE_SOCKET) and starts the library's thread.
 * NULL with an error: ENOENT or ECONNREFUSED, no daemon there; EACCES or ECONNRESET, it does
 * not let this user in; ETIMEDOUT; EPROTO, it speaks otherwise; ENOMEM, EMFILE, EAGAIN.
 */
struct modelcache *modelcache_open(const char *socket, struct modelcache_error *error);

/* Disconnects, unmaps everything and frees it. NULL is fine. */
void modelcache_close(struct modelcache *cache);

/*
 * Takes a version in hand. NULL with an error: ENOENT, there is no such model or version;
 * EBUSY, the cache is full of what is in use or is being loaded, so that it may be over in a
 * moment; EAGAIN, too much at once, or too little taken; EIO, EHOSTUNREACH, ...,
 * it could not be loaded; EFBIG, ENOMEM, a program of 32 bits cannot map as much; ENOTCONN, the
 * daemon is not there and the version was never acquired; ETIMEDOUT; EINVAL, a text is too
 * long; EOWNERDEAD, after fork.
 */
const struct modelcache_model *modelcache_acquire(struct modelcache *cache, const char *name,
	const char *selector, struct modelcache_error *error);

/* Lets it go. NULL is fine. */
void modelcache_release(const struct modelcache_model *model);

/*
 * An eventfd that becomes readable when modelcache_acquire gives something else than before for
 * a model that was acquired. Poll it, and read 8 bytes to reset it; it belongs to the cache.
 */
int modelcache_fd(const struct modelcache *cache);

#ifdef __cplusplus
}
#endif

#endif
