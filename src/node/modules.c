/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of modules.
 */
#include "node/module.h"

static const struct node_module modules[] = {
	{"stat", MODULE_READS, node_stat, stat_args},
	{"file", MODULE_CHANGES, node_file, file_args},
	{"copy", MODULE_CHANGES, node_copy, copy_args},
	{"slurp", MODULE_READS, node_slurp, slurp_args},
	{"read", MODULE_READS, node_read, read_args},
	{"edit", MODULE_CHANGES, node_edit, edit_args},
	{"tempfile", MODULE_CHANGES, node_tempfile, tempfile_args},
	{"find", MODULE_READS, node_find, find_args},
	{"assemble", MODULE_CHANGES, node_assemble, assemble_args},
	{"unarchive", MODULE_CHANGES, node_unarchive, unarchive_args},
	{"command", MODULE_NO_UNDO, node_command, command_args},
	{"foreign", MODULE_NO_UNDO, node_foreign, foreign_args},
	{"read_files", MODULE_READS, node_read_files, read_files_args},
	{"signature", MODULE_READS, node_signature, signature_args},
	{"tree", MODULE_READS, node_tree, tree_args},
	{"tree_apply", MODULE_CHANGES, node_tree_apply, tree_apply_args},
	{"wait", MODULE_READS, node_wait, wait_args},
	{"facts", MODULE_READS, node_facts, facts_args},
	{"service_facts", MODULE_READS, node_service_facts, service_facts_args},
	{"package_facts", MODULE_READS, node_package_facts, package_facts_args},
	{"mount_facts", MODULE_READS, node_mount_facts, mount_facts_args},
	{"getent", MODULE_READS, node_getent, getent_args},
	{"service", MODULE_CHANGES, node_service, service_args},
	{"watch", MODULE_READS, node_watch, watch_args},
	{"apt", MODULE_NO_UNDO, node_apt, apt_args},
	{"git", MODULE_NO_UNDO, node_git, git_args},
	{"apt_repository", MODULE_CHANGES, node_apt_repository, apt_repository_args},
	{"ensure", MODULE_NO_UNDO, node_ensure, ensure_args},
	{"pip", MODULE_NO_UNDO, node_pip, pip_args},
	{"group", MODULE_NO_UNDO, node_group, group_args},
	{"user", MODULE_NO_UNDO, node_user, user_args},
	{"sysctl", MODULE_NO_UNDO, node_sysctl, sysctl_args},
	{"cron", MODULE_CHANGES, node_cron, cron_args},
	{"mount", MODULE_NO_UNDO, node_mount, mount_args},
	{"job", MODULE_NO_UNDO | MODULE_NO_CHECK, node_job, job_args},
	{"apt_key", MODULE_NO_UNDO, node_apt_key, apt_key_args},
	{"hostname", MODULE_NO_UNDO, node_hostname, hostname_args},
	{"pty", MODULE_NO_UNDO | MODULE_NO_CHECK, node_pty, pty_args},
};

const struct node_module *node_module_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		if (strcmp(modules[i].name, name) == 0)
			return &modules[i];
	}
	return NULL;
}
