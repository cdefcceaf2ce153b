/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: what the cache, the updater and the rest count, for Prometheus. */
#include <inttypes.h>

#include "daemons/cached/cached.h"

/* One series a version that clients may get; that of a former one is not there any more. */
static void add_versions(struct cached *d, struct strbuf *out)
{
	size_t count;
	autofree struct cache_row *rows = cache_rows(d->cache, &count);

	prometheus_head(out, "model_version_info", "gauge", "The version of a model in use.");
	for (size_t i = 0; i < count; i++) {
		if (!rows[i].current)
			continue;
		strbuf_addstr(out, "model_version_info{");
		prometheus_label(out, "name", rows[i].name);
		strbuf_addch(out, ',');
		prometheus_label(out, "version", rows[i].version);
		strbuf_addch(out, ',');
		prometheus_label(out, "stage", *rows[i].stage ? rows[i].stage : rows[i].alias);
		strbuf_addstr(out, "} 1\n");
	}
	prometheus_head(out, "model_loaded_timestamp_seconds", "gauge",
		"When the version in use was loaded.");
	for (size_t i = 0; i < count; i++) {
		if (!rows[i].current)
			continue;
		strbuf_addstr(out, "model_loaded_timestamp_seconds{");
		prometheus_label(out, "name", rows[i].name);
		strbuf_addf(out, "} %lld\n", (long long)rows[i].loaded_at);
	}
}

/* A metric with one series a target. */
static void add_targets(const struct update_row *rows, size_t count, const char *name,
	const char *type, const char *help, size_t offset, struct strbuf *out)
{
	prometheus_head(out, name, type, help);
	for (size_t i = 0; i < count; i++) {
		uint64_t value;
		memcpy(&value, (const char *)&rows[i] + offset, sizeof(value));
		strbuf_addf(out, "%s{", name);
		prometheus_label(out, "name", rows[i].name);
		strbuf_addf(out, "} %" PRIu64 "\n", value);
	}
}

static void add_updates(struct cached *d, struct strbuf *out)
{
	size_t count;
	autofree struct update_row *rows = updater_rows(d->updater, &count);

	add_targets(rows, count, "model_update_checks_total", "counter",
		"Times that a model's source was asked.", offsetof(struct update_row, checks),
		out);
	add_targets(rows, count, "model_update_errors_total", "counter",
		"Checks and updates that failed.", offsetof(struct update_row, errors), out);
}

static void add_cache(struct cached *d, struct strbuf *out)
{
	struct cache_counts c;

	cache_counts(d->cache, &c);
	const struct {
		const char *name, *type, *help;
		double value;
	} metrics[] = {
		{"model_cache_hits_total", "counter", "Requests for what was in memory.",
			(double)c.hits},
		{"model_cache_misses_total", "counter", "Requests for what was not.",
			(double)c.misses},
		{"model_cache_joined_total", "counter",
			"Requests that waited for a load that was under way.",
			(double)c.joined},
		{"model_cache_refused_total", "counter",
			"Requests refused because all that is held is in use.", (double)c.busy},
		{"model_cache_negative_total", "counter",
			"Requests refused because a load had just failed.", (double)c.negative},
		{"model_cache_evictions_total", "counter",
			"Versions that made room for others.", (double)c.evictions},
		{"model_load_failures_total", "counter", "Loads that failed.",
			(double)c.load_failures},
		{"model_swaps_total", "counter", "Exchanges of a current version.",
			(double)c.swaps},
		{"model_cache_versions", "gauge", "Versions in memory.", (double)c.versions},
		{"model_cache_bytes", "gauge", "Bytes of versions in memory.", (double)c.bytes},
		{"model_cache_reserved_bytes", "gauge", "Bytes for loads under way.",
			(double)c.reserved},
		{"model_cache_leaving_bytes", "gauge",
			"Bytes of versions that only their last users hold.",
			(double)c.leaving},
	};
	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++)
		prometheus_value(out, metrics[i].name, metrics[i].type, metrics[i].help,
			metrics[i].value);
}

static void add_rest(struct cached *d, struct strbuf *out)
{
	uint64_t disk_bytes, budget, shrinks;
	struct hub_counts hub;
	size_t versions;

	disk_count(d->disk, &versions, &disk_bytes);
	pressure_counts(d->pressure, &budget, &shrinks);
	hub_counts(d->hub, &hub);
	prometheus_value(
		out, "model_disk_versions", "gauge", "Versions on the disk.", (double)versions);
	prometheus_value(out, "model_disk_bytes", "gauge", "Bytes of versions on the disk.",
		(double)disk_bytes);
	prometheus_value(out, "model_cache_limit_bytes", "gauge",
		"What versions in memory may have at present; 0: any.", (double)budget);
	prometheus_value(out, "model_cache_shrinks_total", "counter",
		"Times that models were let go since memory was short.", (double)shrinks);
	prometheus_value(
		out, "model_clients", "gauge", "Clients of the socket.", (double)hub.clients);
	prometheus_value(out, "model_clients_refused_total", "counter",
		"Clients that may not, or were too many.", (double)hub.refused);
	prometheus_value(out, "model_clients_broken_total", "counter",
		"Clients that broke the protocol.", (double)hub.broken);
}

void api_metrics(struct cached *d, struct strbuf *out)
{
	add_versions(d, out);
	add_updates(d, out);
	add_cache(d, out);
	metrics_write(&d->metrics, out);
	add_rest(d, out);
	prometheus_head(out, "model_cached_build_info", "gauge", "The version that runs.");
	strbuf_addstr(out, "model_cached_build_info{");
	prometheus_label(out, "version", d->build);
	strbuf_addstr(out, "} 1\n");
}
