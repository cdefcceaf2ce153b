/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who runs this, where, and names for files about a path: for the journal and the lock.
 */
#ifndef HISTORY_IDENTITY_H
#define HISTORY_IDENTITY_H

/* The user's name: of the one who called sudo, else by the user id; new memory. */
char *identity_user(void);
/* This machine's name; new memory. */
char *identity_host(void);
/*
 * A file name for a path: its last component, made harmless, and a hash of the whole, e.g.
 * "inventory-4f2a91c07be3d855"; new memory.
 */
char *identity_path_name(const char *path);

#endif
