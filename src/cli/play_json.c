/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/play_json.h"

#include <inttypes.h>

#include "play/module.h"
#include "value/json.h"

void json_event_begin(struct strbuf *out, const char *kind)
{
	char now[32];

	clock_rfc3339(time(NULL), now);
	strbuf_addf(out, "{\"event\":\"%s\",\"time\":\"%s\"", kind, now);
}

void json_event_end(struct strbuf *out)
{
	strbuf_addstr(out, "}\n");
}

void json_event_text(struct strbuf *out, const char *key, const char *text)
{
	strbuf_addf(out, ",\"%s\":", key);
	if (text)
		strbuf_addjson(out, text, strlen(text));
	else
		strbuf_addstr(out, "null");
}

static void add_bool(struct strbuf *out, const char *key, bool b)
{
	strbuf_addf(out, ",\"%s\":%s", key, b ? "true" : "false");
}

void json_event_error(struct strbuf *out, const char *key, const struct err *err)
{
	strbuf_addf(out, ",\"%s\":{\"code\":\"%s\"", key, err_code_name(err->code));
	json_event_text(out, "text", err->text);
	json_event_text(out, "remedy", show_remedy(err->code));
	strbuf_addch(out, '}');
}

void json_event_hosts(struct strbuf *out, const struct show *s)
{
	strbuf_addstr(out, ",\"hosts\":[");
	for (size_t i = 0; i < s->count; i++) {
		const char *name = s->run->hosts[i].name;
		if (i)
			strbuf_addch(out, ',');
		strbuf_addjson(out, name, strlen(name));
	}
	strbuf_addch(out, ']');
}

void json_event_states(struct strbuf *out, const struct show_totals *t)
{
	for (int i = 0; i < SHOW_STATES; i++)
		strbuf_addf(
			out, ",\"%s\":%u", show_state_name((enum show_state)i), t->states[i]);
}

/* ---- tasks ---- */

static const char *outcome_name(enum task_outcome o)
{
	static const char *const names[] = {
		[TASK_OK] = "ok",
		[TASK_CHANGED] = "changed",
		[TASK_SKIPPED] = "skipped",
		[TASK_FAILED] = "failed",
		[TASK_IGNORED] = "ignored",
		[TASK_RESCUED] = "rescued",
		[TASK_UNREACHABLE] = "unreachable",
	};

	return names[o];
}

static void add_result(struct strbuf *out, const struct value *result)
{
	const struct json_write_options options = {.compact = true, .strict_numbers = true};
	size_t start = out->len;
	struct err err = {0};

	strbuf_addstr(out, ",\"result\":");
	if (json_write(result, &options, out, &err) == 0)
		return;
	strbuf_truncate(out, start);
	json_event_text(out, "result_error", err.text);
}

/* What names a task: its title, and for programs its module and its number. */
static void add_task(struct strbuf *out, const struct run_event *e)
{
	json_event_text(out, "task", e->title);
	if (e->step && e->step->kind == STEP_TASK) {
		const struct module *m = e->step->task->module;
		json_event_text(out, "module", m ? m->name : NULL);
		strbuf_addf(out, ",\"number\":%u", e->step->index);
	}
	add_bool(out, "handler", e->handler);
}

static void add_outcome(struct strbuf *out, const struct run_event *e)
{
	add_task(out, e);
	if (e->kind == RUN_ITEM)
		json_event_text(out, "item", e->label);
	if (e->delegate)
		json_event_text(out, "delegate", e->delegate);
	json_event_text(out, "outcome", outcome_name(e->outcome));
	if (e->result)
		add_result(out, e->result);
}

/* ---- events ---- */

static const char *kind_name(enum run_event_kind kind)
{
	static const char *const names[] = {
		[RUN_PLAY] = "play",
		[RUN_BATCH] = "batch",
		[RUN_PHASE] = "phase",
		[RUN_TASK] = "task_start",
		[RUN_RETRY] = "retry",
		[RUN_ASYNC] = "async",
		[RUN_INCLUDED] = "included",
		[RUN_ITEM] = "item",
		[RUN_RESULT] = "task",
		[RUN_UNDO] = "undo",
		[RUN_WARNING] = "warning",
		[RUN_STOP] = "stop",
		[RUN_PLAY_END] = "play_end",
		[RUN_TICK] = NULL,
	};

	return (size_t)kind < ARRAY_SIZE(names) ? names[kind] : NULL;
}

static const char *undo_name(enum undo_outcome undo)
{
	static const char *const names[] = {
		[UNDO_NONE] = "none",
		[UNDO_HEALTHY] = "healthy",
		[UNDO_UNCHECKED] = "unchecked",
		[UNDO_UNHEALTHY] = "unhealthy",
		[UNDO_FAILED] = "failed",
		[UNDO_LEFT] = "left",
	};

	return names[undo];
}

static void add_undo(struct strbuf *out, const struct run_host *h)
{
	json_event_text(out, "undo", undo_name(h->undo));
	if (h->undo_err.code)
		json_event_error(out, "undo_error", &h->undo_err);
}

static void add_details(struct strbuf *out, const struct run_event *e)
{
	switch (e->kind) {
	case RUN_PLAY:
	case RUN_PLAY_END: json_event_text(out, "play", e->title); break;
	case RUN_BATCH:
		strbuf_addf(
			out, ",\"batch\":%" PRIu64 ",\"hosts\":%" PRIu64, e->number, e->total);
		break;
	case RUN_PHASE: json_event_text(out, "phase", e->text); break;
	case RUN_TASK: add_task(out, e); break;
	case RUN_RETRY:
		add_task(out, e);
		strbuf_addf(out, ",\"left\":%" PRIu64, e->number);
		break;
	case RUN_ASYNC:
		add_task(out, e);
		json_event_text(out, "state", e->text);
		add_result(out, e->result);
		break;
	case RUN_INCLUDED: json_event_text(out, "file", e->text); break;
	case RUN_ITEM:
	case RUN_RESULT: add_outcome(out, e); break;
	case RUN_UNDO: add_undo(out, e->host); break;
	default: json_event_text(out, "text", e->text); break;
	}
}

/* A host's first play is its start; further ones are told by the tasks. */
static bool starts(const struct show *s, const struct run_event *e)
{
	return e->kind == RUN_HOST && show_host(s, e->host)->started_ns == e->at_ns;
}

void play_json_event(struct show *s, const struct run_event *e, struct strbuf *out)
{
	const char *kind = starts(s, e) ? "host_start" : kind_name(e->kind);

	if (!kind)
		return;
	json_event_begin(out, kind);
	if (e->host)
		json_event_text(out, "host", e->host->name);
	if (e->kind != RUN_HOST)
		add_details(out, e);
	json_event_end(out);
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

static void add_link(struct strbuf *out, const struct link_stats *l)
{
	json_event_text(out, "transport", transport_name(l->transport));
	strbuf_addf(out,
		",\"connect_seconds\":%.3f,\"channel_in\":%" PRIu64 ",\"channel_out\":%" PRIu64,
		(double)(l->connect_ns + l->start_ns) / 1e9, l->bytes_in, l->bytes_out);
	add_bool(out, "helper_installed", l->installed);
}

static void add_counts(struct strbuf *out, const struct host_counts *c)
{
	strbuf_addf(out,
		",\"tasks\":{\"ok\":%u,\"changed\":%u,\"unreachable\":%u,\"failed\":%u,"
		"\"skipped\":%u,\"rescued\":%u,\"ignored\":%u}",
		c->ok, c->changed, c->unreachable, c->failed, c->skipped, c->rescued,
		c->ignored);
}

void play_json_host_end(struct show *s, const struct run_host *h, struct strbuf *out)
{
	const struct shown_host *shown = show_host(s, h);

	json_event_begin(out, "host_end");
	json_event_text(out, "host", h->name);
	json_event_text(out, "state", show_state_name(show_state(s, h)));
	strbuf_addf(out, ",\"seconds\":%.3f,\"bytes_sent\":%" PRIu64 ",\"disk_free\":%" PRIu64,
		show_seconds(s, h), h->report.bytes_sent, h->report.disk_free);
	add_counts(out, &h->counts);
	if (h->connected)
		add_link(out, &h->link);
	if (h->err.code) {
		json_event_text(out, "phase", shown->failed_phase);
		struct err why = {0};
		err_set(&why, h->err.code, "%s", show_why(s, h));
		json_event_error(out, "error", &why);
	}
	if (h->failed_step)
		json_event_text(out, "task", step_title(h->failed_step));
	if (h->undo != UNDO_NONE)
		add_undo(out, h);
	json_event_end(out);
}

/* ---- the words of run-playbook ---- */

static void json_begin(struct show *s, struct strbuf *out)
{
	json_event_begin(out, "run_start");
	json_event_text(out, "run", s->run_id);
	add_bool(out, "check", s->run->o->check);
	json_event_text(out, "playbook", s->run->playbook->path);
	json_event_hosts(out, s);
	json_event_end(out);
}

static void json_event(struct show *s, const struct run_event *e, struct strbuf *out)
{
	if (show_ends_host(s, e)) {
		show_host(s, e->host)->told = true;
		play_json_host_end(s, e->host, out);
	} else {
		play_json_event(s, e, out);
	}
}

static void json_end(struct show *s, int exit_code, struct strbuf *out)
{
	struct show_totals t;

	for (size_t i = 0; i < s->count; i++)
		if (!s->hosts[i].told)
			play_json_host_end(s, &s->run->hosts[i], out);
	show_sum(s, &t);
	json_event_begin(out, "run_end");
	strbuf_addf(out, ",\"exit_code\":%d,\"seconds\":%.3f", exit_code, t.seconds);
	json_event_states(out, &t);
	json_event_end(out);
}

const struct show_words play_words_json = {
	.begin = json_begin,
	.event = json_event,
	.end = json_end,
};
