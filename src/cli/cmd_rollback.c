/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet rollback, also rollback-model.
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

const struct command cmd_rollback = {
	.name = "rollback",
	.link_name = "rollback-model",
	.summary = "Puts another version of a model back, commits and deploys that",
	.run = run,
};
