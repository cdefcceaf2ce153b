/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/cached/metrics.h"

#include <inttypes.h>

static const double load_bounds[PROMETHEUS_BUCKETS] = {
	0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800};
static const double swap_bounds[PROMETHEUS_BUCKETS] = {
	1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 1e-2, 0.1, 1};

void metrics_init(struct metrics *m)
{
	*m = (struct metrics){
		.loads = {.bounds = load_bounds}, .swaps = {.bounds = swap_bounds}};
	pthread_mutex_init(&m->lock, NULL);
}

void metrics_release(struct metrics *m)
{
	pthread_mutex_destroy(&m->lock);
}

void metrics_load(struct metrics *m, double seconds, bool downloaded)
{
	pthread_mutex_lock(&m->lock);
	histogram_observe(&m->loads, seconds);
	m->from_source += downloaded;
	m->from_disk += !downloaded;
	pthread_mutex_unlock(&m->lock);
}

void metrics_swap(struct metrics *m, double seconds)
{
	pthread_mutex_lock(&m->lock);
	histogram_observe(&m->swaps, seconds);
	pthread_mutex_unlock(&m->lock);
}

void metrics_write(struct metrics *m, struct strbuf *out)
{
	pthread_mutex_lock(&m->lock);
	prometheus_histogram(out, "model_load_seconds",
		"Time to bring a version into memory, with its download and checks.",
		&m->loads);
	prometheus_histogram(out, "model_swap_seconds",
		"Time for which an exchange of the current version holds the cache.",
		&m->swaps);
	prometheus_head(out, "model_loads_total", "counter", "Versions brought into memory.");
	strbuf_addf(out,
		"model_loads_total{from=\"disk\"} %" PRIu64
		"\nmodel_loads_total{from=\"source\"} %" PRIu64 "\n",
		m->from_disk, m->from_source);
	pthread_mutex_unlock(&m->lock);
}
