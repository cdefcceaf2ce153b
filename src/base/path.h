/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths: joining, splitting, checking what comes from outside, making and removing trees.
 */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

/* dir + "/" + name in new memory; an absolute name stands alone; "" and "." dirs vanish. */
char *path_join(const char *dir, const char *name);
/* The part before the last slash in new memory: "." without one, "/" for the root. */
char *path_dirname(const char *path);
/* The part after the last slash; points into path. */
const char *path_basename(const char *path);
/* Expands a leading "~" or "~/" with $HOME (or the passwd entry); new memory. */
char *path_expand_home(const char *path);
/*
 * True if a path from outside may be used below a root: relative, not empty, no empty, "."
 * or ".." component, at most 4095 bytes with components of at most 255.
 */
bool path_is_contained(const char *path);
/* True if s can be one path component: not empty, no slash, not "." or "..", at most 255. */
bool path_is_component(const char *s);
/* A relative path as one component, `%` as "%25" and `/` as "%2F"; new memory. */
char *path_flat_name(const char *path);
/* Makes a directory and its parents; what exists is fine. */
int path_mkdirs(const char *path, mode_t mode, struct err *err);
/* Removes a file or a directory with all below it, without following links; absent is fine. */
int path_remove_tree(const char *path, struct err *err);
/* Told of what is about to lose a name, as lstat(2) sees it. */
typedef void (*path_removing)(void *arg, const struct stat *st);
/*
 * The same for a name in a directory; `removing` may be NULL. A directory of our own that we
 * may not write to is made writable first. -1 with errno.
 */
int path_remove_at(int dirfd, const char *name, path_removing removing, void *arg);
/* True if the path exists (links are followed). */
bool path_exists(const char *path);
/* True if the path is a directory (links are followed). */
bool path_is_dir(const char *path);
/*
 * A directory of the user's for state ("state"), cache ("cache") or config ("config"), by the
 * XDG variables, with "/modelfleet" behind it; new memory; not created.
 */
char *path_user_dir(const char *kind);

#endif
