/* SPDX-License-Identifier: Apache-2.0 */
/*
 * add_host and group_by: hosts and groups that the inventory gets while the playbook runs. All
 * hosts of the batch come to such a task before it is done, and end it before one goes on.
 */
#include "inventory/pattern.h"
#include "play/modules/modules.h"
#include "play/runner.h"

/* ---- add_host ---- */

/* The first argument that is given of some names. */
static const struct value *first_of(const struct module_call *c, const char *const *names)
{
	const struct value *v = NULL;

	for (; *names && !v; names++)
		v = value_dict_get(c->args, *names);
	return v;
}

static const char *const host_names[] = {"name", "hostname", "host", NULL};
static const char *const group_names[] = {"groupname", "groups", "group", NULL};
/* What is no variable of the host; "host" and "group" are, as there. */
static const char *const special[] = {"name", "hostname", "groupname", "groups", NULL};

static bool is_special(const char *name)
{
	for (size_t i = 0; special[i]; i++)
		if (strcmp(special[i], name) == 0)
			return true;
	return false;
}

static struct value *host_vars(const struct module_call *c, int64_t port)
{
	struct value *vars = value_new_dict(c->arena);

	value_dict_foreach (p, c->args)
		if (!value_text(p->key) || !is_special(p->key->text))
			value_dict_set_value(c->arena, vars, p->key, p->value);
	if (port > 0)
		value_dict_set(
			c->arena, vars, "ansible_ssh_port", value_new_int(c->arena, port));
	return vars;
}

/* Adds a group's name, without the blanks around it, unless it is there. */
static void add_group(struct arena *arena, struct value *list, const char *text, size_t n)
{
	while (n > 0 && strchr(" \t\r\n", *text)) {
		text++;
		n--;
	}
	while (n > 0 && strchr(" \t\r\n", text[n - 1]))
		n--;
	struct value *name = value_new_stringn(arena, text, n);
	value_list_foreach (item, list)
		if (value_equal(item, name))
			return;
	value_list_add(arena, list, name);
}

/* The groups that are asked for; NULL with err. */
static struct value *groups_of(const struct module_call *c, struct err *err)
{
	const struct value *given = first_of(c, group_names);
	struct value *list = value_new_list(c->arena);

	if (!given || !value_truthy(given))
		return list;
	if (value_is_string(given)) {
		for (const char *at = given->text;; at++) {
			size_t n = strcspn(at, ",");
			add_group(c->arena, list, at, n);
			at += n;
			if (!*at)
				return list;
		}
	}
	if (given->kind != VALUE_LIST) {
		err_set(err, ERR_INPUT, "Groups must be specified as a list.");
		return NULL;
	}
	value_list_foreach (item, given) {
		if (!value_text(item)) {
			err_set(err, ERR_INPUT,
				"Invalid group name supplied, expected a string but got %s",
				value_kind_name(item));
			return NULL;
		}
		add_group(c->arena, list, item->text, item->len);
	}
	return list;
}

/* Tells what the inventory has to say about a change. */
static void tell(struct module_call *c, const struct diags *d)
{
	struct value *warnings = value_new_list(c->arena);

	for (size_t i = 0; i < d->count; i++)
		value_list_add(
			c->arena, warnings, value_new_string(c->arena, d->items[i].text));
	if (warnings->count)
		call_set(c, "warnings", warnings);
}

static int run_add_host(struct module_call *c, struct err *err)
{
	AUTO(strbuf_release) struct strbuf name = STRBUF_INIT;
	AUTO(diags_release) struct diags diags = {0};
	const struct value *given = first_of(c, host_names);
	int64_t port = -1;
	bool changed;

	if (!given)
		return err_set(err, ERR_INPUT, "name, host or hostname needs to be provided");
	if (!value_is_string(given))
		return err_set(err, ERR_INPUT,
			"Invalid host name supplied, expected a string but got %s",
			value_kind_name(given));
	if (!address_split(given->text, false, &name, &port)) {
		strbuf_addstr(&name, given->text);
		port = -1;
	}
	struct value *told = value_new_dict(c->arena), *vars = host_vars(c, port);
	const struct value *groups = groups_of(c, err);
	if (!groups)
		return -1;
	value_dict_set(c->arena, told, "host_name", value_new_string(c->arena, name.data));
	value_dict_set(c->arena, told, "groups", groups);
	value_dict_set(c->arena, told, "host_vars", vars);
	call_set(c, "add_host", told);
	const struct inventory_addition what = {
		.host = name.data, .vars = vars, .groups = groups};
	int result = vars_site_add_host(
		runner_run(c->runner)->o->vars, &what, &changed, &diags, err);
	tell(c, &diags);
	call_set_bool(c, "changed", result == 0 && changed);
	if (result == 0 && changed)
		runner_added(c->runner, name.data);
	return result;
}

static const struct argument no_arguments[] = {{0}};

const struct module module_add_host = {
	.name = "add_host",
	.arguments = no_arguments,
	.flags = MODULE_ON_ENGINE | MODULE_CHECKS | MODULE_ANY_ARGUMENT | MODULE_ONCE |
		 MODULE_TOGETHER,
	.run = run_add_host,
};

/* ---- group_by ---- */

static const struct argument group_arguments[] = {
	{.name = "key", .required = true},
	{.name = "parents", .type = ARGUMENT_LIST, .fallback = "all"},
	{0},
};

/* A name with "-" for each blank. */
static struct value *joined(struct arena *arena, const char *name)
{
	char *text = arena_strdup(arena, name);

	for (char *p = text; *p; p++)
		if (*p == ' ')
			*p = '-';
	return value_new_string(arena, text);
}

static int run_group_by(struct module_call *c, struct err *err)
{
	AUTO(diags_release) struct diags diags = {0};
	const struct value *given = argument_value(c, "parents");
	struct value *group = joined(c->arena, argument_text(c, "key"));
	struct value *parents = value_new_list(c->arena);
	bool changed;

	value_list_foreach (item, given)
		value_list_add(c->arena, parents, joined(c->arena, item->text));
	call_set(c, "add_group", group);
	call_set(c, "parent_groups", parents);
	const struct inventory_grouping what = {
		.host = runner_host(c->runner)->name, .group = group->text, .parents = parents};
	int result = vars_site_add_grouping(
		runner_run(c->runner)->o->vars, &what, &changed, &diags, err);
	tell(c, &diags);
	call_set_bool(c, "changed", result == 0 && changed);
	return result;
}

const struct module module_group_by = {
	.name = "group_by",
	.arguments = group_arguments,
	.flags = MODULE_ON_ENGINE | MODULE_CHECKS | MODULE_TOGETHER,
	.run = run_group_by,
};
