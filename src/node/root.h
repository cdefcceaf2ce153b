/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roots: the directories below which the helper works, and the only way to a path below
 * them. `beneath_*` resolve a relative path from a directory descriptor without leaving it:
 * by openat2(2) with RESOLVE_BENEATH and no links, or component by component on kernels
 * before 5.6. No function here follows a symbolic link below the root.
 */
#ifndef NODE_ROOT_H
#define NODE_ROOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/path.h"
#include "tree/hashcache.h"
#include "wire/op.h"

#define ROOT_FLEET    ".fleet"
#define ROOT_VERIFIED ".fleet/verified"
#define ROOT_TRASH    ".fleet/trash"
#define ROOT_STAGING  ".staging"

struct root {
	int fd;         /* the directory */
	int lock_fd;    /* the lease, or -1 */
	uint64_t freed; /* bytes of the disk that emptying the trash gave back, not told yet */
	char *path;     /* as it was asked for, "~" expanded */
};

/* Opens a root as ROOT_OPEN asks; `home` replaces "~". ERR_BUSY when another has the lease. */
struct root *root_open(const struct wire_root_open *o, const char *home, struct err *err);
/* Closes a root and releases its lease; NULL is fine. */
void root_close(struct root *r);
/*
 * Unlinks all that lies in the trash; adds to `freed`, and forgets in the cache (which may be
 * NULL) what has gone. -1 with errno.
 */
int root_empty_trash(struct root *r, struct hash_cache *cache);
/* The state of the disk below a root. */
int root_disk(const struct root *r, struct wire_disk *out, struct err *err);
/* Fills an error from errno about a path below a root; says so where a link stands in it. */
int root_error(const struct root *r, const char *path, struct err *err);
/* 0 if a version's path from the engine is allowed, else -1 with ERR_INPUT. */
int root_check_version(const char *version, struct err *err);
/* A version's path as one file name ("%2F" for "/"); new memory. */
char *root_flat_name(const char *version);
/* The version's path of a flat name in new memory, or NULL if it is none. */
char *root_unflatten(const char *name);

/* openat below dirfd; flags and mode as open(2). -1 with errno. */
int beneath_open(int dirfd, const char *path, int flags, mode_t mode);
/* Opens the directory that holds path, and gives the last component (into path). */
int beneath_parent(int dirfd, const char *path, const char **name);
/* lstat below dirfd. */
int beneath_stat(int dirfd, const char *path, struct stat *st);
/* Makes a directory and its parents below dirfd; what exists is fine. */
int beneath_mkdirs(int dirfd, const char *path, mode_t mode);
/* Renames from one directory descriptor's path to another's; flags of renameat2(2). */
int beneath_rename(int from, const char *old, int to, const char *new, unsigned flags);
/* Removes a file, link or directory with all below it; what is absent is fine. */
int beneath_remove(int dirfd, const char *path);
/* The same; tells of everything that goes (base/path.h). */
int beneath_remove_telling(int dirfd, const char *path, path_removing removing, void *arg);
/* Makes beneath_* resolve with openat2 (the default) or without it, as on an old kernel. */
void beneath_use_openat2(bool use);
/* fsyncs the directory at path ("." for dirfd itself). */
int beneath_sync_dir(int dirfd, const char *path);

#endif
