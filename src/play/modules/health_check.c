/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health_check: whether a host lives with what it was given.
 *
 * Theory of operation. Units come first: one that is down ends the check at once. Then port,
 * URL and command are asked again and again until each has answered well; between two
 * questions the units are looked at, so that nobody waits for a service that has died. In the
 * end the units must have been up for `stable` seconds, in the same run in which they were met
 * first. All of it has one deadline.
 */
#include "play/modules/health_check.h"

#include <math.h>
#include <string.h>

#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/modules/service.h"
#include "play/runner.h"

#define DEADLINE_SECONDS 60.0
#define STABLE_MARGIN    30.0 /* seconds beyond `stable`, where no deadline is given */

static const char *const unit_aliases[] = {"unit", NULL};
static const char *const managers[] = {"systemd", "systemd_user", "commands", NULL};

static const struct argument arguments[] = {
	{.name = "units", .type = ARGUMENT_LIST, .aliases = unit_aliases},
	{.name = "manager", .fallback = "systemd", .choices = managers},
	{.name = "commands", .type = ARGUMENT_DICT, .members = service_commands},
	{.name = "stable", .type = ARGUMENT_FLOAT, .fallback = "5"},
	{.name = "host", .fallback = "127.0.0.1"},
	{.name = "port", .type = ARGUMENT_INT},
	{.name = "url"},
	{.name = "status", .type = ARGUMENT_LIST, .elements = ARGUMENT_INT, .fallback = "200"},
	{.name = "body"},
	{.name = "headers", .type = ARGUMENT_DICT},
	{.name = "validate_certs", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "command"},
	{.name = "retries", .type = ARGUMENT_INT},
	{.name = "interval", .type = ARGUMENT_FLOAT, .fallback = "1"},
	{.name = "deadline", .type = ARGUMENT_FLOAT},
	{.name = "msg"},
	{0},
};

static const struct probe probes[] = {
	{"port", probe_port},
	{"url", probe_url},
	{"command", probe_command},
};

struct health {
	struct module_call *call;
	deadline until;
	int64_t started;
	double stable, interval;
	int64_t retries; /* -1: as many as there is time for */
	struct value *checks;
	const struct value *first; /* the units as they were met first */
	int64_t attempts;
};

static int read_arguments(struct health *h, struct module_call *c, struct err *err)
{
	double stable = argument_number(c, "stable", 0);
	double usual = stable + STABLE_MARGIN;
	double seconds = argument_number(
		c, "deadline", usual > DEADLINE_SECONDS ? usual : DEADLINE_SECONDS);

	*h = (struct health){.call = c,
		.until = deadline_min(c->until, deadline_in(seconds)),
		.started = clock_ns(),
		.stable = stable,
		.interval = argument_number(c, "interval", 1),
		.retries = (int64_t)argument_number(c, "retries", -1),
		.checks = value_new_list(c->arena)};
	if (!(stable >= 0) || !(h->interval >= 0.01) || !(seconds > 0) || isinf(seconds))
		return err_set(err, ERR_INPUT,
			"stable, interval and deadline are seconds: %g, %g, %g", stable,
			h->interval, seconds);
	if (argument_value(c, "units") && stable > seconds)
		return err_set(err, ERR_INPUT,
			"nothing can be stable for %g seconds before a deadline of %g", stable,
			seconds);
	return 0;
}

static bool is_asked(const struct module_call *c, const char *name)
{
	const struct value *v = argument_value(c, name);

	return v && v->kind != VALUE_NULL && !(v->kind == VALUE_LIST && v->count == 0);
}

static const struct value *seconds_since(struct arena *a, int64_t ns)
{
	return value_new_float(a, round((double)(clock_ns() - ns) / 1e6) / 1e3);
}

/* Writes down what became of one check. */
static void note(struct health *h, const char *name, bool ok, int64_t attempts, int64_t since,
	const char *reason)
{
	struct arena *a = h->call->arena;
	struct value *check = value_new_dict(a);

	value_dict_set(a, check, "check", value_new_string(a, name));
	value_dict_set(a, check, "ok", value_bool(ok));
	value_dict_set(a, check, "attempts", value_new_int(a, attempts));
	value_dict_set(a, check, "elapsed", seconds_since(a, since));
	if (reason) {
		struct value *text = value_new_string(a, reason);
		text->unsafe = true;
		value_dict_set(a, check, "msg", text);
	}
	value_list_add(a, h->checks, check);
}

/* A failure: its text with the user's own in front. Returns 1: the check is over. */
static int fail(struct health *h, const char *reason)
{
	const char *own = argument_text(h->call, "msg");
	struct value *text = value_new_stringf(
		h->call->arena, "%s%s%s", own ? own : "", own ? ": " : "", reason);

	text->unsafe = true;
	call_set_bool(h->call, "failed", true);
	call_set(h->call, "msg", text);
	return 1;
}

/* The node's `watch` of the units for so many seconds; NULL with err. */
static const struct value *watch(struct health *h, double seconds, struct err *err)
{
	static const char *const passed[] = {"manager", "commands", "units", NULL};
	struct value *args = forward_arguments(h->call, passed);
	double left = ceil((double)(h->until - clock_ns()) / 1e9);

	value_dict_set(
		h->call->arena, args, "seconds", value_new_float(h->call->arena, seconds));
	value_dict_set(h->call->arena, args, "timeout",
		value_new_int(h->call->arena, left > 1 ? (int64_t)left : 1));
	return runner_ask_node(h->call, "watch", args, err);
}

/* Why a unit is not in the run that it was met in first; NULL when all are. */
static const char *restarted(struct health *h, const struct value *units)
{
	for (size_t i = 0; h->first && units && i < units->count && i < h->first->count; i++) {
		const char *then = value_text(value_dict_get(h->first->items[i], "invocation"));
		const char *now = value_text(value_dict_get(units->items[i], "invocation"));
		const char *name = value_text(value_dict_get(units->items[i], "name"));
		if (then && now && *then && strcmp(then, now) != 0)
			return arena_printf(h->call->arena,
				"%s was started anew during the check", name ? name : "a unit");
	}
	return NULL;
}

/* Looks at the units: 0 while they are well, 1 when the check is over, -1 with err. */
static int check_units(struct health *h, bool final, struct err *err)
{
	int64_t since = clock_ns();
	const struct value *answer = watch(h, final ? h->stable : 0, err);

	if (!answer)
		return -1;
	const struct value *units = value_dict_get(answer, "units");
	const struct value *log = value_dict_get(answer, "log");
	const char *reason = value_text(value_dict_get(answer, "msg"));
	if (!reason)
		reason = restarted(h, units);
	h->first = h->first ? h->first : units;
	if (units)
		call_set(h->call, "units", units);
	if (!reason && !final)
		return 0;
	h->attempts++;
	note(h, "units", !reason, 1, since, reason);
	if (!reason)
		return 0;
	if (log)
		call_set(h->call, "log", log);
	return fail(h, reason);
}

static bool gives_up(const struct health *h, int64_t attempts)
{
	return deadline_passed(h->until) || (h->retries >= 0 && attempts > h->retries);
}

/* Asks one question until the answer is good: 0, 1 when the check is over, -1 with err. */
static int run_probe(struct health *h, const struct probe *p, struct err *err)
{
	struct module_call *c = h->call;
	int64_t since = clock_ns();

	for (int64_t attempts = 1;; attempts++) {
		struct err reason = {0};
		int answer = p->ask(c, h->until, &reason, err);
		h->attempts++;
		if (answer < 0)
			return -1;
		if (answer > 0) {
			note(h, p->name, true, attempts, since, NULL);
			return 0;
		}
		/* A unit that is down says more than the question that it does not answer. */
		int over = is_asked(c, "units") ? check_units(h, false, err) : 0;
		if (over != 0)
			return over;
		if (gives_up(h, attempts)) {
			note(h, p->name, false, attempts, since, reason.text);
			return fail(h, arena_strdup(c->arena, reason.text));
		}
		deadline next = deadline_min(h->until, deadline_in(h->interval));
		if (wait_until(next, runner_cancel(c->runner), err) < 0)
			return -1;
	}
}

/* All that is asked for: 0 when all is well, 1 when something is not, -1 with err. */
static int check_all(struct health *h, struct err *err)
{
	bool units = is_asked(h->call, "units");
	bool others = false;
	int over = 0;

	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		others |= is_asked(h->call, probes[i].name);
	if (!units && !others)
		return err_set(
			err, ERR_INPUT, "nothing to check: give units, port, url or command");
	if (units && others)
		over = check_units(h, false, err);
	for (size_t i = 0; over == 0 && i < ARRAY_SIZE(probes); i++) {
		if (is_asked(h->call, probes[i].name))
			over = run_probe(h, &probes[i], err);
	}
	return over == 0 && units ? check_units(h, true, err) : over;
}

static int run(struct module_call *c, struct err *err)
{
	struct health h;

	if (read_arguments(&h, c, err) < 0)
		return -1;
	runner_phase(c->runner, "check");
	call_set_bool(c, "changed", false);
	int over = check_all(&h, err);
	call_set(c, "checks", h.checks);
	call_set_int(c, "attempts", h.attempts);
	call_set(c, "elapsed", seconds_since(c->arena, h.started));
	return over < 0 ? -1 : 0;
}

const struct module module_health_check = {
	.name = "health_check",
	.arguments = arguments,
	.flags = MODULE_IS_HEALTH,
	.run = run,
};
