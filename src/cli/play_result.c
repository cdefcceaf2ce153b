/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results of tasks as lines: "changed: [host] => (item=x)", with the result as JSON where -v or
 * a failure asks for it, and the differences that --diff shows.
 */
#include "cli/play_text.h"

#include <inttypes.h>

#include "inventory/paths.h"

/* One result being written. */
struct writer {
	struct show *show;
	const struct run_event *event;
	struct arena arena;
	struct strbuf *out;
	bool debug; /* of the module that exists to say something */
};

static bool is_true(const struct value *result, const char *key)
{
	const struct value *v = value_dict_get(result, key);

	return v && value_truthy(v);
}

static bool is_debug(const struct run_event *e)
{
	return show_is_module(e->step, "debug");
}

/* Appends the result as JSON; a debug task that fails has nothing to say. */
static void add_result(struct writer *w)
{
	const struct run_event *e = w->event;
	bool failed = e->outcome >= TASK_FAILED;
	struct play_dump_options o = {.debug = w->debug && !failed};

	o.indent = is_true(e->result, "_ansible_verbose_always") && !(failed && is_debug(e));
	play_dump(w->show, e, &o, w->out);
}

/* ---- differences ---- */

/* Appends a difference, its lines in the colours that Ansible gives them. */
static void add_colored(const char *text, struct strbuf *out)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		autofree char *line = xstrndup(text, n);
		const char *color = *line == '+'             ? PLAY_OK
				    : *line == '-'           ? PLAY_FAILED
				    : str_starts(line, "@@") ? PLAY_SKIPPED
							     : NULL;
		if (color)
			cli_paint(out, color, line);
		else
			strbuf_addstr(out, line);
		strbuf_addch(out, '\n');
		text += n + (text[n] != '\0');
	}
}

static void add_diff(struct writer *w, const struct value *result)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!is_true(result, "changed"))
		return;
	play_dump_diff(w->show, value_dict_get(result, "diff"), &text);
	add_colored(text.data, w->out);
}

/* A loop's differences are told with its items. */
static void add_diffs(struct writer *w)
{
	const struct run_event *e = w->event;

	if (w->show->run->o->diff && (e->kind == RUN_ITEM || !play_is_loop(e)))
		add_diff(w, e->result);
}

/* ---- lines ---- */

/* The host, and the one that works for it. */
static void add_host(struct writer *w, struct strbuf *line)
{
	const struct run_event *e = w->event;
	strbuf_addf(line, "[%s%s%s]", e->host->name, e->delegate ? " -> " : "",
		e->delegate ? e->delegate : "");
}

static void end_line(struct writer *w, struct strbuf *line, const char *color, bool with_result)
{
	AUTO(strbuf_release) struct strbuf whole = STRBUF_INIT;
	struct strbuf *out = w->out;

	if (with_result) {
		strbuf_addstr(line, " => ");
		w->out = line;
		add_result(w);
		w->out = out;
	}
	cli_paint(out, color, line->data);
	strbuf_addch(out, '\n');
}

/* Whether the result follows: a module may ask for that, or that it never does. */
static bool is_verbose(const struct writer *w)
{
	const struct value *result = w->event->result;

	if (is_true(result, "_ansible_verbose_override"))
		return false;
	return w->show->verbosity > 0 || is_true(result, "_ansible_verbose_always");
}

/* "ok: [host] => (item=x) => {...}" */
static void add_plain(struct writer *w, const char *word, const char *color)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	const struct run_event *e = w->event;
	bool skipped = e->outcome == TASK_SKIPPED;

	if ((skipped && w->show->hides_skipped) || (e->outcome == TASK_OK && w->show->hides_ok))
		return;
	if (play_is_loop(e) && e->kind == RUN_RESULT && !skipped)
		return;
	strbuf_addf(&line, "%s: ", word);
	if (skipped)
		strbuf_addf(&line, "[%s]", e->host->name);
	else
		add_host(w, &line);
	if (e->kind == RUN_ITEM)
		strbuf_addf(&line, " => (item=%s)%s", e->label ? e->label : "None",
			skipped ? " " : "");
	end_line(w, &line, color, is_verbose(w));
}

void play_task_path(const struct step *task, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	AUTO(arena_release) struct arena arena = {0};

	strbuf_addf(&line, "task path: %s:%u", path_absolute(&arena, task->place.file, NULL),
		task->place.line);
	cli_paint(out, PLAY_DEBUG, line.data);
	strbuf_addch(out, '\n');
}

/* A line about a failure, which may have a stream of its own. */
static void end_failure(struct writer *w, struct strbuf *line, const char *color)
{
	struct strbuf *out = w->out;
	struct show *s = w->show;

	if (s->verbosity < 2 && s->paths_of_failures && w->event->step &&
		w->event->kind == RUN_RESULT)
		play_task_path(w->event->step, out);
	if (s->apart)
		w->out = s->apart;
	end_line(w, line, color, true);
	w->out = out;
}

static void add_failure(struct writer *w)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	const struct run_event *e = w->event;
	bool unreachable = e->outcome == TASK_UNREACHABLE || is_true(e->result, "unreachable");

	w->debug = false;
	if (e->kind == RUN_ITEM) {
		strbuf_addstr(&line, "failed: ");
		add_host(w, &line);
		strbuf_addf(&line, " (item=%s)", e->label ? e->label : "None");
		end_failure(w, &line, PLAY_FAILED);
		return;
	}
	if (unreachable || !play_is_loop(e)) {
		strbuf_addstr(&line, "fatal: ");
		add_host(w, &line);
		strbuf_addstr(&line, unreachable ? ": UNREACHABLE!" : ": FAILED!");
		end_failure(w, &line, unreachable ? PLAY_UNREACHABLE : PLAY_FAILED);
	}
	if (e->outcome == TASK_IGNORED) {
		cli_paint(w->out, PLAY_SKIPPED, "...ignoring");
		strbuf_addch(w->out, '\n');
	}
}

/* "FAILED - RETRYING: [host]: task (2 retries left)." */
static void add_retry(struct writer *w)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	const struct run_event *e = w->event;

	strbuf_addstr(&line, "FAILED - RETRYING: ");
	add_host(w, &line);
	strbuf_addf(&line, ": %s (%" PRIu64 " retries left).", e->title, e->number);
	end_line(w, &line, PLAY_DEBUG, false);
}

/* "ASYNC POLL on host: jid=j1.2 started=1 finished=0". */
static void add_job(struct writer *w)
{
	static const struct {
		const char *key, *name;
	} members[] = {
		{"ansible_job_id", "jid"}, {"started", "started"}, {"finished", "finished"}};
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	const struct run_event *e = w->event;
	bool polls = strcmp(e->text, "POLL") == 0;

	strbuf_addf(&line, "ASYNC %s on %s:", e->text, e->host->name);
	for (size_t i = 0; i < (polls ? ARRAY_SIZE(members) : 1); i++) {
		const struct value *v = value_dict_get(e->result, members[i].key);
		const char *text = v ? value_text(v) : "None";
		strbuf_addf(&line, " %s=%s", members[i].name,
			text ? text : (value_truthy(v) ? "1" : "0"));
	}
	end_line(w, &line, PLAY_DEBUG, false);
}

void play_result(struct show *s, const struct run_event *e, struct strbuf *out)
{
	struct run_event event = *e;
	struct writer w = {.show = s, .event = &event, .out = out};

	if (e->kind == RUN_RETRY) {
		add_retry(&w);
		return;
	}
	if (e->kind == RUN_ASYNC) {
		add_job(&w);
		return;
	}
	if (!event.result)
		event.result = value_new_dict(&w.arena);
	w.debug = is_debug(e);
	play_warnings(s, event.result, out);
	add_diffs(&w);
	switch (e->outcome) {
	case TASK_OK: add_plain(&w, "ok", PLAY_OK); break;
	case TASK_CHANGED: add_plain(&w, "changed", PLAY_CHANGED); break;
	case TASK_SKIPPED: add_plain(&w, "skipping", PLAY_SKIPPED); break;
	default: add_failure(&w); break;
	}
	arena_release(&w.arena);
}
