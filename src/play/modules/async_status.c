/* SPDX-License-Identifier: Apache-2.0 */
/*
 * async_status: what became of a job that a task with `async` began, in this run or an earlier
 * one, or Ansible did.
 */
#include "play/job.h"
#include "play/modules/modules.h"

static const char *const modes[] = {"cleanup", "status", NULL};

static const struct argument arguments[] = {
	{.name = "jid", .required = true},
	{.name = "mode", .fallback = "status", .choices = modes},
	{0},
};

static int run(struct module_call *c, struct err *err)
{
	const char *id = argument_text(c, "jid");

	return strcmp(argument_text(c, "mode"), "cleanup") == 0 ? job_forget(c, id, err)
								: job_ask(c, id, err);
}

const struct module module_async_status = {
	.name = "async_status",
	.arguments = arguments,
	.run = run,
};
