/* SPDX-License-Identifier: Apache-2.0 */
/*
 * package: packages by whatever manager the node has. The facts tell which one that is, and its
 * module does the work with the same arguments.
 */
#include <string.h>

#include "play/facts.h"
#include "play/modules/modules.h"
#include "play/runner.h"

static const struct argument arguments[] = {
	{.name = "name", .type = ARGUMENT_RAW},
	{.name = "state"},
	{.name = "use", .fallback = "auto"},
	{0},
};

/* Managers, as the fact pkg_mgr calls them, for which there is a module. */
static const struct {
	const char *manager;
	const struct module *module;
} managers[] = {{"apt", &module_apt}};

/* The manager among facts by their short or their full names, in the call's arena, or NULL. */
static const char *manager_in(
	struct module_call *c, const struct value *facts, const char *name)
{
	const struct value *found =
		facts && facts->kind == VALUE_DICT ? value_dict_get(facts, name) : NULL;

	return value_text(found) ? arena_strdup(c->arena, value_text(found)) : NULL;
}

/* Asks the node for the few facts that nobody has gathered. NULL with err. */
static const char *ask_manager(struct module_call *c, struct err *err)
{
	struct value *subset = value_new_list(c->arena);

	value_list_add(c->arena, subset, value_new_string(c->arena, "!all"));
	const struct facts_wish wish = {.subset = subset};
	const struct value *answer =
		runner_ask_node(c, "facts", facts_arguments(c->arena, &wish), err);
	if (!answer)
		return NULL;
	const char *name =
		manager_in(c, value_dict_get(answer, "ansible_facts"), "ansible_pkg_mgr");
	if (!name)
		err_set(err, ERR_NOTFOUND,
			"Could not detect which package manager to use. Try gathering facts or "
			"setting the \"use\" option.");
	return name;
}

/* The manager that the task names, that the host's facts name, or that the node has. */
static const char *find_manager(struct module_call *c, struct err *err)
{
	const char *use = argument_text(c, "use");
	struct err undefined = {0};

	if (strcmp(use, "auto") != 0)
		return module_short_name(use);
	const char *known =
		manager_in(c, runner_target_var(c, "ansible_facts", &undefined), "pkg_mgr");
	return known ? known : ask_manager(c, err);
}

static const struct module *find_module(const char *manager, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(managers); i++)
		if (strcmp(managers[i].manager, manager) == 0)
			return managers[i].module;
	err_set(err, ERR_UNSUPPORTED,
		"Could not find a module for %s: of package managers there is apt; another "
		"one's own module may be named in its place",
		manager);
	return NULL;
}

/* What was given, but `use`, as the manager's module takes it. NULL with err. */
static const struct value *manager_arguments(
	struct module_call *c, const struct module *m, struct err *err)
{
	struct value *given = value_new_dict(c->arena);

	value_dict_foreach (pair, c->args)
		if (!value_is_string(pair->key) || strcmp(pair->key->text, "use") != 0)
			value_dict_set_value(c->arena, given, pair->key, pair->value);
	return module_arguments(m, given, c->arena, err);
}

static int run(struct module_call *c, struct err *err)
{
	const char *manager = find_manager(c, err);
	const struct module *m = manager ? find_module(manager, err) : NULL;
	struct module_call inner = *c;

	if (!m)
		return -1;
	inner.args = manager_arguments(c, m, err);
	return inner.args ? m->run(&inner, err) : -1;
}

const struct module module_package = {
	.name = "package",
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_CANNOT_UNDO | MODULE_ANY_ARGUMENT,
	.run = run,
};
