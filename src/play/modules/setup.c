/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setup and gather_facts: the facts of a node, at once.
 */
#include "play/facts.h"
#include "play/modules/modules.h"
#include "play/runner.h"

#define SETUP_ARGUMENTS                                                                        \
	{.name = "gather_subset", .type = ARGUMENT_LIST, .fallback = "all"},                   \
		{.name = "gather_timeout", .type = ARGUMENT_INT, .fallback = "10"},            \
		{.name = "filter", .type = ARGUMENT_LIST},                                     \
	{                                                                                      \
		.name = "fact_path", .type = ARGUMENT_PATH, .fallback = "/etc/ansible/facts.d" \
	}

static const struct argument setup_arguments[] = {SETUP_ARGUMENTS, {0}};

/* Ansible's runs several modules of facts side by side; here it is one. */
static const struct argument gather_arguments[] = {
	SETUP_ARGUMENTS,
	{.name = "parallel", .type = ARGUMENT_BOOL},
	{0},
};

static int run(struct module_call *c, struct err *err)
{
	struct value *warnings = value_new_list(c->arena);
	struct facts_wish wish = {.subset = argument_value(c, "gather_subset"),
		.timeout = argument_value(c, "gather_timeout"),
		.path = argument_value(c, "fact_path")};
	const struct value *answer =
		runner_ask_node(c, "facts", facts_arguments(c->arena, &wish), err);

	if (!answer)
		return -1;
	struct value *facts = facts_complete(c->arena, answer, &wish, warnings);
	if (!facts)
		return err_set(err, ERR_PROTOCOL, "the node's answer has no facts");
	call_set(
		c, "ansible_facts", facts_filter(c->arena, facts, argument_value(c, "filter")));
	if (warnings->count)
		call_set(c, "warnings", warnings);
	call_set_bool(c, "changed", false);
	return 0;
}

const struct module module_setup = {
	.name = "setup",
	.arguments = setup_arguments,
	.flags = MODULE_CHECKS,
	.run = run,
};

const struct module module_gather_facts = {
	.name = "gather_facts",
	.arguments = gather_arguments,
	.flags = MODULE_CHECKS,
	.run = run,
};
