/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/cached/metrics.h"

#include <inttypes.h>

static const double load_bounds[METRICS_BUCKETS] = {
	0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800};
static const double swap_bounds[METRICS_BUCKETS] = {
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

static void observe(struct histogram *h, double seconds)
{
	size_t i = 0;

	while (i < METRICS_BUCKETS && seconds > h->bounds[i])
		i++;
	h->within[i]++;
	h->sum += seconds;
}

void metrics_load(struct metrics *m, double seconds, bool downloaded)
{
	pthread_mutex_lock(&m->lock);
	observe(&m->loads, seconds);
	m->from_source += downloaded;
	m->from_disk += !downloaded;
	pthread_mutex_unlock(&m->lock);
}

void metrics_swap(struct metrics *m, double seconds)
{
	pthread_mutex_lock(&m->lock);
	observe(&m->swaps, seconds);
	pthread_mutex_unlock(&m->lock);
}

void metrics_head(struct strbuf *out, const char *name, const char *type, const char *help)
{
	strbuf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_add(
	struct strbuf *out, const char *name, const char *type, const char *help, double value)
{
	metrics_head(out, name, type, help);
	strbuf_addf(out, "%s %.17g\n", name, value);
}

void metrics_label(struct strbuf *out, const char *name, const char *value)
{
	strbuf_addf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			strbuf_addch(out, '\\');
		if (*value == '\n')
			strbuf_addstr(out, "\\n");
		else
			strbuf_addch(out, *value);
	}
	strbuf_addch(out, '"');
}

static void write_histogram(
	const struct histogram *h, const char *name, const char *help, struct strbuf *out)
{
	uint64_t count = 0;

	metrics_head(out, name, "histogram", help);
	for (size_t i = 0; i < METRICS_BUCKETS; i++) {
		count += h->within[i];
		strbuf_addf(
			out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, h->bounds[i], count);
	}
	count += h->within[METRICS_BUCKETS];
	strbuf_addf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, count);
	strbuf_addf(out, "%s_sum %.9g\n%s_count %" PRIu64 "\n", name, h->sum, name, count);
}

void metrics_write(struct metrics *m, struct strbuf *out)
{
	pthread_mutex_lock(&m->lock);
	write_histogram(&m->loads, "model_load_seconds",
		"Time to bring a version into memory, with its download and checks.", out);
	write_histogram(&m->swaps, "model_swap_seconds",
		"Time for which an exchange of the current version holds the cache.", out);
	metrics_head(out, "model_loads_total", "counter", "Versions brought into memory.");
	strbuf_addf(out,
		"model_loads_total{from=\"disk\"} %" PRIu64
		"\nmodel_loads_total{from=\"source\"} %" PRIu64 "\n",
		m->from_disk, m->from_source);
	pthread_mutex_unlock(&m->lock);
}
