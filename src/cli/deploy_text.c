/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a deploy says in words, on a pipe and on a terminal alike: when a host is done, a line
 * for each model that is not merely current, one for whatever else changed on it, and one for
 * the host.
 */
#include "cli/deploy.h"
#include "cli/play_text.h"
#include "play/diff.h"

static const char *verb_of(const struct sync_result *r, bool check)
{
	switch (r->outcome) {
	case SYNC_SENT: return check ? "would send" : "sent";
	case SYNC_REPAIRED: return check ? "would repair" : "repaired";
	case SYNC_DRIFTED: return "drifted";
	case SYNC_FAILED: return "failed";
	default: return "current";
	}
}

static void add_work(const struct sync_result *r, struct strbuf *out)
{
	if (r->files_sent) {
		strbuf_addf(
			out, ", %u file%s in ", r->files_sent, r->files_sent == 1 ? "" : "s");
		strbuf_addsize(out, r->bytes_sent);
		if (r->files_delta)
			strbuf_addf(out, " (%u as delta)", r->files_delta);
	}
	if (r->files_reused)
		strbuf_addf(out, ", %u found on the node", r->files_reused);
}

static void add_result(
	const struct show *s, const char *host, const struct sync_result *r, struct strbuf *out)
{
	if (r->outcome == SYNC_CURRENT && s->verbosity == 0)
		return;
	strbuf_addf(
		out, "%s: %s %s %s", host, verb_of(r, s->run->o->check), r->model, r->version);
	add_work(r, out);
	if (r->outcome == SYNC_FAILED)
		strbuf_addf(out, ": %s", r->err.text);
	strbuf_addch(out, '\n');
	for (size_t i = 0; i < r->drifted.count; i++)
		strbuf_addf(out, "%s:   %s\n", host, r->drifted.items[i]);
	if (r->drift > r->drifted.count && r->drifted.count)
		strbuf_addf(out, "%s:   and %zu more\n", host, r->drift - r->drifted.count);
}

static void add_failure(const struct show *s, const struct run_host *h, enum show_state state,
	struct strbuf *out)
{
	const char *phase = show_host(s, h)->failed_phase;

	cli_paint(out, PLAY_FAILED,
		state == SHOW_UNREACHABLE                   ? "unreachable"
		: state == SHOW_INTERRUPTED                 ? "interrupted"
		: state == SHOW_ROLLED_BACK && !h->err.code ? "taken back with the others"
							    : "failed");
	if (h->err.code)
		strbuf_addf(out, " (%s): %s", phase ? phase : "start", show_why(s, h));
	strbuf_addch(out, '\n');
	if (h->undo == UNDO_NONE)
		return;
	strbuf_addf(out, "%s: %s", h->name, show_undo_text(h->undo));
	if (h->undo_err.code)
		strbuf_addf(out, ": %s", h->undo_err.text);
	strbuf_addch(out, '\n');
}

static void add_end(const struct show *s, const struct run_host *h, struct strbuf *out)
{
	enum show_state state = show_state(s, h);
	bool check = s->run->o->check;

	strbuf_addf(out, "%s: ", h->name);
	if (state != SHOW_UNCHANGED && state != SHOW_CHANGED && state != SHOW_DRIFTED) {
		add_failure(s, h, state, out);
		return;
	}
	cli_paint(out, state == SHOW_UNCHANGED ? PLAY_OK : PLAY_CHANGED,
		state == SHOW_DRIFTED     ? "drifted"
		: state == SHOW_UNCHANGED ? "ok"
		: check                   ? "would change"
					  : "changed");
	if (h->counts.changed) {
		strbuf_addstr(out, ", ");
		strbuf_addsize(out, h->report.bytes_sent);
		strbuf_addf(out, " in %.1f s", show_seconds(s, h));
	}
	strbuf_addch(out, '\n');
}

static struct strbuf *notes_of(const struct show *s, const struct run_host *h)
{
	const struct deploy *d = s->data;

	return &d->notes[h - s->run->hosts];
}

/* Says what became of a host. */
static void add_host(const struct show *s, const struct run_host *h, struct strbuf *out)
{
	struct shown_host *shown = show_host(s, h);
	struct strbuf *notes = notes_of(s, h);

	for (size_t i = 0; !shown->told && i < h->report.count; i++) {
		const struct sync_result *r = &h->report.results[i];
		/* What ended the host as a whole stands in its own line. */
		if (r->outcome != SYNC_FAILED || !strstr(h->err.text, r->err.text))
			add_result(s, h->name, r, out);
	}
	shown->told = true;
	strbuf_add(out, notes->data, notes->len);
	strbuf_clear(notes);
	add_end(s, h, out);
}

/* Keeps what a task changed until its host is done. Loops tell it item by item. */
static void note_change(const struct show *s, const struct run_event *e)
{
	struct strbuf *notes = notes_of(s, e->host);
	const char *title = e->title ? e->title : step_title(e->step);

	if (e->outcome != TASK_CHANGED || show_is_module(e->step, "sync_models") ||
		(e->kind == RUN_RESULT && e->step->task->loop))
		return;
	strbuf_addf(notes, "%s: %s%s", e->host->name, s->run->o->check ? "would change: " : "",
		title);
	if (e->label)
		strbuf_addf(notes, ": %s", e->label);
	strbuf_addch(notes, '\n');
	if (s->run->o->diff && e->result)
		diff_format(value_dict_get(e->result, "diff"), notes);
}

static void text_event(struct show *s, const struct run_event *e, struct strbuf *out)
{
	const char *name = e->host ? e->host->name : "fleet";

	if (show_ends_host(s, e))
		add_host(s, e->host, out);
	else if (e->kind == RUN_RESULT || e->kind == RUN_ITEM)
		note_change(s, e);
	else if (e->kind == RUN_WARNING && e->host)
		strbuf_addf(out, "%s: warning: %s\n", name, e->text);
	else if (e->kind == RUN_STOP)
		strbuf_addf(out, "stopped: %s\n", e->text);
	else if (e->kind == RUN_PHASE && s->verbosity > 1)
		strbuf_addf(out, "%s: %s\n", name, e->text);
}

/* ---- the run ---- */

static void text_begin(struct show *s, struct strbuf *out)
{
	struct deploy *d = s->data;
	const struct registry_site *registry = &d->run.registry;
	size_t models = registry->resolution.use_count;

	d->notes = xcalloc(s->count ? s->count : 1, sizeof(*d->notes));
	for (size_t i = 0; i < s->count; i++)
		strbuf_init(&d->notes[i]);
	strbuf_addf(out, "%s%zu model%s from %s to %zu host%s\n",
		s->run->o->check ? "checking " : "", models, models == 1 ? "" : "s",
		registry->store->location, s->count, s->count == 1 ? "" : "s");
}

/* The states in the order in which the recap counts them. */
static const struct {
	enum show_state state;
	const char *word, *color;
} counted[] = {
	{SHOW_CHANGED, "changed", PLAY_CHANGED},
	{SHOW_UNCHANGED, "unchanged", PLAY_OK},
	{SHOW_DRIFTED, "drifted", PLAY_CHANGED},
	{SHOW_FAILED, "failed", PLAY_FAILED},
	{SHOW_ROLLED_BACK, "went back", PLAY_FAILED},
	{SHOW_UNREACHABLE, "unreachable", PLAY_FAILED},
	{SHOW_INTERRUPTED, "interrupted", PLAY_CHANGED},
	{SHOW_NOT_RUN, "not run", PLAY_CHANGED},
};

static void add_counts(const struct show *s, const struct show_totals *t, struct strbuf *out)
{
	const char *separator = "";

	for (size_t i = 0; i < ARRAY_SIZE(counted); i++) {
		unsigned n = t->states[counted[i].state];
		bool would = s->run->o->check && counted[i].state == SHOW_CHANGED;
		if (n == 0)
			continue;
		autofree char *text =
			xasprintf("%u %s", n, would ? "would change" : counted[i].word);
		strbuf_addstr(out, separator);
		cli_paint(out, counted[i].color, text);
		separator = ", ";
	}
	if (!*separator)
		strbuf_addstr(out, "none");
}

static void text_end(struct show *s, int exit_code, struct strbuf *out)
{
	bool check = s->run->o->check;
	struct show_totals t;

	(void)exit_code;
	for (size_t i = 0; i < s->count; i++)
		if (s->hosts[i].started_ns && !s->hosts[i].told)
			add_host(s, &s->run->hosts[i], out);
	show_sum(s, &t);
	strbuf_addf(out, "\n%zu host%s: ", s->count, s->count == 1 ? "" : "s");
	add_counts(s, &t, out);
	strbuf_addstr(out, "; ");
	strbuf_addsize(out, t.bytes);
	strbuf_addstr(out, check ? " to send" : " sent");
	if (t.bytes_saved) {
		strbuf_addstr(out, ", ");
		strbuf_addsize(out, t.bytes_saved);
		strbuf_addstr(out, " saved");
	}
	strbuf_addf(out, "; %.1f s\n", t.seconds);
	show_errors(s, out);
}

static void text_release(struct show *s)
{
	struct deploy *d = s->data;

	for (size_t i = 0; d && d->notes && i < s->count; i++)
		strbuf_release(&d->notes[i]);
	if (d)
		free(d->notes);
}

const struct show_words deploy_words_text = {
	.begin = text_begin,
	.event = text_event,
	.end = text_end,
	.release = text_release,
};
