/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dpkg_selections and debconf: what Debian's tools have been told about packages.
 */
#include <ctype.h>
#include <string.h>

#include "play/modules/ensure.h"
#include "play/modules/modules.h"
#include "play/runner.h"

static const char *const selections[] = {"deinstall", "hold", "install", "purge", NULL};

static const struct argument selection_arguments[] = {
	{.name = "name", .required = true},
	{.name = "selection", .required = true, .choices = selections},
	{0},
};

static struct value *only_step(struct module_call *c, struct value *step)
{
	struct value *steps = value_new_list(c->arena);

	value_list_add(c->arena, steps, step);
	return steps;
}

/* What the only query answered. */
static const char *only_answer(const struct value *answers)
{
	const char *text = answers->count > 0 ? value_text(answers->items[0]) : NULL;

	return text ? text : "";
}

/* The second word of a line "NAME SELECTION". */
static const char *selection_of(struct module_call *c, const char *line)
{
	line += strcspn(line, " \t\n");
	line += strspn(line, " \t");
	size_t n = strcspn(line, " \t\n");
	return n > 0 ? arena_strndup(c->arena, line, n) : "not present";
}

static int run_selections(struct module_call *c, struct err *err)
{
	const char *name = argument_text(c, "name");
	const char *selection = argument_text(c, "selection");
	struct value *step =
		ensure_step(c, ensure_words(c, "dpkg", "--get-selections", name, NULL), true);

	value_dict_set(
		c->arena, step, "says", value_new_stringf(c->arena, "\t%s\n", selection));
	value_dict_set(c->arena, step, "no_max", value_new_int(c->arena, 1));
	value_dict_set(c->arena, step, "input",
		value_new_stringf(c->arena, "%s %s\n", name, selection));
	ensure_change(c, step, ensure_words(c, "dpkg", "--set-selections", NULL));
	const struct value *answers = ensure_run(c, only_step(c, step),
		arena_printf(c->arena, "selected %s for %s", selection, name), err);
	if (!answers)
		return -1;
	call_set_text(c, "before", selection_of(c, only_answer(answers)));
	call_set_text(c, "after", selection);
	return 0;
}

const struct module module_dpkg_selections = {
	.name = "dpkg_selections",
	.arguments = selection_arguments,
	.flags = MODULE_CHECKS | MODULE_CANNOT_UNDO,
	.run = run_selections,
};

static const char *const name_aliases[] = {"pkg", NULL};
static const char *const question_aliases[] = {"selection", "setting", NULL};
static const char *const value_aliases[] = {"answer", NULL};
static const char *const types[] = {"boolean", "error", "multiselect", "note", "password",
	"seen", "select", "string", "text", "title", NULL};

static const struct argument debconf_arguments[] = {
	{.name = "name", .required = true, .aliases = name_aliases},
	{.name = "question", .aliases = question_aliases},
	{.name = "vtype", .choices = types},
	{.name = "value", .aliases = value_aliases},
	{.name = "unseen", .type = ARGUMENT_BOOL, .fallback = "false"},
	{0},
};

/* Lines of debconf-show, "* QUESTION: VALUE", as a dict. */
static struct value *read_answers(struct module_call *c, const char *text)
{
	struct value *all = value_new_dict(c->arena);
	struct strlist lines = {0};

	strlist_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.count; i++) {
		char *line = lines.items[i], *colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon++ = '\0';
		while (*line == '*' || *line == ' ')
			line++;
		colon += strspn(colon, " ");
		value_dict_set(c->arena, all, line, value_new_string(c->arena, colon));
	}
	strlist_release(&lines);
	return all;
}

static struct value *answer_dict(struct module_call *c, const char *question, const char *value)
{
	struct value *dict = value_new_dict(c->arena);

	value_dict_set(c->arena, dict, question, value_new_string(c->arena, value));
	return dict;
}

static void set_diff(
	struct module_call *c, const struct value *before, const struct value *after)
{
	struct value *diff = value_new_dict(c->arena);

	if (c->diff) {
		value_dict_set(c->arena, diff, "before", before);
		value_dict_set(c->arena, diff, "after", after);
	}
	call_set(c, "diff", diff);
}

/* What was answered before and is now. */
static void describe_answer(
	struct module_call *c, const struct value *all, const char *question, const char *value)
{
	const char *old = value_text(value_dict_get(all, question));
	struct value *before = value_new_dict(c->arena);

	call_set(c, "current", answer_dict(c, question, value));
	if (old) {
		before = answer_dict(c, question, old);
	} else {
		value_dict_foreach (pair, all)
			value_dict_set(c->arena, before, value_text(pair->key), pair->value);
		value_dict_set(c->arena, before, question, value_new_string(c->arena, ""));
	}
	struct value *after = value_new_dict(c->arena);
	value_dict_foreach (pair, before)
		value_dict_set(c->arena, after, value_text(pair->key), pair->value);
	value_dict_set(c->arena, after, question, value_new_string(c->arena, value));
	call_set(c, "previous", before);
	set_diff(c, before, after);
}

/* The value as debconf has it: booleans in small letters. */
static const char *debconf_value(struct module_call *c)
{
	char *value = arena_strdup(c->arena, argument_text(c, "value"));

	if (value && strcmp(argument_text(c, "vtype"), "boolean") == 0)
		for (char *p = value; *p; p++)
			*p = (char)tolower((unsigned char)*p);
	return value;
}

static struct value *debconf_step(struct module_call *c, const char *value)
{
	const char *name = argument_text(c, "name"), *question = argument_text(c, "question");
	struct value *step = ensure_step(c, ensure_words(c, "debconf-show", name, NULL), true);
	struct value *set = ensure_words(c, "debconf-set-selections", NULL);

	value_dict_set(c->arena, step, "no_max", value_new_int(c->arena, 0));
	if (!question)
		return step;
	if (argument_bool(c, "unseen"))
		ensure_add_words(c, set, "-u", NULL);
	value_dict_set(c->arena, step, "says",
		value_new_stringf(c->arena, " %s: %s\n", question, value));
	value_dict_set(c->arena, step, "input",
		value_new_stringf(c->arena, "%s %s %s %s\n", name, question,
			argument_text(c, "vtype"), value));
	ensure_change(c, step, set);
	return step;
}

static int run_debconf(struct module_call *c, struct err *err)
{
	const char *question = argument_text(c, "question"), *value = NULL;
	bool vtype = argument_text(c, "vtype"), answer = argument_text(c, "value");

	if (!question != !vtype || vtype != answer)
		return err_set(err, ERR_INPUT,
			"parameters are required together: question, vtype, value");
	if (question)
		value = debconf_value(c);
	const struct value *answers = ensure_run(c, only_step(c, debconf_step(c, value)),
		arena_printf(c->arena, "answered %s of debconf", question ? question : ""),
		err);
	if (!answers)
		return -1;
	const struct value *all = read_answers(c, only_answer(answers));
	call_set_text(c, "msg", "");
	if (value_truthy(value_dict_get(c->result, "changed")))
		describe_answer(c, all, question, value);
	else
		call_set(c, "current", all);
	return 0;
}

const struct module module_debconf = {
	.name = "debconf",
	.arguments = debconf_arguments,
	.flags = MODULE_CHECKS | MODULE_CANNOT_UNDO,
	.run = run_debconf,
};
