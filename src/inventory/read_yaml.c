/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML inventories: a mapping of groups, each with `hosts`, `vars` and `children`.
 *
 * A JSON file of that shape is read the same way.
 */
#include "base/path.h"
#include "inventory/build.h"

/* The error of a value: "file:line:column: text". */
static int error_at(const struct value *value, struct err *err)
{
	AUTO(strbuf_release) struct strbuf place = STRBUF_INIT;

	place_format(&value->place, &place);
	if (place.len >= 2)
		strbuf_truncate(&place, place.len - 2);
	return place.len > 0 ? err_wrap(err, "%s", place.data) : -1;
}

/* A name that must be a string: of a group, or of a host. */
static const char *name_of(const struct value *key, const char *what, struct err *err)
{
	if (value_is_string(key))
		return key->text;
	err_set(err, ERR_INPUT, "the name of a %s must be a string, found %s; put it in quotes",
		what, value_kind_name(key));
	error_at(key, err);
	return NULL;
}

static int read_vars(
	struct builder *b, const char *entity, const struct value *vars, struct err *err)
{
	value_dict_foreach (p, vars) {
		const char *name = datafile_key(b->inventory->arena, p->key);
		if (build_var(b, entity, name, p->value, &p->key->place, err) < 0)
			return error_at(p->key, err);
	}
	return 0;
}

static int read_host(struct builder *b, struct group *group, const struct value *key,
	const struct value *vars, struct err *err)
{
	AUTO(strlist_release) struct strlist names = {0};
	const char *pattern = name_of(key, "host", err);
	int64_t port;

	if (!pattern)
		return -1;
	if (build_expand(pattern, &names, &port, err) < 0)
		return error_at(key, err);
	if (vars && vars->kind != VALUE_DICT && value_truthy(vars)) {
		err_set(err, ERR_INPUT, "variables of host '%s' must be a mapping, found %s",
			pattern, value_kind_name(vars));
		return error_at(vars, err);
	}
	for (size_t i = 0; i < names.count; i++) {
		if (!build_host(b, names.items[i], group, port, &key->place, err))
			return error_at(key, err);
		if (vars && vars->kind == VALUE_DICT &&
			read_vars(b, names.items[i], vars, err) < 0)
			return -1;
	}
	return 0;
}

static int read_hosts(
	struct builder *b, struct group *group, const struct value *hosts, struct err *err)
{
	if (hosts->kind == VALUE_STRING)
		return read_host(b, group, hosts, NULL, err);
	value_dict_foreach (p, hosts)
		if (read_host(b, group, p->key, p->value, err) < 0)
			return -1;
	return 0;
}

static int read_group(
	struct builder *b, const struct value *key, const struct value *data, struct err *err);

/* Joins what a child's name stands for: a group, or a host of that name. */
static int join_child(
	struct builder *b, struct group *group, const struct value *key, struct err *err)
{
	struct group *child = strmap_get(&b->inventory->groups, key->text);
	struct host *host = strmap_get(&b->inventory->hosts, key->text);

	if (child)
		return build_child(b, group, child, err) < 0 ? error_at(key, err) : 0;
	if (host) {
		build_member(group, host);
		return 0;
	}
	/* A name that was changed when its group was made is found by making it again. */
	child = build_group(b, key->text, &key->place, err);
	if (!child || build_child(b, group, child, err) < 0)
		return error_at(key, err);
	return 0;
}

static int read_child(struct builder *b, struct group *group, const struct value *key,
	const struct value *data, struct err *err)
{
	if (!name_of(key, "group", err))
		return -1;
	if (data && data->kind != VALUE_DICT && data->kind != VALUE_NULL &&
		!strmap_has(&b->inventory->groups, key->text) &&
		!strmap_has(&b->inventory->hosts, key->text)) {
		err_set(err, ERR_INPUT, "child '%s' must be a mapping or empty, found %s",
			key->text, value_kind_name(data));
		return error_at(data, err);
	}
	if (read_group(b, key, data ? data : &value_null, err) < 0)
		return -1;
	return join_child(b, group, key, err);
}

static int read_children(
	struct builder *b, struct group *group, const struct value *children, struct err *err)
{
	if (children->kind == VALUE_STRING)
		return read_child(b, group, children, NULL, err);
	value_dict_foreach (p, children)
		if (read_child(b, group, p->key, p->value, err) < 0)
			return -1;
	return 0;
}

static int read_group_vars(
	struct builder *b, struct group *group, const struct value *vars, struct err *err)
{
	if (vars->kind != VALUE_STRING)
		return read_vars(b, group->name, vars, err);
	return build_var(b, group->name, vars->text, &value_null, &vars->place, err);
}

static const struct section {
	const char *name;
	int (*read)(struct builder *b, struct group *group, const struct value *data,
		struct err *err);
} sections[] = {
	{"vars", read_group_vars},
	{"children", read_children},
	{"hosts", read_hosts},
};

static const struct section *find_section(const struct value *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		if (value_is_string(key) && !strcmp(key->text, sections[i].name))
			return &sections[i];
	return NULL;
}

/* The three sections must be mappings, empty, or one name. */
static int check_sections(const struct group *group, const struct value *data, struct err *err)
{
	value_dict_foreach (p, data) {
		uint8_t kind = p->value->kind;
		if (!find_section(p->key) || kind == VALUE_DICT || kind == VALUE_NULL ||
			kind == VALUE_STRING)
			continue;
		err_set(err, ERR_INPUT, "'%s' of group '%s' must be a mapping, found %s",
			p->key->text, group->name, value_kind_name(p->value));
		return error_at(p->value, err);
	}
	return 0;
}

static int read_section(
	struct builder *b, struct group *group, const struct value_pair *p, struct err *err)
{
	const struct section *section = find_section(p->key);
	const char *key = datafile_key(b->inventory->arena, p->key);

	if (section)
		return p->value->kind == VALUE_NULL ? 0
						    : section->read(b, group, p->value, err);
	if (p->value->kind == VALUE_DICT)
		diag_warning(b->diags, &p->key->place,
			"key '%s' of group '%s' is skipped; a group has vars, children and "
			"hosts",
			key, group->name);
	else if (p->value->kind != VALUE_NULL)
		diag_warning(b->diags, &p->key->place,
			"key '%s' of group '%s' is skipped; it is no mapping but %s", key,
			group->name, value_kind_name(p->value));
	return 0;
}

static int read_group(
	struct builder *b, const struct value *key, const struct value *data, struct err *err)
{
	const char *name;
	struct group *group;

	if (data->kind != VALUE_DICT && data->kind != VALUE_NULL) {
		diag_warning(b->diags, &key->place,
			"'%s' is skipped: a group must be a mapping, found %s",
			datafile_key(b->inventory->arena, key), value_kind_name(data));
		return 0;
	}
	name = name_of(key, "group", err);
	if (!name)
		return -1;
	group = build_group(b, name, &key->place, err);
	if (!group)
		return error_at(key, err);
	if (data->kind == VALUE_NULL)
		return 0;
	if (check_sections(group, data, err) < 0)
		return -1;
	value_dict_foreach (p, data)
		if (read_section(b, group, p, err) < 0)
			return -1;
	return 0;
}

static int check_shape(const struct value *data, const char *source, struct err *err)
{
	const struct value *plugin;

	if (data->kind != VALUE_DICT && value_truthy(data))
		return err_set(err, ERR_INPUT,
			"%s: a YAML inventory is a mapping of groups, found %s", source,
			value_kind_name(data));
	if (!value_truthy(data))
		return err_set(err, ERR_INPUT, "%s: the YAML file is empty", source);
	plugin = value_dict_get(data, "plugin");
	if (plugin && value_truthy(plugin))
		return err_set(err, ERR_INPUT,
			"%s: this configures an inventory plugin, it is no YAML inventory",
			source);
	return 0;
}

static int yaml_read_source(struct builder *b, const char *source, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *data;

	if (datafile_read(source, b->options->secrets, &text, err) < 0)
		return -1;
	data = datafile_parse(b->inventory->arena, text.data, text.len, source, b->diags, err);
	if (!data || check_shape(data, source, err) < 0)
		return -1;
	value_dict_foreach (p, data)
		if (read_group(b, p->key, p->value, err) < 0)
			return -1;
	return 0;
}

static bool yaml_wants(const char *source)
{
	const char *dot = strrchr(path_basename(source), '.');

	if (!build_is_readable(source))
		return false;
	return !dot || dot == path_basename(source) || !strcmp(dot, ".yaml") ||
	       !strcmp(dot, ".yml") || !strcmp(dot, ".json");
}

const struct reader reader_yaml = {"yaml", yaml_wants, yaml_read_source};

/*
 * A YAML file that configures an inventory plugin is recognised so that it can be refused by
 * name, rather than with a puzzling error of the reader that would try it next.
 */
static int plugin_read(struct builder *b, const char *source, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(arena_release) struct arena scratch = {0};
	const struct value *data, *plugin;

	if (datafile_read(source, b->options->secrets, &text, err) < 0)
		return -1;
	data = datafile_parse(&scratch, text.data, text.len, source, NULL, err);
	if (!data)
		return -1;
	plugin = value_dict_get(data, "plugin");
	if (!plugin || !value_truthy(plugin))
		return err_set(err, ERR_NOTFOUND, "no inventory plugin is named");
	return err_set(err, ERR_UNSUPPORTED,
		"%s: inventory plugin '%s' is not supported; have a program print the "
		"inventory as JSON instead (ansible-inventory -i %s --list)",
		source, datafile_key(&scratch, plugin), path_basename(source));
}

static bool plugin_wants(const char *source)
{
	return (str_ends(source, ".yaml") || str_ends(source, ".yml")) &&
	       build_is_readable(source);
}

const struct reader reader_plugin = {"auto", plugin_wants, plugin_read};
