/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results of tasks as lines: "changed: [host] => (item=x)", with the result as JSON where -v or
 * a failure asks for it, and the differences that --diff shows.
 */
#include "cli/play_text.h"

#include <inttypes.h>

#include "play/diff.h"
#include "value/json.h"

#define VERBOSE_INDENT 3 /* from this -v on a result has a line for each member */

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

static bool is_loop(const struct writer *w)
{
	const struct run_event *e = w->event;

	return e->step && e->step->kind == STEP_TASK && e->step->task->loop &&
	       value_dict_get(e->result, "results");
}

/* Members that are not part of the answer, or are told in another way. */
static bool is_hidden(const struct writer *w, const char *key)
{
	static const char *const always[] = {
		"failed", "skipped", "exception", "warnings", "deprecations"};
	static const char *const unless_verbose[] = {"invocation", "diff"};

	if (str_starts(key, "_ansible_") || (strcmp(key, "results") == 0 && is_loop(w)))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (strcmp(always[i], key) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(unless_verbose); i++)
		if (strcmp(unless_verbose[i], key) == 0)
			return w->show->verbosity < VERBOSE_INDENT;
	return false;
}

/* Of a debug task only what it is to say. */
static bool is_beside_the_point(const struct writer *w, const char *key)
{
	static const char *const hidden[] = {
		"changed", "failed", "skipped", "invocation", "skip_reason", "false_condition"};

	if (!w->debug)
		return false;
	if (value_dict_get(w->event->result, "msg"))
		return strcmp(key, "msg") != 0;
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		if (strcmp(hidden[i], key) == 0)
			return true;
	return false;
}

/* Appends the result as JSON. */
static void add_result(struct writer *w)
{
	struct json_write_options options = {.sort_keys = true};
	struct value *shown = value_new_dict(&w->arena);
	struct err err = {0};
	size_t start = w->out->len;

	if (w->show->verbosity >= VERBOSE_INDENT ||
		(w->debug && w->event->outcome != TASK_SKIPPED))
		options.indent = 4;
	value_dict_foreach (p, w->event->result) {
		const char *key = value_text(p->key);
		if (!key || is_hidden(w, key) || is_beside_the_point(w, key))
			continue;
		value_dict_set(&w->arena, shown, key, p->value);
	}
	if (json_write(shown, &options, w->out, &err) == 0)
		return;
	strbuf_truncate(w->out, start);
	strbuf_addf(w->out, "{\"msg\": \"the result cannot be shown: %s\"}", err.text);
}

/* ---- warnings and differences ---- */

static void add_warnings(struct writer *w)
{
	const struct value *warnings = value_dict_get(w->event->result, "warnings");

	if (!warnings || warnings->kind != VALUE_LIST)
		return;
	value_list_foreach (item, warnings) {
		if (value_text(item))
			show_warn(w->show, value_text(item), w->out);
	}
}

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
	diff_format(value_dict_get(result, "diff"), &text);
	add_colored(text.data, w->out);
}

/* A loop's differences come together, when it has ended. */
static void add_diffs(struct writer *w)
{
	const struct value *results = value_dict_get(w->event->result, "results");

	if (w->event->kind == RUN_ITEM || !w->show->run->o->diff)
		return;
	if (!results || results->kind != VALUE_LIST) {
		add_diff(w, w->event->result);
		return;
	}
	value_list_foreach (item, results)
		add_diff(w, item);
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

/* "ok: [host] => (item=x) => {...}" */
static void add_plain(struct writer *w, const char *word, const char *color)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	const struct run_event *e = w->event;
	bool skipped = e->outcome == TASK_SKIPPED;

	if (is_loop(w) && e->kind == RUN_RESULT && !skipped)
		return;
	strbuf_addf(&line, "%s: ", word);
	if (skipped)
		strbuf_addf(&line, "[%s]", e->host->name);
	else
		add_host(w, &line);
	if (e->kind == RUN_ITEM)
		strbuf_addf(&line, " => (item=%s)%s", e->label ? e->label : "None",
			skipped ? " " : "");
	end_line(w, &line, color, w->show->verbosity > 0 || (w->debug && !skipped));
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
		end_line(w, &line, PLAY_FAILED, true);
		return;
	}
	if (unreachable || !is_loop(w)) {
		strbuf_addstr(&line, "fatal: ");
		add_host(w, &line);
		strbuf_addstr(&line, unreachable ? ": UNREACHABLE!" : ": FAILED!");
		end_line(w, &line, unreachable ? PLAY_UNREACHABLE : PLAY_FAILED, true);
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

void play_result(struct show *s, const struct run_event *e, struct strbuf *out)
{
	struct run_event event = *e;
	struct writer w = {.show = s, .event = &event, .out = out};

	if (e->kind == RUN_RETRY) {
		add_retry(&w);
		return;
	}
	if (!event.result)
		event.result = value_new_dict(&w.arena);
	w.debug = show_is_module(e->step, "debug");
	add_warnings(&w);
	add_diffs(&w);
	switch (e->outcome) {
	case TASK_OK: add_plain(&w, "ok", PLAY_OK); break;
	case TASK_CHANGED: add_plain(&w, "changed", PLAY_CHANGED); break;
	case TASK_SKIPPED: add_plain(&w, "skipping", PLAY_SKIPPED); break;
	default: add_failure(&w); break;
	}
	arena_release(&w.arena);
}
