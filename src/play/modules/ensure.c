/* SPDX-License-Identifier: Apache-2.0 */
#include "play/modules/ensure.h"

#include <stdarg.h>

#include "play/runner.h"

static void add_words(struct module_call *c, struct value *list, va_list words)
{
	for (const char *word; (word = va_arg(words, const char *));)
		value_list_add(c->arena, list, value_new_string(c->arena, word));
}

struct value *ensure_words(struct module_call *c, ...)
{
	struct value *list = value_new_list(c->arena);
	va_list words;

	va_start(words, c);
	add_words(c, list, words);
	va_end(words);
	return list;
}

void ensure_add_words(struct module_call *c, struct value *list, ...)
{
	va_list words;

	va_start(words, list);
	add_words(c, list, words);
	va_end(words);
}

struct value *ensure_step(struct module_call *c, const struct value *query, bool want)
{
	struct value *step = value_new_dict(c->arena);

	value_dict_set(c->arena, step, "query", query);
	value_dict_set(c->arena, step, "want", want ? &value_true : &value_false);
	return step;
}

void ensure_change(struct module_call *c, struct value *step, const struct value *words)
{
	const struct value *former = value_dict_get(step, "change");
	struct value *all = value_new_list(c->arena);

	if (former) {
		value_list_foreach (command, former)
			value_list_add(c->arena, all, command);
	}
	value_list_add(c->arena, all, words);
	value_dict_set(c->arena, step, "change", all);
}

const struct value *ensure_run(
	struct module_call *c, const struct value *steps, const char *note, struct err *err)
{
	struct value *args = value_new_dict(c->arena);

	value_dict_set(c->arena, args, "steps", steps);
	value_dict_set(c->arena, args, "note", value_new_string(c->arena, note));
	const struct value *result = runner_ask_node(c, "ensure", args, err);
	if (!result)
		return NULL;
	const struct value *changed = value_dict_get(result, "changed");
	call_set_bool(c, "changed", changed && value_truthy(changed));
	return value_dict_get(result, "answers");
}
