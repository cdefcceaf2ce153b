/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The variables of roles, in Ansible's order. Later layers of a level win: a role's
 * dependencies come before the role, and its own tasks see it above all others.
 */
#include "play/role.h"

static void add(struct vars_view *view, enum vars_level level, const struct role_use *use,
	const struct value *layer)
{
	if (layer && layer->count > 0)
		vars_view_add(view, level, use->name, layer);
}

/* A role's defaults, those of its dependencies first. */
static void add_defaults(struct vars_view *view, const struct role_use *use)
{
	for (size_t i = 0; i < use->dependencies.count; i++)
		add_defaults(view, use->dependencies.items[i]);
	add(view, VARS_ROLE_DEFAULT, use, use->defaults);
}

/* A role's variables, those of its dependencies first. */
static void add_vars(struct vars_view *view, const struct role_use *use)
{
	for (size_t i = 0; i < use->dependencies.count; i++)
		add_vars(view, use->dependencies.items[i]);
	add(view, VARS_ROLE, use, use->said);
	add(view, VARS_ROLE, use, use->vars);
}

void role_add_shared(struct vars_view *view, const struct role_use *use)
{
	add_defaults(view, use);
	add_vars(view, use);
}

/* What the roles that brought a role give it, the outermost first. */
static void add_inherited(struct vars_view *view, const struct role_use *use)
{
	if (use->parent)
		add_inherited(view, use->parent);
	add(view, VARS_ROLE_DEFAULT, use, use->defaults);
	add(view, VARS_ROLE, use, use->said);
	add(view, VARS_ROLE, use, use->vars);
	add(view, VARS_ROLE_PARAM, use, use->params);
}

void role_add_own(struct vars_view *view, const struct role_use *use)
{
	for (size_t i = 0; i < use->dependencies.count; i++)
		add_defaults(view, use->dependencies.items[i]);
	add_inherited(view, use);
	for (size_t i = 0; i < use->dependencies.count; i++)
		add_vars(view, use->dependencies.items[i]);
	add(view, VARS_ROLE, use, use->said);
	add(view, VARS_ROLE, use, use->vars);
}

struct value *role_magic(const struct role_use *use, struct arena *arena)
{
	struct value *v = value_new_dict(arena);
	struct value *names = value_new_list(arena), *paths = value_new_list(arena);

	const char *name =
		use->collection ? use->name + strlen(use->collection) + 1 : use->name;
	value_dict_set(arena, v, "role_name", value_new_string(arena, name));
	value_dict_set(arena, v, "ansible_role_name", value_new_string(arena, use->name));
	value_dict_set(arena, v, "ansible_collection_name",
		use->collection ? value_new_string(arena, use->collection) : &value_null);
	value_dict_set(arena, v, "role_path", value_new_string(arena, use->path));
	for (const struct role_use *p = use->depended ? NULL : use->parent; p; p = p->parent) {
		value_list_add(arena, names, value_new_string(arena, p->name));
		value_list_add(arena, paths, value_new_string(arena, p->path));
	}
	if (names->count > 0) {
		value_dict_set(arena, v, "ansible_parent_role_names", names);
		value_dict_set(arena, v, "ansible_parent_role_paths", paths);
	}
	return v;
}

static void add_name(struct arena *arena, struct value *list, const char *name)
{
	value_list_foreach (item, list)
		if (strcmp(item->text, name) == 0)
			return;
	value_list_add(arena, list, value_new_string(arena, name));
}

static void add_dependencies(
	struct arena *arena, struct value *list, const struct role_use *use)
{
	for (size_t i = 0; i < use->dependencies.count; i++) {
		add_dependencies(arena, list, use->dependencies.items[i]);
		add_name(arena, list, use->dependencies.items[i]->name);
	}
}

void role_add_names(const struct role_uses *roles, struct value *to, struct arena *arena)
{
	struct value *play = value_new_list(arena), *deps = value_new_list(arena);
	struct value *all = value_new_list(arena);

	for (size_t i = 0; i < roles->count; i++) {
		value_list_add(arena, play, value_new_string(arena, roles->items[i]->name));
		add_dependencies(arena, deps, roles->items[i]);
	}
	value_list_foreach (name, deps)
		add_name(arena, all, name->text);
	value_list_foreach (name, play)
		add_name(arena, all, name->text);
	value_dict_set(arena, to, "ansible_play_role_names", play);
	value_dict_set(arena, to, "role_names", play);
	value_dict_set(arena, to, "ansible_dependent_role_names", deps);
	value_dict_set(arena, to, "ansible_role_names", all);
}
