/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of a module's call, for content that other programs read under a name; removed
 * with all in it at the end of the call. An all-zero struct is one that is not made yet.
 */
#ifndef NODE_SCRATCH_H
#define NODE_SCRATCH_H

#include "node/change.h"

struct scratch {
	char *directory; /* NULL before the first file */
};

/*
 * Writes content to a file of that name (one component, nothing hidden) in the directory,
 * which is made when it is missing. Its path, the arena's; NULL with err.
 */
const char *scratch_put(struct scratch *s, struct arena *a, const char *name,
	const struct change_content *content, struct err *err);
/* Removes all. */
void scratch_release(struct scratch *s);

#endif
