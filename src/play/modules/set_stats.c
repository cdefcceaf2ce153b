/* SPDX-License-Identifier: Apache-2.0 */
/*
 * set_stats: numbers and words about the run, in the result for whoever reads it.
 */
#include "play/modules/modules.h"
#include "play/runner.h"

static const struct argument arguments[] = {
	{.name = "data", .type = ARGUMENT_DICT, .required = true},
	{.name = "per_host", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "aggregate", .type = ARGUMENT_BOOL, .fallback = "true"},
	{0},
};

static int run(struct module_call *c, struct err *err)
{
	struct value *stats = value_new_dict(c->arena);

	(void)err;
	value_dict_set(c->arena, stats, "data", argument_value(c, "data"));
	value_dict_set(c->arena, stats, "per_host", value_bool(argument_bool(c, "per_host")));
	value_dict_set(c->arena, stats, "aggregate", value_bool(argument_bool(c, "aggregate")));
	call_set_bool(c, "changed", false);
	call_set(c, "ansible_stats", stats);
	return 0;
}

const struct module module_set_stats = {
	.name = "set_stats",
	.arguments = arguments,
	.flags = MODULE_ON_ENGINE | MODULE_CHECKS,
	.run = run,
};
