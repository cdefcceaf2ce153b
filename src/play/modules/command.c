/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command and shell: a program, or a line for a shell, on the node. What either of them does
 * no transaction takes back.
 */
#include "inventory/words.h"
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/runner.h"

#define OUTPUT_MAX (1u << 20) /* bytes kept of each stream */

#define COMMON_ARGUMENTS                                                                       \
	{.name = ARGUMENT_FREE_FORM}, {.name = "cmd"},                                         \
		{.name = "chdir", .type = ARGUMENT_PATH},                                      \
		{.name = "creates", .type = ARGUMENT_PATH},                                    \
		{.name = "removes", .type = ARGUMENT_PATH},                                    \
		{.name = "executable", .type = ARGUMENT_PATH}, {.name = "stdin"},              \
		{.name = "stdin_add_newline", .type = ARGUMENT_BOOL, .fallback = "true"},      \
		{.name = "strip_empty_ends", .type = ARGUMENT_BOOL, .fallback = "true"},       \
	{                                                                                      \
		.name = "warn", .type = ARGUMENT_BOOL                                          \
	}

static const struct argument command_arguments[] = {
	COMMON_ARGUMENTS,
	{.name = "argv", .type = ARGUMENT_LIST},
	{.name = "expand_argument_vars", .type = ARGUMENT_BOOL, .fallback = "true"},
	{0},
};
static const struct argument shell_arguments[] = {COMMON_ARGUMENTS, {0}};

static const char *line_of(const struct module_call *c)
{
	const char *cmd = argument_text(c, "cmd");

	return c->free_form ? c->free_form : cmd;
}

/* The words of a command: those of `argv`, or of the line. NULL with err. */
static const struct value *words_of(struct module_call *c, struct err *err)
{
	const struct value *argv = argument_value(c, "argv");
	const char *line = line_of(c);
	AUTO(words_release) struct words words = {0};

	if (!line) /* the module has looked that one of the two is there */
		return argv;
	if (words_split_all(&words, line, strlen(line), err) < 0) {
		err_wrap(err, "cmd");
		return NULL;
	}
	struct value *list = value_new_list(c->arena);
	for (size_t i = 0; i < words.count; i++)
		value_list_add(c->arena, list, value_new_string(c->arena, words.items[i].text));
	return list;
}

/* The keys of a result when nothing was run. */
static void prepare_result(struct module_call *c)
{
	static const char *const unknown[] = {"cmd", "rc", "start", "end", "delta"};

	call_set_bool(c, "changed", false);
	call_set_text(c, "stdout", "");
	call_set_text(c, "stderr", "");
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		call_set(c, unknown[i], &value_null);
}

/* Exactly one way to say what to run. */
static int check_given(struct module_call *c, struct err *err)
{
	const struct value *argv = argument_value(c, "argv");
	const char *line = line_of(c);
	bool has_line = line && line[strspn(line, " \t\r\n")];
	bool has_argv = argv && argv->count;

	prepare_result(c);
	if (has_line != has_argv)
		return 0;
	call_set_int(c, "rc", 256);
	return err_set(err, ERR_INPUT,
		has_line ? "only command or argv can be given, not both" : "no command given");
}

static void add_stdin(struct module_call *c, struct value *args)
{
	const struct value *text = argument_value(c, "stdin");

	if (!value_is_string(text))
		return;
	AUTO(strbuf_release) struct strbuf input = STRBUF_INIT;
	strbuf_add(&input, text->text, text->len);
	if (argument_bool(c, "stdin_add_newline"))
		strbuf_addch(&input, '\n');
	value_dict_set(c->arena, args, "stdin",
		value_new_text(c->arena, VALUE_BYTES, input.data, input.len));
}

/* A flag that says nothing while it is off. */
static bool is_off(const struct value_pair *p)
{
	static const char *const flags[] = {"skipped", "stdout_cut", "stderr_cut"};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (strcmp(p->key->text, flags[i]) == 0)
			return !value_truthy(p->value);
	return false;
}

static int run_it(struct module_call *c, struct value *args, struct err *err)
{
	static const char *const passed[] = {"chdir", "creates", "removes", NULL};

	forward_into(c, args, passed);
	add_stdin(c, args);
	value_dict_set(c->arena, args, "output_max", value_new_int(c->arena, OUTPUT_MAX));
	value_dict_set(
		c->arena, args, "strip", value_bool(argument_bool(c, "strip_empty_ends")));
	const struct value *result = runner_ask_node(c, "command", args, err);
	if (!result)
		return -1;
	value_dict_foreach (p, result)
		if (!is_off(p))
			call_set(c, p->key->text, p->value);
	const struct value *rc = value_dict_get(result, "rc");
	if (rc && value_truthy(rc))
		call_set_bool(c, "failed", true);
	return 0;
}

static int run_command(struct module_call *c, struct err *err)
{
	struct value *args = value_new_dict(c->arena);

	if (check_given(c, err) < 0)
		return -1;
	const struct value *words = words_of(c, err);
	if (!words)
		return -1;
	call_set(c, "cmd", words);
	value_dict_set(c->arena, args, "argv", words);
	value_dict_set(
		c->arena, args, "expand", value_bool(argument_bool(c, "expand_argument_vars")));
	return run_it(c, args, err);
}

static int run_shell(struct module_call *c, struct err *err)
{
	struct value *args = value_new_dict(c->arena);
	const char *shell = argument_text(c, "executable");

	if (check_given(c, err) < 0)
		return -1;
	const struct value *line = value_new_string(c->arena, line_of(c));
	call_set(c, "cmd", line);
	value_dict_set(c->arena, args, "line", line);
	value_dict_set(
		c->arena, args, "shell", value_new_string(c->arena, shell ? shell : "/bin/sh"));
	return run_it(c, args, err);
}

#define FLAGS (MODULE_CHECKS | MODULE_FREE_FORM | MODULE_CANNOT_UNDO | MODULE_JOB)

const struct module module_command = {
	.name = "command",
	.arguments = command_arguments,
	.flags = FLAGS,
	.run = run_command,
};

const struct module module_shell = {
	.name = "shell",
	.arguments = shell_arguments,
	.flags = FLAGS,
	.run = run_shell,
};
