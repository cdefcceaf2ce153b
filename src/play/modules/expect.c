/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect: a program on a terminal of the node, whose questions are answered. Questions are
 * regular expressions, so the engine looks for them, and the node only passes on what the
 * program writes.
 */
#include <string.h>

#include "inventory/words.h"
#include "play/convert.h"
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/runner.h"
#include "text/regex.h"

#define OUTPUT_MAX   (1u << 20) /* bytes kept of what the program writes */
#define WAIT_SECONDS 10.0       /* of one request, while the program is silent */

static const struct argument arguments[] = {
	{.name = "command", .required = true},
	{.name = "responses", .type = ARGUMENT_DICT, .required = true},
	{.name = "chdir", .type = ARGUMENT_PATH},
	{.name = "creates", .type = ARGUMENT_PATH},
	{.name = "removes", .type = ARGUMENT_PATH},
	{.name = "timeout", .type = ARGUMENT_INT, .fallback = "30"},
	{.name = "echo", .type = ARGUMENT_BOOL, .fallback = "false"},
	{0},
};

/* A question, and what is answered: a text each time, or the next of a list. */
struct question {
	const char *pattern;
	struct regex *re;
	const struct value *answer;
	size_t given; /* answers of the list */
};

struct dialogue {
	struct module_call *call;
	struct question *questions;
	size_t count;
	struct strbuf said; /* all that the program wrote */
	size_t from;        /* where the next question is looked for */
	deadline until;     /* of the next question, or of the end */
	bool ended;
	int64_t status;
};

static void dialogue_release(struct dialogue *d)
{
	for (size_t i = 0; i < d->count; i++)
		regex_free(d->questions[i].re);
	strbuf_release(&d->said);
}

static int read_questions(struct dialogue *d, struct err *err)
{
	struct arena *a = d->call->arena;
	const struct value *responses = argument_value(d->call, "responses");

	d->questions = arena_array(a, responses->count + 1, sizeof(*d->questions));
	value_dict_foreach (pair, responses) {
		struct question *q = &d->questions[d->count];
		q->pattern = value_text(pair->key);
		q->answer = pair->value;
		if (!q->pattern)
			return err_set(err, ERR_INPUT, "responses: a question is no text");
		q->re = regex_compile(q->pattern, strlen(q->pattern), REGEX_DOTALL, err);
		if (!q->re)
			return err_wrap(err, "responses: %s", q->pattern);
		d->count++;
	}
	return 0;
}

/* ---- the conversation ---- */

/* Asks the node, and adds what the program wrote. */
static int exchange(struct dialogue *d, struct value *args, struct err *err)
{
	struct arena *a = d->call->arena;
	double left = (double)(d->until - clock_ns()) / 1e9;

	left = left < 0 ? 0 : left > WAIT_SECONDS ? WAIT_SECONDS : left;
	value_dict_set(a, args, "wait", value_new_float(a, left));
	const struct value *answer = runner_ask_node(d->call, "pty", args, err);
	if (!answer)
		return -1;
	const struct value *output = value_dict_get(answer, "output");
	const struct value *status = value_dict_get(answer, "status");
	if (output && value_is_string(output))
		strbuf_add(&d->said, output->text, output->len);
	d->ended = value_truthy(value_dict_get(answer, "ended"));
	d->status = status && status->kind == VALUE_INT ? status->integer : 0;
	if (d->said.len > OUTPUT_MAX)
		return err_set(
			err, ERR_LIMIT, "the program wrote more than %u bytes", OUTPUT_MAX);
	return 0;
}

/* The question that comes first in what was not looked at yet; NULL where there is none. */
static struct question *next_question(struct dialogue *d, size_t *end, struct err *err)
{
	struct question *first = NULL;
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < d->count; i++) {
		struct regex_result m;
		struct err why = {0};
		const char *text = d->said.data + d->from;
		int found = regex_exec(d->questions[i].re, REGEX_SEARCH, text,
			d->said.len - d->from, 0, &m, &why);
		if (found < 0) {
			*err = why;
			err_wrap(err, "responses: %s", d->questions[i].pattern);
			return NULL;
		}
		if (found == 0 || m.spans[0].start >= best)
			continue;
		best = m.spans[0].start;
		*end = m.spans[0].end;
		first = &d->questions[i];
	}
	return first;
}

/* The next answer to a question, with one line end; NULL with err when there is none left. */
static const struct value *next_answer(struct dialogue *d, struct question *q, struct err *err)
{
	struct arena *a = d->call->arena;
	const struct value *v = q->answer;

	if (v->kind == VALUE_LIST)
		v = q->given < v->count ? v->items[q->given++] : NULL;
	const struct value *text = v ? value_to_text(a, v) : NULL;
	if (!text) {
		err_set(err, ERR_INPUT, "No remaining responses for '%s', output was '%s'",
			q->pattern, d->said.data + d->from);
		return NULL;
	}
	size_t n = text->len;
	while (n > 0 && text->text[n - 1] == '\n')
		n--;
	return value_new_stringf(a, "%.*s\n", (int)n, text->text);
}

/* Answers what was asked: 1, 0 where nothing was, -1 with err. */
static int answer(struct dialogue *d, struct err *err)
{
	struct err why = {0};
	size_t end = 0;
	struct question *q = next_question(d, &end, &why);

	if (!q) {
		if (why.code)
			*err = why;
		return why.code ? -1 : 0;
	}
	const struct value *text = next_answer(d, q, err);
	if (!text)
		return -1;
	struct value *args = value_new_dict(d->call->arena);
	value_dict_set(d->call->arena, args, "input", text);
	d->from += end;
	d->until = deadline_in(argument_number(d->call, "timeout", 30));
	return exchange(d, args, err) < 0 ? -1 : 1;
}

/* Talks until the program has ended (1) or nothing comes in time (0). */
static int converse(struct dialogue *d, struct err *err)
{
	for (;;) {
		int answered = d->ended ? 0 : answer(d, err);
		if (answered < 0)
			return -1;
		if (answered > 0)
			continue;
		if (d->ended || deadline_passed(d->until))
			return d->ended;
		if (exchange(d, value_new_dict(d->call->arena), err) < 0)
			return -1;
	}
}

static void stop(struct dialogue *d)
{
	struct value *args = value_new_dict(d->call->arena);
	struct err ignored = {0};

	value_dict_set(d->call->arena, args, "stop", &value_true);
	(void)runner_ask_node(d->call, "pty", args, &ignored);
}

static int start(struct dialogue *d, const struct words *words, struct err *err)
{
	static const char *const passed[] = {"chdir", "echo", NULL};
	struct arena *a = d->call->arena;
	struct value *args = forward_arguments(d->call, passed);
	struct value *argv = value_new_list(a);

	for (size_t i = 0; i < words->count; i++)
		value_list_add(a, argv, value_new_string(a, words->items[i].text));
	value_dict_set(a, args, "argv", argv);
	d->until = deadline_in(argument_number(d->call, "timeout", 30));
	return exchange(d, args, err);
}

/* ---- the module ---- */

static void tell(struct dialogue *d, bool ended)
{
	size_t n = d->said.len;

	while (n > 0 && (d->said.data[n - 1] == '\n' || d->said.data[n - 1] == '\r'))
		n--;
	struct value *said = value_new_stringn(d->call->arena, d->said.data, n);
	said->unsafe = true;
	call_set(d->call, "stdout", said);
	call_set_bool(d->call, "changed", true);
	if (ended)
		call_set_int(d->call, "rc", d->status);
	else
		call_set(d->call, "rc", &value_null);
	if (ended && d->status == 0)
		return;
	call_set_bool(d->call, "failed", true);
	call_set_text(
		d->call, "msg", ended ? "non-zero return code" : "command exceeded timeout");
}

/* Whether a path of the node is there; a relative one counts from `chdir`. */
static int is_there(struct module_call *c, const char *path, struct err *err)
{
	const char *chdir = argument_text(c, "chdir");

	if (*path != '/' && *path != '~')
		path = arena_printf(c->arena, "%s/%s", chdir ? chdir : "~", path);
	int kind = node_path_kind(c, path, err);
	return kind < 0 ? -1 : kind != NODE_PATH_ABSENT;
}

/* creates and removes: 1 when there is nothing to do, which is told. */
static int is_done(struct module_call *c, struct err *err)
{
	static const struct {
		const char *key, *says;
		bool there;
	} conditions[] = {{"creates", "exists", true}, {"removes", "does not exist", false}};

	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
		const char *path = argument_text(c, conditions[i].key);
		int there = path ? is_there(c, path, err) : !conditions[i].there;
		if (there < 0)
			return -1;
		if (there != conditions[i].there)
			continue;
		call_set_bool(c, "changed", false);
		call_set_int(c, "rc", 0);
		call_set_text(c, "stdout",
			arena_printf(
				c->arena, "skipped, since %s %s", path, conditions[i].says));
		return 1;
	}
	return 0;
}

static int run_dialogue(struct dialogue *d, const struct words *words, struct err *err)
{
	if (read_questions(d, err) < 0 || start(d, words, err) < 0)
		return -1;
	int ended = converse(d, err);
	if (ended <= 0)
		stop(d);
	if (ended < 0)
		return -1;
	tell(d, ended);
	return 0;
}

static int run(struct module_call *c, struct err *err)
{
	const char *command = argument_text(c, "command");
	AUTO(words_release) struct words words = {0};
	AUTO(dialogue_release) struct dialogue d = {.call = c, .said = STRBUF_INIT};

	if (words_split_all(&words, command, strlen(command), err) < 0)
		return err_wrap(err, "command");
	if (words.count == 0) {
		call_set_int(c, "rc", 256);
		return err_set(err, ERR_INPUT, "no command given");
	}
	int done = is_done(c, err);
	if (done < 0)
		return -1;
	if (done == 0 && run_dialogue(&d, &words, err) < 0)
		return -1;
	call_set_text(c, "cmd", command);
	return 0;
}

const struct module module_expect = {
	.name = "expect",
	.arguments = arguments,
	.flags = MODULE_CANNOT_UNDO,
	.run = run,
};
