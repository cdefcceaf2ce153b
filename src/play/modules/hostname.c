/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostname: the name of the node, as it is now and as it is after a boot.
 */
#include "play/modules/modules.h"
#include "play/runner.h"

static const char *const strategies[] = {"alpine", "debian", "freebsd", "generic", "macos",
	"macosx", "darwin", "openbsd", "openrc", "redhat", "sles", "solaris", "systemd", NULL};

static const struct argument arguments[] = {
	{.name = "name", .required = true},
	{.name = "use", .choices = strategies},
	{0},
};

static int run(struct module_call *c, struct err *err)
{
	return runner_node(c, "hostname", c->args, err);
}

const struct module module_hostname = {
	.name = "hostname",
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_CANNOT_UNDO,
	.run = run,
};
