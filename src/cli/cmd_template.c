/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet template: renders a Jinja2 template to standard output, with variables from files
 * and the command line, or as a host of an inventory sees them.
 */
#include <stdio.h>

#include "base/fd.h"
#include "base/path.h"
#include "cli/site.h"
#include "template/template.h"
#include "value/yaml.h"

#define SOURCE_MAX TEMPLATE_MAX_SOURCE

struct template_command {
	struct site_options site_options;
	struct strlist vars_files;
	const char *host; /* NULL: no inventory */
	const char *file;

	struct site site;
	struct vars_view *view;    /* with a host */
	const struct value *extra; /* without one: -e, and the files */
	struct value *from_files;
	struct arena arena;
	struct strbuf source;
	struct strbuf out;
	struct err err;
};

/* A variable of the host; what vars gives is evaluated and not templated again. */
static const struct value *lookup_host(
	void *data, const struct value_key *name, struct err *err)
{
	struct template_command *c = data;

	return vars_raw(c->view, name->text) ? vars_get(c->view, name->text, err) : NULL;
}

static const struct value *lookup_plain(
	void *data, const struct value_key *name, struct err *err)
{
	const struct template_command *c = data;
	const struct value *v = value_dict_get(c->extra, name->text);

	(void)err;
	return v ? v : value_dict_get(c->from_files, name->text);
}

static int read_vars(struct template_command *c, const char *path)
{
	struct diags diags = {0};
	const struct value *vars = yaml_read_file(&c->arena, path, NULL, &diags, &c->err);

	cli_print_diags(&diags);
	diags_release(&diags);
	if (!vars)
		return -1;
	if (vars->kind == VALUE_NULL)
		return 0;
	if (vars->kind != VALUE_DICT)
		return err_set(&c->err, ERR_INPUT,
			"%s: found %s, expected a mapping of variables", path,
			value_kind_name(vars));
	if (c->view)
		vars_view_add(c->view, VARS_PLAY_FILE, path, vars);
	value_dict_foreach (pair, vars)
		value_dict_set_value(&c->arena, c->from_files, pair->key, pair->value);
	return 0;
}

/* Where variables come from: the host's view, or only the files and -e. */
static int open_variables(struct template_command *c)
{
	c->from_files = value_new_dict(&c->arena);
	if (c->host) {
		const struct host *host = inventory_host(&c->site.inventory, c->host);
		if (!host)
			return err_set(&c->err, ERR_NOTFOUND, "no host is named '%s'", c->host);
		c->view = vars_view_new(c->site.vars, host);
	} else {
		c->extra = vars_parse_extra(&c->site_options.extra, NULL, &c->arena, &c->err);
		if (!c->extra)
			return -1;
	}
	for (size_t i = 0; i < c->vars_files.count; i++) {
		if (read_vars(c, c->vars_files.items[i]) < 0)
			return -1;
	}
	return 0;
}

/* Shows the line that an error names, if it is one of the template's. */
static void print_caret(const struct template_command *c)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t n = strlen(c->file);
	unsigned line = 0;
	unsigned column = 0;

	if (strncmp(c->err.text, c->file, n) != 0 ||
		sscanf(c->err.text + n, ":%u:%u:", &line, &column) != 2)
		return;
	template_caret(c->source.data, c->source.len, line, column, &text);
	fputs(text.data, stderr);
}

static int render(struct template_command *c)
{
	const struct place at = {.file = c->file, .line = 1, .column = 1};
	struct template_search search = {0};
	struct template_context ctx;
	const char *path = strcmp(c->file, "-") == 0 ? "/dev/stdin" : c->file;
	autofree char *dir = path_dirname(c->file);

	if (file_read(path, SOURCE_MAX, &c->source, &c->err) < 0)
		return -1;
	const struct template *t = template_compile(
		&c->arena, c->source.data, c->source.len, &at, &template_syntax_file, &c->err);
	if (!t)
		return -1;
	strlist_add(&search.paths, dir);
	template_context_init(&ctx, &c->arena);
	ctx.lookup = c->host ? lookup_host : lookup_plain;
	ctx.data = c;
	ctx.files = &template_files_local;
	ctx.files_data = &search;
	int rc = template_render(&ctx, t, NULL, &c->out, &c->err);
	template_context_release(&ctx);
	strlist_release(&search.paths);
	return rc;
}

static int parse(struct template_command *c, const struct command *cmd, int argc, char **argv,
	struct strlist *rest)
{
	const struct option_spec options[] = {
		{0, "host", OPTION_STRING, "HOST",
			"see variables as this host of the inventory", &c->host},
		{0, "vars", OPTION_LIST, "FILE", "variables in YAML or JSON", &c->vars_files},
		SITE_OPTIONS(&c->site_options),
		{0},
	};

	cli_parse(cmd, "FILE [--vars FILE] [-i INVENTORY --host HOST] ...",
		"FILE may be - for standard input. Without --host no inventory is read.",
		options, argc, argv, rest);
	if (rest->count != 1)
		return err_set(
			&c->err, ERR_USAGE, "expected one FILE; found %zu words", rest->count);
	if (c->site_options.inventory.count && !c->host)
		return err_set(&c->err, ERR_USAGE, "-i needs --host: whose variables?");
	c->file = rest->items[0];
	return 0;
}

static int run_command(struct template_command *c)
{
	int code = EXIT_OK;

	cli_verbosity(c->site_options.verbosity);
	if (c->host) {
		site_default_playbook_dir(&c->site_options, &c->arena);
		code = site_load(&c->site, &c->site_options);
	}
	if (code != EXIT_OK)
		return code;
	if (open_variables(c) < 0 || render(c) < 0) {
		code = cli_error(&c->err);
		print_caret(c);
		return code;
	}
	fwrite(c->out.data, 1, c->out.len, stdout);
	return EXIT_OK;
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct template_command c = {.source = STRBUF_INIT, .out = STRBUF_INIT};
	AUTO(strlist_release) struct strlist rest = {0};
	int code;

	if (parse(&c, cmd, argc, argv, &rest) < 0)
		code = cli_error(&c.err);
	else
		code = run_command(&c);
	vars_view_free(c.view);
	if (c.host)
		site_release(&c.site);
	strbuf_release(&c.source);
	strbuf_release(&c.out);
	strlist_release(&c.vars_files);
	arena_release(&c.arena);
	site_options_release(&c.site_options);
	return code;
}

const struct command cmd_template = {.name = "template",
	.arguments = "FILE",
	.summary = "Renders a Jinja2 template with given variables",
	.run = run};
