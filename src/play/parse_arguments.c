/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of a task: texts of NAME=VALUE split, the ways to write them put together. */
#include "play/module.h"
#include "play/parse.h"
#include "template/template.h"
#include "vars/args.h"

const struct value *parse_part(
	struct arena *a, const struct value *of, const char *text, size_t len)
{
	struct value *v = value_new_stringn(a, text, len);

	v->place = of->place;
	v->tagged_unsafe = of->tagged_unsafe;
	return v;
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
				parse_part(p->arena, text, word.value, strlen(word.value)));
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

/* A template that gives arguments as a whole: they are known when the task runs. */
static void set_variable(struct parser *p, struct task *task, const struct value *v)
{
	if (task->module->flags & MODULE_INCLUDES)
		diag_error(p->diags, &v->place,
			"%s: arguments that a template gives as a whole are not supported: "
			"what is included has to be written",
			task->module->name);
	task->variable = v;
}

static void add_text(
	struct parser *p, struct task *task, struct arguments *a, const struct value *text)
{
	char found[FOUND_MAX];

	if (split_text(p, a, text) < 0 || a->raw.len == 0)
		return;
	if (a->module->flags & MODULE_FREE_FORM)
		task->free_form = parse_part(p->arena, text, a->raw.data, a->raw.len);
	else if (template_is_in(a->raw.data, a->raw.len))
		set_variable(p, task, parse_part(p->arena, text, a->raw.data, a->raw.len));
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
static void add_args_keyword(
	struct parser *p, struct task *task, struct arguments *a, const struct value *v)
{
	char found[FOUND_MAX];

	if (!v || v->kind == VALUE_NULL)
		return;
	if (v->kind == VALUE_DICT)
		add_dict(p, a, v);
	else if (parse_is_template(v))
		set_variable(p, task, v);
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

void parse_arguments(struct parser *p, struct target *t, const struct action *found)
{
	struct task *task = t->step->task;
	struct arguments a = {
		.module = task->module, .dict = value_new_dict(p->arena), .raw = STRBUF_INIT};

	a.dict->place = found->place;
	add_args_keyword(p, task, &a, value_dict_get(t->source, "args"));
	if (found->dict)
		add_dict(p, &a, found->dict);
	if (found->text)
		add_text(p, task, &a, found->text);
	strbuf_release(&a.raw);
	move_cmd(p, task, &a);
	task->args = a.dict;
	if (task->variable) {
		task->defaults = parse_defaults_of(p, t->step);
		parse_check_templates(p, task->variable);
		module_check_some_arguments(task->module, task->args, p->diags);
	} else {
		parse_module_defaults(p, t->step, a.dict);
		module_check_arguments(task->module, task->args, value_text(task->free_form),
			&found->place, p->diags);
	}
	check_syntax(p, task);
}
