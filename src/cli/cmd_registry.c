/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet registry: a client of model-registryd. What is in production can be asked of a
 * registry's file, too, without any service: a start-up gate must not depend on one.
 */
#include <unistd.h>

#include "base/suggest.h"
#include "cli/registry.h"
#include "inventory/config.h"

static const char usage[] = "ACTION [MODEL [VERSION [PATH]]] [OPTIONS]";

static const char epilogue[] =
	"list [MODEL]                 what is registered\n"
	"register MODEL VERSION PATH  a new version, as staging\n"
	"activate MODEL VERSION       make it the one in production\n"
	"production MODEL             print the path of the one in production\n"
	"pull MODEL [VERSION]         bring its files; else of the one in production\n"
	"exit codes: 0 done, 1 not done";

static void read_options(const struct command *cmd, struct registry_options *o, int argc,
	char **argv, struct strlist *words)
{
	const struct option_spec options[] = {
		{0, "registry", OPTION_STRING, "URL",
			"the service; json:PATH reads a registry's file", &o->registry},
		{0, "key-file", OPTION_STRING, "FILE", "what holds the service's key",
			&o->key_file},
		{0, "metadata", OPTION_STRING, "JSON", "of register: an object, or @FILE",
			&o->metadata},
		{0, "files", OPTION_LIST, "FILE", "of register: a directory, or files to send",
			&o->files},
		{0, "date", OPTION_STRING, "YYYY-MM-DD",
			"of register: the version of the store", &o->date},
		{0, "note", OPTION_STRING, "TEXT", "of register: why, for its manifest.yaml",
			&o->note},
		{0, "require", OPTION_LIST, "CONDITION",
			"of activate: of its metrics, 'accuracy>=0.8'", &o->require},
		{0, "to", OPTION_STRING, "DIR", "of pull: where the files go", &o->to},
		{0, "json", OPTION_FLAG, NULL, "print what the service says", &o->json},
		{0},
	};

	cli_parse(cmd, usage, epilogue, options, argc, argv, words);
}

/* ---- actions ---- */

struct action {
	const char *name;
	size_t words, words_max; /* behind the action; SIZE_MAX: any number */
	const char *expected;
	bool reads; /* a registry's file will do */
	int (*run)(struct registry_command *c, struct err *err);
};

static const struct action actions[] = {
	{"list", 0, 1, "[MODEL]", true, registry_list},
	{"register", 3, SIZE_MAX, "MODEL VERSION PATH", false, registry_register},
	{"activate", 2, 2, "MODEL VERSION", false, registry_activate},
	{"production", 1, 1, "MODEL", true, registry_production},
	{"pull", 1, 2, "MODEL [VERSION] --to DIR", false, registry_pull},
};

const char *registry_action_name(size_t n)
{
	return n < ARRAY_SIZE(actions) ? actions[n].name : NULL;
}

static const struct action *find_action(const char *name, struct err *err)
{
	struct suggestion near = {0};

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
		suggest_add(&near, name, actions[i].name);
	}
	err_set(err, ERR_USAGE,
		"found the action '%s', expected list, register, activate, production or "
		"pull%s%s%s",
		name, near.word ? " (did you mean " : "", near.word ? near.word : "",
		near.word ? "?)" : "");
	return NULL;
}

static int check_words(
	const struct registry_command *c, const struct action *a, struct err *err)
{
	size_t n = c->words->count - 1;
	bool sends = a->run == registry_register;

	if (n < a->words || n > a->words_max || (sends && n > a->words && !c->o.files.count))
		return err_set(err, ERR_USAGE, "expected %s %s", a->name, a->expected);
	if (a->run == registry_pull && !c->o.to)
		return err_set(err, ERR_USAGE, "pull: expected --to DIR");
	if (!sends && (c->o.files.count || c->o.metadata || c->o.date || c->o.note))
		return err_set(err, ERR_USAGE,
			"--files, --metadata, --date and --note go with register");
	if (a->run != registry_activate && c->o.require.count)
		return err_set(err, ERR_USAGE, "--require goes with activate");
	return 0;
}

const char *registry_word_model(const struct registry_command *c)
{
	return c->words->count > 1 ? c->words->items[1] : NULL;
}

int registry_word_version(const struct registry_command *c, int64_t *version, struct err *err)
{
	const char *text = c->words->items[2];

	if (parse_int(text, 1, INT64_MAX, version))
		return 0;
	return err_set(err, ERR_USAGE,
		"found the version '%s', expected the registry's number of it, 1 or more",
		text);
}

/* ---- which registry ---- */

/* As the option says, else MODELFLEET_REGISTRY_URL, else registry_url of the settings. */
static int find_registry(struct registry_command *c, struct err *err)
{
	AUTO(diags_release) struct diags d = {0};
	struct config config;

	c->url = c->o.registry;
	if (c->url)
		return 0;
	if (config_load(&config, &c->arena, &d, err) < 0)
		return -1;
	c->url = config_text(&config, CONFIG_REGISTRY_URL);
	if (c->url)
		return 0;
	return err_set(err, ERR_USAGE,
		"which registry? Expected --registry URL, MODELFLEET_REGISTRY_URL, or "
		"registry_url in section [modelfleet] of ansible.cfg");
}

static int open_registry(struct registry_command *c, const struct action *a, struct err *err)
{
	const struct registry_client_options options = {.key_file = c->o.key_file};

	if (find_registry(c, err) < 0)
		return -1;
	if (str_starts(c->url, "json:")) {
		if (a->reads)
			return 0;
		return err_set(err, ERR_USAGE,
			"%s needs the service: a registry's file may only be read", a->name);
	}
	struct registry_client_options o = options;
	o.url = c->url;
	c->client = registry_client_open(&o, err);
	return c->client ? 0 : -1;
}

static int act(struct registry_command *c, struct err *err)
{
	if (c->words->count == 0)
		return err_set(err, ERR_USAGE,
			"expected an action: list, register, activate, production or pull");
	const struct action *a = find_action(c->words->items[0], err);
	if (!a || check_words(c, a, err) < 0 || open_registry(c, a, err) < 0)
		return -1;
	return a->run(c, err);
}

static enum engine_output output_of(const struct registry_options *o)
{
	if (o->json)
		return ENGINE_JSON;
	return isatty(STDOUT_FILENO) ? ENGINE_LIVE : ENGINE_PLAIN;
}

static int run_registry(const struct command *cmd, int argc, char **argv)
{
	AUTO(strlist_release) struct strlist words = {0};
	struct registry_command c = {.words = &words};
	struct err err = {0};
	int code = EXIT_OK;

	read_options(cmd, &c.o, argc, argv, &words);
	c.progress.output = output_of(&c.o);
	if (act(&c, &err) < 0) {
		progress_erase(&c.progress);
		code = EXIT_CANNOT_RUN;
		if (strcmp(err.text, REGISTRY_NO_PRODUCTION) == 0)
			fprintf(stderr, "%s\n", err.text);
		else
			code = cli_error(&err);
	}
	registry_client_close(c.client);
	strlist_release(&c.o.files);
	strlist_release(&c.o.require);
	arena_release(&c.arena);
	return code;
}

const struct command cmd_registry = {
	.name = "registry",
	.summary = "Lists, registers, activates and brings versions of a registry",
	.arguments = "ACTION MODEL",
	.run = run_registry,
};
