/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of a call: rendered for its host, put together, made typed. */
#include "play/run_state.h"

#include "play/module.h"
#include "template/template.h"

/* A copy of a dict or list without what `omit` stands for. */
static const struct value *without_omitted(struct arena *arena, const struct value *v)
{
	struct value *copy;

	if (v->kind == VALUE_LIST) {
		copy = value_new_list(arena);
		value_list_foreach (item, v)
			if (!template_is_omit(item))
				value_list_add(arena, copy, without_omitted(arena, item));
	} else if (v->kind == VALUE_DICT) {
		copy = value_new_dict(arena);
		value_dict_foreach (p, v)
			if (!template_is_omit(p->value))
				value_dict_set_value(
					arena, copy, p->key, without_omitted(arena, p->value));
	} else {
		return v;
	}
	copy->place = v->place;
	return copy;
}

static bool holds_omitted(const struct value *v)
{
	if (template_is_omit(v))
		return true;
	if (v->kind == VALUE_LIST)
		value_list_foreach (item, v)
			if (holds_omitted(item))
				return true;
	if (v->kind == VALUE_DICT)
		value_dict_foreach (p, v)
			if (holds_omitted(p->value))
				return true;
	return false;
}

/* ---- arguments that a template gives as a whole ---- */

/* Whether one of the names of an argument is among those that are given. */
static bool is_given(const struct module *m, const struct value *given, const struct value *key)
{
	const char *name = value_text(key);
	const struct argument *a = name ? module_argument(m, name) : NULL;

	if (!a)
		return name && value_dict_get(given, name);
	value_dict_foreach (pair, given)
		if (value_text(pair->key) && module_argument(m, pair->key->text) == a)
			return true;
	return false;
}

/* A dict with members put below those that it has. */
static struct value *put_below(const struct module *m, const struct value *given,
	const struct value *below, struct arena *arena)
{
	struct value *all = value_new_dict(arena);

	all->place = given->place;
	value_dict_foreach (pair, below)
		if (!is_given(m, given, pair->key))
			value_dict_set_value(arena, all, pair->key, pair->value);
	value_dict_foreach (own, given)
		value_dict_set_value(arena, all, own->key, own->value);
	return all;
}

/*
 * The arguments with those that the task's template gives, which what is written beside it
 * beats, and then the module's defaults. NULL with err.
 */
static const struct value *add_variable(
	struct runner *r, struct module_call *c, const struct value *given, struct err *err)
{
	const struct task *task = c->step->task;
	const struct value *v = vars_evaluate(r->host->view, task->variable, err);
	const struct value *defaults = task->defaults;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!v)
		return NULL;
	if (v->kind != VALUE_DICT) {
		if (template_str(v, &text, err) == 0)
			err_set(err, ERR_INPUT, "invalid or malformed argument: '%s'",
				text.data);
		return NULL;
	}
	runner_post(r, (struct run_event){.kind = RUN_WARNING,
			       .number = 1,
			       .text = "Using a variable for a task's 'args' is unsafe in some "
				       "situations (see https://docs.ansible.com/ansible/devel/"
				       "reference_appendices/faq.html#argsplat-unsafe)"});
	struct value *all = put_below(task->module, given, v, c->arena);
	if (defaults && !(task->module->flags & MODULE_RAW_ARGUMENTS))
		defaults = vars_evaluate(r->host->view, defaults, err);
	if (task->defaults && !defaults)
		return NULL;
	if (defaults)
		all = put_below(task->module, all, defaults, c->arena);
	return all;
}

/* ---- all of them ---- */

static const struct value *evaluate(
	struct runner *r, struct module_call *c, const struct value *given, struct err *err)
{
	given = vars_evaluate(r->host->view, given, err);
	if (given && given->kind != VALUE_DICT) {
		err_set(err, ERR_INPUT, "the arguments are %s; expected a mapping",
			value_kind_name(given));
		return NULL;
	}
	return given && holds_omitted(given) ? without_omitted(c->arena, given) : given;
}

int call_render_arguments(struct runner *r, struct module_call *c, struct err *err)
{
	const struct task *task = c->step->task;
	const struct value *given = task->args ? task->args : value_new_dict(c->arena);
	const struct value *free_form;

	if (!(task->module->flags & MODULE_RAW_ARGUMENTS))
		given = evaluate(r, c, given, err);
	if (!given)
		return -1;
	if (task->free_form) {
		free_form = vars_evaluate(r->host->view, task->free_form, err);
		if (!free_form || keyword_text(r, free_form, &c->free_form, err) < 0)
			return -1;
	}
	if (task->variable)
		given = add_variable(r, c, given, err);
	if (given && task->variable && holds_omitted(given))
		given = without_omitted(c->arena, given);
	c->args = given ? module_arguments(task->module, given, c->arena, err) : NULL;
	return c->args ? 0 : -1;
}
