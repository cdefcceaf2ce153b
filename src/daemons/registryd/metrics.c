/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/metrics.h"

#include <inttypes.h>
#include <pthread.h>

#include "base/vec.h"

#define PREFIX "model_registryd_"

static const double buckets[] = {
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
	uint64_t within[ARRAY_SIZE(buckets)]; /* each alone, not added up */
	uint64_t count;
	double seconds;
};

struct metrics *metrics_new(void)
{
	struct metrics *m = xcalloc(1, sizeof(*m));

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
	m->count++;
	m->seconds += seconds;
	for (size_t i = 0; i < ARRAY_SIZE(buckets); i++)
		if (seconds <= buckets[i]) {
			m->within[i]++;
			break;
		}
	pthread_mutex_unlock(&m->lock);
}

static void add_head(struct strbuf *out, const char *name, const char *type, const char *help)
{
	strbuf_addf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name,
		type);
}

void metrics_add(
	struct strbuf *out, const char *name, const char *type, const char *help, double value)
{
	add_head(out, name, type, help);
	strbuf_addf(out, PREFIX "%s %.17g\n", name, value);
}

static void add_requests(const struct metrics *m, struct strbuf *out)
{
	add_head(out, "requests_total", "counter", "Requests, by route and status.");
	for (size_t i = 0; i < m->series.count; i++) {
		const struct series *s = &m->series.items[i];
		strbuf_addf(out,
			PREFIX "requests_total{method=\"%s\",route=\"%s\",code=\"%u\"} %" PRIu64
			       "\n",
			s->route ? s->route->method : "", s->route ? s->route->path : "",
			s->status, s->count);
	}
}

static void add_seconds(const struct metrics *m, struct strbuf *out)
{
	uint64_t sum = 0;

	add_head(out, "request_seconds", "histogram", "Time from a request to its answer.");
	for (size_t i = 0; i < ARRAY_SIZE(buckets); i++) {
		sum += m->within[i];
		strbuf_addf(out, PREFIX "request_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
			buckets[i], sum);
	}
	strbuf_addf(out, PREFIX "request_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", m->count);
	strbuf_addf(out, PREFIX "request_seconds_sum %.9g\n", m->seconds);
	strbuf_addf(out, PREFIX "request_seconds_count %" PRIu64 "\n", m->count);
}

void metrics_write(struct metrics *m, struct strbuf *out)
{
	pthread_mutex_lock(&m->lock);
	add_requests(m, out);
	add_seconds(m, out);
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
