/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet inventory: shows the inventory as it was understood, in the forms and with the
 * keys of ansible-inventory, so that a program can compare the two. Values are shown as they
 * were written: templates not rendered, vaults closed (--graph --vars opens them, as Ansible's
 * does).
 */
#include <stdio.h>

#include "base/vec.h"
#include "cli/site.h"
#include "template/template.h"
#include "value/json.h"
#include "value/yaml_emit.h"

struct inventory_command {
	struct site_options site_options;
	bool list;
	bool graph;
	const char *host;
	bool with_vars;
	bool yaml;
	bool export;
	const char *group; /* where --graph starts */

	struct site site;
	struct arena arena;  /* of what is printed */
	struct strmap seen;  /* groups or hosts that were shown */
	bool *allowed;       /* by host.index: selected by --limit */
	bool playbook_given; /* --playbook-dir or the setting, not just the working directory */
	struct err err;
};

/* Variables that Ansible makes up; never part of an inventory. */
static const char *const internal_vars[] = {"ansible_diff_mode", "ansible_config_file",
	"ansible_facts", "ansible_forks", "ansible_inventory_sources", "ansible_limit",
	"ansible_playbook_python", "ansible_run_tags", "ansible_skip_tags", "ansible_verbosity",
	"ansible_version", "inventory_dir", "inventory_file", "inventory_hostname",
	"inventory_hostname_short", "groups", "group_names", "omit", "playbook_dir"};

static bool is_internal(const struct value *key)
{
	const char *name = value_text(key);

	for (size_t i = 0; name && i < ARRAY_SIZE(internal_vars); i++)
		if (!strcmp(name, internal_vars[i]))
			return true;
	return false;
}

/* A copy in which !unsafe strings are marked as Ansible's JSON marks them. */
static const struct value *mark_unsafe(struct arena *arena, const struct value *value)
{
	struct value *made;

	if (value->kind == VALUE_STRING && value->tagged_unsafe) {
		made = value_new_dict(arena);
		value_dict_set(arena, made, "__ansible_unsafe",
			value_new_stringn(arena, value->text, value->len));
		return made;
	}
	if (value->kind == VALUE_LIST || value->kind == VALUE_TUPLE) {
		made = value_new_list(arena);
		for (size_t i = 0; i < value->count; i++)
			value_list_add(arena, made, mark_unsafe(arena, value->items[i]));
		return made;
	}
	if (value->kind != VALUE_DICT)
		return value;
	made = value_new_dict(arena);
	value_dict_foreach (p, value)
		value_dict_set_value(arena, made, p->key, mark_unsafe(arena, p->value));
	return made;
}

static const struct value *without_internal(
	struct inventory_command *c, const struct value *vars)
{
	struct value *kept = value_new_dict(&c->arena);

	value_dict_foreach (p, vars)
		if (!is_internal(p->key))
			value_dict_set_value(&c->arena, kept, p->key, p->value);
	return kept;
}

/* The variables of a host; NULL with c->err. */
static const struct value *host_vars(struct inventory_command *c, const struct host *host)
{
	const struct value *vars = NULL;
	struct vars_view *view;

	if (c->export) {
		vars = vars_of_host(c->site.vars, host, c->playbook_given, &c->arena, &c->err);
		return vars ? without_internal(c, vars) : NULL;
	}
	view = vars_view_new(c->site.vars, host);
	if (vars_view_check(view, &c->err) == 0)
		vars = without_internal(c, vars_all(view, false, &c->arena));
	vars_view_free(view);
	return vars;
}

/* The variables of a group; NULL with c->err. */
static const struct value *group_vars(struct inventory_command *c, const struct group *group)
{
	const struct value *vars =
		vars_of_group(c->site.vars, group, c->playbook_given, &c->arena, &c->err);

	return vars ? without_internal(c, vars) : NULL;
}

static bool is_allowed(const struct inventory_command *c, const struct host *host)
{
	return host->implicit || c->allowed[host->index];
}

static const struct value *host_names(struct inventory_command *c, const struct group *group)
{
	struct value *names = value_new_list(&c->arena);

	for (size_t i = 0; i < group->hosts.count; i++)
		if (is_allowed(c, group->hosts.items[i]))
			value_list_add(&c->arena, names,
				value_new_string(&c->arena, group->hosts.items[i]->name));
	return names;
}

static const struct value *child_names(struct inventory_command *c, const struct group *group)
{
	struct value *names = value_new_list(&c->arena);

	for (size_t i = 0; i < group->children.count; i++)
		value_list_add(&c->arena, names,
			value_new_string(&c->arena, group->children.items[i]->name));
	return names;
}

/* Sets a key unless the value is empty; -1 when there is no value, because making it failed. */
static int set_unless_empty(
	struct inventory_command *c, struct value *dict, const char *key, const struct value *v)
{
	if (v && value_truthy(v))
		value_dict_set(&c->arena, dict, key, v);
	return v ? 0 : -1;
}

/* --list as JSON: every group once, a flat mapping. */
static int list_group(struct inventory_command *c, const struct group *group, struct value *out)
{
	struct value *entry = value_new_dict(&c->arena);

	strmap_set(&c->seen, group->name, NULL);
	if (group != c->site.inventory.all)
		set_unless_empty(c, entry, "hosts", host_names(c, group));
	set_unless_empty(c, entry, "children", child_names(c, group));
	if (c->export && set_unless_empty(c, entry, "vars", group_vars(c, group)) < 0)
		return -1;
	set_unless_empty(c, out, group->name, entry);
	for (size_t i = 0; i < group->children.count; i++)
		if (!strmap_has(&c->seen, group->children.items[i]->name) &&
			list_group(c, group->children.items[i], out) < 0)
			return -1;
	return 0;
}

static const struct value *list_json(struct inventory_command *c)
{
	struct value *out = value_new_dict(&c->arena), *meta = value_new_dict(&c->arena);
	struct value *hostvars = value_new_dict(&c->arena);

	if (list_group(c, c->site.inventory.all, out) < 0)
		return NULL;
	for (size_t i = 0; i < c->site.hosts.count; i++) {
		const struct host *host = c->site.hosts.items[i];
		if (set_unless_empty(c, hostvars, host->name, host_vars(c, host)) < 0)
			return NULL;
	}
	value_dict_set(&c->arena, meta, "hostvars", hostvars);
	value_dict_set(&c->arena, out, "_meta", meta);
	return out;
}

/* --list as YAML: groups within groups, each host's variables where it comes first. */
static const struct value *list_yaml_hosts(
	struct inventory_command *c, const struct group *group)
{
	struct value *hosts = value_new_dict(&c->arena);

	for (size_t i = 0; i < group->hosts.count; i++) {
		const struct host *host = group->hosts.items[i];
		bool seen = strmap_has(&c->seen, host->name);
		if (!is_allowed(c, host))
			continue;
		const struct value *vars =
			seen ? value_new_dict(&c->arena) : host_vars(c, host);
		if (!vars)
			return NULL;
		strmap_set(&c->seen, host->name, NULL);
		value_dict_set(&c->arena, hosts, host->name, vars);
	}
	return hosts;
}

static const struct value *list_yaml(struct inventory_command *c, const struct group *group)
{
	struct value *entry = value_new_dict(&c->arena), *children = value_new_dict(&c->arena);

	for (size_t i = 0; i < group->children.count; i++) {
		const struct value *child = list_yaml(c, group->children.items[i]);
		if (!child)
			return NULL;
		value_dict_set(&c->arena, children, group->children.items[i]->name, child);
	}
	set_unless_empty(c, entry, "children", children);
	if (group != c->site.inventory.all &&
		set_unless_empty(c, entry, "hosts", list_yaml_hosts(c, group)) < 0)
		return NULL;
	if (c->export && set_unless_empty(c, entry, "vars", group_vars(c, group)) < 0)
		return NULL;
	return entry;
}

static void graph_line(struct strbuf *out, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		strbuf_addstr(out, "  |");
	if (depth > 0)
		strbuf_addstr(out, "--");
}

static int by_key(const void *left, const void *right)
{
	const struct value_pair *a = left, *b = right;

	return str_cmp0(value_text(a->key), value_text(b->key));
}

static int graph_vars(struct inventory_command *c, const struct value *vars, unsigned depth,
	struct strbuf *out)
{
	struct value_pair *sorted;

	if (!vars)
		return -1;
	sorted = arena_memdup(&c->arena, vars->pairs, vars->pair_count * sizeof(*sorted));
	qsort(sorted, vars->pair_count, sizeof(*sorted), by_key);
	for (size_t i = 0; i < vars->pair_count; i++) {
		const struct value *value =
			secrets_reveal(&c->site.secrets, &c->arena, sorted[i].value, &c->err);
		graph_line(out, depth);
		strbuf_addch(out, '{');
		if (!value || template_str(sorted[i].key, out, &c->err) < 0)
			return -1;
		strbuf_addstr(out, " = ");
		if (template_str(value, out, &c->err) < 0)
			return -1;
		strbuf_addstr(out, "}\n");
	}
	return 0;
}

static int graph_group(struct inventory_command *c, const struct group *group, unsigned depth,
	struct strbuf *out)
{
	graph_line(out, depth++);
	strbuf_addf(out, "@%s:\n", group->name);
	for (size_t i = 0; i < group->children.count; i++)
		if (graph_group(c, group->children.items[i], depth, out) < 0)
			return -1;
	for (size_t i = 0; group != c->site.inventory.all && i < group->hosts.count; i++) {
		const struct host *host = group->hosts.items[i];
		if (!is_allowed(c, host))
			continue;
		graph_line(out, depth);
		strbuf_addf(out, "%s\n", host->name);
		if (c->with_vars && graph_vars(c, host_vars(c, host), depth + 1, out) < 0)
			return -1;
	}
	return c->with_vars ? graph_vars(c, group_vars(c, group), depth, out) : 0;
}

static int show_graph(struct inventory_command *c, struct strbuf *out)
{
	const struct group *start =
		inventory_group(&c->site.inventory, c->group ? c->group : "all");

	if (!start)
		return err_set(&c->err, ERR_USAGE,
			"--graph starts at a group, and '%s' is none", c->group);
	return graph_group(c, start, 0, out);
}

/* Writes a mapping as --yaml wants it, or as JSON. */
static int write_value(struct inventory_command *c, const struct value *v, struct strbuf *out)
{
	static const struct yaml_emit_options yaml = {
		.flow = YAML_BLOCK, .sort_keys = true, .unicode = true};
	struct json_write_options json = {.indent = 4, .sort_keys = true, .mark_vault = true};

	if (!v)
		return -1;
	if (c->yaml)
		return yaml_emit(v, &yaml, out, &c->err);
	v = mark_unsafe(&c->arena, v);
	if (json_write(v, &json, out, &c->err) < 0) {
		/* Keys of different kinds have no order; then the one of the sources. */
		strbuf_clear(out);
		json.sort_keys = false;
		if (json_write(v, &json, out, &c->err) < 0)
			return -1;
	}
	strbuf_addch(out, '\n');
	return 0;
}

static int show_host(struct inventory_command *c, struct strbuf *out)
{
	struct host_list hosts = {0};
	AUTO(diags_release) struct diags diags = {0};
	int rc = pattern_select(&c->site.inventory, &c->site.config, c->host,
		c->site_options.limit, &hosts, &diags, &c->err);

	cli_print_diags(&diags);
	if (rc == 0 && hosts.count != 1)
		rc = err_set(&c->err, ERR_USAGE,
			"--host takes the name of one host; '%s' matches %zu", c->host,
			hosts.count);
	if (rc == 0)
		rc = write_value(c, host_vars(c, hosts.items[0]), out);
	free(hosts.items);
	return rc;
}

static int show_list(struct inventory_command *c, struct strbuf *out)
{
	const struct value *all;
	struct value *top;

	if (!c->yaml)
		return write_value(c, list_json(c), out);
	all = list_yaml(c, c->site.inventory.all);
	if (!all)
		return -1;
	top = value_new_dict(&c->arena);
	value_dict_set(&c->arena, top, "all", all);
	return write_value(c, top, out);
}

static int show(struct inventory_command *c)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	int rc;

	c->allowed = xcalloc(c->site.inventory.hosts.count + 1, sizeof(bool));
	for (size_t i = 0; i < c->site.hosts.count; i++)
		if (!c->site.hosts.items[i]->implicit)
			c->allowed[c->site.hosts.items[i]->index] = true;
	if (c->host)
		rc = show_host(c, &out);
	else
		rc = c->graph ? show_graph(c, &out) : show_list(c, &out);
	if (rc < 0)
		return cli_error(&c->err);
	fwrite(out.data, 1, out.len, stdout);
	return EXIT_OK;
}

static int check_usage(struct inventory_command *c, const struct strlist *rest)
{
	int actions = c->list + c->graph + (c->host != NULL);

	if (actions != 1)
		return err_set(&c->err, ERR_USAGE,
			"say what to show: one of --list, --host HOST and --graph");
	if (rest->count > 1)
		return err_set(&c->err, ERR_USAGE, "unexpected argument '%s'", rest->items[1]);
	if (rest->count == 1 && !c->graph)
		return err_set(&c->err, ERR_USAGE,
			"unexpected argument '%s'; only --graph takes a group", rest->items[0]);
	c->group = rest->count == 1 ? rest->items[0] : NULL;
	return 0;
}

static int parse(struct inventory_command *c, const struct command *cmd, int argc, char **argv,
	struct strlist *rest)
{
	const struct option_spec options[] = {
		{0, "list", OPTION_FLAG, NULL, "groups, hosts and their variables", &c->list},
		{0, "host", OPTION_STRING, "HOST", "the variables of one host", &c->host},
		{0, "graph", OPTION_FLAG, NULL, "groups and hosts as a tree", &c->graph},
		{0, "vars", OPTION_FLAG, NULL, "with --graph: variables too", &c->with_vars},
		{'y', "yaml", OPTION_FLAG, NULL, "YAML instead of JSON", &c->yaml},
		{0, "export", OPTION_FLAG, NULL,
			"variables where they are, not all at each host", &c->export},
		{0, "playbook-dir", OPTION_STRING, "DIR",
			"whose group_vars/ and host_vars/ count (here)",
			&c->site_options.playbook_dir},
		SITE_OPTIONS(&c->site_options),
		{0},
	};

	cli_parse(cmd, "(--list | --host HOST | --graph [GROUP]) [OPTIONS]",
		"Shows what ansible-inventory shows, key for key.", options, argc, argv, rest);
	return check_usage(c, rest);
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct inventory_command c = {0};
	AUTO(strlist_release) struct strlist rest = {0};
	int code;

	if (parse(&c, cmd, argc, argv, &rest) < 0) {
		code = cli_error(&c.err);
	} else {
		c.playbook_given = site_default_playbook_dir(&c.site_options, &c.arena);
		code = site_load(&c.site, &c.site_options);
		c.export = c.export || config_bool(&c.site.config, CONFIG_INVENTORY_EXPORT);
		if (code == EXIT_OK)
			code = show(&c);
		site_release(&c.site);
	}
	free(c.allowed);
	strmap_release(&c.seen, NULL);
	arena_release(&c.arena);
	site_options_release(&c.site_options);
	return code;
}

const struct command cmd_inventory = {.name = "inventory",
	.arguments = "GROUP",
	.summary = "Shows hosts, groups and variables",
	.run = run};
