/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a directory takes, and what its removal gives back.
 *
 * A file with several names gives its blocks back with the last of them. Blocks that files
 * share (clones, FICLONE) are counted for each of them: the kernel does not tell in a stat who
 * shares what, so where versions were cloned from each other the number is an upper bound.
 */
#ifndef TREE_USAGE_H
#define TREE_USAGE_H

#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"

struct tree_usage {
	uint64_t bytes; /* the lengths of all files below it */
	uint64_t frees; /* bytes of the disk that its removal gives back */
};

/* Measures all below a directory, without following links. */
int tree_usage_measure(int dirfd, struct tree_usage *out, struct err *err);
/*
 * A path_removing (base/path.h) whose argument is a uint64_t: adds what the name that is about
 * to go gives back.
 */
void tree_usage_freed(void *freed, const struct stat *st);

#endif
