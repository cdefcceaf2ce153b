/* SPDX-License-Identifier: Apache-2.0 */
#include "play/module.h"
#include "play/readers.h"

void read_elsewhere(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	(void)p;
	(void)t;
	(void)k;
	(void)v;
}

void read_name(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	const char *name = parse_text(p, v);

	(void)k;
	if (name && *name == '\0')
		name = NULL;
	if (t->step)
		t->step->name = name;
	else
		t->play->name = name;
}

void read_hosts(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	const struct value *const one[] = {v};
	const struct value *const *items = v->kind == VALUE_LIST ? v->items : one;
	size_t count = v->kind == VALUE_LIST ? v->count : 1;
	char found[FOUND_MAX];

	(void)k;
	for (size_t i = 0; i < count; i++)
		if (!value_is_string(items[i])) {
			diag_error(p->diags, &items[i]->place,
				"hosts: found %s, expected a pattern of host or group names",
				found_text(items[i], found));
			return;
		}
	if (value_truthy(v))
		t->play->hosts = v;
	else
		diag_error(p->diags, &v->place,
			"hosts: found nothing, expected a pattern of host or group names");
}

void read_vars(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	(void)k;
	if (t->where == KEYWORD_IMPORT && v->kind != VALUE_DICT)
		diag_error(p->diags, &v->place,
			"vars: found %s, expected a mapping of names to values",
			value_kind_name(v));
	*(t->step ? &t->step->vars : &t->play->vars) = parse_vars(p, v);
}

/* A file's name, or a list of which the first that exists counts. */
static bool is_file_entry(const struct value *v)
{
	if (v->kind != VALUE_LIST)
		return value_is_string(v);
	for (size_t i = 0; i < v->count; i++)
		if (!value_is_string(v->items[i]))
			return false;
	return true;
}

void read_vars_files(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	char found[FOUND_MAX];
	const struct value *list = v;

	(void)k;
	if (v->kind == VALUE_NULL)
		return;
	if (v->kind != VALUE_LIST) {
		struct value *one = value_new_list(p->arena);
		one->place = v->place;
		value_list_add(p->arena, one, v);
		list = one;
	}
	for (size_t i = 0; i < list->count; i++)
		if (!is_file_entry(list->items[i])) {
			diag_error(p->diags, &list->items[i]->place,
				"vars_files: found %s, expected a file's name, or a list of "
				"which the first that exists is read",
				found_text(list->items[i], found));
			return;
		}
	t->play->vars_files = list;
}

void read_tags(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	(void)k;
	parse_add_tags(p, t, v);
}

void read_when(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	(void)k;
	parse_add_conditions(p, t->step ? &t->step->when : &t->play->when, v);
}

void read_attribute(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	const struct value **slot =
		&(t->step ? t->step->attributes : t->play->attributes)[k->detail];

	if (*slot)
		diag_error(p->diags, &v->place,
			"both \"user\" and \"remote_user\" are given; write \"remote_user\" "
			"alone");
	*slot = v;
}

/* Appends a value, or the members of a list. */
static void add_members(struct arena *a, struct value *list, const struct value *v)
{
	if (!v || v->kind == VALUE_NULL)
		return;
	if (v->kind != VALUE_LIST) {
		value_list_add(a, list, v);
		return;
	}
	for (size_t i = 0; i < v->count; i++)
		value_list_add(a, list, v->items[i]);
}

void read_environment(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	struct value *all = value_new_list(p->arena);

	(void)k;
	all->place = v->place;
	if (t->step)
		add_members(p->arena, all, step_attribute(t->step, ATTRIBUTE_ENVIRONMENT));
	add_members(p->arena, all, v);
	*(t->step ? &t->step->attributes[ATTRIBUTE_ENVIRONMENT]
		  : &t->play->attributes[ATTRIBUTE_ENVIRONMENT]) = all;
}

/* A value member of a struct by its offset. */
static const struct value **member(void *object, size_t offset)
{
	return (const struct value **)(void *)((char *)object + offset);
}

void read_play_value(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	(void)p;
	*member(t->play, k->detail) = v->kind == VALUE_NULL ? NULL : v;
}

void read_task_value(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	(void)p;
	*member(t->step->task, k->detail) = v->kind == VALUE_NULL ? NULL : v;
}

void read_play_steps(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	struct target around = *t;

	around.where =
		k->detail == offsetof(struct play, handlers) ? KEYWORD_HANDLER : KEYWORD_TASK;
	if (v->kind != VALUE_NULL)
		parse_steps(
			p, v, &around, (struct steps *)(void *)((char *)t->play + k->detail));
}

void read_block_steps(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	struct target around = *t;

	around.where = t->step->handler ? KEYWORD_HANDLER : KEYWORD_TASK;
	parse_steps(
		p, v, &around, (struct steps *)(void *)((char *)t->step->block + k->detail));
}

/* Reports a literal that is none of some words. */
static bool is_one_of(struct parser *p, const struct keyword *k, const struct value *v,
	const char *const *words, const char *expected)
{
	char found[FOUND_MAX];

	if (v->kind == VALUE_NULL || parse_is_template(v))
		return true;
	for (; value_is_string(v) && *words; words++)
		if (strcmp(v->text, *words) == 0)
			return true;
	diag_error(p->diags, &v->place, "%s: found %s, expected %s", k->name,
		found_text(v, found), expected);
	return false;
}

void read_order(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	static const char *const words[] = {
		"inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle", NULL};

	if (is_one_of(p, k, v, words,
		    "inventory, reverse_inventory, sorted, reverse_sorted or shuffle"))
		t->play->order = v->kind == VALUE_NULL ? NULL : v;
}

void read_strategy(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	static const char *const words[] = {"linear", "free", "host_pinned", NULL};
	const char *word = value_text(v);
	struct value named = *v;

	if (word && !parse_is_template(v)) {
		named.text = module_short_name(word);
		named.len = strlen(named.text);
	}
	if (is_one_of(p, k, &named, words,
		    "linear, free or host_pinned; others are not supported yet"))
		t->play->free = word && strcmp(named.text, "linear") != 0;
}

void read_transaction(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	static const struct keyword as_bool = {.name = "transaction", .type = KEYWORD_BOOL};

	(void)k;
	if (v->kind != VALUE_DICT) {
		const struct value_pair pair = {.value = v};
		if (v->kind != VALUE_NULL && keyword_check(p, &as_bool, &pair))
			t->play->transaction.enabled = v;
		return;
	}
	struct target inner = {.where = KEYWORD_TRANSACTION,
		.title = "transaction",
		.source = v,
		.place = v->place,
		.play = t->play};
	keywords_read(p, &inner, NULL);
	t->play->transaction.enabled = value_bool(true);
}

void read_register(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	(void)p;
	(void)k;
	t->step->task->register_name = value_text(v);
}

void read_loop(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	char found[FOUND_MAX];

	(void)k;
	if (v->kind == VALUE_NULL)
		return;
	if (v->kind != VALUE_LIST && v->kind != VALUE_VAULT && !parse_is_template(v)) {
		diag_error(p->diags, &v->place,
			"loop: found %s, expected a list, or a template in \"{{ }}\" that "
			"gives one",
			found_text(v, found));
		return;
	}
	parse_check_templates(p, v);
	t->step->task->loop = v;
}

void read_loop_control(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	char found[FOUND_MAX];

	(void)k;
	if (v->kind != VALUE_DICT) {
		diag_error(p->diags, &v->place, "loop_control: found %s, expected a mapping",
			found_text(v, found));
		return;
	}
	struct target inner = {.where = KEYWORD_LOOP_CONTROL,
		.title = "loop_control",
		.source = v,
		.place = v->place,
		.play = t->play};
	keywords_read(p, &inner, NULL);
	t->step->task->loop_control = v;
}

void read_listen(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	struct strlist *listen = &t->step->task->listen;

	(void)k;
	if (v->kind != VALUE_LIST && v->kind != VALUE_NULL)
		parse_push_string(p->arena, listen, parse_text(p, v));
	for (size_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
		parse_push_string(p->arena, listen, parse_text(p, v->items[i]));
}
