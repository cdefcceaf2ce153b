/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths as settings and the command line name them.
 */
#ifndef INVENTORY_PATHS_H
#define INVENTORY_PATHS_H

#include "base/mem.h"

/*
 * The absolute form of a path: a leading "~" and $NAME or ${NAME} expanded, joined to `base`
 * when relative (NULL: the working directory), ".", ".." and double slashes taken out. Links
 * are not followed.
 */
char *path_absolute(struct arena *arena, const char *path, const char *base);

#endif
