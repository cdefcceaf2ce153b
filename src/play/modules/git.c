/* SPDX-License-Identifier: Apache-2.0 */
/*
 * git: a working tree or a bare repository of the node at a version, by the node's git.
 */
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/runner.h"

static const char *const repo_aliases[] = {"name", NULL};

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
	{0},
};

static const char *const forwarded[] = {"repo", "dest", "version", "remote", "refspec",
	"reference", "depth", "force", "clone", "update", "bare", "recursive", "single_branch",
	"track_submodules", "accept_hostkey", "accept_newhostkey", "key_file", "ssh_opts",
	"executable", NULL};

static int run(struct module_call *c, struct err *err)
{
	if (argument_bool(c, "accept_hostkey") && argument_bool(c, "accept_newhostkey"))
		return err_set(err, ERR_INPUT,
			"parameters are mutually exclusive: accept_hostkey|accept_newhostkey");
	return runner_node(c, "git", forward_arguments(c, forwarded), err);
}

const struct module module_git = {
	.name = "git",
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_CANNOT_UNDO | MODULE_JOB,
	.run = run,
};
