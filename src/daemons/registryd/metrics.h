/* SPDX-License-Identifier: Apache-2.0 */
/* What the service has been asked, for Prometheus (text format 0.0.4). */
#ifndef REGISTRYD_METRICS_H
#define REGISTRYD_METRICS_H

#include "http/serve.h"

struct metrics;

/* Makes empty counters. */
struct metrics *metrics_new(void);
/* Counts a request (route NULL: one that has none). From any thread. */
void metrics_count(
	struct metrics *m, const struct http_route *route, unsigned status, double seconds);
/* Appends the counters. */
void metrics_write(struct metrics *m, struct strbuf *out);
/* Appends one metric without labels; `type` is "gauge" or "counter". */
void metrics_add(
	struct strbuf *out, const char *name, const char *type, const char *help, double value);
/* Frees them. NULL is fine. */
void metrics_free(struct metrics *m);

#endif
