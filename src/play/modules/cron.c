/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cron: jobs and variables in a user's crontab or in a file of cron's.
 */
#include "play/modules/modules.h"
#include "play/runner.h"

static const char *const job_aliases[] = {"value", NULL};
static const char *const day_aliases[] = {"dom", NULL};
static const char *const weekday_aliases[] = {"dow", NULL};
static const char *const states[] = {"present", "absent", NULL};
static const char *const times[] = {
	"reboot", "yearly", "annually", "monthly", "weekly", "daily", "hourly", NULL};

static const struct argument arguments[] = {
	{.name = "name", .required = true},
	{.name = "user"},
	{.name = "job", .aliases = job_aliases},
	{.name = "cron_file", .type = ARGUMENT_PATH},
	{.name = "state", .fallback = "present", .choices = states},
	{.name = "backup", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "minute", .fallback = "*"},
	{.name = "hour", .fallback = "*"},
	{.name = "day", .fallback = "*", .aliases = day_aliases},
	{.name = "month", .fallback = "*"},
	{.name = "weekday", .fallback = "*", .aliases = weekday_aliases},
	{.name = "special_time", .choices = times},
	{.name = "disabled", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "env", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "insertafter"},
	{.name = "insertbefore"},
	{0},
};

static int run(struct module_call *c, struct err *err)
{
	if (argument_value(c, "insertafter") && argument_value(c, "insertbefore"))
		return err_set(err, ERR_INPUT,
			"parameters are mutually exclusive: insertafter|insertbefore");
	return runner_node(c, "cron", c->args, err);
}

const struct module module_cron = {
	.name = "cron",
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_JOB,
	.run = run,
};
