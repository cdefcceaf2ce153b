/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet cleanup, also cleanup-models.
 */
#include "cli/cli.h"

static int run(const struct command *cmd, int argc, char **argv)
{
	struct err err = {0};

	(void)argc;
	(void)argv;
	err_set(&err, ERR_UNSUPPORTED, "%s is not built yet", cmd->name);
	return cli_error(&err);
}

const struct command cmd_cleanup = {
	.name = "cleanup",
	.link_name = "cleanup-models",
	.summary = "Removes old versions from the store, or from nodes",
	.run = run,
};
