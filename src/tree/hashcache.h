/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes of files that were read before, by device, inode, size, mtime and ctime: no run
 * reads a model again that has not changed. A file whose mtime or ctime lies too near to
 * the moment of hashing is not remembered, because it could change again within the
 * filesystem's clock tick.
 */
#ifndef TREE_HASHCACHE_H
#define TREE_HASHCACHE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"
#include "tree/hash.h"

struct hash_cache;

/*
 * Opens the cache in a file; an absent or damaged file is an empty cache. Never fails for
 * what the file holds. ERR_* only when it is there and cannot be read.
 */
struct hash_cache *hash_cache_open(const char *path, struct err *err);
/* True with the hash when a file with this stat is known. Thread-safe. */
bool hash_cache_get(struct hash_cache *c, const struct stat *st, uint8_t hash[TREE_HASH_SIZE]);
/*
 * The hash that a file had when it was last read, if its inode, size and mtime are as they
 * were; its ctime may be another. What differs from that has changed unseen. Thread-safe.
 */
bool hash_cache_recall(
	struct hash_cache *c, const struct stat *st, uint8_t hash[TREE_HASH_SIZE]);
/* Remembers a hash of a file whose stat was the same before and after reading. Thread-safe. */
void hash_cache_put(
	struct hash_cache *c, const struct stat *st, const uint8_t hash[TREE_HASH_SIZE]);
/* Forgets the file with this stat: it goes. Thread-safe. */
void hash_cache_forget(struct hash_cache *c, const struct stat *st);
/* Writes the cache if it changed: atomically, entries not used for 90 days left out. */
int hash_cache_save(struct hash_cache *c, struct err *err);
/* Frees the cache without writing; NULL is fine. */
void hash_cache_free(struct hash_cache *c);
/* True if both stats are of one inode, unchanged: size, mtime and ctime are the same. */
bool stat_same(const struct stat *a, const struct stat *b);
/* True if a file with this stat may change again without its stat changing. */
bool stat_is_racy(const struct stat *st);

#endif
