/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Unix socket on which other processes get models: as descriptors of sealed memory files.
 * What is said there is written down in src/modelcache/PROTOCOL.md. One thread serves all
 * clients; a client that breaks the rules is ended alone.
 */
#ifndef DAEMONS_CACHED_HUB_H
#define DAEMONS_CACHED_HUB_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "daemons/cached/cache.h"

/* Limits that hold where the options have 0. */
#define HUB_CLIENTS  512u  /* one user, if not root or our own, has half of them at most */
#define HUB_REQUESTS 64u   /* of one client that wait for an answer */
#define HUB_WAITING  1024u /* requests of all clients that wait for an answer */

struct hub_options {
	const char *
		path; /* of the socket; at most 107 bytes. What is there and dead is replaced */
	/*
	 * Who may connect besides root and this process's own user: members of this group.
	 * NULL: nobody else. The socket belongs to it, if we may give it away.
	 */
	const char *group;
	unsigned clients, requests;
	unsigned descriptors; /* on their way to clients; 0: as many as the kernel allows */
};

struct hub_counts {
	unsigned clients;
	uint64_t accepted, refused; /* connections; refused: not allowed, or too many */
	uint64_t broken;            /* clients ended because they broke the rules */
	uint64_t requests;
};

struct hub;

/*
 * Listens, and becomes the cache's watcher. NULL with err: ERR_INPUT for a path that is too
 * long or a group that does not exist, ERR_BUSY where somebody else listens there, ERR_DENIED.
 */
struct hub *hub_start(struct cache *cache, const struct hub_options *options, struct err *err);
/* Ends all clients and the thread, removes the socket, and frees it. NULL is fine. */
void hub_stop(struct hub *hub);
/* The counters. */
void hub_counts(struct hub *hub, struct hub_counts *counts);

#endif
