/* SPDX-License-Identifier: Apache-2.0 */
/*
 * module_defaults: arguments that modules have where a task does not give them. The names are
 * known when the playbook is read, so they are put into each task's arguments then; what their
 * templates give is found when the task runs, as with its own.
 */
#include "play/module.h"
#include "play/readers.h"

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
			name && module_argument_known(m, name)
				? "module_defaults: %s: the argument %s is not supported yet"
				: "module_defaults: %s has no argument %s",
			m->name, found_text(pair->key, found));
	}
	parse_check_templates(p, arguments);
}

/* One module's defaults; those of modules that we do not have matter to nobody. */
static void read_entry(struct parser *p, struct value *all, const struct value_pair *pair)
{
	const char *name = value_text(pair->key);
	const struct module *m = name ? module_find(name) : NULL;
	char found[FOUND_MAX];

	found_text(pair->key, found);
	if (name && str_starts(name, "group/"))
		diag_error(p->diags, &pair->key->place,
			"module_defaults: groups of modules are not supported yet, found %s",
			found);
	else if (!m && (!name || !module_known(name)))
		diag_error(
			p->diags, &pair->key->place, "module_defaults: %s is no module", found);
	else if (pair->value->kind != VALUE_DICT && pair->value->kind != VALUE_NULL)
		diag_error(p->diags, &pair->value->place,
			parse_is_template(pair->value)
				? "module_defaults: arguments that a template gives as a whole "
				  "are not supported yet, found %s"
				: "module_defaults: found %s, expected a mapping of arguments",
			found_text(pair->value, found));
	else if (m && pair->value->kind == VALUE_DICT) {
		check_names(p, m, pair->value);
		value_dict_set(p->arena, all, m->name, pair->value);
	}
}

static void read_mapping(struct parser *p, struct value *all, const struct value *v)
{
	char found[FOUND_MAX];

	if (v->kind == VALUE_DICT)
		value_dict_foreach (pair, v)
			read_entry(p, all, pair);
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
			read_mapping(p, all, item);
	else
		read_mapping(p, all, v);
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

const struct value *parse_defaults_of(const struct step *s)
{
	const struct value *all = step_attribute(s, ATTRIBUTE_MODULE_DEFAULTS);

	return value_dict_get(all, s->task->module->name);
}

void parse_module_defaults(struct parser *p, const struct step *s, struct value *args)
{
	const struct value *defaults = parse_defaults_of(s);

	if (!defaults)
		return;
	value_dict_foreach (pair, defaults) {
		const char *name = value_text(pair->key);
		if (name && !is_given(s->task->module, args, name))
			value_dict_set_value(p->arena, args, pair->key, pair->value);
	}
}
