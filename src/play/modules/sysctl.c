/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysctl (ansible.posix): a value of the kernel in a file, and in the kernel if that is asked
 * for. A transaction puts the file back.
 */
#include "play/modules/modules.h"
#include "play/runner.h"

static const char *const names[] = {"ansible.posix.sysctl", NULL};
static const char *const name_aliases[] = {"key", NULL};
static const char *const value_aliases[] = {"val", NULL};
static const char *const states[] = {"present", "absent", NULL};

static const struct argument arguments[] = {
	{.name = "name", .required = true, .aliases = name_aliases},
	{.name = "value", .aliases = value_aliases},
	{.name = "state", .fallback = "present", .choices = states},
	{.name = "reload", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "sysctl_set", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "ignoreerrors", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "sysctl_file", .type = ARGUMENT_PATH, .fallback = "/etc/sysctl.conf"},
	{0},
};

static int run(struct module_call *c, struct err *err)
{
	if (strcmp(argument_text(c, "state"), "present") == 0 && !argument_value(c, "value"))
		return err_set(err, ERR_INPUT,
			"state is present but all of the following are missing: value");
	return runner_node(c, "sysctl", c->args, err);
}

const struct module module_sysctl = {
	.name = "sysctl",
	.aliases = names,
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_CANNOT_UNDO | MODULE_JOB,
	.run = run,
};
