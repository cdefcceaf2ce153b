/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause: waits for a time, or until somebody at the terminal goes on, once for all hosts of a
 * batch. Where nobody is there, a pause without a time is over at once.
 */
#include <time.h>

#include "play/modules/modules.h"
#include "play/run_state.h"

static const struct argument arguments[] = {
	{.name = "echo", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "minutes", .type = ARGUMENT_INT},
	{.name = "prompt"},
	{.name = "seconds", .type = ARGUMENT_INT},
	{0},
};

/* The time as Python writes it. */
static const char *time_now(struct module_call *c)
{
	struct timespec now;
	struct tm local;
	char text[64];

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
	return arena_printf(c->arena, "%s.%06ld", text, now.tv_nsec / 1000);
}

/* Two digits behind the point at most, and one at least. */
static const char *rounded(struct module_call *c, double d)
{
	char *text = arena_printf(c->arena, "%.2f", d);
	size_t n = strlen(text);

	if (text[n - 1] == '0')
		text[n - 1] = '\0';
	return text;
}

static void set_duration(struct module_call *c, int64_t start, bool minutes)
{
	double seconds = (double)(clock_ns() - start) / 1e9;

	call_set_int(c, "delta", (int64_t)seconds);
	call_set_text(c, "stdout",
		arena_printf(c->arena, "Paused for %s %s",
			rounded(c, minutes ? seconds / 60 : seconds),
			minutes ? "minutes" : "seconds"));
}

/* Seconds to wait; negative: until somebody says something. */
static double wanted(struct module_call *c)
{
	double minutes = argument_number(c, "minutes", -1);
	double seconds = argument_number(c, "seconds", minutes < 0 ? -1 : minutes * 60);

	/* Where a time is given it is a second at least. */
	return seconds < 0 && !argument_value(c, "seconds") ? -1 : seconds < 1 ? 1 : seconds;
}

/* ---- who is asked ---- */

struct pause {
	struct module_call *call;
	double seconds; /* negative: until somebody says something */
};

static void say(void *data, const char *line)
{
	const struct pause *p = data;

	runner_post(p->call->runner, (struct run_event){.kind = RUN_SAY, .text = line});
}

/* The link and the watchdogs behind it must not take the silence for the engine's end. */
static int keep(void *data, struct err *err)
{
	struct runner *r = ((struct pause *)data)->call->runner;

	return line_idle(&r->line, deadline_in(0.001), runner_soft_cancel(r), err);
}

/* What is told before the wait, whoever is there. */
static void begin(void *data)
{
	const struct pause *p = data;
	struct module_call *c = p->call;
	const char *prompt = argument_text(c, "prompt");
	const char *title = c->runner->title ? c->runner->title : "";
	const char *hidden = argument_bool(c, "echo") ? "" : " (output is hidden)";

	if (p->seconds >= 0) {
		say(data, arena_printf(
				  c->arena, "Pausing for %.0f seconds%s", p->seconds, hidden));
		say(data, "(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)\r");
	}
	if (!prompt || !*prompt)
		prompt = p->seconds < 0 ? "Press enter to continue, Ctrl+C to interrupt" : NULL;
	if (prompt)
		say(data, arena_printf(c->arena, "[%s]\n%s%s:", title, prompt, hidden));
}

/* Waits for a person. 1 when that was done, 0 where nobody is there, -1 with err. */
static int wait_for_person(struct pause *p, struct strbuf *input, struct err *err)
{
	struct runner *r = p->call->runner;
	const struct run_person *person = r->run->o->person;
	const struct run_pause pause = {.seconds = p->seconds,
		.echo = argument_bool(p->call, "echo"),
		.begin = begin,
		.say = say,
		.keep = keep,
		.data = p};

	if (!person || !person->pause)
		return 0;
	runner_post(r, (struct run_event){.kind = RUN_TERMINAL, .number = 1});
	int result = person->pause(person->data, &pause, input, err);
	runner_post(r, (struct run_event){.kind = RUN_TERMINAL, .number = 0});
	return result;
}

static int wait_here(struct pause *p, struct strbuf *input, struct err *err)
{
	struct runner *r = p->call->runner;

	/* Nobody does anything meanwhile, as the person may look at what was done. */
	if (meet_all(r, err) < 0)
		return -1;
	int there = wait_for_person(p, input, err);
	if (there != 0)
		return there;
	begin(p);
	if (p->seconds >= 0)
		return line_idle(&r->line, deadline_in(p->seconds), runner_soft_cancel(r), err);
	runner_post(r, (struct run_event){.kind = RUN_WARNING,
			       .number = 1,
			       .text = "Not waiting for response to prompt as stdin is not "
				       "interactive"});
	return 0;
}

static int run(struct module_call *c, struct err *err)
{
	AUTO(strbuf_release) struct strbuf input = STRBUF_INIT;
	struct pause pause = {.call = c, .seconds = wanted(c)};
	const char *began = time_now(c);
	int64_t start = clock_ns();

	if (argument_value(c, "minutes") && argument_value(c, "seconds"))
		return err_set(
			err, ERR_INPUT, "parameters are mutually exclusive: minutes|seconds");
	if (wait_here(&pause, &input, err) < 0)
		return -1;
	call_set_bool(c, "changed", false);
	call_set_int(c, "rc", 0);
	call_set_text(c, "stderr", "");
	call_set_bool(c, "echo", argument_bool(c, "echo"));
	call_set_text(c, "user_input", input.data);
	call_set_text(c, "start", began);
	call_set_text(c, "stop", time_now(c));
	set_duration(c, start, !argument_value(c, "seconds"));
	return 0;
}

const struct module module_pause = {
	.name = "pause",
	.arguments = arguments,
	.flags = MODULE_ON_ENGINE | MODULE_CHECKS | MODULE_ONCE,
	.run = run,
};
