/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd and service: units of the node. Both are one module with two lists of arguments:
 * `service` takes what any service manager has, and by `use` the managers that only we have.
 */
#include <string.h>

#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/modules/service.h"
#include "play/playbook.h"
#include "play/runner.h"

#define DEFAULT_SECONDS 300.0 /* for the manager's work, where the task has no timeout */
#define MARGIN_SECONDS  5.0   /* for the node to say why it was not done in time */

static const char *const name_aliases[] = {"service", "unit", NULL};
static const char *const reload_aliases[] = {"daemon-reload", NULL};
static const char *const reexec_aliases[] = {"daemon-reexec", NULL};
static const char *const arguments_aliases[] = {"args", NULL};
static const char *const states[] = {"reloaded", "restarted", "started", "stopped", NULL};
static const char *const scopes[] = {"system", "user", "global", NULL};

static const struct argument systemd_arguments[] = {
	{.name = "name", .type = ARGUMENT_LIST, .aliases = name_aliases},
	{.name = "state", .choices = states},
	{.name = "enabled", .type = ARGUMENT_BOOL},
	{.name = "masked", .type = ARGUMENT_BOOL},
	{.name = "force", .type = ARGUMENT_BOOL},
	{.name = "daemon_reload",
		.type = ARGUMENT_BOOL,
		.fallback = "false",
		.aliases = reload_aliases},
	{.name = "daemon_reexec",
		.type = ARGUMENT_BOOL,
		.fallback = "false",
		.aliases = reexec_aliases},
	{.name = "scope", .fallback = "system", .choices = scopes},
	{.name = "no_block", .type = ARGUMENT_BOOL, .fallback = "false"},
	{0},
};

const struct argument service_commands[] = {
	{.name = "start"},
	{.name = "stop"},
	{.name = "restart"},
	{.name = "reload"},
	{.name = "status"},
	{0},
};

static const struct argument service_arguments[] = {
	{.name = "name", .type = ARGUMENT_LIST, .required = true},
	{.name = "state", .choices = states},
	{.name = "enabled", .type = ARGUMENT_BOOL},
	{.name = "use", .fallback = "auto"},
	{.name = "commands", .type = ARGUMENT_DICT, .members = service_commands},
	{.name = "sleep", .type = ARGUMENT_INT},
	{.name = "pattern"},
	{.name = "runlevel"},
	{.name = "arguments", .aliases = arguments_aliases},
	{0},
};

/* How long the node may take, so that it can still tell what went wrong. */
static int64_t seconds_left(const struct module_call *c)
{
	double left = DEFAULT_SECONDS;

	if (c->until != DEADLINE_NEVER)
		left = (double)(c->until - clock_ns()) / 1e9;
	left = left < 2 * MARGIN_SECONDS ? left / 2 : left - MARGIN_SECONDS;
	if (left > DEFAULT_SECONDS && c->until == DEADLINE_NEVER)
		left = DEFAULT_SECONDS;
	return left > 1 ? (int64_t)left : 1;
}

/* The states of a restart and a reload are what they lead to. */
static const char *final_state(const char *state)
{
	return strcmp(state, "restarted") == 0 || strcmp(state, "reloaded") == 0 ? "started"
										 : state;
}

static const struct value *first_unit(const struct value *units)
{
	return units && units->kind == VALUE_LIST && units->count > 0 ? units->items[0] : NULL;
}

/* What was asked for, as Ansible's modules call it. */
static void describe(struct module_call *c)
{
	const struct value *names = argument_value(c, "name");
	const struct value *unit = first_unit(value_dict_get(c->result, "units"));
	const char *state = argument_text(c, "state");
	const struct value *status = value_dict_get(unit, "status");

	if (names && names->kind == VALUE_LIST && names->count == 1)
		call_set(c, "name", names->items[0]);
	else if (names)
		call_set(c, "name", names);
	if (state)
		call_set_text(c, "state", final_state(state));
	if (argument_value(c, "enabled"))
		call_set_bool(c, "enabled", argument_bool(c, "enabled"));
	if (status)
		call_set(c, "status", status);
}

/* Runs the node's half for a manager, with the arguments that both modules have. */
static int run_with(
	struct module_call *c, const char *manager, const char *const *more, struct err *err)
{
	static const char *const common[] = {"state", "enabled", NULL};
	struct value *args = forward_arguments(c, common);
	const struct value *names = argument_value(c, "name");

	forward_into(c, args, more);
	value_dict_set(c->arena, args, "manager", value_new_string(c->arena, manager));
	value_dict_set(c->arena, args, "units", names ? names : value_new_list(c->arena));
	value_dict_set(c->arena, args, "timeout", value_new_int(c->arena, seconds_left(c)));
	/* All properties of a unit are worth their bytes only to someone who keeps them. */
	if (c->step && c->step->task->register_name)
		value_dict_set(c->arena, args, "status", &value_true);
	if (argument_value(c, "state"))
		runner_phase(c->runner, "restart");
	if (runner_node(c, "service", args, err) < 0)
		return -1;
	describe(c);
	return 0;
}

static int run_systemd(struct module_call *c, struct err *err)
{
	static const char *const more[] = {
		"masked", "daemon_reload", "daemon_reexec", "no_block", NULL};
	static const char *const work[] = {"state", "enabled", "masked", NULL};
	const char *scope = argument_text(c, "scope");

	if (strcmp(scope, "global") == 0)
		return err_set(err, ERR_UNSUPPORTED,
			"scope global is not supported: system and user are");
	if (argument_bool(c, "force"))
		return err_set(err, ERR_UNSUPPORTED, "force is not supported");
	for (size_t i = 0; !argument_value(c, "name") && work[i]; i++) {
		if (argument_value(c, work[i]))
			return err_set(err, ERR_INPUT, "%s needs a name", work[i]);
	}
	return run_with(c, strcmp(scope, "user") == 0 ? "systemd_user" : "systemd", more, err);
}

/* What `use` names, as the node calls it; NULL with err. */
static const char *manager_of(const struct module_call *c, struct err *err)
{
	static const struct {
		const char *use, *manager;
	} known[] = {{"auto", "systemd"}, {"systemd", "systemd"},
		{"systemd_user", "systemd_user"}, {"commands", "commands"}};
	const char *use = argument_text(c, "use");

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(known[i].use, use) == 0)
			return known[i].manager;
	}
	err_set(err, ERR_UNSUPPORTED,
		"use: %s is not supported: auto, systemd, systemd_user and commands are", use);
	return NULL;
}

/* Adds what has no meaning for a manager to the node's own warnings. */
static void warn_of_ignored(struct module_call *c, const char *manager)
{
	static const char *const ignored[] = {"sleep", "runlevel", "arguments", NULL};
	const struct value *others = value_dict_get(c->result, "warnings");
	struct value *warnings = value_new_list(c->arena);

	for (size_t i = 0; others && others->kind == VALUE_LIST && i < others->count; i++)
		value_list_add(c->arena, warnings, others->items[i]);
	for (size_t i = 0; ignored[i]; i++) {
		if (argument_value(c, ignored[i]))
			value_list_add(c->arena, warnings,
				value_new_stringf(c->arena,
					"Ignoring \"%s\" as it is not used in \"%s\"",
					ignored[i], manager));
	}
	if (warnings->count > 0)
		call_set(c, "warnings", warnings);
}

static int run_service(struct module_call *c, struct err *err)
{
	static const char *const more[] = {"commands", NULL};
	const char *manager = manager_of(c, err);

	if (!manager)
		return -1;
	if (argument_value(c, "pattern"))
		return err_set(err, ERR_UNSUPPORTED,
			"pattern is not supported: the service manager knows what runs");
	if (strcmp(manager, "commands") == 0 && !argument_value(c, "commands"))
		return err_set(err, ERR_INPUT,
			"use: commands needs commands, with start, stop and status");
	if (run_with(c, manager, more, err) < 0)
		return -1;
	warn_of_ignored(c, manager);
	return 0;
}

static const char *const systemd_names[] = {"systemd_service", NULL};

const struct module module_systemd = {
	.name = "systemd",
	.aliases = systemd_names,
	.arguments = systemd_arguments,
	.flags = MODULE_CHECKS,
	.run = run_systemd,
};

const struct module module_service = {
	.name = "service",
	.arguments = service_arguments,
	.flags = MODULE_CHECKS,
	.run = run_service,
};
