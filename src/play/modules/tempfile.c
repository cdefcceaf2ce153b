/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tempfile: a file or a directory of the node with a name that nobody has.
 */
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/runner.h"

static const char *const states[] = {"directory", "file", NULL};

static const struct argument arguments[] = {
	{.name = "state", .fallback = "file", .choices = states},
	{.name = "path", .type = ARGUMENT_PATH},
	{.name = "prefix", .fallback = "ansible."},
	{.name = "suffix", .fallback = ""},
	{0},
};

static int run(struct module_call *c, struct err *err)
{
	static const char *const forwarded[] = {"state", "path", "prefix", "suffix", NULL};

	return runner_node(c, "tempfile", forward_arguments(c, forwarded), err);
}

const struct module module_tempfile = {
	.name = "tempfile",
	.arguments = arguments,
	.flags = MODULE_JOB,
	.run = run,
};
