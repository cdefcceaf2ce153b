/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory tree as a text, for comparing what it was with what it is: names, kinds, modes,
 * owners, times, content and targets. Times of directories are left out: others write there.
 */
#ifndef TESTS_NODE_TREE_PICTURE_H
#define TESTS_NODE_TREE_PICTURE_H

#include "base/scratch.h"

/* The picture of all that is below a directory; to be freed. */
char *tree_picture(const char *dir);

#endif
