/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking a directory: every name below it once, without following links.
 */
#ifndef TREE_WALK_H
#define TREE_WALK_H

#include <sys/stat.h>

#include "base/err.h"

struct walk_item {
	int dirfd;        /* the directory that holds it */
	const char *name; /* in that directory */
	const char *path; /* from where the walk began */
	struct stat st;   /* of the name itself */
};

enum walk_verdict {
	WALK_ON = 0,  /* go on, into it if it is a directory */
	WALK_OVER = 1 /* go on, not into it */
};

/* Visits one name: enum walk_verdict, or -1 with err, which ends the walk. */
typedef int (*walk_visit)(void *arg, const struct walk_item *item, struct err *err);

/*
 * Visits all below a directory, parents before children, in the directories' own order. A
 * name that vanishes meanwhile is left out. ERR_LIMIT below MANIFEST_DEPTH_MAX levels or for
 * paths that are too long.
 */
int tree_walk(int dirfd, walk_visit visit, void *arg, struct err *err);

#endif
