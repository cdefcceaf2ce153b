/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What earlier runs learnt about a host, so that a warm connect tries the right thing first:
 * its machine type, the directory that its helpers run from, and whether libssh2 could not
 * talk to it. A small file for each host in the user's cache; a missing or damaged one is
 * the same as knowing nothing.
 *
 * Private to link/.
 */
#ifndef LINK_MEMORY_H
#define LINK_MEMORY_H

#include <stdbool.h>

#include "base/err.h"

#define HOST_MEMORY_SECONDS (14L * 24 * 3600) /* how long "libssh2 cannot" is believed */

struct host_memory {
	char *file;         /* NULL: remembers nothing */
	char *key;          /* user@host:port */
	char *machine;      /* as in struct link_helper, or NULL */
	char *dir;          /* on the node, or NULL */
	bool needs_program; /* libssh2 could not do it; the ssh program could */
	bool changed;
};

/* Reads what is known. cache_dir as in link_options. */
void host_memory_load(struct host_memory *m, const char *cache_dir, const char *key);
/* Remembers the helper's machine and directory. */
void host_memory_set_helper(struct host_memory *m, const char *machine, const char *dir);
/* Remembers whether the ssh program is needed. */
void host_memory_set_program(struct host_memory *m, bool needs_program);
/* Writes the file if something changed. Failing to is no error: the next run learns again. */
void host_memory_save(struct host_memory *m);
/* Frees everything. */
void host_memory_release(struct host_memory *m);

#endif
