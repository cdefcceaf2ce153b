/* SPDX-License-Identifier: Apache-2.0 */
/*
 * git: a working tree or a bare repository of the node at a version, by the node's git.
 */
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/runner.h"

static const char *const repo_aliases[] = {"name", NULL};
static const char *const gpg_aliases[] = {"gpg_allowlist", NULL};

static const struct argument arguments[] = {
	{.name = "repo", .required = true, .aliases = repo_aliases},
	{.name = "dest", .type = ARGUMENT_PATH},
	{.name = "version", .fallback = "HEAD"},
	{.name = "remote", .fallback = "origin"},
	{.name = "refspec"},
	{.name = "reference"},
	{.name = "depth", .type = ARGUMENT_INT},
	{.name = "force", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "clone", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "update", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "bare", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "recursive", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "single_branch", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "track_submodules", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "accept_hostkey", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "accept_newhostkey", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "key_file", .type = ARGUMENT_PATH},
	{.name = "ssh_opts"},
	{.name = "executable", .type = ARGUMENT_PATH},
	{.name = "archive", .type = ARGUMENT_PATH},
	{.name = "archive_prefix"},
	{.name = "gpg_whitelist", .type = ARGUMENT_LIST, .aliases = gpg_aliases},
	{.name = "separate_git_dir", .type = ARGUMENT_PATH},
	{.name = "umask", .type = ARGUMENT_RAW},
	{.name = "verify_commit", .type = ARGUMENT_BOOL, .fallback = "false"},
	{0},
};

static const char *const forwarded[] = {"repo", "dest", "version", "remote", "refspec",
	"reference", "depth", "force", "clone", "update", "bare", "recursive", "single_branch",
	"track_submodules", "accept_hostkey", "accept_newhostkey", "key_file", "ssh_opts",
	"executable", "archive", "archive_prefix", "gpg_whitelist", "separate_git_dir", "umask",
	"verify_commit", NULL};

static int run(struct module_call *c, struct err *err)
{
	if (argument_bool(c, "accept_hostkey") && argument_bool(c, "accept_newhostkey"))
		return err_set(err, ERR_INPUT,
			"parameters are mutually exclusive: accept_hostkey|accept_newhostkey");
	if (argument_bool(c, "bare") && argument_text(c, "separate_git_dir"))
		return err_set(err, ERR_INPUT,
			"parameters are mutually exclusive: separate_git_dir|bare");
	if (argument_text(c, "archive_prefix") && !argument_text(c, "archive"))
		return err_set(err, ERR_INPUT,
			"missing parameter(s) required by 'archive_prefix': archive");
	const struct value *umask = argument_value(c, "umask");
	if (umask && !value_is_string(umask))
		return err_set(
			err, ERR_INPUT, "umask must be defined as a quoted octal integer");
	return runner_node(c, "git", forward_arguments(c, forwarded), err);
}

const struct module module_git = {
	.name = "git",
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_CANNOT_UNDO | MODULE_JOB,
	.run = run,
};
