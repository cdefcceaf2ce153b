/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet adhoc: one module on the hosts of a pattern, as the program `ansible` does. The
 * task is written down as a playbook, so that it is checked and run as any other.
 */
#include <errno.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cli/play_json.h"
#include "cli/play_settings.h"
#include "cli/play_text.h"
#include "play/module.h"
#include "value/json.h"

#define MODULE_DEFAULT "command"

static const char epilogue[] = "exit codes: 0 all hosts ok, 1 could not run, 2 a host failed,\n"
			       "4 a host was unreachable, 5 a wrong call, 99 interrupted";

struct adhoc {
	struct engine engine;
	struct play_run run;
	struct play_lines lines;
	const char *module, *args;
	const char *background, *poll, *task_timeout, *playbook_dir;
	bool one_line, list_hosts;
};

static void read_options(
	const struct command *cmd, struct adhoc *a, int argc, char **argv, struct strlist *rest)
{
	struct engine_options *e = &a->engine.o;
	const struct option_spec options[] = {
		{'m', "module-name", OPTION_STRING, "MODULE", "what to do (command)",
			&a->module},
		{'a', "args", OPTION_STRING, "ARGS", "its arguments: k=v, a command, or JSON",
			&a->args},
		SITE_OPTIONS(&e->site),
		{'C', "check", OPTION_FLAG, NULL, "change nothing; say what would be done",
			&e->site.check},
		{'D', "diff", OPTION_FLAG, NULL, "show what changes in files", &e->site.diff},
		{'o', "one-line", OPTION_FLAG, NULL, "a line for each host", &a->one_line},
		{'t', "tree", OPTION_STRING, "DIR", "keep results, a file for each host",
			&a->lines.tree},
		{0, "list-hosts", OPTION_FLAG, NULL, "name the hosts, run nothing",
			&a->list_hosts},
		OPTIONS_GROUP("task", "how long the task may take, and what it belongs to"),
		{'B', "background", OPTION_STRING, "SECONDS", "let go of it for that long",
			&a->background},
		{'P', "poll", OPTION_STRING, "SECONDS", "how often to look after it (15)",
			&a->poll},
		{0, "task-timeout", OPTION_STRING, "SECONDS", "give it up after that long",
			&a->task_timeout},
		{0, "playbook-dir", OPTION_STRING, "DIR", "whose group_vars/ and files count",
			&a->playbook_dir},
		OPTIONS_OWN,
		ENGINE_CONNECTION_OPTIONS(e),
		ENGINE_ANSIBLE_OPTIONS(e),
		ENGINE_OUTPUT_OPTIONS(e),
		{0},
	};

	cli_parse(cmd, "PATTERN [-m MODULE] [-a ARGS] [OPTIONS]", epilogue, options, argc, argv,
		rest);
}

/* ---- the playbook ---- */

static void set(struct arena *a, struct value *dict, const char *key, const struct value *v)
{
	value_dict_set(a, dict, key, v);
}

static void set_text(struct arena *a, struct value *dict, const char *key, const char *text)
{
	if (text)
		set(a, dict, key, value_new_string(a, text));
}

/* The arguments: a JSON mapping, else what stands behind a module's name in a playbook. */
static const struct value *arguments_of(struct arena *a, const char *text)
{
	size_t n = strlen(text);
	struct err ignored = {0};

	if (n > 1 && text[0] == '{' && text[n - 1] == '}') {
		const struct value *v = json_read(a, text, n, "--args", NULL, NULL, &ignored);
		if (v && v->kind == VALUE_DICT)
			return v;
	}
	return value_new_string(a, text);
}

static int write_playbook(
	const struct adhoc *c, const char *pattern, struct strbuf *out, struct err *err)
{
	AUTO(arena_release) struct arena a = {0};
	struct value *plays = value_new_list(&a), *tasks = value_new_list(&a);
	struct value *play = value_new_dict(&a), *task = value_new_dict(&a);

	set(&a, task, c->module, arguments_of(&a, c->args));
	set_text(&a, task, "async", c->background);
	set_text(&a, task, "poll", c->background && !c->poll ? "15" : c->poll);
	set_text(&a, task, "timeout", c->task_timeout);
	value_list_add(&a, tasks, task);
	set_text(&a, play, "name", "Ansible Ad-Hoc");
	set_text(&a, play, "hosts", pattern);
	set_text(&a, play, "gather_facts", "no");
	set(&a, play, "tasks", tasks);
	value_list_add(&a, plays, play);
	return json_write(plays, NULL, out, err);
}

/* ---- the run ---- */

static void list_hosts(const struct play_run *p)
{
	printf("  hosts (%zu):\n", p->hosts.count);
	for (size_t i = 0; i < p->hosts.count; i++)
		printf("    %s\n", p->hosts.items[i]->name);
}

/* A mistake in the call: Ansible's exit code for it. */
static int wrong_call(const char *fmt, const char *what)
{
	struct err err = {0};
	autofree char *text = xasprintf("%s%s", fmt, what);

	err_set(&err, ERR_USAGE, "%s", text);
	cli_error(&err);
	return EXIT_ANSIBLE_OPTIONS;
}

static const char *const need_arguments[] = {"command", "shell", "raw", "script"};

/* 0, or the exit code to end with. */
static int check_call(struct adhoc *c, const struct strlist *words)
{
	if (words->count != 1)
		return wrong_call("which hosts? One pattern is needed; try 'modelfleet adhoc "
				  "--help'",
			words->count ? ", in quotes if it has blanks" : "");
	if (!c->module)
		c->module = MODULE_DEFAULT;
	for (size_t i = 0; i < ARRAY_SIZE(need_arguments) && !c->list_hosts; i++)
		if (strcmp(module_short_name(c->module), need_arguments[i]) == 0 &&
			(!c->args || !*c->args))
			return wrong_call("No argument passed to module ", c->module);
	if (!c->args)
		c->args = c->list_hosts ? "true" : "";
	if (c->lines.tree && mkdir(c->lines.tree, 0777) < 0 && errno != EEXIST)
		return wrong_call("--tree: cannot make the directory ", c->lines.tree);
	return 0;
}

static void choose_words(struct adhoc *c)
{
	struct show *s = &c->run.show;

	s->words = c->engine.o.json ? &play_words_json
		   : c->one_line    ? &play_words_oneline
				    : &play_words_minimal;
	if (!c->engine.o.json)
		s->data = &c->lines;
}

/* The exit code, or -1 with err. */
static int run(struct adhoc *c, const char *pattern, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct play_run *p = &c->run;

	if (write_playbook(c, pattern, &text, err) < 0)
		return -1;
	play_settings_apply(p);
	if (play_run_read_text(p, "adhoc", text.data, text.len) < 0)
		return EXIT_ANSIBLE_PARSER;
	choose_words(c);
	p->needs_hosts = true;
	if (play_run_choose(p, err) < 0)
		return -1;
	if (p->hosts.count == 0)
		log_warning("No hosts matched, nothing to do");
	if (c->list_hosts)
		list_hosts(p);
	if (c->list_hosts || p->hosts.count == 0)
		return EXIT_OK;
	return play_run_prepare(p, err) < 0 ? -1 : play_run_go(p, err);
}

static int start_and_run(struct adhoc *c, const struct strlist *words)
{
	struct err err = {0};

	int code = check_call(c, words);
	if (code != EXIT_OK)
		return code;
	c->engine.o.site.playbook_dir = c->playbook_dir ? c->playbook_dir : ".";
	code = engine_start(&c->engine);
	c->engine.o.site.playbook_dir = NULL;
	if (code != EXIT_OK)
		return code;
	code = run(c, words->items[0], &err);
	return code < 0 ? engine_fail(&err) : code;
}

static int adhoc_command(const struct command *cmd, int argc, char **argv)
{
	AUTO(strlist_release) struct strlist words = {0};
	struct adhoc c = {0};
	struct err err = {0};

	if (engine_init(&c.engine, argc, argv, &err) < 0)
		return cli_error(&err);
	play_run_init(&c.run, &c.engine, "adhoc");
	cli_warn_as_ansible();
	read_options(cmd, &c, argc, argv, &words);
	int code = start_and_run(&c, &words);
	play_run_release(&c.run);
	engine_release(&c.engine);
	return code == EXIT_INTERRUPTED ? EXIT_ANSIBLE_INTERRUPTED : code;
}

const struct command cmd_adhoc = {
	.name = "adhoc",
	.summary = "Runs one of Ansible's modules on hosts, without a playbook",
	.arguments = "PATTERN",
	.usage_exit = EXIT_ANSIBLE_USAGE,
	.run = adhoc_command,
};
