/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands. */
#include "cli/cli.h"

const struct command *const cli_commands[] = {
	&cmd_publish,
	&cmd_deploy,
	&cmd_rollback,
	&cmd_cleanup,
	&cmd_status,
	&cmd_history,
	&cmd_playbook,
	&cmd_adhoc,
	&cmd_check,
	&cmd_verify_store,
	&cmd_registry,
	&cmd_inventory,
	&cmd_vars,
	&cmd_template,
	&cmd_complete,
	NULL,
};

const struct command *cli_find_link(const char *name)
{
	for (const struct command *const *c = cli_commands; *c; c++) {
		if ((*c)->link_name && strcmp((*c)->link_name, name) == 0)
			return *c;
	}
	return NULL;
}

const struct command *cli_find_command(const char *name)
{
	for (const struct command *const *c = cli_commands; *c; c++) {
		if (strcmp((*c)->name, name) == 0)
			return *c;
	}
	return cli_find_link(name);
}
