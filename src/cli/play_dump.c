/* SPDX-License-Identifier: Apache-2.0 */
/* A result as JSON or YAML, without what is told in another way. */
#include "cli/play_text.h"
#include "value/json.h"

#define VERBOSE_ALL 3 /* from this -v on nothing is left out, and each member has a line */

bool play_is_loop(const struct run_event *e)
{
	return e->step && e->step->kind == STEP_TASK && e->step->task->loop &&
	       value_dict_get(e->result, "results");
}

/* Members that are not part of the answer, or are told in another way. */
static bool is_hidden(const struct show *s, const char *key)
{
	static const char *const always[] = {
		"failed", "skipped", "exception", "warnings", "deprecations"};
	static const char *const unless_verbose[] = {"invocation", "diff"};

	if (str_starts(key, "_ansible_"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (strcmp(always[i], key) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(unless_verbose); i++)
		if (strcmp(unless_verbose[i], key) == 0)
			return s->verbosity < VERBOSE_ALL;
	return false;
}

/* Of a host out of reach only that it is: the module has not told anything. */
static bool is_untold(const struct run_event *e, const char *key)
{
	return e->outcome == TASK_UNREACHABLE && strcmp(key, "changed") != 0 &&
	       strcmp(key, "msg") != 0 && strcmp(key, "unreachable") != 0;
}

/* Of a debug task only what it is to say. */
static bool is_beside_the_point(const struct run_event *e, const char *key)
{
	static const char *const hidden[] = {
		"changed", "failed", "skipped", "invocation", "skip_reason", "false_condition"};

	if (value_dict_get(e->result, "msg"))
		return strcmp(key, "msg") != 0;
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		if (strcmp(hidden[i], key) == 0)
			return true;
	return false;
}

static const struct value *shown_members(const struct show *s, const struct run_event *e,
	const struct play_dump_options *o, struct arena *arena)
{
	struct value *shown = value_new_dict(arena);
	bool without_results = !o->results && play_is_loop(e);

	value_dict_foreach (p, e->result) {
		const char *key = value_text(p->key);
		if (!key || is_hidden(s, key) || is_untold(e, key) ||
			(o->debug && is_beside_the_point(e, key)) ||
			(without_results && strcmp(key, "results") == 0))
			continue;
		value_dict_set(arena, shown, key, p->value);
	}
	return shown;
}

/* Takes the newlines away that only divide members: those in texts are escaped. */
static void join_lines(struct strbuf *out, size_t start)
{
	size_t to = start;

	for (size_t from = start; from < out->len; from++)
		if (out->data[from] != '\n')
			out->data[to++] = out->data[from];
	strbuf_truncate(out, to);
}

void play_dump(const struct show *s, const struct run_event *e,
	const struct play_dump_options *o, struct strbuf *out)
{
	AUTO(arena_release) struct arena arena = {0};
	struct json_write_options options = {.sort_keys = true, .empty_indent = o->one_line};
	struct err err = {0};
	size_t start = out->len;
	const struct value *shown = shown_members(s, e, o, &arena);

	if (s->results != RESULTS_JSON && !o->json) {
		play_dump_yaml(s, shown, out);
		return;
	}
	if ((o->indent || s->pretty || s->verbosity >= VERBOSE_ALL) && !s->plain)
		options.indent = 4;
	if (json_write(shown, &options, out, &err) == 0) {
		if (o->one_line)
			join_lines(out, start);
		return;
	}
	strbuf_truncate(out, start);
	strbuf_addf(out, "{\"msg\": \"the result cannot be shown: %s\"}", err.text);
}
