/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet vars: the value of a variable on a host, and with --why the file and line that
 * gave it and all that it beat.
 */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/site.h"
#include "template/template.h"
#include "value/json.h"

struct vars_command {
	struct site_options site_options;
	bool why;
	bool raw;
	bool json;
	const char *host;
	const char *name; /* NULL: all */

	struct site site;
	struct vars_view *view;
	char here[PATH_MAX]; /* the working directory with a slash, or empty */
	struct arena arena;
	struct strbuf out;
	struct err err;
};

static bool holds_vault(const struct value *value)
{
	if (value->kind == VALUE_LIST || value->kind == VALUE_TUPLE) {
		for (size_t i = 0; i < value->count; i++)
			if (holds_vault(value->items[i]))
				return true;
	} else if (value->kind == VALUE_DICT) {
		value_dict_foreach (p, value)
			if (holds_vault(p->value))
				return true;
	}
	return value->kind == VALUE_VAULT;
}

/* A copy in which a word stands for each vault. */
static const struct value *hide_vaults(struct arena *arena, const struct value *value)
{
	struct value *made;

	if (value->kind == VALUE_VAULT)
		return value_new_string(arena, "(encrypted)");
	if (!holds_vault(value))
		return value;
	if (value->kind == VALUE_DICT) {
		made = value_new_dict(arena);
		value_dict_foreach (p, value)
			value_dict_set_value(arena, made, p->key, hide_vaults(arena, p->value));
		return made;
	}
	made = value_new_list(arena);
	for (size_t i = 0; i < value->count; i++)
		value_list_add(arena, made, hide_vaults(arena, value->items[i]));
	return made;
}

/* A value in one line, for people: strings in quotes, vaults closed. */
static int add_value(struct vars_command *c, const struct value *value)
{
	if (value->kind == VALUE_OBJECT)
		return template_str(value, &c->out, &c->err);
	return json_write(hide_vaults(&c->arena, value), NULL, &c->out, &c->err);
}

/* Where a claim was written, below the working directory relative to it. */
static void add_place(struct vars_command *c, const struct place *place)
{
	struct place shown = *place;

	if (shown.file && c->here[0] && str_starts(shown.file, c->here))
		shown.file += strlen(c->here);
	size_t before = c->out.len;
	place_format(&shown, &c->out);
	if (c->out.len >= before + 2)
		strbuf_truncate(&c->out, c->out.len - 2);
}

static int add_claim(struct vars_command *c, const struct vars_claim *claim, bool winner)
{
	strbuf_addstr(&c->out, winner ? "  won:  " : "  beat: ");
	if (claim->place.file) {
		add_place(c, &claim->place);
		strbuf_addstr(&c->out, "  ");
	}
	strbuf_addf(&c->out, "%s%s%s%s: ", vars_level_name(claim->level),
		claim->label ? " (" : "", claim->label ? claim->label : "",
		claim->label ? ")" : "");
	if (add_value(c, claim->value) < 0)
		return -1;
	strbuf_addch(&c->out, '\n');
	return 0;
}

static int add_claims(struct vars_command *c, const char *name)
{
	const struct vars_claim *claims;
	size_t count = vars_explain(c->view, name, &claims);

	for (size_t i = 0; i < count; i++)
		if (add_claim(c, &claims[i], i == 0) < 0)
			return -1;
	return 0;
}

/*
 * The value to show. In a list of all variables secrets stay closed; who names one wants to
 * see it.
 */
static const struct value *shown_value(struct vars_command *c, const char *name)
{
	const struct value *raw = vars_raw(c->view, name);

	if (raw && (c->raw || (!c->name && holds_vault(raw))))
		return raw;
	return vars_get(c->view, name, &c->err);
}

/* One variable by its name: the bare text of a string, JSON for everything else. */
static int show_one(struct vars_command *c)
{
	const struct json_write_options json = {.indent = 4, .mark_vault = true};
	const struct value *value = shown_value(c, c->name);

	if (!value)
		return -1;
	if (c->why) {
		strbuf_addf(&c->out, "%s = ", c->name);
		if (add_value(c, value) < 0)
			return -1;
		strbuf_addch(&c->out, '\n');
		return add_claims(c, c->name);
	}
	if (value->kind == VALUE_OBJECT) {
		if (template_str(value, &c->out, &c->err) < 0)
			return -1;
	} else if (!c->json && value->kind == VALUE_STRING) {
		strbuf_add(&c->out, value->text, value->len);
	} else if (json_write(value, &json, &c->out, &c->err) < 0) {
		return -1;
	}
	strbuf_addch(&c->out, '\n');
	return 0;
}

static int by_text(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int all_json(struct vars_command *c, const char **names, size_t count)
{
	const struct json_write_options json = {.indent = 4, .mark_vault = true};
	struct value *dict = value_new_dict(&c->arena);

	for (size_t i = 0; i < count; i++) {
		const struct value *value = shown_value(c, names[i]);
		if (!value)
			return -1;
		value_dict_set(&c->arena, dict, names[i], value);
	}
	if (json_write(dict, &json, &c->out, &c->err) < 0)
		return -1;
	strbuf_addch(&c->out, '\n');
	return 0;
}

static int all_lines(struct vars_command *c, const char **names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct value *value = shown_value(c, names[i]);
		strbuf_addf(&c->out, "%s = ", names[i]);
		if (!value) /* one bad variable must not hide the others */
			strbuf_addf(&c->out, "(error: %s)", c->err.text);
		else if (add_value(c, value) < 0)
			return -1;
		strbuf_addch(&c->out, '\n');
		if (c->why && add_claims(c, names[i]) < 0)
			return -1;
	}
	return 0;
}

static int show_all(struct vars_command *c)
{
	const struct value *all = vars_all(c->view, false, &c->arena);
	const char **names = arena_array(&c->arena, all->pair_count + 1, sizeof(*names));
	size_t count = 0;

	value_dict_foreach (p, all)
		if (value_is_string(p->key))
			names[count++] = p->key->text;
	qsort(names, count, sizeof(*names), by_text);
	return c->json ? all_json(c, names, count) : all_lines(c, names, count);
}

static void note_directory(struct vars_command *c)
{
	if (!getcwd(c->here, sizeof(c->here) - 1))
		return;
	size_t n = strlen(c->here);
	c->here[n] = '/';
	c->here[n + 1] = '\0';
}

static int show(struct vars_command *c)
{
	const struct host *host = inventory_host(&c->site.inventory, c->host);

	if (!host)
		return err_set(&c->err, ERR_NOTFOUND, "no host is named '%s'", c->host);
	note_directory(c);
	c->view = vars_view_new(c->site.vars, host);
	return c->name ? show_one(c) : show_all(c);
}

static int parse(struct vars_command *c, const struct command *cmd, int argc, char **argv,
	struct strlist *rest)
{
	const struct option_spec options[] = {
		{'w', "why", OPTION_FLAG, NULL, "where each value comes from and what it beats",
			&c->why},
		{0, "raw", OPTION_FLAG, NULL, "as written: templates and vaults stay closed",
			&c->raw},
		{0, "json", OPTION_FLAG, NULL, "JSON, strings too", &c->json},
		{0, "playbook-dir", OPTION_STRING, "DIR",
			"whose group_vars/ and host_vars/ count (here)",
			&c->site_options.playbook_dir},
		SITE_OPTIONS(&c->site_options),
		{0},
	};

	cli_parse(cmd, "HOST [NAME] [--why] [-i INVENTORY] [OPTIONS]",
		"Without NAME all variables are listed, encrypted ones closed.", options, argc,
		argv, rest);
	if (rest->count < 1 || rest->count > 2)
		return err_set(&c->err, ERR_USAGE,
			"expected HOST and perhaps NAME; found %zu words", rest->count);
	if (c->why && c->json)
		return err_set(&c->err, ERR_USAGE, "--why and --json exclude each other");
	c->host = rest->items[0];
	c->name = rest->count == 2 ? rest->items[1] : NULL;
	return 0;
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct vars_command c = {.out = STRBUF_INIT};
	AUTO(strlist_release) struct strlist rest = {0};
	int code;

	if (parse(&c, cmd, argc, argv, &rest) < 0) {
		code = cli_error(&c.err);
	} else {
		site_default_playbook_dir(&c.site_options, &c.arena);
		code = site_load(&c.site, &c.site_options);
		if (code == EXIT_OK && show(&c) < 0)
			code = cli_error(&c.err);
		if (code == EXIT_OK)
			fwrite(c.out.data, 1, c.out.len, stdout);
		vars_view_free(c.view);
		site_release(&c.site);
	}
	strbuf_release(&c.out);
	arena_release(&c.arena);
	site_options_release(&c.site_options);
	return code;
}

const struct command cmd_vars = {.name = "vars",
	.arguments = "HOST VARIABLE",
	.summary = "Shows a host's variables and where they come from",
	.run = run};
