/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script and raw: a script of this machine, sent and run on the node, and a line for the shell
 * there as it is. What they do no transaction takes back.
 */
#include "base/path.h"
#include "inventory/words.h"
#include "play/modules/copy.h"
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/runner.h"

static const struct argument script_arguments[] = {
	{.name = ARGUMENT_FREE_FORM},
	{.name = "cmd"},
	{.name = "chdir", .type = ARGUMENT_PATH},
	{.name = "creates", .type = ARGUMENT_PATH},
	{.name = "removes", .type = ARGUMENT_PATH},
	{.name = "executable", .type = ARGUMENT_PATH},
	{.name = "decrypt", .type = ARGUMENT_BOOL, .fallback = "true"},
	{0},
};

static const struct argument raw_arguments[] = {
	{.name = ARGUMENT_FREE_FORM, .required = true},
	{.name = "executable", .type = ARGUMENT_PATH},
	{0},
};

/* Sets what a run gives; nothing of it is stripped. */
static int run_line(struct module_call *c, struct value *args, struct err *err)
{
	static const char *const told[] = {"rc", "stdout", "stderr"};
	const struct value *result = runner_ask_node(c, "command", args, err);

	if (!result)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		call_set(c, told[i], value_dict_get(result, told[i]));
	call_set_bool(c, "changed", true);
	const struct value *rc = value_dict_get(result, "rc");
	if (rc && value_truthy(rc)) {
		call_set_bool(c, "failed", true);
		call_set_text(c, "msg", "non-zero return code");
	}
	return 0;
}

static int skip(struct module_call *c, const char *msg)
{
	call_set_bool(c, "changed", false);
	call_set_bool(c, "skipped", true);
	if (msg)
		call_set_text(c, "msg", msg);
	return 0;
}

static int run_raw(struct module_call *c, struct err *err)
{
	struct value *args = value_new_dict(c->arena);
	const char *shell = argument_text(c, "executable");

	if (c->check)
		return skip(c, NULL);
	value_dict_set(c->arena, args, "line", value_new_string(c->arena, c->free_form));
	if (shell)
		value_dict_set(c->arena, args, "shell", value_new_string(c->arena, shell));
	return run_line(c, args, err);
}

/* ---- script ---- */

/* Whether a path of the node is there; a relative one counts from the login's home. */
static int is_there(struct module_call *c, const char *path, struct err *err)
{
	bool whole = *path == '/' || *path == '~';
	int kind = node_path_kind(c, whole ? path : arena_printf(c->arena, "~/%s", path), err);

	return kind < 0 ? -1 : kind != NODE_PATH_ABSENT;
}

/* creates and removes: 1 when there is nothing to do, which is told. */
static int is_done(struct module_call *c, struct err *err)
{
	const char *creates = argument_text(c, "creates");
	const char *removes = argument_text(c, "removes");
	int there;

	if (creates) {
		if ((there = is_there(c, creates, err)) < 0)
			return -1;
		if (there)
			return !skip(c, arena_printf(c->arena,
						"%s exists, matching creates option", creates));
	}
	if (removes) {
		if ((there = is_there(c, removes, err)) < 0)
			return -1;
		if (!there)
			return !skip(c,
				arena_printf(c->arena,
					"%s does not exist, matching removes option", removes));
	}
	return 0;
}

/* A script as it was named: its file here, and the words behind it. */
struct script {
	const char *path;
	const char *words; /* as they were written, quotes included */
};

static int find_script(struct module_call *c, struct script *s, struct err *err)
{
	const char *cmd = argument_text(c, "cmd");
	const char *line = c->free_form ? c->free_form : cmd;
	AUTO(words_release) struct words words = {0};

	if (line)
		line += strspn(line, " \t\r\n");
	if (!line || !*line)
		return err_set(err, ERR_INPUT, "script: the name of a script is missing");
	if (words_split_all(&words, line, strlen(line), err) < 0)
		return err_wrap(err, "script");
	autofree char *path = runner_find(c, "files", words.items[0].text, err);
	if (!path)
		return -1;
	s->path = arena_strdup(c->arena, path);
	/* Behind the first word and its quotes the line is the shell's. */
	const char *name = strstr(line, words.items[0].text);
	s->words = name ? name + strlen(words.items[0].text) : line + strcspn(line, " \t\r\n");
	if (name > line && *s->words == name[-1])
		s->words++;
	return 0;
}

/* Sends the script with the line that runs it, where it is "$0". */
static int send_script(
	struct module_call *c, const struct script *s, struct value *args, struct err *err)
{
	const char *executable = argument_text(c, "executable");
	const char *name = path_basename(s->path);
	AUTO(strbuf_release) struct strbuf plain = STRBUF_INIT;

	int opened = copy_open_vault(c, s->path, &plain, err);
	if (opened < 0)
		return -1;
	value_dict_set(c->arena, args, "line",
		value_new_stringf(c->arena, "%s%s\"$0\"%s", executable ? executable : "",
			executable ? " " : "", s->words));
	value_dict_set(c->arena, args, "script_name",
		value_new_string(c->arena, *name == '.' ? name + 1 : name));
	return opened ? runner_put_content(c, args, "script", plain.data, plain.len, err)
		      : runner_put_file(c, args, "script", s->path, err);
}

static int run_script(struct module_call *c, struct err *err)
{
	static const char *const passed[] = {"chdir", NULL};
	const char *chdir = argument_text(c, "chdir");
	struct script s = {0};
	int done = is_done(c, err);

	if (done != 0)
		return done < 0 ? -1 : 0;
	if (chdir && *chdir != '/')
		return err_set(err, ERR_INPUT,
			"chdir %s must be an absolute path for a Unix-aware remote node",
			chdir);
	if (find_script(c, &s, err) < 0)
		return -1;
	if (c->check && !argument_text(c, "creates") && !argument_text(c, "removes"))
		return skip(c, "Check mode is not supported for this task.");
	if (c->check) {
		call_set_bool(c, "changed", true);
		return 0;
	}
	struct value *args = forward_arguments(c, passed);
	return send_script(c, &s, args, err) < 0 ? -1 : run_line(c, args, err);
}

#define FLAGS (MODULE_CHECKS | MODULE_FREE_FORM | MODULE_CANNOT_UNDO)

const struct module module_script = {
	.name = "script",
	.arguments = script_arguments,
	.flags = FLAGS,
	.run = run_script,
};

const struct module module_raw = {
	.name = "raw",
	.arguments = raw_arguments,
	.flags = FLAGS,
	.run = run_raw,
};
