/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: what a path of the node is, whose, and with which permissions.
 */
#include "play/modules/content.h"
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/runner.h"

static const char *const path_aliases[] = {"dest", "name", NULL};
static const char *const states[] = {
	"absent", "directory", "file", "hard", "link", "touch", NULL};

static const struct argument arguments[] = {
	{.name = "path", .type = ARGUMENT_PATH, .required = true, .aliases = path_aliases},
	{.name = "state", .choices = states},
	{.name = "src", .type = ARGUMENT_PATH},
	CONTENT_ATTRIBUTES,
	{.name = "recurse", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "force", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "follow", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "modification_time"},
	{.name = "modification_time_format", .fallback = "%Y%m%d%H%M.%S"},
	{.name = "access_time"},
	{.name = "access_time_format", .fallback = "%Y%m%d%H%M.%S"},
	{0},
};

static const char *const forwarded[] = {"path", "state", "src", CONTENT_ATTRIBUTE_NAMES,
	"recurse", "force", "follow", "modification_time", "modification_time_format",
	"access_time", "access_time_format", NULL};

static int run(struct module_call *c, struct err *err)
{
	const char *state = argument_text(c, "state");
	bool directory = state && strcmp(state, "directory") == 0;

	if (argument_bool(c, "recurse") && state && !directory)
		return err_set(
			err, ERR_INPUT, "recurse option requires state to be 'directory'");
	if (argument_text(c, "src") && state && strcmp(state, "link") != 0 &&
		strcmp(state, "hard") != 0)
		return err_set(
			err, ERR_INPUT, "src option requires state to be 'link' or 'hard'");
	if (runner_node(c, "file", forward_arguments(c, forwarded), err) == 0)
		return 0;
	call_set_text(c, "path", argument_text(c, "path"));
	return -1;
}

const struct module module_file = {
	.name = "file",
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_JOB,
	.run = run,
};
