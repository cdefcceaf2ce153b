/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results without headings and recap: Ansible's outputs "minimal", which is that of its ad-hoc
 * commands, and "oneline". Lines come in the order in which hosts end.
 */
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "cli/play_text.h"
#include "play/module.h"

/* What became of a task in the words of these outputs. */
struct verdict {
	const char *word, *color;
};

static struct verdict verdict_of(const struct run_event *e)
{
	static const struct verdict verdicts[] = {
		[TASK_OK] = {"SUCCESS", PLAY_OK},
		[TASK_CHANGED] = {"CHANGED", PLAY_CHANGED},
		[TASK_SKIPPED] = {"SKIPPED", PLAY_SKIPPED},
		[TASK_FAILED] = {"FAILED", PLAY_FAILED},
		[TASK_IGNORED] = {"FAILED", PLAY_FAILED},
		[TASK_RESCUED] = {"FAILED", PLAY_FAILED},
		[TASK_UNREACHABLE] = {"UNREACHABLE", PLAY_UNREACHABLE},
	};

	return verdicts[e->outcome];
}

static bool is_failure(const struct run_event *e)
{
	return e->outcome >= TASK_FAILED && e->outcome != TASK_UNREACHABLE;
}

/* Modules whose answer is what a program printed. */
static bool is_program(const struct run_event *e)
{
	static const char *const names[] = {"command", "shell", "raw", "script"};

	if (e->outcome == TASK_UNREACHABLE || value_dict_get(e->result, "ansible_job_id") ||
		(is_failure(e) && value_dict_get(e->result, "module_stderr")))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (show_is_module(e->step, names[i]))
			return true;
	return false;
}

static const char *text_of(const struct run_event *e, const char *key)
{
	const char *text = value_text(value_dict_get(e->result, key));

	return text ? text : "";
}

/* "rc=0", or -1 where no program ran. */
static void add_code(const struct run_event *e, struct strbuf *line)
{
	const struct value *rc = value_dict_get(e->result, "rc");

	strbuf_addf(line, " | rc=%lld",
		rc && rc->kind == VALUE_INT ? (long long)rc->integer : -1LL);
}

static void end_line(struct strbuf *line, const char *color, struct strbuf *out)
{
	cli_paint(out, color, line->data);
	strbuf_addch(out, '\n');
}

/* ---- minimal ---- */

/* A difference; where nothing differs, an empty line says that it was looked for. */
static void add_diff(const struct show *s, const struct value *diff, struct strbuf *out)
{
	size_t start = out->len;

	play_dump_diff(s, diff, out);
	if (out->len == start && diff && value_truthy(diff))
		strbuf_addch(out, '\n');
}

static void minimal_result(struct show *s, const struct run_event *e, struct strbuf *out)
{
	const struct play_dump_options o = {.indent = true,
		.results = true,
		.debug = e->outcome < TASK_SKIPPED && show_is_module(e->step, "debug")};
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	struct verdict v = verdict_of(e);

	play_warnings(s, e->result, out);
	if (s->run->o->diff)
		add_diff(s, value_dict_get(e->result, "diff"), out);
	strbuf_addf(&line, "%s | %s", e->host->name, v.word);
	if (e->outcome == TASK_SKIPPED) {
		end_line(&line, v.color, out);
	} else if (is_program(e)) {
		add_code(e, &line);
		strbuf_addf(&line, " >>\n%s%s%s", text_of(e, "stdout"), text_of(e, "stderr"),
			text_of(e, "msg"));
		end_line(&line, v.color, out);
	} else {
		strbuf_addstr(&line, e->outcome >= TASK_FAILED ? "! => " : " => ");
		play_dump(s, e, &o, &line);
		end_line(&line, v.color, out);
	}
}

/* ---- oneline ---- */

/* A program's output with its newlines as "\n". */
static void add_escaped(const char *text, struct strbuf *out)
{
	for (; *text; text++) {
		if (*text == '\n' || *text == '\r')
			strbuf_addstr(out, *text == '\n' ? "\\n" : "\\r");
		else
			strbuf_addch(out, *text);
	}
}

static void add_outputs(const struct run_event *e, struct strbuf *line)
{
	add_code(e, line);
	strbuf_addstr(line, " | (stdout) ");
	add_escaped(text_of(e, "stdout"), line);
	if (!*text_of(e, "stderr"))
		return;
	strbuf_addstr(line, " (stderr) ");
	add_escaped(text_of(e, "stderr"), line);
}

static void oneline_result(struct show *s, const struct run_event *e, struct strbuf *out)
{
	const struct value *wide = value_dict_get(e->result, "_ansible_verbose_always");
	const struct play_dump_options o = {.one_line = true,
		.results = true,
		.json = true,
		.indent = wide && value_truthy(wide)};
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	struct verdict v = verdict_of(e);

	strbuf_addf(&line, "%s | %s", e->host->name, v.word);
	if (e->outcome == TASK_UNREACHABLE) {
		strbuf_addf(&line, "!: %s", text_of(e, "msg"));
	} else if (!is_failure(e) && is_program(e) && e->outcome != TASK_SKIPPED) {
		add_outputs(e, &line);
	} else if (e->outcome != TASK_SKIPPED) {
		strbuf_addstr(&line, is_failure(e) ? "! => " : " => ");
		play_dump(s, e, &o, &line);
	}
	end_line(&line, v.color, out);
}

/* ---- the words ---- */

/* Keeps a result as JSON in the directory of --tree, under the host's name. */
static void keep(const struct show *s, const struct run_event *e, const char *directory)
{
	const struct play_dump_options o = {.results = true, .json = true};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *path = path_join(directory, e->host->name);
	struct err err = {0};

	play_dump(s, e, &o, &text);
	if (file_replace(path, text.data, text.len, 0666, &err) < 0)
		log_warning("the result of %s could not be kept: %s", e->host->name, err.text);
}

/* Calls `tell` for what became of a task, and keeps it where that is asked for. */
static void tell_result(struct show *s, const struct run_event *e, const char *tree,
	struct strbuf *out,
	void (*tell)(struct show *s, const struct run_event *e, struct strbuf *out))
{
	AUTO(arena_release) struct arena arena = {0};
	struct run_event event = *e;

	if (e->kind != RUN_RESULT || show_is_module(e->step, "meta"))
		return;
	if (!event.result)
		event.result = value_new_dict(&arena);
	tell(s, &event, out);
	if (tree)
		keep(s, &event, tree);
}

void play_line_minimal(struct show *s, const struct run_event *e, struct strbuf *out)
{
	tell_result(s, e, NULL, out, minimal_result);
}

void play_line_oneline(struct show *s, const struct run_event *e, struct strbuf *out)
{
	tell_result(s, e, NULL, out, oneline_result);
}

static void warn(struct show *s, const struct run_event *e, struct strbuf *out)
{
	if (e->kind == RUN_WARNING && e->host)
		show_warn(s, e->text, out);
}

static void minimal_event(struct show *s, const struct run_event *e, struct strbuf *out)
{
	const struct play_lines *lines = s->data;

	warn(s, e, out);
	tell_result(s, e, lines->tree, out, minimal_result);
}

static void oneline_event(struct show *s, const struct run_event *e, struct strbuf *out)
{
	const struct play_lines *lines = s->data;

	warn(s, e, out);
	tell_result(s, e, lines->tree, out, oneline_result);
}

static void lines_begin(struct show *s, struct strbuf *out)
{
	(void)s;
	(void)out;
}

static void lines_end(struct show *s, int exit_code, struct strbuf *out)
{
	(void)s;
	(void)exit_code;
	(void)out;
}

const struct show_words play_words_minimal = {
	.begin = lines_begin, .event = minimal_event, .end = lines_end};
const struct show_words play_words_oneline = {
	.begin = lines_begin, .event = oneline_event, .end = lines_end};
