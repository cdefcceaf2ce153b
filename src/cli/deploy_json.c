/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A deploy as JSON events: those of any playbook, and what became of each model.
 * docs/reference/events.md describes each kind.
 */
#include <inttypes.h>

#include "cli/deploy.h"
#include "cli/play_json.h"

static void json_begin(struct show *s, struct strbuf *out)
{
	const struct deploy *d = s->data;
	const struct registry_site *registry = &d->run.registry;

	json_event_begin(out, "run_start");
	json_event_text(out, "run", s->run_id);
	json_event_text(out, "store", registry->store->location);
	json_event_text(out, "playbook", s->run->playbook->path);
	strbuf_addf(out, ",\"check\":%s,\"models\":%zu", s->run->o->check ? "true" : "false",
		registry->resolution.use_count);
	json_event_hosts(out, s);
	json_event_end(out);
}

void json_event_model(struct strbuf *out, const char *host, const struct sync_result *r)
{
	json_event_begin(out, "model");
	json_event_text(out, "host", host);
	json_event_text(out, "model", r->model);
	json_event_text(out, "version", r->version);
	json_event_text(out, "outcome", sync_outcome_name(r->outcome));
	strbuf_addf(out,
		",\"files_sent\":%u,\"files_delta\":%u,\"files_reused\":%u"
		",\"bytes_sent\":%" PRIu64 ",\"bytes_saved\":%" PRIu64 ",\"drift\":%u",
		r->files_sent, r->files_delta, r->files_reused, r->bytes_sent, r->bytes_saved,
		r->drift);
	strbuf_addstr(out, ",\"drifted\":[");
	for (size_t i = 0; i < r->drifted.count; i++) {
		if (i)
			strbuf_addch(out, ',');
		strbuf_addjson(out, r->drifted.items[i], strlen(r->drifted.items[i]));
	}
	strbuf_addch(out, ']');
	if (r->outcome == SYNC_FAILED)
		json_event_error(out, "error", &r->err);
	json_event_end(out);
}

static void add_host_end(struct show *s, const struct run_host *h, struct strbuf *out)
{
	struct shown_host *shown = show_host(s, h);

	for (size_t i = 0; !shown->told && i < h->report.count; i++)
		json_event_model(out, h->name, &h->report.results[i]);
	shown->told = true;
	play_json_host_end(s, h, out);
}

static void json_event(struct show *s, const struct run_event *e, struct strbuf *out)
{
	if (show_ends_host(s, e))
		add_host_end(s, e->host, out);
	else
		play_json_event(s, e, out);
}

static void json_end(struct show *s, int exit_code, struct strbuf *out)
{
	const struct deploy *d = s->data;
	struct content_counters work;
	struct show_totals t;

	for (size_t i = 0; i < s->count; i++)
		if (!s->hosts[i].told)
			add_host_end(s, &s->run->hosts[i], out);
	show_sum(s, &t);
	content_counters(d->run.content, &work);
	json_event_begin(out, "run_end");
	strbuf_addf(out, ",\"exit_code\":%d,\"seconds\":%.3f", exit_code, t.seconds);
	json_event_states(out, &t);
	strbuf_addf(out,
		",\"bytes_sent\":%" PRIu64 ",\"bytes_saved\":%" PRIu64
		",\"deltas_made\":%u,\"delta_bytes\":%" PRIu64 ",\"files_compressed\":%u",
		t.bytes, t.bytes_saved, work.deltas, work.delta_bytes, work.compressed);
	json_event_end(out);
}

const struct show_words deploy_words_json = {
	.begin = json_begin,
	.event = json_event,
	.end = json_end,
};
