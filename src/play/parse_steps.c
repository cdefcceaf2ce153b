/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of steps: tasks, blocks, and files of tasks that are imported. */
#include "base/path.h"
#include "play/module.h"
#include "play/parse.h"
#include "play/role.h"
#include "vars/args.h"

struct step *parse_new_step(struct parser *p, enum step_kind kind, const struct target *around,
	const struct value *v)
{
	struct step *s;

	if (p->playbook->step_count >= PLAYBOOK_MAX_STEPS) {
		if (!p->full)
			diag_error(p->diags, &v->place,
				"more than %d tasks and blocks, with those of imports",
				PLAYBOOK_MAX_STEPS);
		p->full = true;
		return NULL;
	}
	s = ARENA_NEW(p->arena, struct step);
	*s = (struct step){.kind = kind,
		.place = v->place,
		.outer = around->step,
		.play = around->play,
		.role = around->step ? around->step->role : NULL,
		.index = p->playbook->step_count,
		.mentioned = p->playbook->step_count,
		.handler = around->where == KEYWORD_HANDLER};
	p->playbook->step_count++;
	if (kind == STEP_TASK)
		s->task = ARENA_NEW(p->arena, struct task);
	else
		s->block = ARENA_NEW(p->arena, struct block);
	return s;
}

/* Handlers are a flat list: a block around them only gives them its keywords. */
static void take_block(
	struct parser *p, struct step *block, const struct target *around, struct steps *to)
{
	const struct steps *parts[] = {
		&block->block->block, &block->block->rescue, &block->block->always};

	if (around->where != KEYWORD_HANDLER) {
		*PARSE_PUSH(p->arena, to) = block;
		return;
	}
	for (size_t part = 0; part < ARRAY_SIZE(parts); part++)
		for (size_t i = 0; i < parts[part]->count; i++)
			*PARSE_PUSH(p->arena, to) = parts[part]->items[i];
}

static void read_block(
	struct parser *p, const struct value *v, const struct target *around, struct steps *to)
{
	struct step *s;

	if (around->where == KEYWORD_HANDLER && around->step && around->step->handler) {
		diag_error(p->diags, &v->place, "a block inside the blocks of handlers");
		return;
	}
	if (!parse_deeper(p, &v->place))
		return;
	s = parse_new_step(p, STEP_BLOCK, around, v);
	if (s) {
		struct target t = {.where = KEYWORD_BLOCK,
			.title = "a block",
			.source = v,
			.place = v->place,
			.play = around->play,
			.step = s};
		keywords_read(p, &t, NULL);
		if (s->block->block.count == 0 &&
			s->block->rescue.count + s->block->always.count > 0)
			diag_error(p->diags, &v->place,
				"\"rescue\" or \"always\" without a task in \"block\"");
		take_block(p, s, around, to);
	}
	p->depth--;
}

/* The file beside the one that imports it, else in the role, else beside the playbook. */
static char *find_tasks(struct parser *p, const struct target *around, const char *name)
{
	const struct role_use *role = around->step ? around->step->role : NULL;
	autofree char *of_role =
		role ? path_join(role->path,
			       around->where == KEYWORD_HANDLER ? "handlers" : "tasks")
		     : NULL;
	const char *const places[] = {
		p->file->directory, of_role, role ? role->path : NULL, around->play->directory};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		autofree char *path = places[i] ? path_join(places[i], name) : NULL;
		if (path && path_exists(path))
			return STEAL(path);
	}
	return path_join(p->file->directory, name);
}

/* The name in a text behind import_tasks: one word, or file=NAME. */
static const char *name_of_text(
	struct parser *p, const struct value *v, const struct target *around)
{
	struct args_word word;
	struct err err = {0};
	const char *text = parse_imported(p, "import_tasks", v, around->play, around->step);
	const char *at = text;

	if (!text)
		return NULL;
	int got = args_word_next(p->arena, &at, &word, &err);
	if (got > 0 && !*at && (!word.name || strcmp(word.name, "file") == 0))
		return word.name ? word.value : arena_strndup(p->arena, word.text, word.len);
	diag_error(p->diags, &v->place, "import_tasks: expected one file's name%s%s",
		err.text[0] ? "; " : "", err.text);
	return NULL;
}

/* The name of the file in what stands behind import_tasks, or NULL after a finding. */
static const char *tasks_name(struct parser *p, const struct value *v, const struct value *args,
	const struct target *around)
{
	bool says_nothing = v->kind == VALUE_NULL || (value_is_string(v) && v->len == 0);
	const struct value *given = says_nothing && args ? args : v;
	const struct value *file;

	if (args && args->kind != VALUE_DICT && args->kind != VALUE_NULL) {
		diag_error(p->diags, &args->place, "args: found %s, expected a mapping",
			value_kind_name(args));
		return NULL;
	}
	if (value_is_string(given) && given->len > 0)
		return name_of_text(p, given, around);
	if (given->kind == VALUE_DICT)
		value_dict_foreach (pair, given)
			if (!value_is_string(pair->key) || strcmp(pair->key->text, "file") != 0)
				diag_error(p->diags, &pair->key->place,
					"import_tasks takes \"file\" and nothing else");
	file = value_dict_get(given, "file");
	if (value_is_string(file) && file->len > 0)
		return name_of_text(p, file, around);
	diag_error(p->diags, &v->place, "import_tasks without a file's name");
	return NULL;
}

void parse_tasks_file(
	struct parser *p, const char *path, const struct value *v, struct step *block)
{
	const struct target around = {.where = block->handler ? KEYWORD_HANDLER : KEYWORD_TASK,
		.play = (struct play *)block->play,
		.step = block};
	struct parse_file file;

	if (!parse_enter(p, &file, path, &v->place))
		return;
	const struct value *list = parse_read_file(p, path, &v->place);
	if (list && list->kind == VALUE_NULL)
		diag_warning(p->diags, &v->place, "%s holds no tasks", path);
	else if (list)
		parse_steps(p, list, &around, &block->block->block);
	parse_leave(p);
}

static bool is_import_tasks(struct target *t, const char *name)
{
	(void)t;
	return strcmp(module_short_name(name), "import_tasks") == 0;
}

static void read_import(struct parser *p, const struct value *v, const struct value *what,
	const struct target *around, struct steps *to)
{
	struct step *s = parse_new_step(p, STEP_BLOCK, around, v);

	if (!s)
		return;
	struct target t = {.where = KEYWORD_TASK_IMPORT,
		.title = "import_tasks",
		.source = v,
		.place = v->place,
		.play = around->play,
		.step = s};
	keywords_read(p, &t, is_import_tasks);
	const struct target inside = {.where = around->where, .play = around->play, .step = s};
	const char *name = tasks_name(p, what, value_dict_get(v, "args"), &inside);
	if (name) {
		autofree char *path = find_tasks(p, around, name);
		parse_tasks_file(p, path, what, s);
	}
	take_block(p, s, around, to);
}

static bool is_block(const struct value *v)
{
	return value_dict_get(v, "block") || value_dict_get(v, "rescue") ||
	       value_dict_get(v, "always");
}

/* What is done when a playbook is read. */
static const struct import {
	const char *name;
	void (*read)(struct parser *p, const struct value *v, const struct value *what,
		const struct target *around, struct steps *to);
} imports[] = {{"import_tasks", read_import}, {"import_role", parse_import_role}};

static const struct import *find_import(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(imports); i++)
		if (strcmp(module_short_name(name), imports[i].name) == 0)
			return &imports[i];
	return NULL;
}

/* The import that a task is, with what stands behind it; NULL if it is none. */
static const struct import *import_of(
	struct parser *p, const struct value *v, const struct value **what)
{
	const struct import *found = NULL;

	value_dict_foreach (pair, v) {
		const struct import *one = find_import(value_text(pair->key));
		if (!one)
			continue;
		if (found)
			diag_error(p->diags, &pair->key->place,
				"an import names one file; found another");
		found = one;
		*what = pair->value;
	}
	return found;
}

static void read_step(
	struct parser *p, const struct value *v, const struct target *around, struct steps *to)
{
	const struct import *import;
	const struct value *what = NULL;
	char found[FOUND_MAX];

	if (v->kind == VALUE_NULL && !around->step) {
		diag_warning(p->diags, &v->place, "found nothing, expected a task or a block");
		return;
	}
	if (v->kind != VALUE_DICT) {
		diag_error(p->diags, &v->place, "found %s, expected a task or a block",
			found_text(v, found));
		return;
	}
	import = import_of(p, v, &what);
	if (is_block(v))
		read_block(p, v, around, to);
	else if (import)
		import->read(p, v, what, around, to);
	else
		parse_task(p, v, around, to);
}

void parse_steps(struct parser *p, const struct value *list, const struct target *around,
	struct steps *to)
{
	char found[FOUND_MAX];

	if (list->kind != VALUE_LIST) {
		diag_error(p->diags, &list->place, "found %s, expected a list of tasks",
			found_text(list, found));
		return;
	}
	for (size_t i = 0; i < list->count && !p->full; i++)
		read_step(p, list->items[i], around, to);
}
