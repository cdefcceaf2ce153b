/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fail: fails, with a text of the user's.
 */
#include "play/modules/modules.h"
#include "play/runner.h"

static const struct argument arguments[] = {
	{.name = "msg", .type = ARGUMENT_RAW, .fallback = "Failed as requested from task"},
	{0},
};

static int run(struct module_call *c, struct err *err)
{
	(void)err;
	call_set_bool(c, "changed", false);
	call_set_bool(c, "failed", true);
	call_set(c, "msg", argument_value(c, "msg"));
	return 0;
}

const struct module module_fail = {
	.name = "fail",
	.arguments = arguments,
	.flags = MODULE_ON_ENGINE | MODULE_CHECKS,
	.run = run,
};
