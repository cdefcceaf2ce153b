/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a store on this machine share. Internal to the room.
 */
#ifndef REGISTRY_STORE_LOCAL_H
#define REGISTRY_STORE_LOCAL_H

#include <pthread.h>

#include "registry/store.h"
#include "tree/hashcache.h"

struct local_store {
	struct store head;
	int root;
	struct hash_cache *cache; /* NULL: none can be kept */
	pthread_mutex_t save_lock;
};

/* The store behind its head. */
static inline struct local_store *local_store(struct store *s)
{
	return (struct local_store *)s;
}

/*
 * Opens a path below a directory without leaving that, by openat2(2) with `resolve` beside
 * RESOLVE_BENEATH; on kernels without that call no link is followed at all. -1 with errno.
 */
int local_open_beneath(int dirfd, const char *path, int flags, uint64_t resolve);
/* Opens MODEL (version NULL) or MODEL/VERSION; -1 with err that says what is wrong there. */
int local_open_dir(
	struct local_store *s, const char *model, const char *version, struct err *err);
/* Keeps what was hashed; that it cannot be kept is no reason to stop. */
void local_save_cache(struct local_store *s);

/* Operations of struct store_ops: what versions take, their end, and the store's own notes. */
int local_version_usage(struct store *store, const char *model, const char *version,
	struct tree_usage *out, struct err *err);
/* linked_versions of struct store_ops. */
int local_linked_versions(struct store *store, struct strlist *out, struct err *err);
/* remove_version of struct store_ops. */
int local_remove_version(struct store *store, const char *model, const char *version,
	uint64_t *freed, struct err *err);
/* empty_trash of struct store_ops. */
int local_empty_trash(struct store *store, uint64_t *freed, struct err *err);
/* read_note of struct store_ops. */
int local_read_note(struct store *store, const char *name, struct strbuf *out, struct err *err);
/* write_note of struct store_ops. */
int local_write_note(
	struct store *store, const char *name, const void *data, size_t n, struct err *err);

#endif
