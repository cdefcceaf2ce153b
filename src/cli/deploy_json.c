/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON events, one a line. docs/reference/events.md describes each kind.
 */
#include <inttypes.h>

#include "cli/deploy.h"

static void add_text(struct strbuf *out, const char *key, const char *text)
{
	strbuf_addf(out, ",\"%s\":", key);
	if (text)
		strbuf_addjson(out, text, strlen(text));
	else
		strbuf_addstr(out, "null");
}

static void begin_event(struct strbuf *out, const char *kind)
{
	char now[32];

	clock_rfc3339(time(NULL), now);
	strbuf_addf(out, "{\"event\":\"%s\",\"time\":\"%s\"", kind, now);
}

static void end_event(struct strbuf *out)
{
	strbuf_addstr(out, "}\n");
	fwrite(out->data, 1, out->len, stdout);
	fflush(stdout);
	strbuf_clear(out);
}

static void json_begin(struct deploy_run *run)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	begin_event(&out, "run_start");
	add_text(&out, "run", run->run_id);
	add_text(&out, "store", run->store);
	strbuf_addf(&out, ",\"check\":%s,\"models\":%zu,\"hosts\":[",
		run->check ? "true" : "false", run->model_count);
	for (size_t i = 0; i < run->count; i++) {
		if (i)
			strbuf_addch(&out, ',');
		strbuf_addjson(&out, run->hosts[i].name, strlen(run->hosts[i].name));
	}
	strbuf_addch(&out, ']');
	end_event(&out);
}

static void add_error(struct strbuf *out, const struct err *err)
{
	strbuf_addf(out, ",\"error\":{\"code\":\"%s\"", err_code_name(err->code));
	add_text(out, "text", err->text);
	add_text(out, "remedy", deploy_remedy(err->code));
	strbuf_addch(out, '}');
}

static void print_model(const char *host, const struct sync_result *r)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	begin_event(&out, "model");
	add_text(&out, "host", host);
	add_text(&out, "model", r->model);
	add_text(&out, "version", r->version);
	add_text(&out, "outcome", sync_outcome_name(r->outcome));
	strbuf_addf(&out,
		",\"files_sent\":%u,\"files_delta\":%u,\"files_reused\":%u"
		",\"bytes_sent\":%" PRIu64 ",\"bytes_saved\":%" PRIu64 ",\"drift\":%u",
		r->files_sent, r->files_delta, r->files_reused, r->bytes_sent, r->bytes_saved,
		r->drift);
	strbuf_addstr(&out, ",\"drifted\":[");
	for (size_t i = 0; i < r->drifted.count; i++) {
		if (i)
			strbuf_addch(&out, ',');
		strbuf_addjson(&out, r->drifted.items[i], strlen(r->drifted.items[i]));
	}
	strbuf_addch(&out, ']');
	if (r->outcome == SYNC_FAILED)
		add_error(&out, &r->err);
	end_event(&out);
}

static const char *state_name(const struct deploy_host *h, const struct fleet_host *f)
{
	switch (f->state) {
	case FLEET_FAILED: return "failed";
	case FLEET_UNREACHABLE: return "unreachable";
	case FLEET_CANCELLED: return "interrupted";
	case FLEET_OK: break;
	default: return "not_run";
	}
	if (sync_report_outcome(&h->report) == SYNC_DRIFTED)
		return "drifted";
	return deploy_host_changed(h) ? "changed" : "unchanged";
}

static const char *transport_name(enum link_transport t)
{
	static const char *const names[] = {
		[LINK_AUTO] = "auto",
		[LINK_LIBSSH2] = "libssh2",
		[LINK_SSH] = "ssh",
		[LINK_LOCAL] = "local",
	};

	return names[t];
}

static void print_host_end(const struct fleet_host *f)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct deploy_host *h = f->data;

	for (size_t i = 0; i < h->report.count; i++)
		print_model(f->name, &h->report.results[i]);
	begin_event(&out, "host_end");
	add_text(&out, "host", f->name);
	add_text(&out, "state", state_name(h, f));
	strbuf_addf(&out, ",\"seconds\":%.3f,\"bytes_sent\":%" PRIu64 ",\"disk_free\":%" PRIu64,
		(double)(f->ended_ns - f->started_ns) / 1e9, h->report.bytes_sent,
		h->report.disk_free);
	if (h->connected) {
		add_text(&out, "transport", transport_name(h->link.transport));
		strbuf_addf(&out,
			",\"connect_seconds\":%.3f,\"channel_in\":%" PRIu64
			",\"channel_out\":%" PRIu64 ",\"helper_installed\":%s",
			(double)(h->link.connect_ns + h->link.start_ns) / 1e9, h->link.bytes_in,
			h->link.bytes_out, h->link.installed ? "true" : "false");
	}
	if (f->state != FLEET_OK) {
		add_text(&out, "phase", h->failed_phase);
		add_error(&out, &f->err);
	}
	end_event(&out);
}

static void json_event(struct deploy_run *run, const struct fleet_event *e)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	(void)run;
	switch (e->kind) {
	case FLEET_EVENT_END: print_host_end(e->host); return;
	case FLEET_EVENT_START: begin_event(&out, "host_start"); break;
	case FLEET_EVENT_PHASE: begin_event(&out, "phase"); break;
	case FLEET_EVENT_WARNING: begin_event(&out, "warning"); break;
	case FLEET_EVENT_STOP: begin_event(&out, "stop"); break;
	case FLEET_EVENT_BATCH: begin_event(&out, "batch"); break;
	default: return;
	}
	if (e->host)
		add_text(&out, "host", e->host->name);
	if (e->phase)
		add_text(&out, "phase", e->phase);
	if (e->text)
		add_text(&out, "text", e->text);
	if (e->kind == FLEET_EVENT_BATCH)
		strbuf_addf(
			&out, ",\"batch\":%" PRIu64 ",\"hosts\":%" PRIu64, e->number, e->total);
	end_event(&out);
}

static void json_end(struct deploy_run *run, int exit_code)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct content_counters work = {0};
	struct deploy_totals t;

	deploy_sum(run, &t);
	if (run->content)
		content_counters(run->content, &work);
	begin_event(&out, "run_end");
	strbuf_addf(&out,
		",\"exit_code\":%d,\"seconds\":%.3f,\"changed\":%u,\"unchanged\":%u"
		",\"drifted\":%u,\"failed\":%u,\"unreachable\":%u,\"not_run\":%u",
		exit_code, t.seconds, t.changed, t.unchanged, t.drifted, t.failed,
		t.unreachable, t.not_run);
	strbuf_addf(&out,
		",\"bytes_sent\":%" PRIu64 ",\"bytes_saved\":%" PRIu64
		",\"deltas_made\":%u,\"delta_bytes\":%" PRIu64 ",\"files_compressed\":%u",
		t.bytes, t.bytes_saved, work.deltas, work.delta_bytes, work.compressed);
	end_event(&out);
}

const struct deploy_output deploy_output_json = {
	.begin = json_begin,
	.event = json_event,
	.end = json_end,
};
