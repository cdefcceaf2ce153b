/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about the session that several operations need.
 */
#ifndef NODE_SESSION_H
#define NODE_SESSION_H

#include "tree/hashcache.h"

/* The user's home directory: $HOME, else from the user database, else "/". */
void session_home(char out[1024]);
/* The user's cache of hashes, to be freed; NULL where it cannot be read, which costs time only.
 */
struct hash_cache *session_hash_cache(void);

#endif
