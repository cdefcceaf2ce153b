/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet __complete: what could stand next on a command line, for the shells. complete.h
 * says how it is called and what it prints.
 */
#include <unistd.h>

#include "base/path.h"
#include "cli/complete.h"
#include "cli/engine.h"
#include "cli/registry.h"
#include "play/module.h"

/* ---- what the value of an option, or a word, may be: by its name in --help ---- */

static void offer_inventory(struct completion *c)
{
	complete_offer_files(c, "");
}

static void offer_playbook(struct completion *c)
{
	complete_offer_files(c, ".yaml .yml");
}

/* `-e @FILE`; of other variables nothing is known. */
static void offer_extra(struct completion *c)
{
	if (c->partial[0] == '@')
		complete_offer_files(c, ".yaml .yml .json");
}

static void offer_engine_words(struct completion *c, const struct engine_word *words)
{
	for (; words->text; words++)
		complete_offer(c, words->text, "");
}

static void offer_transport(struct completion *c)
{
	offer_engine_words(c, engine_transports);
}

static void offer_host_key_checking(struct completion *c)
{
	offer_engine_words(c, engine_host_key_checkings);
}

static void offer_color(struct completion *c)
{
	for (const char *const *word = cli_color_words; *word; word++)
		complete_offer(c, *word, "");
}

static void offer_become_method(struct completion *c)
{
	const char *name;

	for (size_t i = 0; (name = link_become_method(i)); i++)
		complete_offer(c, name, "");
}

static void offer_module(struct completion *c)
{
	const struct module *m;

	for (size_t i = 0; (m = module_at(i)); i++)
		complete_offer(c, m->name, "");
}

static void offer_action(struct completion *c)
{
	const char *name;

	for (size_t i = 0; (name = registry_action_name(i)); i++)
		complete_offer(c, name, "");
}

static void offer_connection(struct completion *c)
{
	complete_offer(c, "ssh", "");
	complete_offer(c, "local", "");
}

/*
 * One kind of value. A name that is not here has no candidates: numbers, users, words of a
 * person's own.
 */
struct kind {
	const char *name;
	void (*offer)(struct completion *c);
};

static const struct kind kinds[] = {
	{"ACTION", offer_action},
	{"A,B", complete_models}, /* of --models and --tags: tags may be models, too */
	{"DIR", complete_offer_directories},
	{"FILE", offer_inventory},
	{"GROUP", complete_group},
	{"HOST", complete_host},
	{"HOW", offer_host_key_checking},
	{"INVENTORY", offer_inventory},
	{"KIND", offer_transport},
	{"METHOD", offer_become_method},
	{"MODEL", complete_model},
	{"MODULE", offer_module},
	{"PATTERN", complete_pattern},
	{"PLAYBOOK", offer_playbook},
	{"TYPE", offer_connection},
	{"VARIABLE", complete_variable},
	{"VARS", offer_extra},
	{"VERSION", complete_version},
	{"WHEN", offer_color},
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static void offer_kind(struct completion *c, const char *name)
{
	const struct kind *kind = find_kind(name);

	if (kind)
		kind->offer(c);
}

/* ---- the words in front ---- */

/* Where the parser would stand at the word that is to be completed. */
struct walk {
	struct completion *c;
	const struct option_spec *options;
	const char *arguments;             /* of the command; may be NULL */
	const struct option_spec *pending; /* an option that waits for its value */
	bool *used;                        /* by the index of an option */
	size_t words;                      /* that are no options */
	bool only_words;                   /* behind -- */
};

/* The name of the n-th word of a command, e.g. "MODEL"; new memory, NULL when it has no such.
 */
static char *argument_name(const char *arguments, size_t n)
{
	AUTO(strlist_release) struct strlist names = {0};

	strlist_split(&names, arguments ? arguments : "", " ");
	bool repeats = names.count && str_ends(names.items[names.count - 1], "...");
	if (n >= names.count && !repeats)
		return NULL;
	const char *name = names.items[n < names.count ? n : names.count - 1];
	size_t len = strlen(name);
	return xstrndup(name, str_ends(name, "...") ? len - 3 : len);
}

/* "$NAME/rest", "${NAME}/rest" and "~/rest", as the shell will give it; new memory. */
static char *expand(const char *word)
{
	if (word[0] != '$')
		return path_expand_home(word);
	bool braces = word[1] == '{';
	const char *name = word + (braces ? 2 : 1);
	size_t n =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
	autofree char *key = xstrndup(name, n);
	const char *value = getenv(key);
	const char *rest = name + n + (braces && name[n] == '}');
	return value ? xasprintf("%s%s", value, rest) : xstrdup(word);
}

/* Notes the value of an option, or a word, where candidates depend on it. */
static void note(struct completion *c, const char *kind, const char *value)
{
	if (strcmp(kind, "INVENTORY") == 0) {
		autofree char *path = expand(value);
		strlist_add(&c->site.inventory, path);
	} else if (strcmp(kind, "VARS") == 0) {
		strlist_add(&c->site.extra, value);
	} else if (strcmp(kind, "MODEL") == 0) {
		c->model = value;
	} else if (strcmp(kind, "HOST") == 0) {
		c->host = value;
	}
}

static const struct option_spec *find_long(const struct walk *w, const char *name, size_t n)
{
	for (const struct option_spec *o = w->options; o->help; o++)
		if (o->name && strlen(o->name) == n && memcmp(o->name, name, n) == 0)
			return o;
	return NULL;
}

static const struct option_spec *find_letter(const struct walk *w, char letter)
{
	for (const struct option_spec *o = w->options; o->help; o++)
		if (o->letter && o->letter == letter)
			return o;
	return NULL;
}

static void take_option(struct walk *w, const struct option_spec *o, const char *attached)
{
	w->used[o - w->options] = true;
	if (o->value && attached)
		note(w->c, o->value, attached);
	else if (o->value)
		w->pending = o;
}

static void take_letters(struct walk *w, const char *letters)
{
	for (; *letters; letters++) {
		const struct option_spec *o = find_letter(w, *letters);
		if (!o)
			return;
		take_option(w, o, letters[1] ? letters + 1 : NULL);
		if (o->value)
			return;
	}
}

static void take_word(struct walk *w, const char *word)
{
	autofree char *kind = argument_name(w->arguments, w->words++);

	if (kind)
		note(w->c, kind, word);
}

static void take(struct walk *w, const char *word)
{
	if (w->pending) {
		note(w->c, w->pending->value, word);
		w->pending = NULL;
	} else if (w->only_words || word[0] != '-' || word[1] == '\0') {
		take_word(w, word);
	} else if (strcmp(word, "--") == 0) {
		w->only_words = true;
	} else if (word[1] == '-') {
		size_t n = strcspn(word + 2, "=");
		const struct option_spec *o = find_long(w, word + 2, n);
		if (o)
			take_option(w, o, word[2 + n] ? word + 3 + n : NULL);
	} else {
		take_letters(w, word + 1);
	}
}

/* ---- the word itself ---- */

/* Options by their long names; those that were given, and do not repeat, are left out. */
static void offer_options(struct walk *w)
{
	for (const struct option_spec *o = w->options; o->help; o++) {
		bool once = o->kind == OPTION_FLAG || o->kind == OPTION_STRING;
		if (!o->name || !*o->help || (once && w->used[o - w->options]))
			continue;
		autofree char *word = xasprintf("--%s", o->name);
		complete_offer(w->c, word, o->help);
	}
	complete_offer(w->c, "--help", "show this and exit");
}

static void offer_help_topics(struct walk *w)
{
	AUTO(strlist_release) struct strlist seen = {0};

	for (const struct option_spec *o = w->options; o->help; o++) {
		if (o->kind != OPTION_GROUP || !o->value || strlist_has(&seen, o->value))
			continue;
		complete_offer(w->c, o->value, o->help);
		strlist_add(&seen, o->value);
	}
	complete_offer(w->c, "all", "all options");
}

/* Makes the first n bytes of the word part of what stays. */
static void lead_by(struct completion *c, size_t n)
{
	strbuf_add(&c->lead, c->partial, n);
	c->partial += n;
}

/* --name, or --name=value. */
static void complete_long(struct walk *w)
{
	const char *word = w->c->partial;
	size_t n = strcspn(word, "=");

	if (!word[n]) {
		offer_options(w);
		return;
	}
	const struct option_spec *o = find_long(w, word + 2, n - 2);
	bool help = n == 6 && memcmp(word, "--help", n) == 0;
	lead_by(w->c, n + 1);
	if (help)
		offer_help_topics(w);
	else if (o && o->value)
		offer_kind(w->c, o->value);
}

/* -i, -ivalue, -Ci; a lone letter is whole, and the shell puts its blank behind it. */
static void complete_letters(struct walk *w)
{
	const char *word = w->c->partial;

	for (size_t i = 1; word[i]; i++) {
		const struct option_spec *o = find_letter(w, word[i]);
		if (!o)
			return;
		if (o->value && word[i + 1]) {
			lead_by(w->c, i + 1);
			offer_kind(w->c, o->value);
			return;
		}
		if (!word[i + 1])
			complete_offer(w->c, word, o->help);
	}
}

static void complete_word(struct walk *w)
{
	autofree char *kind = argument_name(w->arguments, w->words);

	if (kind)
		offer_kind(w->c, kind);
	else if (!w->c->partial[0] && !w->only_words)
		offer_options(w);
}

static void complete_here(struct walk *w)
{
	const char *word = w->c->partial;

	if (w->pending)
		offer_kind(w->c, w->pending->value);
	else if (w->only_words || word[0] != '-')
		complete_word(w);
	else if (word[1] && word[1] != '-')
		complete_letters(w);
	else
		complete_long(w);
}

/* ---- the command ---- */

/* What cli_parse hands the options to: it has no argument for us. One answer a process. */
static struct completion *asked;
static const struct command *asked_command;
static size_t asked_first; /* of the words: the first behind the command's name */

static void answer(const struct option_spec *options)
{
	size_t count = 0;

	while (options[count].help)
		count++;
	autofree bool *used = xcalloc(count + 1, sizeof(*used));
	struct walk w = {.c = asked,
		.options = options,
		.arguments = asked_command->arguments,
		.used = used};
	for (size_t i = asked_first; i < asked->words.count; i++)
		take(&w, asked->words.items[i]);
	complete_here(&w);
}

static void offer_commands(struct completion *c)
{
	for (const struct command *const *cmd = cli_commands; *cmd; cmd++)
		if ((*cmd)->summary)
			complete_offer(c, (*cmd)->name, (*cmd)->summary);
	if (c->partial[0] == '-') {
		complete_offer(c, "--help", "list the commands");
		complete_offer(c, "--version", "print the version");
	}
}

/* The command of the line; NULL where its name is still to come. */
static const struct command *line_command(const struct completion *c, size_t *first)
{
	const struct command *cmd = cli_find_link(path_basename(c->words.items[0]));

	*first = cmd ? 1 : 2;
	return cmd || c->words.count < 2 ? cmd : cli_find_command(c->words.items[1]);
}

static void complete(struct completion *c)
{
	c->partial = c->word.data;
	if (c->words.count == 0)
		return;
	asked_command = line_command(c, &asked_first);
	if (!asked_command && c->words.count == 1)
		offer_commands(c);
	if (!asked_command || asked_command == &cmd_complete)
		return;
	asked = c;
	cli_divert(answer);
	char *argv[] = {c->words.items[asked_first - 1], NULL};
	asked_command->run(asked_command, 1, argv);
}

/* Reads our own command line; -1 when it is none that the shells' scripts make. */
static int read_request(struct completion *c, int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--bash") == 0) {
		c->shell = COMPLETE_BASH;
		return complete_split(c, argv[2], argv[3]);
	}
	if (argc < 3 || argc > COMPLETE_WORDS_MAX || strcmp(argv[1], "--words") != 0)
		return -1;
	for (int i = 2; i < argc - 1; i++)
		strlist_add(&c->words, argv[i]);
	strbuf_addstr(&c->word, argv[argc - 1]);
	return 0;
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct completion c = {.word = STRBUF_INIT, .lead = STRBUF_INIT};

	(void)cmd;
	alarm(COMPLETE_SECONDS);
	if (read_request(&c, argc, argv) < 0)
		return EXIT_CANNOT_RUN;
	complete(&c);
	strlist_release(&c.words);
	strbuf_release(&c.word);
	strbuf_release(&c.lead);
	site_options_release(&c.site);
	return EXIT_OK;
}

const struct command cmd_complete = {
	.name = "__complete",
	.run = run,
};
