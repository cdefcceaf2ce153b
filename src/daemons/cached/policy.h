/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which version leaves the cache: least recently used, under a limit by number and one by
 * bytes. Versions that another one has replaced go before any that is current. Pinned ones and
 * those in use stay. Plain data in, an index out; it knows neither memory files nor clients.
 */
#ifndef DAEMONS_CACHED_POLICY_H
#define DAEMONS_CACHED_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_NONE SIZE_MAX

struct policy_limits {
	size_t count;   /* versions at the same time; 0: no limit */
	uint64_t bytes; /* of all of them together; 0: no limit */
	/*
	 * Bytes of memory that there are, 0: no limit. Unlike the others it is not passed for a
	 * moment: what is still leaving counts, and so does what is being loaded.
	 */
	uint64_t memory;
};

struct policy_item {
	uint64_t bytes;
	uint64_t used;   /* when it was last used, on any scale that grows */
	bool pinned;     /* never goes while it is current */
	bool busy;       /* somebody has it in hand */
	bool superseded; /* another version of its model is current */
};

/* True if as much as this is more than the limits allow. */
bool policy_exceeds(const struct policy_limits *limits, size_t count, uint64_t bytes);
/* True if there is no memory for so many bytes. */
bool policy_lacks_memory(const struct policy_limits *limits, uint64_t bytes);
/* The index of the one that goes next, whatever the limits are; POLICY_NONE: none may. */
size_t policy_victim(const struct policy_item *items, size_t count);

#endif
