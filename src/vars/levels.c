/* SPDX-License-Identifier: Apache-2.0 */
#include "vars/vars.h"

static const char *const names[] = {
	[VARS_OPTION] = "command-line option",
	[VARS_ROLE_DEFAULT] = "role default",
	[VARS_INVENTORY_GROUP] = "group variable in the inventory",
	[VARS_INVENTORY_GROUP_VARS_ALL] = "group_vars/all beside the inventory",
	[VARS_PLAYBOOK_GROUP_VARS_ALL] = "group_vars/all beside the playbook",
	[VARS_INVENTORY_GROUP_VARS] = "group_vars beside the inventory",
	[VARS_PLAYBOOK_GROUP_VARS] = "group_vars beside the playbook",
	[VARS_INVENTORY_HOST] = "host variable in the inventory",
	[VARS_INVENTORY_HOST_VARS] = "host_vars beside the inventory",
	[VARS_PLAYBOOK_HOST_VARS] = "host_vars beside the playbook",
	[VARS_FACT] = "fact",
	[VARS_PLAY] = "play variable",
	[VARS_PROMPT] = "vars_prompt",
	[VARS_PLAY_FILE] = "vars_files",
	[VARS_ROLE] = "role variable",
	[VARS_BLOCK] = "block variable",
	[VARS_TASK] = "task variable",
	[VARS_INCLUDE] = "include_vars",
	[VARS_REGISTERED] = "set_fact or register",
	[VARS_ROLE_PARAM] = "role parameter",
	[VARS_INCLUDE_PARAM] = "include parameter",
	[VARS_EXTRA] = "extra variable (-e)",
	[VARS_MAGIC] = "magic variable",
};

const char *vars_level_name(enum vars_level level)
{
	return (size_t)level < ARRAY_SIZE(names) && names[level] ? names[level]
								 : "unknown level";
}
