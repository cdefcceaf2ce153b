/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet verify-store.
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

const struct command cmd_verify_store = {
	.name = "verify-store",
	.link_name = NULL,
	.summary = "Reads the store again and names what rotted",
	.run = run,
};
