/* SPDX-License-Identifier: Apache-2.0 */
/* How Ansible splits texts of NAME=VALUE and converts types (arguments.json), and how we do. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "play/module.h"
#include "play/playbook.h"
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

/* set_fact takes any name, and no word that is no pair. */
static void check_pairs(const char *text, const struct value *answer)
{
	AUTO(playbook_release) struct playbook p = {0};
	const struct task *task = parse_task(&p, "set_fact", text);
	bool accepted = answer->kind != VALUE_NULL &&
			value_dict_get(answer, "text")->kind == VALUE_NULL;

	if (accepted != (task != NULL))
		fail_msg("%s is %s", text, accepted ? "refused" : "accepted");
	if (accepted)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_convert),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
