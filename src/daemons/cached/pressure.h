/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much memory models may have where a control group limits this process. The pages of a
 * memory file are charged to who writes them first: this process, whoever maps them later. They
 * cannot be swapped out for others where there is no swap, so that what passes memory.max ends
 * in the kernel killing us. What is left of the limit beside our own memory is therefore a
 * limit of the cache, which makes room before a model is loaded; and where tasks of the group
 * (or of the machine) wait for memory, the cache gives some back.
 *
 * Source: the kernel's documentation, cgroup-v2.rst (memory.max, memory.high, memory.stat) and
 * psi.rst. Files are read once a second: triggers of psi need more rights than a daemon has.
 */
#ifndef CACHED_PRESSURE_H
#define CACHED_PRESSURE_H

#include "daemons/cached/cache.h"

#define PRESSURE_CGROUPS "/sys/fs/cgroup"

struct pressure_view {
	uint64_t limit;  /* the lowest memory.max or memory.high above us; UINT64_MAX: none */
	uint64_t others; /* bytes charged to the group that cannot go, models not counted */
	double stalled;  /* percent of the last ten seconds in which something waited */
};

/*
 * Looks at a group, a path below `root` as /proc/self/cgroup has it
 * ("/system.slice/x.service"). `held` are the bytes of models. What cannot be read is as
 * without a limit.
 */
void pressure_look(
	const char *root, const char *group, uint64_t held, struct pressure_view *view);
/* The group of this process; new memory, NULL without control groups of version 2. */
char *pressure_own_group(void);
/* What models may have: `configured` (0: any), and less where the view says so; 0: any. */
uint64_t pressure_budget(const struct pressure_view *view, uint64_t configured);

struct pressure;

/* Begins to watch for a cache, whose limits it sets from now on. NULL with err. */
struct pressure *pressure_start(
	struct cache *cache, const struct policy_limits *configured, struct err *err);
/* Takes other limits up, as they are configured. */
void pressure_configure(struct pressure *pressure, const struct policy_limits *configured);
/* What models may have at present, and how often some were let go; for metrics. */
void pressure_counts(struct pressure *pressure, uint64_t *budget, uint64_t *shrinks);
/* Ends it. NULL is fine. */
void pressure_stop(struct pressure *pressure);

#endif
