/* SPDX-License-Identifier: Apache-2.0 */
/*
 * include_tasks and include_role: they tell what is to be included; the runner does it. The
 * arguments of import_role stand here, too; it is done when the playbook is read.
 */
#include "play/modules/modules.h"
#include "play/playbook.h"
#include "play/runner.h"

static const char *const role_aliases[] = {"role", NULL};

static const struct argument tasks_arguments[] = {
	{.name = "file"},
	{.name = ARGUMENT_FREE_FORM},
	{.name = "apply", .type = ARGUMENT_DICT},
	{0},
};

#define ROLE_ARGUMENTS                                                                         \
	{.name = "name", .aliases = role_aliases, .required = true}, {.name = "tasks_from"},   \
		{.name = "handlers_from"}, {.name = "vars_from"}, {.name = "defaults_from"},   \
		{.name = "allow_duplicates", .type = ARGUMENT_BOOL},                           \
	{                                                                                      \
		.name = "rolespec_validate", .type = ARGUMENT_BOOL                             \
	}

static const struct argument role_arguments[] = {
	ROLE_ARGUMENTS,
	{.name = "public", .type = ARGUMENT_BOOL},
	{.name = "apply", .type = ARGUMENT_DICT},
	{0},
};

static const struct argument import_arguments[] = {ROLE_ARGUMENTS, {0}};

static int include_tasks(struct module_call *c, struct err *err)
{
	const char *file = c->free_form ? c->free_form : argument_text(c, "file");

	if (!file || !*file)
		return err_set(err, ERR_INPUT, "include_tasks without a file's name");
	call_set_bool(c, "changed", false);
	call_set_text(c, "include", file);
	struct value *args = value_new_dict(c->arena);
	if (c->step->task->apply)
		value_dict_set(c->arena, args, "apply", c->step->task->apply);
	call_set(c, "include_args", args);
	return 0;
}

/* The arguments as they were written; what they have by default is for the reader to know. */
static int include_role(struct module_call *c, struct err *err)
{
	struct value *args = value_new_dict(c->arena);

	(void)err;
	value_dict_foreach (pair, c->args)
		value_dict_set(c->arena, args, value_text(pair->key), pair->value);
	if (c->step->task->apply)
		value_dict_set(c->arena, args, "apply", c->step->task->apply);
	call_set_bool(c, "changed", false);
	call_set(c, "include_args", args);
	return 0;
}

const struct module module_include_tasks = {
	.name = "include_tasks",
	.arguments = tasks_arguments,
	.flags = MODULE_ON_ENGINE | MODULE_CHECKS | MODULE_FREE_FORM | MODULE_INCLUDES,
	.run = include_tasks,
};

const struct module module_include_role = {
	.name = "include_role",
	.arguments = role_arguments,
	.flags = MODULE_ON_ENGINE | MODULE_CHECKS | MODULE_INCLUDES,
	.run = include_role,
};

const struct module module_import_role = {
	.name = "import_role",
	.arguments = import_arguments,
	.flags = MODULE_ON_ENGINE | MODULE_CHECKS,
};
