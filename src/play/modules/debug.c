/* SPDX-License-Identifier: Apache-2.0 */
/*
 * debug: shows a text, or the value of an expression. Nothing is asked of the node.
 */
#include "play/convert.h"
#include "play/modules/modules.h"
#include "play/runner.h"

static const struct argument arguments[] = {
	{.name = "msg", .type = ARGUMENT_RAW},
	{.name = "var", .type = ARGUMENT_RAW},
	{.name = "verbosity", .type = ARGUMENT_RAW},
	{0},
};

static int number(const struct value *v, int64_t *out, const char *what, struct err *err)
{
	if (value_to_int(v, out))
		return 0;
	return err_set(err, ERR_INPUT, "%s: found %s, expected a whole number", what,
		value_kind_name(v));
}

/* Whether the operator asked for as many -v as the task wants. */
static int is_wanted(struct module_call *c, struct err *err)
{
	struct vars_view *vars = runner_vars(c->runner);
	const struct value *given = argument_value(c, "verbosity");
	const struct value *shown;
	int64_t needed = 0;
	int64_t verbosity = 0;

	if (!given)
		return 1;
	given = vars_evaluate(vars, given, err);
	if (!given || number(given, &needed, "verbosity", err) < 0)
		return -1;
	shown = vars_get(vars, "ansible_verbosity", err);
	if (!shown || number(shown, &verbosity, "ansible_verbosity", err) < 0)
		return -1;
	return verbosity >= needed;
}

/* A text is an expression; what a list or mapping holds was evaluated already. */
static const struct value *evaluate(
	struct module_call *c, const struct value *var, struct err *err)
{
	if (!value_is_string(var))
		return var;
	if (var->unsafe) {
		err_set(err, ERR_INPUT,
			"var: the expression came from a node and is not evaluated; "
			"show it with msg");
		return NULL;
	}
	autofree char *text = xasprintf("{{ %s }}", var->text);
	return vars_render(runner_vars(c->runner), text, &var->place, err);
}

static const struct value *undefined(struct module_call *c, const struct err *why)
{
	const struct value *level = vars_get(runner_vars(c->runner), "ansible_verbosity", NULL);
	int64_t verbosity = 0;

	if (level && value_to_int(level, &verbosity) && verbosity > 0)
		return value_new_stringf(c->arena, "VARIABLE IS NOT DEFINED!: %s", why->text);
	return value_new_string(c->arena, "VARIABLE IS NOT DEFINED!");
}

static int show_var(struct module_call *c, struct err *err)
{
	struct err failure = {0};
	const struct value *given = argument_value(c, "var");
	const struct value *var = vars_evaluate(runner_vars(c->runner), given, &failure);
	const struct value *found = var ? evaluate(c, var, &failure) : NULL;
	const char *key;

	if (!found && failure.code != ERR_NOTFOUND)
		return err_set(err, failure.code, "%s", failure.text);
	if (!var)
		var = given;
	switch (var->kind) {
	case VALUE_LIST: key = "<class 'list'>"; break;
	case VALUE_DICT: key = "<class 'dict'>"; break;
	default: {
		const struct value *text = value_to_text(c->arena, var);
		key = text ? text->text : "var";
	}
	}
	call_set(c, key, found ? found : undefined(c, &failure));
	return 0;
}

static int show_msg(struct module_call *c, struct err *err)
{
	const struct value *msg = argument_value(c, "msg");

	if (!msg) {
		call_set_text(c, "msg", "Hello world!");
		return 0;
	}
	msg = vars_evaluate(runner_vars(c->runner), msg, err);
	if (!msg)
		return -1;
	call_set(c, "msg", msg);
	return 0;
}

static int run(struct module_call *c, struct err *err)
{
	call_set_bool(c, "changed", false);
	if (argument_value(c, "msg") && argument_value(c, "var"))
		return err_set(err, ERR_INPUT, "'msg' and 'var' are incompatible options");
	int wanted = is_wanted(c, err);
	if (wanted < 0)
		return -1;
	if (!wanted) {
		call_set_text(c, "skipped_reason", "Verbosity threshold not met.");
		call_set_bool(c, "skipped", true);
		return 0;
	}
	call_set_bool(c, "_ansible_verbose_always", true);
	return argument_value(c, "var") ? show_var(c, err) : show_msg(c, err);
}

const struct module module_debug = {
	.name = "debug",
	.arguments = arguments,
	.flags = MODULE_ON_ENGINE | MODULE_CHECKS | MODULE_RAW_ARGUMENTS,
	.run = run,
};
