/* SPDX-License-Identifier: Apache-2.0 */
/*
 * module_defaults: arguments that modules have where a task does not give them. The names are
 * known when the playbook is read, so they are put into each task's arguments then; what their
 * templates give is found when the task runs, as with its own.
 */
#include "play/collections.h"
#include "play/foreign.h"
#include "play/module.h"
#include "play/readers.h"

static const char group_prefix[] = "group/";

/* Puts the entries of one mapping below the keys of another: an inner word replaces whole. */
static void add_all(struct arena *arena, struct value *to, const struct value *from)
{
	if (from)
		value_dict_foreach (pair, from)
			value_dict_set_value(arena, to, pair->key, pair->value);
}

static void check_names(struct parser *p, const struct module *m, const struct value *arguments)
{
	char found[FOUND_MAX];

	value_dict_foreach (pair, arguments) {
		const char *name = value_text(pair->key);
		if (name && (module_argument(m, name) || m->flags & MODULE_ANY_ARGUMENT))
			continue;
		diag_error(p->diags, &pair->key->place,
			"module_defaults: %s has no argument %s", m->name,
			found_text(pair->key, found));
	}
	parse_check_templates(p, arguments);
}

/* What a module's defaults are kept under: its file, where it is not one of ours. */
static const char *key_of(struct parser *p, const struct module *m, const char *name)
{
	return m ? m->name : foreign_path(p, name);
}

/* The arguments of an entry; NULL after a finding, or where there are none. */
static const struct value *arguments_of(struct parser *p, const struct value_pair *pair)
{
	char found[FOUND_MAX];

	if (pair->value->kind == VALUE_DICT)
		return pair->value;
	if (pair->value->kind != VALUE_NULL)
		diag_error(p->diags, &pair->value->place,
			parse_is_template(pair->value)
				? "module_defaults: arguments that a template gives as a whole "
				  "are not supported yet, found %s"
				: "module_defaults: found %s, expected a mapping of arguments",
			found_text(pair->value, found));
	return NULL;
}

/* A group's defaults, for each of its modules and below their own. */
static void read_group(struct parser *p, const struct target *t, struct value *all,
	const struct value_pair *pair)
{
	AUTO(strlist_release) struct strlist modules = {0};
	const struct value *arguments = arguments_of(p, pair);
	const char *name = pair->key->text + strlen(group_prefix);

	if (!collections_group(p, t, name, &modules)) {
		diag_error(p->diags, &pair->key->place,
			"module_defaults: there is no group '%s' in meta/runtime.yml of its "
			"collection, or no such collection",
			name);
		return;
	}
	parse_check_templates(p, pair->value);
	for (size_t i = 0; arguments && i < modules.count; i++) {
		const struct module *m = module_find(modules.items[i]);
		const char *key = key_of(p, m, modules.items[i]);
		if (!key)
			continue;
		struct value *merged = value_new_dict(p->arena);
		const char *kept = arena_printf(p->arena, "%s%s", group_prefix, key);
		add_all(p->arena, merged, value_dict_get(all, kept));
		add_all(p->arena, merged, arguments);
		value_dict_set(p->arena, all, kept, merged);
	}
}

/* One module's defaults; those of modules that are not here matter to nobody. */
static void read_entry(struct parser *p, const struct target *t, struct value *all,
	const struct value_pair *pair)
{
	const char *name = value_text(pair->key);
	char found[FOUND_MAX];

	if (name && str_starts(name, group_prefix)) {
		read_group(p, t, all, pair);
		return;
	}
	if (name)
		name = t->step ? collections_module(p, t->step, name) : name;
	const struct module *m = name ? module_find(name) : NULL;
	const char *key = name ? key_of(p, m, name) : NULL;
	if (!key && (!name || !module_known(name))) {
		diag_error(p->diags, &pair->key->place, "module_defaults: %s is no module",
			found_text(pair->key, found));
		return;
	}
	const struct value *arguments = arguments_of(p, pair);
	if (!key || !arguments)
		return;
	if (m)
		check_names(p, m, arguments);
	else
		parse_check_templates(p, arguments);
	value_dict_set(p->arena, all, key, arguments);
}

static void read_mapping(
	struct parser *p, const struct target *t, struct value *all, const struct value *v)
{
	char found[FOUND_MAX];

	if (v->kind == VALUE_DICT)
		value_dict_foreach (pair, v)
			read_entry(p, t, all, pair);
	else if (v->kind != VALUE_NULL)
		diag_error(p->diags, &v->place,
			"module_defaults: found %s, expected a mapping of modules to arguments",
			found_text(v, found));
}

void read_module_defaults(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	struct value *all = value_new_dict(p->arena);

	(void)k;
	if (t->step)
		add_all(p->arena, all, step_attribute(t->step, ATTRIBUTE_MODULE_DEFAULTS));
	if (v->kind == VALUE_LIST)
		value_list_foreach (item, v)
			read_mapping(p, t, all, item);
	else
		read_mapping(p, t, all, v);
	*(t->step ? &t->step->attributes[ATTRIBUTE_MODULE_DEFAULTS]
		  : &t->play->attributes[ATTRIBUTE_MODULE_DEFAULTS]) = all;
}

/* True if an argument is given, by whichever of its names. */
static bool is_given(const struct module *m, const struct value *args, const char *name)
{
	const struct argument *wanted = module_argument(m, name);

	value_dict_foreach (pair, args) {
		const char *given = value_text(pair->key);
		if (given && (strcmp(given, name) == 0 ||
				     (wanted && module_argument(m, given) == wanted)))
			return true;
	}
	return false;
}

const struct value *parse_defaults_of(struct parser *p, const struct step *s)
{
	const struct value *all = step_attribute(s, ATTRIBUTE_MODULE_DEFAULTS);
	const struct foreign *f = foreign_of(s->task->module);
	const char *key = f ? f->path : s->task->module->name;
	const struct value *own = value_dict_get(all, key);
	const struct value *group =
		value_dict_get(all, arena_printf(p->arena, "%s%s", group_prefix, key));

	if (!group)
		return own;
	struct value *both = value_new_dict(p->arena);
	add_all(p->arena, both, group);
	add_all(p->arena, both, own);
	return both;
}

void parse_module_defaults(struct parser *p, const struct step *s, struct value *args)
{
	const struct value *defaults = parse_defaults_of(p, s);

	if (!defaults)
		return;
	value_dict_foreach (pair, defaults) {
		const char *name = value_text(pair->key);
		if (name && !is_given(s->task->module, args, name))
			value_dict_set_value(p->arena, args, pair->key, pair->value);
	}
}
