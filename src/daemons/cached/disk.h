/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions on disk, so that a restart, or a registry that is away, serves what there was:
 *
 *     STATE/index.json     which versions there are (disk_index.h)
 *     STATE/blobs/SHA256   a model's file, under the digest of its content
 *     STATE/staging/KEY    downloads under way, one name a version
 *     STATE/lock           held by the daemon that works here
 *
 * The index is replaced whole, after the file that it names is on the disk: it never names a
 * file that is not there, and files that it does not name are removed at the next start. What
 * is read from here is compared with its digest by whoever reads it; disk_discard takes out
 * what is not what it was.
 *
 * All functions may be called from any thread. Nothing large is read or written under the lock.
 */
#ifndef CACHED_DISK_H
#define CACHED_DISK_H

#include "daemons/cached/disk_index.h"

struct disk;

/*
 * Opens the store of a directory, which is made. `bytes_max` bounds the contents (0: nothing
 * does). NULL with err; ERR_BUSY when another process works there.
 */
struct disk *disk_open(const char *dir, uint64_t bytes_max, struct err *err);
/* Changes the bound. */
void disk_set_limit(struct disk *disk, uint64_t bytes_max);
/* Closes it. NULL is fine. */
void disk_close(struct disk *disk);

/*
 * Copies the version that is meant into an empty struct; `version` NULL: the one of the name
 * that was current last. False: it is not there. The caller releases it.
 */
bool disk_find(struct disk *disk, const char *name, const char *version, const char *run_id,
	struct disk_version *found);
/* The same for a version whatever its run is: the one of these that was used last. */
bool disk_find_any(
	struct disk *disk, const char *name, const char *version, struct disk_version *found);
/* Opens a version's file for reading; -1 with err. */
int disk_read(struct disk *disk, const struct disk_version *version, struct err *err);
/* The path of a version's file; new memory. */
char *disk_path(const struct disk *disk, const struct disk_version *version);
/* Where a version is downloaded to; new memory. */
char *disk_staging(
	const struct disk *disk, const char *name, const char *version, const char *run_id);
/* Bytes that the file system has for one more file; 0 when nobody can tell. */
uint64_t disk_room(const struct disk *disk);
/*
 * Takes a file from staging, whose digest and size `version` says, and whether it is to serve.
 * Where the bound is passed versions go by last use, those that serve after all others: one
 * that does not serve may go at once. When this fails the file is in staging still, or is the
 * version's until the next start, where only the index could not be written.
 */
int disk_take(struct disk *disk, const char *staged, const struct disk_version *version,
	struct err *err);
/* Notes that a version was made current. */
int disk_use(struct disk *disk, const char *name, const char *version, const char *run_id,
	struct err *err);
/* Takes a content out that is not what its digest says, and all versions that have it. */
void disk_discard(struct disk *disk, const char *sha256);
/* Counts versions and bytes. */
void disk_count(struct disk *disk, size_t *versions, uint64_t *bytes);

#endif
