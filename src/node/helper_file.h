/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running program as a file: copies of it, and what is left of old ones.
 */
#ifndef NODE_HELPER_FILE_H
#define NODE_HELPER_FILE_H

#include <stdint.h>
#include <time.h>

#include "base/err.h"

/* Opens the running program's file for the functions below: for who is about to lose the right
 * to read it by taking another user's identity. */
void helper_keep_self(void);
/* Copies the running program into a new directory below `base`, where every user may run it.
 * The path in new memory, or NULL with err. */
char *helper_copy_for_all(const char *base, struct err *err);
/* Removes such a copy and its directory. */
void helper_remove_copy(const char *path);
/*
 * Keeps a copy of the running program in a directory of this user's (made if need be), under
 * a name that says what it holds. The path in new memory, or NULL with err.
 */
char *helper_install(const char *dir, struct err *err);
/* Removes helpers and cut uploads from a directory that were not used since; returns how
 * many. The running one stays. */
uint32_t helper_prune(const char *dir, time_t unused_since);

#endif
