/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How Ansible splits texts of NAME=VALUE and converts types (arguments.json), and how we do;
 * and that what it has is in our tables, if only to be refused by its name.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "play/keywords.h"
#include "play/module.h"
#include "play/playbook.h"
#include "template/template.h"
#include "value/json.h"

struct fixture {
	struct arena arena;
	const struct value *answers;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err err = {0};

	f->answers = json_read_file(&f->arena, "arguments.json", NULL, NULL, &err);
	if (!f->answers)
		print_error("%s\n", err.text);
	*state = f;
	return f->answers ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_release(&f->arena);
	free(f);
	return 0;
}

static char *as_json(const struct value *v)
{
	struct strbuf text = STRBUF_INIT;

	assert_int_equal(json_write(v, NULL, &text, NULL), 0);
	return strbuf_detach(&text, NULL);
}

static void expect_equal(
	const char *what, const struct value *found, const struct value *wanted)
{
	autofree char *ours = as_json(found), *theirs = as_json(wanted);

	if (strcmp(ours, theirs) != 0)
		fail_msg("%s: %s, expected %s", what, ours, theirs);
}

/* Parses a play with one task, `module: TEXT`. NULL: refused. */
static const struct task *parse_task(struct playbook *p, const char *module, const char *text)
{
	AUTO(strbuf_release) struct strbuf play = STRBUF_INIT;
	struct diags d = {0};

	strbuf_addf(&play, "[{\"hosts\": \"all\", \"tasks\": [{\"%s\": ", module);
	strbuf_addjson(&play, text, strlen(text));
	strbuf_addstr(&play, "}]}]");
	int rc = playbook_parse_text(p, "play.json", ".", play.data, play.len, NULL, &d);
	diags_release(&d);
	return rc == 0 ? p->plays[0]->tasks.items[0]->task : NULL;
}

/* A command keeps the words that are no arguments of its own. */
static void check_command(const char *text, const struct value *answer)
{
	AUTO(playbook_release) struct playbook p = {0};
	const struct task *task = parse_task(&p, "command", text);
	bool refused = answer->kind == VALUE_NULL;

	if (refused && task)
		fail_msg("%s is accepted", text);
	if (!refused && !task)
		fail_msg("%s is refused", text);
	if (refused)
		return;
	expect_equal(text, task->args, value_dict_get(answer, "arguments"));
	expect_equal(text, task->free_form ? task->free_form : &value_null,
		value_dict_get(answer, "text"));
}

/*
 * set_fact takes any name, and no word that is no pair, unless a template may become pairs when
 * the task runs.
 */
static void check_pairs(const char *text, const struct value *answer)
{
	AUTO(playbook_release) struct playbook p = {0};
	const struct task *task = parse_task(&p, "set_fact", text);
	const struct value *rest =
		answer->kind != VALUE_NULL ? value_dict_get(answer, "text") : NULL;
	bool pairs = rest && rest->kind == VALUE_NULL;
	bool accepted = pairs || (rest && template_is_in(rest->text, rest->len));

	if (accepted != (task != NULL))
		fail_msg("%s is %s", text, accepted ? "refused" : "accepted");
	if (pairs)
		expect_equal(text, task->args, value_dict_get(answer, "arguments"));
}

static void test_split(void **state)
{
	const struct fixture *f = *state;

	value_list_foreach (row, value_dict_get(f->answers, "split")) {
		if (row->items[1]->boolean)
			check_command(row->items[0]->text, row->items[2]);
		else
			check_pairs(row->items[0]->text, row->items[2]);
	}
}

static enum argument_type type_of(const char *name)
{
	static const char *const names[] = {[ARGUMENT_STRING] = "str",
		[ARGUMENT_BOOL] = "bool",
		[ARGUMENT_INT] = "int",
		[ARGUMENT_FLOAT] = "float",
		[ARGUMENT_LIST] = "list",
		[ARGUMENT_DICT] = "dict",
		[ARGUMENT_RAW] = "raw"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i] && strcmp(names[i], name) == 0)
			return (enum argument_type)i;
	fail_msg("no type %s", name);
	return ARGUMENT_RAW;
}

static void check_conversion(const struct value *row)
{
	AUTO(arena_release) struct arena arena = {0};
	const struct argument arguments[] = {
		{.name = "x", .type = type_of(row->items[0]->text), .elements = ARGUMENT_RAW},
		{0}};
	const struct module m = {.name = "m", .arguments = arguments};
	struct value *given = value_new_dict(&arena);
	autofree char *value = as_json(row->items[1]);
	autofree char *what = xasprintf("%s of %s", row->items[0]->text, value);
	bool refused = row->items[2]->kind == VALUE_NULL;

	value_dict_set(&arena, given, "x", row->items[1]);
	const struct value *typed = module_arguments(&m, given, &arena, NULL);
	if (refused != (typed == NULL))
		fail_msg("%s is %s", what, refused ? "accepted" : "refused");
	if (refused)
		return;
	typed = value_dict_get(typed, "x");
	expect_equal(what, typed ? typed : &value_null, row->items[2]->items[0]);
}

static void test_convert(void **state)
{
	const struct fixture *f = *state;

	value_list_foreach (row, value_dict_get(f->answers, "convert"))
		check_conversion(row);
}

static unsigned where_of(const char *place)
{
	static const struct {
		const char *name;
		enum keyword_where where;
	} places[] = {{"play", KEYWORD_PLAY}, {"block", KEYWORD_BLOCK}, {"task", KEYWORD_TASK},
		{"handler", KEYWORD_HANDLER}, {"loop_control", KEYWORD_LOOP_CONTROL}};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (strcmp(places[i].name, place) == 0)
			return places[i].where;
	return 0;
}

/* Every keyword of Ansible's is read or refused by its name. */
static void test_keywords(void **state)
{
	const struct fixture *f = *state;

	value_list_foreach (row, value_dict_get(f->answers, "keywords"))
		if (!keyword_find(row->items[1]->text, where_of(row->items[0]->text)))
			fail_msg("no keyword %s of a %s", row->items[1]->text,
				row->items[0]->text);
}

/* So is every module of its own. */
static void test_modules(void **state)
{
	const struct fixture *f = *state;

	value_list_foreach (row, value_dict_get(f->answers, "modules")) {
		const char *name = row->items[0]->text;
		if (!module_find(name) && !module_known(name) && !str_starts(name, "import_"))
			fail_msg("no module %s", name);
	}
}

/*
 * What documents list and is no argument: the bare string, by the names that they have for it,
 * and "others", which stands for the arguments of file.
 */
static bool is_no_argument(const char *name)
{
	static const char *const names[] = {"free_form", "free-form", "key_value", "others"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/*
 * Every argument that it documents is there, with its aliases: the number of those of which
 * that is not true.
 */
static int check_documented(const struct value *row)
{
	int wrong = 0;
	const char *module = row->items[0]->text, *name = row->items[1]->text;
	const struct module *m = module_find(module);

	assert_non_null(m);
	const struct argument *a = module_argument(m, name);
	if (!a && !is_no_argument(name)) {
		print_error("%s has no argument %s\n", module, name);
		return 1;
	}
	if (!a)
		return 0;
	if (a->required != row->items[3]->boolean) {
		print_error("%s: %s: required differs\n", module, name);
		wrong++;
	}
	value_list_foreach (alias, row->items[4]) {
		if (module_argument(m, alias->text) == a)
			continue;
		print_error("%s: %s: no alias %s\n", module, name, alias->text);
		wrong++;
	}
	return wrong;
}

/* A choice of ours is one of Ansible's; documents write line ends as escapes. */
static void check_choices(const struct value *row)
{
	const struct argument *a =
		module_argument(module_find(row->items[0]->text), row->items[1]->text);

	for (size_t i = 0; a && a->choices && a->choices[i]; i++) {
		bool found = row->items[5]->count == 0 || a->choices[i][0] < ' ';
		value_list_foreach (choice, row->items[5])
			found |= strcmp(choice->text, a->choices[i]) == 0;
		if (!found)
			fail_msg("%s: %s: Ansible has no choice %s", row->items[0]->text,
				a->name, a->choices[i]);
	}
}

static void test_documented(void **state)
{
	const struct fixture *f = *state;
	int wrong = 0;

	value_list_foreach (row, value_dict_get(f->answers, "documented")) {
		wrong += check_documented(row);
		check_choices(row);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_convert),
		cmocka_unit_test(test_keywords),
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_documented),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
