/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module that a task calls, and its arguments, in all the ways that Ansible lets one
 * write them:
 *
 *     copy: src=a dest=b          copy: {src: a, dest: b}       command: ls -l
 *     action: copy src=a dest=b   action: {module: copy, src: a, dest: b}
 *     local_action: ...           the same, on the engine's machine
 *     args: {chdir: /tmp}         beside any of them; what stands in the action wins
 */
#include "base/suggest.h"
#include "play/collections.h"
#include "play/foreign.h"
#include "play/module.h"
#include "play/parse.h"
#include "template/template.h"
#include "vars/args.h"

static void set_name(struct parser *p, struct action *a, const char *name, struct place place)
{
	if (a->name) {
		diag_error(p->diags, &place, "a task calls one module; found \"%s\" and \"%s\"",
			a->name, name);
		return;
	}
	a->name = name;
	a->place = place;
}

/* "copy src=a dest=b": the module, and the rest as its text. */
static void split_action(struct parser *p, struct action *a, const struct value *v)
{
	struct args_word word;
	struct err err = {0};
	const char *at = v->text;

	if (args_word_next(p->arena, &at, &word, &err) <= 0) {
		diag_error(p->diags, &v->place, "found no module's name%s%s",
			err.text[0] ? ": " : "", err.text);
		return;
	}
	set_name(p, a, arena_strndup(p->arena, word.text, word.len), v->place);
	if (*at)
		a->text = parse_part(p->arena, v, at, strlen(at));
}

/* {module: copy, src: a}: the module, and the rest as its arguments. */
static void read_action_dict(struct parser *p, struct action *a, const struct value *v)
{
	const struct value *module = value_dict_get(v, "module");
	struct value *rest = value_new_dict(p->arena);

	rest->place = v->place;
	if (!value_is_string(module)) {
		diag_error(p->diags, &v->place, "found no \"module\" in the action");
		return;
	}
	split_action(p, a, module);
	value_dict_foreach (pair, v) {
		const char *name = value_text(pair->key);
		if (name && strcmp(name, "args") == 0 && pair->value->kind == VALUE_DICT)
			value_dict_foreach (inner, pair->value)
				value_dict_set_value(p->arena, rest, inner->key, inner->value);
		else if (!name || strcmp(name, "module") != 0)
			value_dict_set_value(p->arena, rest, pair->key, pair->value);
	}
	a->dict = rest;
}

static void read_action(struct parser *p, struct action *a, const struct value *v)
{
	char found[FOUND_MAX];

	if (value_is_string(v))
		split_action(p, a, v);
	else if (v->kind == VALUE_DICT)
		read_action_dict(p, a, v);
	else
		diag_error(p->diags, &v->place,
			"found %s, expected a module's name with its arguments",
			found_text(v, found));
}

/* Modules that the parser itself is, or will be. */
static bool is_include(const char *name)
{
	static const char *const names[] = {
		"include", "import_role", "import_tasks", "import_playbook"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(module_short_name(name), names[i]) == 0)
			return true;
	return false;
}

/* A name of some collection's module: two dots, and not the built-in collection. */
static bool is_of_collection(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot && strchr(dot + 1, '.') && module_short_name(name) == name;
}

static void suggest_module(struct parser *p, const struct place *place, const char *name)
{
	struct suggestion near = {0};
	const struct module *m;
	const struct keyword *k;
	char found[FOUND_MAX];

	for (size_t i = 0; (m = module_at(i)); i++)
		suggest_add(&near, module_short_name(name), m->name);
	for (size_t i = 0; (k = keyword_at(i)); i++)
		if (k->where & (KEYWORD_TASK | KEYWORD_HANDLER))
			suggest_add(&near, name, k->name);
	found_string(name, found);
	if (near.word)
		diag_error(p->diags, place,
			"%s is neither a module nor a keyword of a task; did you mean \"%s\"?",
			found, near.word);
	else
		diag_error(p->diags, place, "%s is neither a module nor a keyword of a task",
			found);
}

/* True for a key of a task that is no keyword. */
static bool is_candidate(const struct target *t, const struct value *key)
{
	return value_is_string(key) && !keyword_find(key->text, t->where) &&
	       !str_starts(key->text, "with_");
}

/* The module of a task that has an argument of this name; NULL: there is none. */
static const struct module *module_with(const struct target *t, const char *argument)
{
	value_dict_foreach (pair, t->source) {
		const struct module *m = value_text(pair->key) && is_candidate(t, pair->key)
						 ? module_find(pair->key->text)
						 : NULL;
		if (m && module_argument(m, argument))
			return m;
	}
	return NULL;
}

/* Why a module that exists somewhere cannot be run here, and what would help. */
static void report_absent(struct parser *p, const struct place *place, const char *name)
{
	const char *dot = is_of_collection(name) ? strchr(strchr(name, '.') + 1, '.') : NULL;

	if (is_include(name))
		diag_error(p->diags, place, "the module \"%s\" is not supported yet", name);
	else if (dot)
		diag_error(p->diags, place,
			"the module \"%s\" is not supported yet, and no file of it was found "
			"to be run; \"ansible-galaxy collection install %.*s\" on this machine "
			"brings it",
			name, (int)(dot - name), name);
	else
		diag_error(p->diags, place,
			"the module \"%s\" is not supported yet, and no file of it was found "
			"to be run; put one into library/ beside the playbook, or install "
			"ansible on this machine",
			name);
}

/* Says why a name is no module of ours. */
static void report_module(
	struct parser *p, const struct target *t, const struct place *place, const char *name)
{
	const struct keyword *k = keyword_find(name, ~0u);
	const struct module *m = module_with(t, name);

	if (template_is_in(name, strlen(name)))
		diag_error(
			p->diags, place, "templates as a module's name are not supported yet");
	else if (is_include(name) || module_known(name) || is_of_collection(name))
		report_absent(p, place, name);
	else if (k)
		diag_error(p->diags, place, "\"%s\" is a keyword of %s, not of a task", name,
			keyword_home(k));
	else if (m)
		diag_error(p->diags, place,
			"\"%s\" is no keyword of a task but an argument of %s; it belongs "
			"below \"%s\", further to the right, or into \"args\"",
			name, m->name, m->name);
	else
		suggest_module(p, place, name);
}

static bool is_module(struct parser *p, const struct step *s, const char *name)
{
	return collections_module(p, s, name) != name || module_find(name) ||
	       module_known(name) || is_include(name) || is_of_collection(name) ||
	       foreign_exists(p, name);
}

/* The keys that are modules; what is neither module nor keyword is reported. */
static void find_modules(struct parser *p, struct target *t, struct action *a)
{
	value_dict_foreach (pair, t->source) {
		if (!is_candidate(t, pair->key))
			continue;
		if (!is_module(p, t->step, pair->key->text)) {
			report_module(p, t, &pair->key->place, pair->key->text);
			continue;
		}
		set_name(p, a, pair->key->text, pair->key->place);
		if (a->name != pair->key->text)
			continue;
		if (value_is_string(pair->value))
			a->text = pair->value;
		else if (pair->value->kind == VALUE_DICT)
			a->dict = pair->value;
		else if (pair->value->kind != VALUE_NULL)
			diag_error(p->diags, &pair->value->place,
				"%s: found %s, expected arguments: a mapping, or a text",
				a->name, value_kind_name(pair->value));
	}
}

void parse_action(struct parser *p, struct target *t)
{
	const struct value *old = value_dict_get(t->source, "action");
	const struct value *local = value_dict_get(t->source, "local_action");
	struct task *task = t->step->task;
	size_t errors = p->diags->errors;
	struct action a = {0};

	if (old)
		read_action(p, &a, old);
	if (local) {
		read_action(p, &a, local);
		t->step->attributes[ATTRIBUTE_DELEGATE_TO] =
			value_new_string(p->arena, "localhost");
	}
	find_modules(p, t, &a);
	task->module_name = a.name ? a.name : "";
	if (!a.name) {
		if (p->diags->errors == errors)
			diag_error(p->diags, &t->place, "a task that calls no module");
		return;
	}
	const char *name = is_include(a.name) ? a.name : collections_module(p, t->step, a.name);
	task->module = module_find(name);
	int found = task->module ? 1 : 0;
	if (!is_include(name) && (!task->module || foreign_overrides(p, name)))
		found = foreign_find(p, name, &a.place, &task->module);
	if (found > 0)
		parse_arguments(p, t, &a);
	else if (found == 0)
		report_module(p, t, &a.place, a.name);
}
