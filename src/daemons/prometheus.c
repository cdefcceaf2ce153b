/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/prometheus.h"

#include <inttypes.h>

void histogram_observe(struct histogram *h, double seconds)
{
	size_t i = 0;

	while (i < PROMETHEUS_BUCKETS && seconds > h->bounds[i])
		i++;
	h->within[i]++;
	h->sum += seconds;
}

void prometheus_head(struct strbuf *out, const char *name, const char *type, const char *help)
{
	strbuf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void prometheus_value(
	struct strbuf *out, const char *name, const char *type, const char *help, double value)
{
	prometheus_head(out, name, type, help);
	strbuf_addf(out, "%s %.17g\n", name, value);
}

void prometheus_label(struct strbuf *out, const char *name, const char *value)
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

void prometheus_histogram(
	struct strbuf *out, const char *name, const char *help, const struct histogram *h)
{
	uint64_t count = 0;

	prometheus_head(out, name, "histogram", help);
	for (size_t i = 0; i < PROMETHEUS_BUCKETS; i++) {
		count += h->within[i];
		strbuf_addf(
			out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, h->bounds[i], count);
	}
	count += h->within[PROMETHEUS_BUCKETS];
	strbuf_addf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, count);
	strbuf_addf(out, "%s_sum %.9g\n%s_count %" PRIu64 "\n", name, h->sum, name, count);
}
