/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait_for_connection: until a node can be reached and answers.
 */
#include "play/modules/modules.h"
#include "play/run_state.h"

static const struct argument arguments[] = {
	{.name = "connect_timeout", .type = ARGUMENT_INT, .fallback = "5"},
	{.name = "delay", .type = ARGUMENT_INT, .fallback = "0"},
	{.name = "sleep", .type = ARGUMENT_INT, .fallback = "1"},
	{.name = "timeout", .type = ARGUMENT_INT, .fallback = "600"},
	{0},
};

/* Asks a question that every node can answer, over a link that is opened where it is closed. */
static int ask(struct module_call *c, struct err *err)
{
	struct value *args = value_new_dict(c->arena);

	value_dict_set(c->arena, args, "path", value_new_string(c->arena, "/"));
	return runner_ask_node(c, "stat", args, err) ? 0 : -1;
}

static int pause_for(struct module_call *c, const char *name, struct err *err)
{
	deadline until = deadline_in(argument_number(c, name, 0));

	return wait_until(until, runner_soft_cancel(c->runner), err);
}

static int wait_reached(struct module_call *c, deadline until, struct err *err)
{
	for (;;) {
		err_clear(err);
		if (ask(c, err) == 0)
			return 0;
		if (err->code == ERR_CANCELLED)
			return -1;
		if (deadline_passed(until))
			break;
		struct err why = {0};
		if (pause_for(c, "sleep", &why) < 0)
			return err_set(err, why.code, "%s", why.text);
	}
	return err_set(err, ERR_TIMEOUT, "timed out waiting for ping module test: %s",
		arena_strdup(c->arena, err->text));
}

static int run(struct module_call *c, struct err *err)
{
	int64_t start = clock_ns();

	call_set_bool(c, "changed", false);
	if (pause_for(c, "delay", err) < 0)
		return -1;
	c->runner->now->connect_timeout = argument_number(c, "connect_timeout", 0);
	int result = wait_reached(c, deadline_in(argument_number(c, "timeout", 0)), err);
	c->runner->now->lost = false; /* it fails, as it does in Ansible */
	call_set_int(c, "elapsed", (clock_ns() - start) / 1000000000);
	return result;
}

const struct module module_wait_for_connection = {
	.name = "wait_for_connection",
	.arguments = arguments,
	.run = run,
};
