/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of change.h share: names for what is in the making.
 */
#ifndef NODE_CHANGE_NAME_H
#define NODE_CHANGE_NAME_H

#include "base/err.h"

#define CHANGE_MAKING ".modelfleet-" /* and the helper's process, and what makes it unique */

/* A name in the directory of a path that nothing has; new memory. */
char *change_name_beside(const char *path);
/* Brings the directory of a path to the disk. */
int change_sync_parent(const char *path, struct err *err);

#endif
