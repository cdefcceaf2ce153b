/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords with a structure of their own: variables that are asked for, the debugger. */
#include "play/readers.h"

static void read_prompt(
	struct parser *p, struct target *t, struct value *all, const struct value *v)
{
	struct target inner = {.where = KEYWORD_PROMPT,
		.title = "vars_prompt",
		.source = v,
		.place = v->place,
		.play = t->play};
	char found[FOUND_MAX];

	if (v->kind != VALUE_DICT) {
		diag_error(p->diags, &v->place,
			"vars_prompt: found %s, expected a mapping with \"name\" and "
			"\"prompt\"",
			found_text(v, found));
		return;
	}
	keywords_read(p, &inner, NULL);
	if (!value_text(value_dict_get(v, "name")))
		diag_error(p->diags, &v->place, "vars_prompt: \"name\" is required");
	value_list_add(p->arena, all, v);
}

void read_vars_prompt(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	struct value *all = value_new_list(p->arena);

	(void)k;
	if (v->kind == VALUE_LIST)
		value_list_foreach (item, v)
			read_prompt(p, t, all, item);
	else if (v->kind != VALUE_NULL)
		read_prompt(p, t, all, v);
	t->play->vars_prompt = all->count > 0 ? all : NULL;
}

void read_debugger(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	const char *word = value_text(v);
	char found[FOUND_MAX];

	(void)t;
	(void)k;
	if (v->kind == VALUE_NULL || (word && strcmp(word, "never") == 0))
		return;
	diag_error(p->diags, &v->place,
		"debugger: found %s, expected never; there is no debugger for tasks yet",
		found_text(v, found));
}
