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
#include "play/module.h"
#include "play/parse.h"
#include "template/template.h"
#include "vars/args.h"

/* What was found of an action. */
struct action {
	const char *name;         /* as written; NULL: none yet */
	struct place place;       /* of the name */
	const struct value *text; /* "src=a dest=b", or a bare string; NULL: none */
	const struct value *dict; /* or arguments as a mapping; NULL: none */
};

/* A string that was cut out of another. */
static const struct value *part(
	struct arena *a, const struct value *of, const char *text, size_t len)
{
	struct value *v = value_new_stringn(a, text, len);

	v->place = of->place;
	v->tagged_unsafe = of->tagged_unsafe;
	return v;
}

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
		a->text = part(p->arena, v, at, strlen(at));
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
		"include", "include_tasks", "include_role", "import_role", "include_vars"};

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

/* Says why a name is no module of ours. */
static void report_module(struct parser *p, const struct place *place, const char *name)
{
	const struct keyword *k = keyword_find(name, ~0u);

	if (is_include(name) || module_known(name) || is_of_collection(name))
		diag_error(p->diags, place, "the module \"%s\" is not supported yet", name);
	else if (k)
		diag_error(p->diags, place, "\"%s\" is a keyword of %s, not of a task", name,
			keyword_home(k));
	else
		suggest_module(p, place, name);
}

/* True for a key of a task that is no keyword. */
static bool is_candidate(const struct target *t, const struct value *key)
{
	return value_is_string(key) && !keyword_find(key->text, t->where) &&
	       !str_starts(key->text, "with_");
}

static bool is_module(const char *name)
{
	return module_find(name) || module_known(name) || is_include(name) ||
	       is_of_collection(name);
}

/* The keys that are modules; what is neither module nor keyword is reported. */
static void find_modules(struct parser *p, struct target *t, struct action *a)
{
	value_dict_foreach (pair, t->source) {
		if (!is_candidate(t, pair->key))
			continue;
		if (!is_module(pair->key->text)) {
			report_module(p, &pair->key->place, pair->key->text);
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

/* A task's arguments while they are put together. */
struct arguments {
	const struct module *module;
	struct value *dict;
	struct strbuf raw; /* words that are no arguments */
	bool in_raw;       /* the word before the present one is in `raw` */
	bool continues;    /* the line that is read holds a lone backslash */
};

/* Whether a word "name=..." is an argument. Commands keep those that they do not know. */
static bool takes(const struct module *m, const char *name)
{
	const struct argument *known = module_argument(m, name);

	if (!(m->flags & MODULE_FREE_FORM))
		return true;
	return known && known->type != ARGUMENT_LIST && strcmp(name, "cmd") != 0;
}

/* A word whose every "=" is escaped. */
static void add_without_escapes(struct strbuf *raw, const char *decoded)
{
	for (const char *c = decoded; *c; c++)
		if (c[0] != '\\' || c[1] != '=')
			strbuf_addch(raw, *c);
}

/*
 * Adds the white space behind a word to a bare string. The next word brings one space, so that
 * one is left out here; and a line that holds a lone backslash goes on in the next.
 */
static void add_gap(struct arguments *a, const struct args_word *w, bool last)
{
	const char *gap = w->text + w->len;
	size_t n = w->gap;

	if (!last && n > 0 && gap[n - 1] == ' ')
		n--;
	for (size_t i = 0; i < n; i++) {
		bool dropped = gap[i] == '\n' && a->continues;
		if (gap[i] == '\n')
			a->continues = false;
		if (!dropped && a->in_raw)
			strbuf_addch(&a->raw, gap[i]);
	}
}

/* Adds a word to a bare string, so that the white space between words is as written. */
static void add_raw(struct arguments *a, const struct args_word *w, bool last)
{
	struct strbuf *raw = &a->raw;

	if (w->len == 1 && w->text[0] == '\\') {
		a->continues = true;
	} else {
		a->in_raw = true;
		if (raw->len > 0 && raw->data[raw->len - 1] != '\n')
			strbuf_addch(raw, ' ');
		if (!w->name && strstr(w->decoded, "\\="))
			add_without_escapes(raw, w->decoded);
		else
			strbuf_add(raw, w->text, w->len);
	}
	add_gap(a, w, last);
}

/* Splits "src=a dest=b" into arguments; what is left is the bare string, as it was written. */
static int split_text(struct parser *p, struct arguments *a, const struct value *text)
{
	const char *at = text->text;
	struct args_word word;
	struct err err = {0};
	int got;

	while ((got = args_word_next(p->arena, &at, &word, &err)) > 0) {
		if (word.name && takes(a->module, word.name)) {
			value_dict_set(p->arena, a->dict, word.name,
				part(p->arena, text, word.value, strlen(word.value)));
			a->in_raw = false;
			add_gap(a, &word, *at == '\0');
			continue;
		}
		add_raw(a, &word, *at == '\0');
	}
	if (got < 0)
		diag_error(p->diags, &text->place, "%s", err.text);
	return got;
}

static void add_text(
	struct parser *p, struct task *task, struct arguments *a, const struct value *text)
{
	char found[FOUND_MAX];

	if (split_text(p, a, text) < 0 || a->raw.len == 0)
		return;
	if (a->module->flags & MODULE_FREE_FORM)
		task->free_form = part(p->arena, text, a->raw.data, a->raw.len);
	else if (template_is_in(a->raw.data, a->raw.len))
		diag_error(p->diags, &text->place,
			"%s: arguments that a template gives as a whole are not supported yet",
			a->module->name);
	else
		diag_error(p->diags, &text->place,
			"%s: found the text %s, expected arguments, as a mapping or NAME=VALUE",
			a->module->name, found_string(a->raw.data, found));
}

static void add_dict(struct parser *p, struct arguments *a, const struct value *from)
{
	value_dict_foreach (pair, from)
		value_dict_set_value(p->arena, a->dict, pair->key, pair->value);
}

/* The keyword `args`: what the action itself does not say. */
static void add_args_keyword(struct parser *p, struct arguments *a, const struct value *v)
{
	char found[FOUND_MAX];

	if (!v || v->kind == VALUE_NULL)
		return;
	if (v->kind == VALUE_DICT)
		add_dict(p, a, v);
	else if (parse_is_template(v))
		diag_error(p->diags, &v->place,
			"args: arguments that a template gives as a whole are not supported "
			"yet");
	else
		diag_error(p->diags, &v->place, "args: found %s, expected a mapping",
			found_text(v, found));
}

/* `cmd` is another way to write the bare string. */
static void move_cmd(struct parser *p, struct task *task, struct arguments *a)
{
	const struct value *cmd = value_dict_get(a->dict, "cmd");

	if (!cmd || !(a->module->flags & MODULE_FREE_FORM))
		return;
	if (task->free_form)
		diag_error(p->diags, &cmd->place,
			"%s: \"cmd\" and a text are both given; expected one of them",
			a->module->name);
	else if (value_is_string(cmd))
		task->free_form = cmd;
	else if (parse_text(p, cmd))
		task->free_form = value_new_string(p->arena, parse_text(p, cmd));
	else
		diag_error(p->diags, &cmd->place, "%s: \"cmd\" is no text", a->module->name);
	value_dict_remove(p->arena, a->dict, value_new_string(p->arena, "cmd"));
}

/* The syntax of templates and conditions in the arguments. */
static void check_syntax(struct parser *p, const struct task *task)
{
	if (task->free_form)
		parse_check_templates(p, task->free_form);
	value_dict_foreach (pair, task->args) {
		const char *name = value_text(pair->key);
		const struct argument *known =
			name ? module_argument(task->module, name) : NULL;
		if (known && known->type == ARGUMENT_CONDITION)
			parse_check_conditions(p, pair->value);
		else
			parse_check_templates(p, pair->value);
	}
}

static void read_arguments(struct parser *p, struct target *t, const struct action *found)
{
	struct task *task = t->step->task;
	struct arguments a = {
		.module = task->module, .dict = value_new_dict(p->arena), .raw = STRBUF_INIT};

	a.dict->place = found->place;
	add_args_keyword(p, &a, value_dict_get(t->source, "args"));
	if (found->dict)
		add_dict(p, &a, found->dict);
	if (found->text)
		add_text(p, task, &a, found->text);
	strbuf_release(&a.raw);
	move_cmd(p, task, &a);
	task->args = a.dict;
	module_check_arguments(
		task->module, task->args, value_text(task->free_form), &found->place, p->diags);
	check_syntax(p, task);
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
		task->delegate_to = value_new_string(p->arena, "localhost");
	}
	find_modules(p, t, &a);
	task->module_name = a.name ? a.name : "";
	if (!a.name) {
		if (p->diags->errors == errors)
			diag_error(p->diags, &t->place, "a task that calls no module");
		return;
	}
	task->module = module_find(a.name);
	if (task->module)
		read_arguments(p, t, &a);
	else
		report_module(p, &a.place, a.name);
}
