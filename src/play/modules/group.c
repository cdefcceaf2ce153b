/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group: a group of the node. No transaction takes back what is done to it.
 */
#include "play/modules/modules.h"
#include "play/runner.h"

static const char *const states[] = {"absent", "present", NULL};

static const struct argument arguments[] = {
	{.name = "name", .required = true},
	{.name = "state", .fallback = "present", .choices = states},
	{.name = "gid", .type = ARGUMENT_INT},
	{.name = "system", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "local", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "non_unique", .type = ARGUMENT_BOOL, .fallback = "false"},
	{0},
};

static int run(struct module_call *c, struct err *err)
{
	if (argument_bool(c, "non_unique") && !argument_value(c, "gid"))
		return err_set(err, ERR_INPUT,
			"non_unique is True but all of the following are missing: gid");
	return runner_node(c, "group", c->args, err);
}

const struct module module_group = {
	.name = "group",
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_CANNOT_UNDO | MODULE_JOB,
	.run = run,
};
