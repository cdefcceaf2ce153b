/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fleet as metrics: the text exposition format, version 0.0.4, as node_exporter's textfile
 * collector reads it (https://prometheus.io/docs/instrumenting/exposition_formats/). All are
 * gauges, none has a timestamp, and all samples of a metric stand together below its HELP and
 * TYPE. docs/status.md lists them.
 */
#include <inttypes.h>
#include <math.h>

#include "base/fd.h"
#include "cli/status.h"

#define FILE_MODE 0644

/* ---- samples ---- */

static void add_escaped(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			strbuf_addch(out, '\\');
		if (*text == '\n')
			strbuf_addstr(out, "\\n");
		else
			strbuf_addch(out, *text);
	}
}

/* A label's value is UTF-8: what a node has otherwise becomes U+FFFD. */
static void add_label(struct strbuf *out, const char *name, const char *value)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (const char *at = value; *at;) {
		size_t n;
		strbuf_addutf8(&text, utf8_decode(at, strlen(at), &n));
		at += n;
	}
	strbuf_addf(
		out, "%c%s=\"", out->len && out->data[out->len - 1] == '"' ? ',' : '{', name);
	add_escaped(out, text.data);
	strbuf_addch(out, '"');
}

static void end_sample(struct strbuf *out, double value)
{
	if (out->data[out->len - 1] == '"')
		strbuf_addch(out, '}');
	if (value == floor(value) && fabs(value) < 1e15)
		strbuf_addf(out, " %" PRId64 "\n", (int64_t)value);
	else
		strbuf_addf(out, " %.6f\n", value);
}

/* ---- metrics ---- */

struct metric {
	const char *name, *help;
	/* Appends the samples of a host (of the run: `fleet`); the other is NULL. */
	void (*host)(const struct metric *m, const struct status_host *h, struct strbuf *out);
	void (*fleet)(const struct metric *m, const struct status *s, struct strbuf *out);
	/* For those with one number a host: it, or NAN for none. */
	double (*number)(const struct status_host *h);
};

static void begin_sample(const struct metric *m, const char *host, struct strbuf *out)
{
	strbuf_addf(out, "modelfleet_%s", m->name);
	if (host)
		add_label(out, "host", host);
}

static void one_number(const struct metric *m, const struct status_host *h, struct strbuf *out)
{
	double value = m->number(h);

	if (isnan(value))
		return;
	begin_sample(m, h->name, out);
	end_sample(out, value);
}

static bool is_away(const struct status_host *h)
{
	return status_of(h) == STATUS_AWAY;
}

static double reachable(const struct status_host *h)
{
	return !is_away(h);
}

static double as_wanted(const struct status_host *h)
{
	return status_of(h) == STATUS_AS_WANTED;
}

static double deployed(const struct status_host *h)
{
	return h->deployed ? (double)h->deployed : NAN;
}

static double disk_free(const struct status_host *h)
{
	return h->disk_total ? (double)h->disk_free : NAN;
}

static double disk_total(const struct status_host *h)
{
	return h->disk_total ? (double)h->disk_total : NAN;
}

static double pending(const struct status_host *h)
{
	double n = 0;

	for (size_t i = 0; i < h->transactions.count; i++)
		n += str_cmp0(h->transactions.items[i].state, "armed") == 0 ||
		     str_cmp0(h->transactions.items[i].state, "reverting") == 0;
	return is_away(h) ? NAN : n;
}

static double bytes_of(const struct status_host *h, const struct status_versions *v)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < v->count; i++)
		sum += v->items[i].bytes;
	return is_away(h) ? NAN : (double)sum;
}

static double staging_bytes(const struct status_host *h)
{
	return bytes_of(h, &h->staging);
}

static double unmanaged_bytes(const struct status_host *h)
{
	return bytes_of(h, &h->extra);
}

static double unmanaged(const struct status_host *h)
{
	return is_away(h) ? NAN : (double)h->extra.count;
}

static void begin_model(const struct metric *m, const struct status_host *h,
	const struct status_model *model, struct strbuf *out)
{
	begin_sample(m, h->name, out);
	add_label(out, "model", model->model);
}

/* What runs where that is known, else what lies there. */
static void add_actual(const struct status_model *model, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf runs = STRBUF_INIT;

	if (model->runs.count)
		status_add_names(&model->runs, model->runs.count, &runs);
	else if (model->there)
		strbuf_addstr(&runs, model->there);
	add_label(out, "actual", runs.data);
}

/* A host that is away has no rows: what it is to have is told all the same. */
static void info_of_away(
	const struct metric *m, const struct status_host *h, struct strbuf *out)
{
	for (size_t i = 0; h->models && i < h->models->count; i++) {
		const struct wanted *w = &h->models->items[i];
		begin_sample(m, h->name, out);
		add_label(out, "model", w->model->name);
		add_label(out, "wanted", w->version);
		add_label(out, "actual", "");
		add_label(out, "by", "");
		end_sample(out, 1);
	}
}

static void info(const struct metric *m, const struct status_host *h, struct strbuf *out)
{
	if (is_away(h)) {
		info_of_away(m, h, out);
		return;
	}
	for (size_t i = 0; i < h->rows.count; i++) {
		const struct status_model *model = &h->rows.items[i];
		begin_model(m, h, model, out);
		add_label(out, "wanted", model->wanted);
		add_actual(model, out);
		add_label(out, "by", status_known_word(model->known));
		end_sample(out, 1);
	}
}

static void model_as_wanted(
	const struct metric *m, const struct status_host *h, struct strbuf *out)
{
	for (size_t i = 0; !is_away(h) && i < h->rows.count; i++) {
		begin_model(m, h, &h->rows.items[i], out);
		end_sample(out, status_model_fine(&h->rows.items[i]));
	}
}

static void model_drift(const struct metric *m, const struct status_host *h, struct strbuf *out)
{
	for (size_t i = 0; !is_away(h) && i < h->rows.count; i++) {
		const struct sync_result *r = h->rows.items[i].result;
		begin_model(m, h, &h->rows.items[i], out);
		end_sample(out, r ? r->drift : 0);
	}
}

static void model_bytes(const struct metric *m, const struct status_host *h, struct strbuf *out)
{
	for (size_t i = 0; !is_away(h) && i < h->rows.count; i++) {
		begin_model(m, h, &h->rows.items[i], out);
		end_sample(out, (double)h->rows.items[i].bytes);
	}
}

static bool service_came_before(const struct status_host *h, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(h->services.items[i].name, h->services.items[n].name) == 0)
			return true;
	return false;
}

/* The same samples twice would make the whole file void. */
static void service_up(const struct metric *m, const struct status_host *h, struct strbuf *out)
{
	for (size_t i = 0; !is_away(h) && i < h->services.count; i++) {
		if (service_came_before(h, i))
			continue;
		begin_sample(m, h->name, out);
		add_label(out, "service", h->services.items[i].name);
		end_sample(out, h->services.items[i].healthy);
	}
}

static void hosts(const struct metric *m, const struct status *s, struct strbuf *out)
{
	unsigned states[STATUS_STATES] = {0};

	for (size_t i = 0; i < s->count; i++)
		states[status_of(&s->hosts[i])]++;
	for (int i = 0; i < STATUS_STATES; i++) {
		begin_sample(m, NULL, out);
		add_label(out, "state", status_state_name((enum status_state)i));
		end_sample(out, states[i]);
	}
}

static void deploy_running(const struct metric *m, const struct status *s, struct strbuf *out)
{
	begin_sample(m, NULL, out);
	end_sample(out, s->running);
}

static void duration(const struct metric *m, const struct status *s, struct strbuf *out)
{
	begin_sample(m, NULL, out);
	end_sample(out, s->seconds);
}

static void collected(const struct metric *m, const struct status *s, struct strbuf *out)
{
	begin_sample(m, NULL, out);
	end_sample(out, (double)s->began);
}

#define PER_HOST(name, help, fn)                                                               \
	{                                                                                      \
		name, help, one_number, NULL, fn                                               \
	}
#define PER_MODEL(name, help, fn)                                                              \
	{                                                                                      \
		name, help, fn, NULL, NULL                                                     \
	}
#define OF_FLEET(name, help, fn)                                                               \
	{                                                                                      \
		name, help, NULL, fn, NULL                                                     \
	}

static const struct metric metrics[] = {
	OF_FLEET("hosts", "Hosts that were looked at, by how they stand.", hosts),
	PER_HOST("host_reachable", "1 if the host could be asked.", reachable),
	PER_HOST("host_as_wanted", "1 if a deploy would change nothing and services are up.",
		as_wanted),
	PER_HOST("host_last_deploy_timestamp_seconds", "When the host was last deployed to.",
		deployed),
	PER_HOST("host_disk_free_bytes", "Free bytes where the models lie.", disk_free),
	PER_HOST("host_disk_size_bytes", "Size of the file system where the models lie.",
		disk_total),
	PER_HOST("host_pending_transactions",
		"Changes that were neither confirmed nor taken back.", pending),
	PER_HOST("host_staging_bytes", "Bytes of half-finished versions.", staging_bytes),
	PER_HOST("host_unmanaged_versions", "Versions that nobody wants or runs.", unmanaged),
	PER_HOST("host_unmanaged_bytes", "Bytes of versions that nobody wants or runs.",
		unmanaged_bytes),
	PER_MODEL("model_info",
		"Versions of a model, wanted and in use; by says how that is known.", info),
	PER_MODEL("model_as_wanted",
		"1 if the wanted version is there, undamaged, and no other runs.",
		model_as_wanted),
	PER_MODEL("model_drift_files", "Files that differ and that a deploy leaves alone.",
		model_drift),
	PER_MODEL("model_bytes", "Bytes of all versions of a model on the host.", model_bytes),
	PER_MODEL("service_up", "1 if a service that reads models is active.", service_up),
	OF_FLEET("deploy_running", "1 if a run holds the lock of the store.", deploy_running),
	OF_FLEET("collection_duration_seconds", "How long it took to ask all hosts.", duration),
	OF_FLEET("collection_timestamp_seconds", "When the hosts were asked.", collected),
};

void status_add_metrics(const struct status *s, struct strbuf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
		const struct metric *m = &metrics[i];
		strbuf_addf(out, "# HELP modelfleet_%s %s\n# TYPE modelfleet_%s gauge\n",
			m->name, m->help, m->name);
		if (m->fleet)
			m->fleet(m, s, out);
		for (size_t k = 0; m->host && k < s->count; k++)
			m->host(m, &s->hosts[k], out);
	}
}

int status_write_metrics(const struct status *s, struct err *err)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	if (!s->metrics)
		return 0;
	status_add_metrics(s, &out);
	return file_replace(s->metrics, out.data, out.len, FILE_MODE, err);
}
