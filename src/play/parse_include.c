/* SPDX-License-Identifier: Apache-2.0 */
/* include_tasks and include_role, which run later, and import_role, which is done here. */
#include "play/module.h"
#include "play/modules/modules.h"
#include "play/parse.h"
#include "play/readers.h"
#include "play/role.h"

/* ---- includes ---- */

/* Keywords that have a meaning beside an include; the others go into `apply`. */
static bool is_allowed(const char *name, bool handler)
{
	static const char *const names[] = {"action", "args", "collections", "debugger",
		"ignore_errors", "local_action", "loop", "loop_control", "name", "no_log",
		"register", "run_once", "tags", "timeout", "vars", "when"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return handler && strcmp(name, "listen") == 0;
}

static void check_keywords(struct parser *p, const struct target *t)
{
	const char *module = t->step->task->module->name;

	value_dict_foreach (pair, t->source)
		if (value_is_string(pair->key) && keyword_find(pair->key->text, t->where) &&
			!is_allowed(pair->key->text, t->step->handler))
			diag_error(p->diags, &pair->key->place,
				"\"%s\" has no meaning beside %s; write it into \"apply\"",
				pair->key->text, module);
}

/* Takes `apply` out of the arguments: its templates are for the tasks that are included. */
static void take_apply(struct parser *p, const struct target *t)
{
	struct task *task = t->step->task;
	const struct value *apply = value_dict_get(task->args, "apply");
	struct value *args = value_new_dict(p->arena);

	if (!apply || apply->kind == VALUE_NULL)
		return;
	if (apply->kind != VALUE_DICT) {
		diag_error(p->diags, &apply->place, "apply: found %s, expected a mapping",
			value_kind_name(apply));
		return;
	}
	value_dict_foreach (pair, task->args)
		if (pair->value != apply)
			value_dict_set_value(p->arena, args, pair->key, pair->value);
	args->place = task->args->place;
	task->args = args;
	task->apply = apply;
	struct step *probe = parse_new_step(p, STEP_BLOCK, t, apply);
	struct target inner = {.where = KEYWORD_BLOCK,
		.title = "apply",
		.source = apply,
		.place = apply->place,
		.play = t->play,
		.step = probe};
	if (probe)
		keywords_read(p, &inner, NULL);
}

void parse_include(struct parser *p, struct target *t)
{
	const struct task *task = t->step->task;

	if (t->step->handler && task->module == &module_include_role)
		diag_error(p->diags, &t->place, "include_role cannot be a handler");
	if (task->module == &module_include_tasks && !task->free_form &&
		!value_dict_get(task->args, "file"))
		diag_error(p->diags, &t->place, "include_tasks without a file's name");
	check_keywords(p, t);
	take_apply(p, t);
}

/* ---- import_role ---- */

static const char *text_of(const struct value *args, const char *name)
{
	const char *text = value_text(value_dict_get(args, name));

	return text && *text ? text : NULL;
}

/* Files of ..._from lie in the role's own directories: only the last part of a path counts. */
static const char *from_of(const struct value *args, const char *name)
{
	const char *text = text_of(args, name);
	const char *slash = text ? strrchr(text, '/') : NULL;

	return slash ? slash + 1 : text;
}

void parse_role_request(struct role_request *q, const struct value *args)
{
	const struct value *duplicates = value_dict_get(args, "allow_duplicates");
	const struct value *validate = value_dict_get(args, "rolespec_validate");

	q->name = text_of(args, "name");
	q->tasks_from = from_of(args, "tasks_from");
	q->handlers_from = from_of(args, "handlers_from");
	q->vars_from = from_of(args, "vars_from");
	q->defaults_from = from_of(args, "defaults_from");
	q->allow_duplicates = !duplicates || value_truthy(duplicates);
	q->unchecked = validate && !value_truthy(validate);
}

static bool is_import_role(struct target *t, const char *name)
{
	(void)t;
	return strcmp(module_short_name(name), "import_role") == 0;
}

/* The arguments of an import, its names rendered; NULL after a finding. */
static const struct value *import_arguments(
	struct parser *p, const struct value *v, const struct value *what, struct step *frame)
{
	struct task task = {.module = &module_import_role, .module_name = "import_role"};
	struct step probe = {.kind = STEP_TASK,
		.place = v->place,
		.outer = frame,
		.play = frame->play,
		.task = &task};
	struct target t = {.where = KEYWORD_TASK,
		.source = v,
		.place = v->place,
		.play = (struct play *)(uintptr_t)frame->play,
		.step = &probe};
	const struct action found = {.name = "import_role",
		.place = v->place,
		.text = value_is_string(what) ? what : NULL,
		.dict = what->kind == VALUE_DICT ? what : NULL};
	size_t errors = p->diags->errors;
	struct value *args = value_new_dict(p->arena);
	struct err err = {0};

	parse_arguments(p, &t, &found);
	value_dict_foreach (pair, task.args) {
		const struct value *one = pair->value;
		if (parse_is_template(one)) {
			const char *text =
				parse_imported(p, "import_role", one, frame->play, frame);
			one = text ? value_new_string(p->arena, text) : &value_null;
		}
		value_dict_set_value(p->arena, args, pair->key, one);
	}
	if (p->diags->errors > errors)
		return NULL;
	const struct value *typed = module_arguments(task.module, args, p->arena, &err);
	if (!typed)
		parse_report(p, &v->place, &err);
	return typed;
}

void parse_import_role(struct parser *p, const struct value *v, const struct value *what,
	const struct target *around, struct steps *to)
{
	struct step *frame = parse_new_step(p, STEP_BLOCK, around, v);

	if (!frame)
		return;
	struct target t = {.where = KEYWORD_TASK_IMPORT,
		.title = "import_role",
		.source = v,
		.place = v->place,
		.play = around->play,
		.step = frame};
	if (around->where == KEYWORD_HANDLER) {
		diag_error(p->diags, &v->place, "import_role cannot be a handler");
		return;
	}
	keywords_read(p, &t, is_import_role);
	const struct value *args = import_arguments(p, v, what, frame);
	if (!args)
		return;
	struct role_request q = {.place = what->place,
		.parent = frame->role,
		.said = frame->vars,
		.handlers = p->late,
		.included = true};
	parse_role_request(&q, args);
	const struct role_use *use = parse_role(p, &q, frame);
	*PARSE_PUSH(p->arena, to) = frame;
	if (use)
		*PARSE_PUSH(p->arena, &t.play->roles) = use;
}
