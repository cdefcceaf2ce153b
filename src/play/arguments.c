/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of modules: names, types, choices and defaults, as Ansible has them. */
#include <stdint.h>

#include "base/suggest.h"
#include "play/convert.h"
#include "play/module.h"
#include "play/playbook.h"
#include "value/found.h"
#include "template/template.h"

static bool has_alias(const struct argument *a, const char *name)
{
	for (size_t i = 0; a->aliases && a->aliases[i]; i++)
		if (strcmp(a->aliases[i], name) == 0)
			return true;
	return false;
}

static const struct argument *find_in(const struct argument *list, const char *name)
{
	for (const struct argument *a = list; a && a->name; a++)
		if (strcmp(a->name, name) == 0 || has_alias(a, name))
			return a;
	return NULL;
}

static bool is_free_form(const struct argument *a)
{
	return strcmp(a->name, ARGUMENT_FREE_FORM) == 0;
}

const struct argument *module_argument(const struct module *m, const char *name)
{
	const struct argument *a = find_in(m->arguments, name);

	return a && is_free_form(a) ? NULL : a;
}

/* The words for a type, as one expects it. */
static const char *expected(enum argument_type type)
{
	static const char *const words[] = {
		[ARGUMENT_STRING] = "a text",
		[ARGUMENT_PATH] = "a path",
		[ARGUMENT_BOOL] = "true or false",
		[ARGUMENT_INT] = "a whole number",
		[ARGUMENT_FLOAT] = "a number",
		[ARGUMENT_LIST] = "a list, or a text with commas",
		[ARGUMENT_DICT] = "a mapping, or a text of \"NAME=VALUE, NAME=VALUE\"",
		[ARGUMENT_MODE] = "a file's mode, like \"0644\" or \"u=rw,g=r\"",
		[ARGUMENT_RAW] = "a value",
		[ARGUMENT_CONDITION] = "a condition",
	};

	return words[type];
}

static const struct value *convert_bool(struct arena *a, const struct value *v)
{
	bool b;

	(void)a;
	return value_to_bool(v, &b) ? value_bool(b) : NULL;
}

static const struct value *convert_int(struct arena *a, const struct value *v)
{
	int64_t i;

	return value_to_int(v, &i) ? value_new_int(a, i) : NULL;
}

static const struct value *convert_float(struct arena *a, const struct value *v)
{
	double d;

	return value_to_number(v, &d) ? value_new_float(a, d) : NULL;
}

static const struct value *convert_raw(struct arena *a, const struct value *v)
{
	(void)a;
	return v;
}

typedef const struct value *(*converter)(struct arena *a, const struct value *v);

static const converter converters[] = {
	[ARGUMENT_STRING] = value_to_text,
	[ARGUMENT_PATH] = value_to_text,
	[ARGUMENT_BOOL] = convert_bool,
	[ARGUMENT_INT] = convert_int,
	[ARGUMENT_FLOAT] = convert_float,
	[ARGUMENT_LIST] = value_to_list,
	[ARGUMENT_DICT] = value_to_dict,
	[ARGUMENT_MODE] = value_to_mode,
	[ARGUMENT_RAW] = convert_raw,
	[ARGUMENT_CONDITION] = convert_raw,
};

static const struct value *read_members(struct arena *arena, const char *path,
	const struct argument *list, const struct value *given, struct err *err);

/* A value as the type says, or NULL with err. */
static const struct value *convert(struct arena *arena, const char *path,
	const struct argument *a, enum argument_type type, const struct value *v,
	struct err *err)
{
	char found[FOUND_MAX];
	const struct value *typed = converters[type](arena, v);

	if (!typed) {
		err_set(err, ERR_INPUT, "%s: found %s, expected %s", path,
			a->secret ? value_kind_name(v) : found_text(v, found), expected(type));
		return NULL;
	}
	if (type == ARGUMENT_DICT && a->members)
		return read_members(arena, path, a->members, typed, err);
	return typed;
}

static bool is_choice(const struct argument *a, const struct value *v)
{
	if (!a->choices || !value_is_string(v))
		return true;
	for (size_t i = 0; a->choices[i]; i++)
		if (strcmp(a->choices[i], v->text) == 0)
			return true;
	return false;
}

/* YAML's booleans where a word like "yes" or "on" was meant to be a text. */
static const struct value *choice_of_bool(
	struct arena *arena, const struct argument *a, const struct value *v)
{
	const struct value *match = NULL;
	size_t matches = 0;

	for (size_t i = 0; a->choices[i]; i++) {
		struct value *word = value_new_string(arena, a->choices[i]);
		bool b;
		if (value_to_bool(word, &b) && b == v->boolean) {
			match = word;
			matches++;
		}
	}
	return matches == 1 ? match : v;
}

static int check_choice(
	const char *path, const struct argument *a, const struct value *v, struct err *err)
{
	AUTO(strbuf_release) struct strbuf words = STRBUF_INIT;
	char found[FOUND_MAX];

	if (is_choice(a, v))
		return 0;
	for (size_t i = 0; a->choices && a->choices[i]; i++)
		strbuf_addf(&words, "%s%s",
			i == 0              ? ""
			: a->choices[i + 1] ? ", "
					    : " or ",
			a->choices[i]);
	return err_set(err, ERR_INPUT, "%s: found %s, expected %s", path,
		a->secret ? value_kind_name(v) : found_text(v, found), words.data);
}

static const struct value *read_list(struct arena *arena, const char *path,
	const struct argument *a, const struct value *list, struct err *err)
{
	struct value *typed = value_new_list(arena);

	typed->place = list->place;
	for (size_t i = 0; i < list->count; i++) {
		const struct value *item =
			convert(arena, path, a, a->elements, list->items[i], err);
		if (!item || check_choice(path, a, item, err) < 0)
			return NULL;
		value_list_add(arena, typed, item);
	}
	return typed;
}

/* The typed value of one argument, or NULL with err. */
static const struct value *read_argument(struct arena *arena, const char *path,
	const struct argument *a, const struct value *v, struct err *err)
{
	if (v->kind == VALUE_BOOL && a->choices && a->type == ARGUMENT_STRING)
		v = choice_of_bool(arena, a, v);
	const struct value *typed = convert(arena, path, a, a->type, v, err);
	if (!typed)
		return NULL;
	if (a->type == ARGUMENT_LIST)
		return read_list(arena, path, a, typed, err);
	return check_choice(path, a, typed, err) < 0 ? NULL : typed;
}

/* The value given for an argument, by its name or an alias; null counts as not given. */
static const struct value *given_for(const struct argument *a, const struct value *given)
{
	const struct value *found = value_dict_get(given, a->name);

	for (size_t i = 0; !found && a->aliases && a->aliases[i]; i++)
		found = value_dict_get(given, a->aliases[i]);
	if (!found || found->kind == VALUE_NULL || template_is_omit(found))
		return NULL;
	return found;
}

static int unknown_argument(
	const char *path, const struct argument *list, const char *name, struct err *err)
{
	struct suggestion near = {0};
	char found[FOUND_MAX];

	for (const struct argument *a = list; a && a->name; a++) {
		if (!is_free_form(a))
			suggest_add(&near, name, a->name);
		for (size_t i = 0; a->aliases && a->aliases[i]; i++)
			suggest_add(&near, name, a->aliases[i]);
	}
	found_string(name, found);
	if (near.word)
		return err_set(err, ERR_INPUT,
			"%s: there is no argument %s; did you mean \"%s\"?", path, found,
			near.word);
	return err_set(err, ERR_INPUT, "%s: there is no argument %s", path, found);
}

/* Whether the key of an argument is one of the list's. */
static int check_name(
	const char *path, const struct argument *list, const struct value *key, struct err *err)
{
	char found[FOUND_MAX];

	if (!value_is_string(key))
		return err_set(err, ERR_INPUT, "%s: found %s as the name of an argument", path,
			found_text(key, found));
	const struct argument *a = find_in(list, key->text);
	return a && !is_free_form(a) ? 0 : unknown_argument(path, list, key->text, err);
}

/* Sets one argument of a list: what was given, else its default. */
static int read_member(struct arena *arena, const char *path, const struct argument *a,
	const struct value *given, struct value *out, struct err *err)
{
	const struct value *v = given_for(a, given);
	const char *inner = arena_printf(arena, "%s: %s", path, a->name);

	if (!v && a->required)
		return err_set(
			err, ERR_INPUT, "%s: the argument \"%s\" is required", path, a->name);
	if (!v && a->fallback)
		v = value_new_string(arena, a->fallback);
	if (!v)
		return 0;
	const struct value *typed = read_argument(arena, inner, a, v, err);
	if (typed)
		value_dict_set(arena, out, a->name, typed);
	return typed ? 0 : -1;
}

static const struct value *read_members(struct arena *arena, const char *path,
	const struct argument *list, const struct value *given, struct err *err)
{
	struct value *out = value_new_dict(arena);

	out->place = given->place;
	value_dict_foreach (pair, given)
		if (check_name(path, list, pair->key, err) < 0)
			return NULL;
	for (const struct argument *a = list; a && a->name; a++)
		if (!is_free_form(a) && read_member(arena, path, a, given, out, err) < 0)
			return NULL;
	return out;
}

/* Arguments whose names are the user's: known ones typed, the others as they are. */
static const struct value *read_any(
	const struct module *m, const struct value *given, struct arena *arena, struct err *err)
{
	struct value *out = value_new_dict(arena);

	for (const struct argument *a = m->arguments; a && a->name; a++)
		if (!is_free_form(a) && read_member(arena, m->name, a, given, out, err) < 0)
			return NULL;
	value_dict_foreach (pair, given)
		if (!value_is_string(pair->key) || !module_argument(m, pair->key->text))
			value_dict_set_value(arena, out, pair->key, pair->value);
	return out;
}

const struct value *module_arguments(
	const struct module *m, const struct value *given, struct arena *arena, struct err *err)
{
	if (m->flags & MODULE_ANY_ARGUMENT)
		return read_any(m, given, arena, err);
	return read_members(arena, m->name, m->arguments, given, err);
}

/* What module_check_arguments works with. */
struct checking {
	const struct module *module;
	const struct place *place;
	struct diags *diags;
	struct arena arena;
};

/* Appends an error's text as a finding. */
static void report(struct checking *c, const struct value *at, const struct err *err)
{
	const struct place place = place_or(at, *c->place);

	diag_error(c->diags, &place, "%s", err->text);
}

/* True for a value without inline vaults, which are opened when the task runs. */
static bool is_plain(const struct value *v)
{
	switch (v->kind) {
	case VALUE_VAULT: return false;
	case VALUE_LIST:
		for (size_t i = 0; i < v->count; i++)
			if (!is_plain(v->items[i]))
				return false;
		return true;
	case VALUE_DICT:
		value_dict_foreach (pair, v)
			if (!is_plain(pair->value))
				return false;
		return true;
	default: return true;
	}
}

/* Whether a task may write an argument of this name. */
static bool is_allowed(struct checking *c, const struct value *key)
{
	const struct module *m = c->module;
	struct err err = {0};

	if ((m->flags & MODULE_ANY_ARGUMENT) ||
		check_name(m->name, m->arguments, key, &err) == 0)
		return true;
	report(c, key, &err);
	return false;
}

static void check_given(struct checking *c, const struct value_pair *pair)
{
	struct err err = {0};

	if (!is_allowed(c, pair->key))
		return;
	const struct argument *a =
		value_is_string(pair->key) ? module_argument(c->module, pair->key->text) : NULL;
	if (!a || pair->value->kind == VALUE_NULL || template_is_in_value(pair->value) ||
		!is_plain(pair->value))
		return;
	const char *path = arena_printf(&c->arena, "%s: %s", c->module->name, a->name);
	if (!read_argument(&c->arena, path, a, pair->value, &err))
		report(c, pair->value, &err);
}

static void check_free_form(struct checking *c, const struct argument *a, const char *free_form)
{
	const char *module = c->module->name;
	struct err err = {0};

	if (!free_form && a->required)
		diag_error(c->diags, c->place, "%s: found no text behind it", module);
	if (!free_form || template_is_in(free_form, strlen(free_form)))
		return;
	if (check_choice(module, a, value_new_string(&c->arena, free_form), &err) < 0)
		report(c, NULL, &err);
}

static void check_required(struct checking *c, const struct argument *a,
	const struct value *args, const char *free_form)
{
	if (is_free_form(a))
		check_free_form(c, a, free_form);
	else if (a->required && !given_for(a, args))
		diag_error(c->diags, c->place, "%s: the argument \"%s\" is required",
			c->module->name, a->name);
}

int module_check_arguments(const struct module *m, const struct value *args,
	const char *free_form, const struct place *place, struct diags *d)
{
	struct checking c = {.module = m, .place = place, .diags = d};
	size_t errors = d->errors;

	if (args)
		value_dict_foreach (pair, args)
			check_given(&c, pair);
	for (const struct argument *a = m->arguments; a && a->name; a++)
		check_required(&c, a, args, free_form);
	arena_release(&c.arena);
	return d->errors > errors ? -1 : 0;
}

int module_check_some_arguments(
	const struct module *m, const struct value *args, struct diags *d)
{
	struct checking c = {.module = m, .place = &args->place, .diags = d};
	size_t errors = d->errors;

	value_dict_foreach (pair, args)
		check_given(&c, pair);
	arena_release(&c.arena);
	return d->errors > errors ? -1 : 0;
}

const struct value *argument_value(const struct module_call *c, const char *name)
{
	return value_dict_get(c->args, name);
}

const char *argument_text(const struct module_call *c, const char *name)
{
	return value_text(argument_value(c, name));
}

bool argument_bool(const struct module_call *c, const char *name)
{
	const struct value *v = argument_value(c, name);
	bool b;

	return v && value_to_bool(v, &b) && b;
}

double argument_number(const struct module_call *c, const char *name, double otherwise)
{
	const struct value *v = argument_value(c, name);
	double d;

	return v && value_to_number(v, &d) ? d : otherwise;
}
