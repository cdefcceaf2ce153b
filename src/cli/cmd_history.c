/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet history.
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

const struct command cmd_history = {
	.name = "history",
	.link_name = NULL,
	.summary = "Says who changed which version when",
	.run = run,
};
