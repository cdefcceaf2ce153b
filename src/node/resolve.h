/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths behind links.
 */
#ifndef NODE_RESOLVE_H
#define NODE_RESOLVE_H

#include "base/mem.h"

/*
 * The path without links and dots, as far as it exists; what does not exist stays as it is
 * written (Python's os.path.realpath). A circle of links gives the path as it is. In the
 * arena.
 */
const char *resolve_path(struct arena *a, const char *path);
/* What a link points to, in the arena; NULL with errno when it is no link. */
const char *resolve_link(struct arena *a, const char *path);

#endif
