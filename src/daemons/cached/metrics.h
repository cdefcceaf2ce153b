/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon counts itself. */
#ifndef CACHED_METRICS_H
#define CACHED_METRICS_H

#include <pthread.h>
#include <stdint.h>

#include "daemons/prometheus.h"

/* Made by metrics_init; counted into from any thread. */
struct metrics {
	pthread_mutex_t lock;
	struct histogram loads, swaps;
	uint64_t from_disk, from_source; /* loads that went well */
};

/* Makes empty counters. */
void metrics_init(struct metrics *m);
/* Ends them. */
void metrics_release(struct metrics *m);
/* Counts a load that went well. */
void metrics_load(struct metrics *m, double seconds, bool downloaded);
/* Counts an exchange of the current version. */
void metrics_swap(struct metrics *m, double seconds);
/* Appends these counters. */
void metrics_write(struct metrics *m, struct strbuf *out);

#endif
