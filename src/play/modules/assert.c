/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assert: fails unless all conditions hold, and says which one does not.
 */
#include "play/convert.h"
#include "play/modules/modules.h"
#include "play/runner.h"
#include "template/template.h"

static const char *const fail_msg_aliases[] = {"msg", NULL};
static const struct argument arguments[] = {
	{.name = "that", .type = ARGUMENT_CONDITION, .required = true},
	{.name = "fail_msg", .type = ARGUMENT_RAW, .aliases = fail_msg_aliases},
	{.name = "success_msg", .type = ARGUMENT_RAW},
	{.name = "quiet", .type = ARGUMENT_RAW},
	{0},
};

/* Sets `msg`: the argument, rendered, or a text of our own. */
static int say(
	struct module_call *c, const char *argument, const char *otherwise, struct err *err)
{
	const struct value *msg = argument_value(c, argument);

	if (!msg || msg->kind == VALUE_NULL) {
		call_set_text(c, "msg", otherwise);
		return 0;
	}
	msg = vars_evaluate(runner_vars(c->runner), msg, err);
	if (!msg)
		return err_wrap(err, "%s", argument);
	if (!value_is_string(msg) && msg->kind != VALUE_LIST)
		return err_set(err, ERR_INPUT, "%s: found %s, expected a string or list",
			argument, value_kind_name(msg));
	call_set(c, "msg", msg);
	return 0;
}

/* 1 when a condition holds; 0 with the result filled in when it does not. */
static int holds(struct module_call *c, const struct value *condition, struct err *err)
{
	struct template_context *context = vars_view_context(runner_vars(c->runner));
	int rc = template_condition(context, condition, NULL, err);

	if (rc != 0)
		return rc;
	call_set_bool(c, "failed", true);
	call_set_bool(c, "evaluated_to", false);
	call_set(c, "assertion", condition);
	return say(c, "fail_msg", "Assertion failed", err);
}

static int be_quiet(struct module_call *c, bool *quiet, struct err *err)
{
	const struct value *v = argument_value(c, "quiet");

	*quiet = false;
	if (!v)
		return 0;
	v = vars_evaluate(runner_vars(c->runner), v, err);
	if (!v)
		return -1;
	return value_to_bool(v, quiet)
		       ? 0
		       : err_set(err, ERR_INPUT, "quiet: found %s, expected a boolean",
				 value_kind_name(v));
}

static int run(struct module_call *c, struct err *err)
{
	const struct value *that = argument_value(c, "that");
	bool quiet;

	call_set_bool(c, "changed", false);
	if (be_quiet(c, &quiet, err) < 0)
		return -1;
	if (!quiet)
		call_set_bool(c, "_ansible_verbose_always", true);
	if (value_is_string(that) && template_is_in(that->text, that->len)) {
		that = vars_evaluate(runner_vars(c->runner), that, err);
		if (!that)
			return -1;
	}
	size_t count = that->kind == VALUE_LIST ? that->count : 1;
	for (size_t i = 0; i < count; i++) {
		int rc = holds(c, that->kind == VALUE_LIST ? that->items[i] : that, err);
		if (rc <= 0)
			return rc;
	}
	return say(c, "success_msg", "All assertions passed", err);
}

const struct module module_assert = {
	.name = "assert",
	.arguments = arguments,
	.flags = MODULE_ON_ENGINE | MODULE_CHECKS | MODULE_RAW_ARGUMENTS,
	.run = run,
};
