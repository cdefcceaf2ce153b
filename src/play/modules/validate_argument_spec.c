/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate_argument_spec: compares variables, and arguments that are given besides, with a
 * spec. A task of it stands in front of every role that has one.
 */
#include "play/argument_spec.h"
#include "play/modules/modules.h"
#include "play/runner.h"
#include "template/template.h"

static const struct argument arguments[] = {
	{.name = "argument_spec", .type = ARGUMENT_DICT, .required = true},
	{.name = "provided_arguments", .type = ARGUMENT_DICT},
	{.name = "validate_args_context", .type = ARGUMENT_DICT},
	{0},
};

/* What the host's variables say of a name or, where they do not, what was given. */
static const struct value *collect(struct module_call *c, struct err *err)
{
	const struct value *provided = argument_value(c, "provided_arguments");
	struct value *all = value_new_dict(c->arena);

	value_dict_foreach (pair, argument_value(c, "argument_spec")) {
		const char *name = value_text(pair->key);
		if (!name || !vars_raw(runner_vars(c->runner), name))
			continue;
		const struct value *v = vars_get(runner_vars(c->runner), name, err);
		if (!v)
			return NULL;
		value_dict_set(c->arena, all, name, v);
	}
	if (provided)
		value_dict_foreach (pair, provided)
			value_dict_set_value(c->arena, all, pair->key, pair->value);
	return all;
}

static int run(struct module_call *c, struct err *err)
{
	const struct value *spec = argument_value(c, "argument_spec");
	const struct value *context = argument_value(c, "validate_args_context");
	AUTO(strbuf_release) struct strbuf msg = STRBUF_INIT;
	const struct value *given = collect(c, err);

	if (!given)
		return -1;
	struct value *errors = argument_spec_check(c->arena, spec, given);
	call_set_bool(c, "changed", false);
	call_set(c, "validate_args_context", context ? context : value_new_dict(c->arena));
	if (errors->count == 0) {
		call_set_text(c, "msg", "The arg spec validation passed");
		return 0;
	}
	strbuf_addstr(&msg, "Validation of arguments failed:");
	value_list_foreach (error, errors)
		strbuf_addf(&msg, "\n%s", error->text);
	call_set_bool(c, "failed", true);
	call_set_text(c, "msg", msg.data);
	call_set(c, "argument_spec_data", spec);
	call_set(c, "argument_errors", errors);
	return 0;
}

const struct module module_validate_argument_spec = {
	.name = "validate_argument_spec",
	.arguments = arguments,
	.flags = MODULE_ON_ENGINE | MODULE_CHECKS,
	.run = run,
};
