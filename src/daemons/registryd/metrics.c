/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/metrics.h"

#include <inttypes.h>
#include <pthread.h>

#include "base/vec.h"
#include "daemons/prometheus.h"

#define PREFIX "model_registryd_"

static const double buckets[PROMETHEUS_BUCKETS] = {
	0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

/* Requests of a route that were answered with a status. */
struct series {
	const struct http_route *route;
	unsigned status;
	uint64_t count;
};

struct metrics {
	pthread_mutex_t lock;
	struct {
		struct series *items;
		size_t count, cap;
	} series;
	struct histogram requests;
};

struct metrics *metrics_new(void)
{
	struct metrics *m = xcalloc(1, sizeof(*m));

	m->requests.bounds = buckets;
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

static struct series *find(struct metrics *m, const struct http_route *route, unsigned status)
{
	for (size_t i = 0; i < m->series.count; i++) {
		struct series *s = &m->series.items[i];
		if (s->route == route && s->status == status)
			return s;
	}
	struct series *s = VEC_PUSH(&m->series);
	*s = (struct series){.route = route, .status = status};
	return s;
}

void metrics_count(
	struct metrics *m, const struct http_route *route, unsigned status, double seconds)
{
	pthread_mutex_lock(&m->lock);
	find(m, route, status)->count++;
	histogram_observe(&m->requests, seconds);
	pthread_mutex_unlock(&m->lock);
}

void metrics_add(
	struct strbuf *out, const char *name, const char *type, const char *help, double value)
{
	autofree char *full = xasprintf(PREFIX "%s", name);

	prometheus_value(out, full, type, help, value);
}

static void add_requests(const struct metrics *m, struct strbuf *out)
{
	prometheus_head(
		out, PREFIX "requests_total", "counter", "Requests, by route and status.");
	for (size_t i = 0; i < m->series.count; i++) {
		const struct series *s = &m->series.items[i];
		strbuf_addf(out,
			PREFIX "requests_total{method=\"%s\",route=\"%s\",code=\"%u\"} %" PRIu64
			       "\n",
			s->route ? s->route->method : "", s->route ? s->route->path : "",
			s->status, s->count);
	}
}

void metrics_write(struct metrics *m, struct strbuf *out)
{
	pthread_mutex_lock(&m->lock);
	add_requests(m, out);
	prometheus_histogram(out, PREFIX "request_seconds",
		"Time from a request to its answer.", &m->requests);
	pthread_mutex_unlock(&m->lock);
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	pthread_mutex_destroy(&m->lock);
	free(m->series.items);
	free(m);
}
