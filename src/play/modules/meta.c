/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meta: words to the runner itself. It sees the module and does what the word says; what
 * comes here has nothing left to do.
 */
#include "play/modules/modules.h"

static const char *const words[] = {"clear_facts", "clear_host_errors", "end_batch", "end_host",
	"end_play", "flush_handlers", "noop", "refresh_inventory", "reset_connection", NULL};
static const struct argument arguments[] = {
	{.name = ARGUMENT_FREE_FORM, .required = true, .choices = words},
	{0},
};

static int run(struct module_call *call, struct err *err)
{
	(void)err;
	value_dict_set(call->arena, call->result, "changed", value_bool(false));
	return 0;
}

const struct module module_meta = {
	.name = "meta",
	.arguments = arguments,
	.flags = MODULE_ON_ENGINE | MODULE_CHECKS | MODULE_FREE_FORM,
	.run = run,
};
