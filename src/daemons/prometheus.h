/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics in Prometheus' text format 0.0.4, which is served as "text/plain; version=0.0.4". */
#ifndef DAEMONS_PROMETHEUS_H
#define DAEMONS_PROMETHEUS_H

#include <stdint.h>

#include "base/str.h"

#define PROMETHEUS_BUCKETS 14u

/* Times in seconds, by size. An all-zero struct with bounds set is empty. */
struct histogram {
	const double *bounds;                    /* PROMETHEUS_BUCKETS of them, growing */
	uint64_t within[PROMETHEUS_BUCKETS + 1]; /* each alone, not added up; last: beyond */
	double sum;
};

/* Counts a time. */
void histogram_observe(struct histogram *h, double seconds);

/* Appends a metric's help and type ("gauge", "counter", "histogram"). */
void prometheus_head(struct strbuf *out, const char *name, const char *type, const char *help);
/* Appends a metric that has no labels. */
void prometheus_value(
	struct strbuf *out, const char *name, const char *type, const char *help, double value);
/* Appends NAME="VALUE" of a label, escaped. */
void prometheus_label(struct strbuf *out, const char *name, const char *value);
/* Appends a histogram that has no labels. */
void prometheus_histogram(struct strbuf *out, const char *name, const char *help,
	const struct histogram *histogram);

#endif
