/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet run-playbook, also run-playbook: Ansible's playbooks, run by our own engine.
 */
#include "base/path.h"
#include "cli/play_ask.h"
#include "cli/play_json.h"
#include "cli/play_list.h"
#include "cli/play_settings.h"
#include "cli/play_step.h"
#include "cli/play_text.h"

static const char epilogue[] =
	"exit codes: 0 all hosts as wanted, 1 could not run, 2 a host failed, 3 it went\n"
	"back, 4 a host was unreachable or a playbook has errors, 99 interrupted";

struct playbook_command {
	struct engine engine;
	struct play_run run;
	struct strlist tags, skip_tags; /* as given: names between commas */
	bool syntax_check, flush_cache, step;
	struct play_step stepping;
	struct play_ask asking;
	struct play_list_options list;
};

static void read_options(const struct command *cmd, struct playbook_command *c, int argc,
	char **argv, struct strlist *rest)
{
	struct engine_options *e = &c->engine.o;
	const struct option_spec options[] = {
		SITE_OPTIONS(&e->site),
		{'t', "tags", OPTION_LIST, "A,B", "only tasks with these tags", &c->tags},
		{0, "skip-tags", OPTION_LIST, "A,B", "no tasks with these tags", &c->skip_tags},
		{'C', "check", OPTION_FLAG, NULL, "change nothing; say what would be done",
			&e->site.check},
		{'D', "diff", OPTION_FLAG, NULL, "show what changes in files", &e->site.diff},
		{0, "force-handlers", OPTION_FLAG, NULL,
			"run handlers also on hosts that failed",
			&c->run.options.force_handlers},
		{0, "start-at-task", OPTION_STRING, "TASK", "pass over what stands before it",
			&c->run.start_at},
		{0, "step", OPTION_FLAG, NULL, "ask before each task", &c->step},
		OPTIONS_GROUP("look", "what is told without running anything"),
		{0, "syntax-check", OPTION_FLAG, NULL, "read the playbook, run nothing",
			&c->syntax_check},
		{0, "list-hosts", OPTION_FLAG, NULL, "name the hosts, run nothing",
			&c->list.hosts},
		{0, "list-tasks", OPTION_FLAG, NULL, "name the tasks, run nothing",
			&c->list.tasks},
		{0, "list-tags", OPTION_FLAG, NULL, "name the tags, run nothing",
			&c->list.tags},
		OPTIONS_OWN,
		{0, "flush-cache", OPTION_FLAG, NULL, "not needed: no cache of facts is kept",
			&c->flush_cache},
		ENGINE_CONNECTION_OPTIONS(e),
		ENGINE_ANSIBLE_OPTIONS(e),
		ENGINE_OUTPUT_OPTIONS(e),
		{0},
	};

	cli_parse(cmd, "[-i INVENTORY] [OPTIONS] PLAYBOOK...", epilogue, options, argc, argv,
		rest);
}

/* The words of an option, or of the settings where it was not given. */
static void read_tags(struct strlist *out, const struct strlist *given,
	const struct config *config, enum config_key setting)
{
	if (given->count == 0)
		config_list(config, setting, out);
	for (size_t i = 0; i < given->count; i++)
		strlist_split(out, given->items[i], ",");
}

/* Tells without running; true in *told when that was asked for. */
static int tell(struct playbook_command *c, bool *told, struct err *err)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	*told = c->syntax_check || c->list.hosts || c->list.tasks || c->list.tags;
	if (!*told)
		return 0;
	if (c->list.hosts || c->list.tasks || c->list.tags) {
		if (play_list(&c->run, &c->list, &out, err) < 0)
			return -1;
	} else {
		for (size_t i = 0; i < c->run.book_count; i++)
			strbuf_addf(&out, "\nplaybook: %s\n", c->run.books[i].path);
	}
	fwrite(out.data, 1, out.len, stdout);
	return 0;
}

static void ask_each_step(struct playbook_command *c)
{
	c->stepping.in = stdin;
	c->stepping.out = stdout;
	c->run.options.step = play_step_ask;
	c->run.options.step_data = &c->stepping;
}

/* Names of collections' playbooks become their files; a name that is none is a file's. */
static void find_in_collections(struct strlist *paths)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(diags_release) struct diags ignored = {0};
	struct play_places places = {0};
	struct config config;

	/* What is wrong with the settings is reported when all of them are read. */
	if (config_load(&config, &arena, &ignored, NULL) == 0)
		places.collections = config_text(&config, CONFIG_COLLECTIONS_PATH);
	for (size_t i = 0; i < paths->count; i++) {
		char *path = playbook_of_collection(paths->items[i], &places);
		if (!path)
			continue;
		free(paths->items[i]);
		paths->items[i] = path;
	}
}

static int find_playbooks(const struct strlist *paths, struct err *err)
{
	for (size_t i = 0; i < paths->count; i++)
		if (!path_exists(paths->items[i]))
			return err_set(err, ERR_NOTFOUND, "the playbook: %s could not be found",
				paths->items[i]);
	return 0;
}

/* The exit code, or -1 with err. */
static int run(struct playbook_command *c, const struct strlist *paths, struct err *err)
{
	AUTO(strlist_release) struct strlist tags = {0};
	const struct config *config = &c->engine.site.config;
	struct play_run *p = &c->run;
	bool told;

	read_tags(&tags, &c->tags, config, CONFIG_RUN_TAGS);
	read_tags(&p->options.skip_tags, &c->skip_tags, config, CONFIG_SKIP_TAGS);
	play_settings_apply(p);
	p->keeps_retries = true;
	if (c->engine.o.json)
		p->show.words = &play_words_json;
	else
		play_settings_words(config, &p->show);
	play_settings_tell(&c->engine);
	if (find_playbooks(paths, err) < 0)
		return -1;
	if (play_run_read(p, paths) < 0)
		return EXIT_ANSIBLE_PARSER;
	play_run_tag(p, &tags);
	if (tell(c, &told, err) < 0)
		return -1;
	if (told)
		return EXIT_OK;
	if (play_run_start_at(p, err) < 0)
		return -1;
	if (c->step)
		ask_each_step(c);
	p->options.person = &c->asking.person;
	if (c->engine.site.hosts.count == 0 && c->engine.o.site.limit)
		return err_set(
			err, ERR_NOTFOUND, "--limit %s leaves no host", c->engine.o.site.limit);
	if (play_run_choose(p, err) < 0 || play_run_prepare(p, err) < 0)
		return -1;
	return play_run_go(p, err);
}

/* Variables beside the first playbook count, as in Ansible. */
static int start(struct playbook_command *c, const struct strlist *paths)
{
	struct err err = {0};

	if (paths->count == 0) {
		err_set(&err, ERR_USAGE, "which playbook? Try 'run-playbook --help'");
		cli_error(&err);
		return EXIT_ANSIBLE_USAGE;
	}
	autofree char *dir = path_dirname(paths->items[0]);
	c->engine.o.site.playbook_dir = dir;
	int code = engine_start(&c->engine);
	c->engine.o.site.playbook_dir = NULL;
	return code;
}

static void command_release(struct playbook_command *c)
{
	play_run_release(&c->run);
	play_step_release(&c->stepping);
	play_ask_release(&c->asking);
	engine_release(&c->engine);
	strlist_release(&c->tags);
	strlist_release(&c->skip_tags);
}

static int run_playbook_command(const struct command *cmd, int argc, char **argv)
{
	AUTO(strlist_release) struct strlist paths = {0};
	struct playbook_command c = {.stepping = PLAY_STEP_INIT};
	play_ask_init(&c.asking);
	struct err err = {0};

	if (engine_init(&c.engine, argc, argv, &err) < 0)
		return cli_error(&err);
	play_run_init(&c.run, &c.engine, "playbook");
	cli_warn_as_ansible();
	read_options(cmd, &c, argc, argv, &paths);
	find_in_collections(&paths);
	int code = start(&c, &paths);
	if (code == EXIT_OK) {
		code = run(&c, &paths, &err);
		if (code < 0)
			code = engine_fail(&err);
	}
	command_release(&c);
	return code == EXIT_INTERRUPTED ? EXIT_ANSIBLE_INTERRUPTED : code;
}

const struct command cmd_playbook = {
	.name = "run-playbook",
	.link_name = "run-playbook",
	.summary = "Runs Ansible playbooks, without Python on the hosts",
	.arguments = "PLAYBOOK...",
	.usage_exit = EXIT_ANSIBLE_USAGE,
	.run = run_playbook_command,
};
