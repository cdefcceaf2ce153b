/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause: waits for a time, once for all hosts of a batch. Nobody is asked for anything: a
 * pause without a time is over at once, as Ansible's is without a terminal.
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

/* A point of time as Python writes one. */
static void set_time(struct module_call *c, const char *key)
{
	struct timespec now;
	struct tm local;
	char text[64];

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
	call_set_text(c, key, arena_printf(c->arena, "%s.%06ld", text, now.tv_nsec / 1000));
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

static int run(struct module_call *c, struct err *err)
{
	struct runner *r = c->runner;
	int64_t start = clock_ns();
	double seconds = wanted(c);

	if (argument_value(c, "minutes") && argument_value(c, "seconds"))
		return err_set(
			err, ERR_INPUT, "parameters are mutually exclusive: minutes|seconds");
	call_set_bool(c, "changed", false);
	call_set_int(c, "rc", 0);
	call_set_text(c, "stderr", "");
	call_set_bool(c, "echo", argument_bool(c, "echo"));
	call_set_text(c, "user_input", "");
	set_time(c, "start");
	if (seconds < 0)
		runner_warn(
			r, "Not waiting for response to prompt as stdin is not interactive");
	else if (line_idle(&r->line, deadline_in(seconds), runner_soft_cancel(r), err) < 0)
		return -1;
	set_time(c, "stop");
	set_duration(c, start, !argument_value(c, "seconds"));
	return 0;
}

const struct module module_pause = {
	.name = "pause",
	.arguments = arguments,
	.flags = MODULE_ON_ENGINE | MODULE_CHECKS | MODULE_ONCE,
	.run = run,
};
