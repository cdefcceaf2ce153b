/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ping: whether a node answers, as its task's user. `crash` asks for a failure.
 */
#include "play/modules/modules.h"
#include "play/runner.h"

static const struct argument arguments[] = {
	{.name = "data", .fallback = "pong"},
	{0},
};

static int run(struct module_call *c, struct err *err)
{
	const char *data = argument_text(c, "data");
	struct value *args = value_new_dict(c->arena);

	/* Any question that every node can answer. */
	value_dict_set(c->arena, args, "path", value_new_string(c->arena, "/"));
	if (!runner_ask_node(c, "stat", args, err))
		return -1;
	if (strcmp(data, "crash") == 0)
		return err_set(err, ERR_INPUT, "boom");
	call_set_bool(c, "changed", false);
	call_set_text(c, "ping", data);
	return 0;
}

const struct module module_ping = {
	.name = "ping",
	.arguments = arguments,
	.flags = MODULE_CHECKS,
	.run = run,
};
