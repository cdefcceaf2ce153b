/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon counts itself, and Prometheus's text format 0.0.4. */
#ifndef CACHED_METRICS_H
#define CACHED_METRICS_H

#include <pthread.h>
#include <stdint.h>

#include "base/str.h"

#define METRICS_BUCKETS 14u

/* Times in seconds, by size. An all-zero struct with bounds set is empty. */
struct histogram {
	const double *bounds;                 /* METRICS_BUCKETS of them, growing */
	uint64_t within[METRICS_BUCKETS + 1]; /* each alone, not added up; the last: beyond */
	double sum;
};

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

/* Appends a metric's help and type ("gauge", "counter", "histogram"). */
void metrics_head(struct strbuf *out, const char *name, const char *type, const char *help);
/* Appends a metric that has no labels. */
void metrics_add(
	struct strbuf *out, const char *name, const char *type, const char *help, double value);
/* Appends NAME="VALUE" of a label, escaped. */
void metrics_label(struct strbuf *out, const char *name, const char *value);

#endif
