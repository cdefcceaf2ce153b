/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet publish, also publish-model.
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

const struct command cmd_publish = {
	.name = "publish",
	.link_name = "publish-model",
	.summary = "Makes a version of the store out of files",
	.run = run,
};
