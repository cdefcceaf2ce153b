/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks: their keywords, their loop, and what module they call with which arguments. */
#include "base/suggest.h"
#include "play/job.h"
#include "play/module.h"
#include "play/parse.h"
#include "play/role.h"
#include "template/template.h"

static const char loop_prefix[] = "with_";

static bool is_loop(const char *name)
{
	return str_starts(name, loop_prefix);
}

/* Names that are no keyword are modules or mistakes: parse_action tells them apart. */
static bool any_name(struct target *t, const char *name)
{
	(void)t;
	(void)name;
	return true;
}

static bool have_lookup(const char *name)
{
	const char *entry;

	for (size_t i = 0; (entry = template_entry(TEMPLATE_LOOKUP, i)); i++)
		if (strcmp(entry, name) == 0)
			return true;
	return false;
}

/* "with_NAME" of no lookup. */
static void report_with(struct parser *p, const struct value *key, const char *name)
{
	struct suggestion near = {0};
	const char *entry;

	for (size_t i = 0; (entry = template_entry(TEMPLATE_LOOKUP, i)); i++)
		suggest_add(&near, name, entry);
	if (near.word)
		diag_error(p->diags, &key->place,
			"\"%s\": there is no such lookup; did you mean \"%s%s\"?", key->text,
			loop_prefix, near.word);
	else
		diag_error(p->diags, &key->place, "\"%s\": there is no such lookup", key->text);
}

/* Reads with_NAME. */
static void read_with(struct parser *p, struct target *t, const struct value_pair *pair)
{
	static const char *const others[] = {"config", "csvfile", "fileglob", "first_found",
		"ini", "inventory_hostnames", "lines", "password", "pipe", "sequence",
		"template", "unvault", "url", NULL};
	const char *name = pair->key->text + strlen(loop_prefix);
	struct task *task = t->step->task;
	bool known = false;

	for (size_t i = 0; others[i]; i++)
		known |= strcmp(others[i], name) == 0;
	if (task->loop)
		diag_error(p->diags, &pair->key->place, "%s: the task has a loop already",
			pair->key->text);
	else if (known && !have_lookup(name))
		diag_error(p->diags, &pair->key->place, "\"%s\" is not supported yet",
			pair->key->text);
	else if (!have_lookup(name))
		report_with(p, pair->key, name);
	else if (pair->value->kind == VALUE_NULL)
		diag_error(p->diags, &pair->value->place,
			"%s: found nothing, expected what to loop over", pair->key->text);
	parse_check_templates(p, pair->value);
	task->loop = pair->value;
	task->loop_lookup = name;
}

static void read_loops(struct parser *p, struct target *t)
{
	value_dict_foreach (pair, t->source)
		if (value_is_string(pair->key) && is_loop(pair->key->text))
			read_with(p, t, pair);
}

void parse_task(
	struct parser *p, const struct value *v, const struct target *around, struct steps *to)
{
	struct step *s = parse_new_step(p, STEP_TASK, around, v);

	if (!s)
		return;
	struct target t = {.where = around->where,
		.title = s->handler ? "a handler" : "a task",
		.source = v,
		.place = v->place,
		.play = around->play,
		.step = s};
	keywords_read(p, &t, any_name);
	read_loops(p, &t);
	parse_action(p, &t);
	parse_job(p, &t);
	if (s->task->module && s->task->module->flags & MODULE_INCLUDES)
		parse_include(p, &t);
	if (s->role)
		s->title = arena_printf(p->arena, "%s : %s", s->role->name, step_title(s));
	*PARSE_PUSH(p->arena, to) = s;
}
