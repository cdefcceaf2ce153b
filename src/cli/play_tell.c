/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the registry is told of a run: which hosts it has, in which phase they are, what became
 * of their models and of them. Nothing of tasks and their results, which may hold secrets.
 */
#include "cli/play_json.h"
#include "cli/tell.h"

static void add_host_end(struct show *s, const struct run_host *h, struct strbuf *out)
{
	struct shown_host *shown = show_host(s, h);

	for (size_t i = 0; !shown->reported && i < h->report.count; i++)
		json_event_model(out, h->name, &h->report.results[i]);
	shown->reported = true;
	play_json_host_end(s, h, out);
}

/* Whether an event is for those who watch from afar. */
static bool is_told(const struct run_event *e)
{
	return e->kind == RUN_HOST || e->kind == RUN_BATCH || e->kind == RUN_PHASE ||
	       e->kind == RUN_UNDO || e->kind == RUN_STOP;
}

void play_tell_begin(struct show *s)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	if (!s->tell)
		return;
	json_event_begin(&out, "run_start");
	json_event_text(&out, "run", s->run_id);
	json_event_text(&out, "playbook", s->run->playbook->path);
	json_event_hosts(&out, s);
	json_event_end(&out);
	tell_add(s->tell, &out);
}

void play_tell_event(struct show *s, const struct run_event *e)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	if (!s->tell)
		return;
	if (show_ends_host(s, e))
		add_host_end(s, e->host, &out);
	else if (is_told(e))
		play_json_event(s, e, &out);
	tell_add(s->tell, &out);
}

void play_tell_end(struct show *s, int exit_code)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct show_totals t;

	if (!s->tell)
		return;
	for (size_t i = 0; i < s->count; i++)
		if (!s->hosts[i].reported)
			add_host_end(s, &s->run->hosts[i], &out);
	show_sum(s, &t);
	json_event_begin(&out, "run_end");
	strbuf_addf(&out, ",\"exit_code\":%d,\"seconds\":%.3f", exit_code, t.seconds);
	json_event_states(&out, &t);
	json_event_end(&out);
	tell_add(s->tell, &out);
}
