/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much memory models may have where a control group limits this process. The pages of a
 * memory file are charged to who writes them first: this process, whoever maps them later. They
 * cannot be swapped out for others where there is no swap, so that what passes memory.max ends
 * in the kernel killing us. What is left of the limit beside our own memory is therefore a
 * limit of the cache, which makes room before a model is loaded; and where tasks of the group
 * (or of the machine) wait for memory, the cache gives some back.
 *
 * The same goes for each group above ours: a limit of a slice is shared with its other
 * services, and what these need is not there for models.
 *
 * Source: the kernel's documentation, cgroup-v2.rst (memory.max, memory.high, memory.stat),
 * cgroup-v1/memory.rst, and psi.rst. Files are read ten times a second where there is a limit,
 * else once: triggers of psi need more rights than a daemon has.
 */
#ifndef CACHED_PRESSURE_H
#define CACHED_PRESSURE_H

#include "daemons/cached/cache.h"

#define PRESSURE_CGROUPS "/sys/fs/cgroup"

/* A control group, as a path below PRESSURE_CGROUPS. */
struct pressure_group {
	int version; /* of the interface: 1 or 2; 0: there is none */
	char *path;  /* "/system.slice/x.service"; "/memory/..." with version 1 */
};

struct pressure_view {
	uint64_t room;  /* bytes for models; UINT64_MAX: no limit, else at least 1 */
	double stalled; /* percent of the last ten seconds in which something waited */
};

/* What of a group's memory is known to be this process's, in bytes. */
struct pressure_own {
	uint64_t models; /* in memory files */
	uint64_t other;  /* its heap and stacks */
};

/*
 * Looks at a group and those above it; `root` is PRESSURE_CGROUPS, or in tests what looks like
 * it. Each limit, less what is charged there beside models and cannot go, and less a spare
 * part, is room for models; the smallest counts. What cannot be read is as without a limit. The
 * kernel's sums come late (it adds up every two seconds, or when enough has changed): at least
 * what we have ourselves is taken off. Version 1 has no figures of stalls.
 */
void pressure_look(const char *root, const struct pressure_group *group,
	const struct pressure_own *own, struct pressure_view *view);
/* The group that a text as /proc/self/cgroup has it names. */
void pressure_parse_group(const char *text, struct pressure_group *group);
/* Frees its path. */
void pressure_group_release(struct pressure_group *group);

struct pressure;

/* Begins to watch for a cache, whose limits it sets from now on. NULL with err. */
struct pressure *pressure_start(
	struct cache *cache, const struct policy_limits *configured, struct err *err);
/* Takes other limits up, as they are configured. */
void pressure_configure(struct pressure *pressure, const struct policy_limits *configured);
/*
 * What models may have at present (0: any), and how often some were let go; for metrics.
 */
void pressure_counts(struct pressure *pressure, uint64_t *budget, uint64_t *shrinks);
/* Ends it. NULL is fine. */
void pressure_stop(struct pressure *pressure);

#endif
