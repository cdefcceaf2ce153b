/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <unistd.h>

#include "base/log.h"
#include "base/suggest.h"
#include "cli/help.h"

struct parser {
	struct help_page page;
	const struct command *cmd;
	const struct option_spec *options;
	int argc;
	char **argv;
	int next;
};

static _Noreturn void usage_error(const struct parser *p, const char *text)
{
	const char *name = p->cmd->link_name ? p->cmd->link_name : p->cmd->name;

	fprintf(stderr, "%s: %s\nTry '%s%s --help'.\n", name, text,
		p->cmd->link_name ? "" : "modelfleet ", name);
	exit(p->cmd->usage_exit ? p->cmd->usage_exit : EXIT_CANNOT_RUN);
}

/* Set once, before the command that is to be looked at runs. */
static void (*diverted)(const struct option_spec *options);

void cli_divert(void (*look)(const struct option_spec *options))
{
	diverted = look;
}

static _Noreturn void help(const struct parser *p, const char *topic)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (help_add(&p->page, topic, &text) < 0) {
		autofree char *mistake =
			xasprintf("--help=%s: found no such group of options", topic);
		usage_error(p, mistake);
	}
	fwrite(text.data, 1, text.len, stdout);
	exit(EXIT_OK);
}

static _Noreturn void unknown_option(const struct parser *p, const char *name)
{
	struct suggestion nearest = {0};

	for (const struct option_spec *o = p->options; o->help; o++) {
		if (o->name)
			suggest_add(&nearest, name, o->name);
	}
	autofree char *text = nearest.word
				      ? xasprintf("unknown option '--%s'; did you mean '--%s'?",
						name, nearest.word)
				      : xasprintf("unknown option '--%s'", name);
	usage_error(p, text);
}

static void store(const struct option_spec *o, const char *value)
{
	switch (o->kind) {
	case OPTION_FLAG: *(bool *)o->target = true; break;
	case OPTION_COUNT: (*(int *)o->target)++; break;
	case OPTION_STRING: *(const char **)o->target = value; break;
	case OPTION_LIST: strlist_add(o->target, value); break;
	case OPTION_GROUP: break;
	}
}

/* The argument of an option that needs one: the rest of the word or the next word. */
static const char *take_value(struct parser *p, const char *shown, const char *attached)
{
	if (attached)
		return attached;
	if (p->next >= p->argc) {
		autofree char *text = xasprintf("option '%s' needs a value", shown);
		usage_error(p, text);
	}
	return p->argv[p->next++];
}

static void parse_long(struct parser *p, const char *word)
{
	size_t n = strcspn(word, "=");
	const char *attached = word[n] ? word + n + 1 : NULL;
	autofree char *name = xstrndup(word, n);

	for (const struct option_spec *o = p->options; o->help; o++) {
		if (!o->name || strcmp(o->name, name) != 0)
			continue;
		if (!o->value && attached) {
			autofree char *text = xasprintf("option '--%s' takes no value", name);
			usage_error(p, text);
		}
		autofree char *shown = xasprintf("--%s", name);
		store(o, o->value ? take_value(p, shown, attached) : NULL);
		return;
	}
	unknown_option(p, name);
}

static void parse_letters(struct parser *p, const char *letters)
{
	for (; *letters; letters++) {
		const struct option_spec *o = p->options;
		while (o->help && o->letter != *letters)
			o++;
		const char shown[] = {'-', *letters, '\0'};
		if (!o->help && *letters == 'h')
			help(p, NULL);
		if (!o->help) {
			autofree char *text = xasprintf("unknown option '%s'", shown);
			usage_error(p, text);
		}
		if (o->value) {
			store(o, take_value(p, shown, letters[1] ? letters + 1 : NULL));
			return;
		}
		store(o, NULL);
	}
}

void cli_parse(const struct command *cmd, const char *usage, const char *epilogue,
	const struct option_spec *options, int argc, char **argv, struct strlist *rest)
{
	struct parser p = {.page = {cmd, usage, epilogue, options},
		.cmd = cmd,
		.options = options,
		.argc = argc,
		.argv = argv,
		.next = 1};
	bool only_words = false;

	if (diverted) {
		diverted(options);
		exit(EXIT_OK);
	}
	while (p.next < argc) {
		const char *word = argv[p.next++];
		if (only_words || word[0] != '-' || word[1] == '\0')
			strlist_add(rest, word);
		else if (strcmp(word, "--") == 0)
			only_words = true;
		else if (str_starts(word, "--help") && (!word[6] || word[6] == '='))
			help(&p, word[6] ? word + 7 : NULL);
		else if (word[1] == '-')
			parse_long(&p, word + 2);
		else
			parse_letters(&p, word + 1);
	}
}

int cli_error(const struct err *err)
{
	fprintf(stderr, "modelfleet: %s\n", err->text);
	return EXIT_CANNOT_RUN;
}

/* Set once, before anything is told. */
static bool warns_as_ansible;

void cli_warn_as_ansible(void)
{
	warns_as_ansible = true;
}

static void log_as_ansible(enum log_level level, const char *line)
{
	if (level == LOG_WARNING)
		fprintf(stderr, "[WARNING]: %s\n", line);
	else
		log_to_stderr(level, line);
}

static void add_diag(const struct diag *d, struct strbuf *out)
{
	if (!warns_as_ansible || d->level != DIAG_WARNING) {
		diag_format(d, out);
		return;
	}
	strbuf_addstr(out, "[WARNING]: ");
	place_format(
		&(struct place){.file = d->file, .line = d->line, .column = d->column}, out);
	strbuf_addf(out, "%s\n", d->text);
}

void cli_print_diags(const struct diags *d)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < d->count; i++)
		add_diag(&d->items[i], &text);
	if (d->dropped)
		strbuf_addf(&text, "and %zu more\n", d->dropped);
	if (d->errors)
		strbuf_addf(&text, "%zu error%s; nothing was changed\n", d->errors,
			d->errors == 1 ? "" : "s");
	fwrite(text.data, 1, text.len, stderr);
}

void cli_verbosity(int count)
{
	static const enum log_level levels[] = {LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_TRACE};
	size_t i = count < 0 ? 0 : (size_t)count;

	if (i >= ARRAY_SIZE(levels))
		i = ARRAY_SIZE(levels) - 1;
	log_setup(warns_as_ansible ? log_as_ansible : log_to_stderr, levels[i]);
}

/* Set once by --color while options are read; asked by every printer. */
static enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } color_mode;

const char *const cli_color_words[] = {"auto", "always", "never", NULL};

bool cli_set_color(const char *when)
{
	for (unsigned i = 0; cli_color_words[i]; i++) {
		if (strcmp(when, cli_color_words[i]) == 0) {
			color_mode = i;
			return true;
		}
	}
	return false;
}

bool cli_use_color(FILE *f)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (color_mode != COLOR_AUTO)
		return color_mode == COLOR_ALWAYS;
	if (no_color && *no_color)
		return false;
	return isatty(fileno(f)) && term && strcmp(term, "dumb") != 0;
}

void cli_paint(struct strbuf *out, const char *color, const char *text)
{
	if (cli_use_color(stdout))
		strbuf_addf(out, "\033[%sm%s\033[0m", color, text);
	else
		strbuf_addstr(out, text);
}
