/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executables that print an inventory as JSON: `PROGRAM --list` gives the groups, and either
 * its `_meta.hostvars` holds the hosts' variables or `PROGRAM --host NAME` is run for each.
 *
 * What a program may take is limited: its time for one run, and the size of its output.
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/spawn.h"
#include "inventory/build.h"

#define SCRIPT_TIMEOUT 60.0

static bool has_shebang(const char *path)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char start[2] = "";

	return fd >= 0 && fd_read_full(fd, start, 2) == 2 && !memcmp(start, "#!", 2);
}

static bool script_wants(const char *source)
{
	return build_is_readable(source) && (access(source, X_OK) == 0 || has_shebang(source));
}

/* Runs PROGRAM --list, or PROGRAM --host NAME. */
static int run_script(const struct builder *b, const char *path, const char *option,
	const char *host, struct spawn_result *result, struct err *err)
{
	const char *argv[] = {path, option, host, NULL};
	double timeout = b->options->script_timeout;
	struct spawn_options options = {
		.argv = argv,
		.output_max = INVENTORY_MAX_OUTPUT,
		.until = deadline_in(timeout > 0 ? timeout : SCRIPT_TIMEOUT),
		.cancel = b->options->cancel,
	};

	if (spawn_run(&options, result, err) < 0)
		return err_wrap(err, "%s %s", path, option);
	return 0;
}

/* The end of what a program wrote to standard error, for messages. */
static const char *complaint(struct spawn_result *result)
{
	size_t len;

	strbuf_rtrim(&result->err);
	len = result->err.len;
	return len == 0 ? "it printed no reason"
			: result->err.data + (len > 500 ? len - 500 : 0);
}

static int read_members(struct builder *b, struct group *group, const struct value *hosts,
	struct strmap *seen, struct err *err)
{
	if (hosts->kind != VALUE_LIST)
		return err_set(err, ERR_INPUT, "hosts of group '%s' must be a list, found %s",
			group->name, value_kind_name(hosts));
	for (size_t i = 0; i < hosts->count; i++) {
		const struct value *name = hosts->items[i];
		if (!value_is_string(name))
			return err_set(err, ERR_INPUT,
				"a host of group '%s' must be a string, found %s", group->name,
				value_kind_name(name));
		if (!build_host(b, name->text, group, -1, &name->place, err))
			return -1;
		strmap_set(seen, name->text, NULL);
	}
	return 0;
}

static int read_vars(
	struct builder *b, const char *entity, const struct value *vars, struct err *err)
{
	if (vars->kind != VALUE_DICT)
		return err_set(err, ERR_INPUT, "variables of '%s' must be an object, found %s",
			entity, value_kind_name(vars));
	value_dict_foreach (p, vars)
		if (build_var(b, entity, p->key->text, p->value, &p->key->place, err) < 0)
			return -1;
	return 0;
}

static int read_child(
	struct builder *b, struct group *group, const struct value *name, struct err *err)
{
	struct group *child;

	if (!value_is_string(name))
		return err_set(err, ERR_INPUT,
			"a child of group '%s' must be a string, found %s", group->name,
			value_kind_name(name));
	child = build_group(b, name->text, &name->place, err);
	return child ? build_child(b, group, child, err) : -1;
}

static int read_children(
	struct builder *b, struct group *group, const struct value *children, struct err *err)
{
	if (children->kind == VALUE_DICT) {
		value_dict_foreach (p, children)
			if (read_child(b, group, p->key, err) < 0)
				return -1;
		return 0;
	}
	if (children->kind != VALUE_LIST)
		return err_set(err, ERR_INPUT,
			"children of group '%s' must be a list, found %s", group->name,
			value_kind_name(children));
	for (size_t i = 0; i < children->count; i++)
		if (read_child(b, group, children->items[i], err) < 0)
			return -1;
	return 0;
}

/* {"hosts", "vars", "children"}, or a list of hosts, or the variables of one host. */
static int read_group(struct builder *b, const struct value *key, const struct value *data,
	struct strmap *seen, struct err *err)
{
	struct group *group = build_group(b, key->text, &key->place, err);
	const struct value *hosts = value_dict_get(data, "hosts");
	const struct value *vars = value_dict_get(data, "vars");
	const struct value *children = value_dict_get(data, "children");

	if (!group)
		return -1;
	if (data->kind != VALUE_DICT)
		return read_members(b, group, data, seen, err);
	if (!hosts && !vars && !children) {
		if (!build_host(b, group->name, group, -1, &key->place, err))
			return -1;
		strmap_set(seen, group->name, NULL);
		return read_vars(b, group->name, data, err);
	}
	if (hosts && read_members(b, group, hosts, seen, err) < 0)
		return -1;
	if (vars && read_vars(b, group->name, vars, err) < 0)
		return -1;
	return children ? read_children(b, group, children, err) : 0;
}

static int ask_host(struct builder *b, const char *source, const char *name, struct err *err)
{
	AUTO(spawn_result_release)
	struct spawn_result result = {.out = STRBUF_INIT, .err = STRBUF_INIT};
	const struct value *vars;

	if (run_script(b, source, "--host", name, &result, err) < 0)
		return -1;
	strbuf_rtrim(&result.out);
	if (result.out.len == 0)
		return 0;
	vars = datafile_parse(
		b->inventory->arena, result.out.data, result.out.len, source, b->diags, err);
	if (!vars || read_vars(b, name, vars, err) < 0)
		return err_wrap(err, "%s --host %s", source, name);
	return 0;
}

/* Variables of the hosts that the program named, from _meta or one by one. */
static int read_host_vars(struct builder *b, const char *source, const struct strmap *seen,
	const struct value *meta, struct err *err)
{
	const struct value *all = value_dict_get(meta, "hostvars");

	if (all && all->kind != VALUE_DICT)
		return err_set(err, ERR_INPUT, "_meta.hostvars must be an object, found %s",
			value_kind_name(all));
	strmap_foreach (e, seen) {
		if (!all) {
			if (ask_host(b, source, e->key, err) < 0)
				return -1;
			continue;
		}
		const struct value *vars = value_dict_get(all, e->key);
		if (vars && read_vars(b, e->key, vars, err) < 0)
			return -1;
	}
	return 0;
}

static int read_groups(struct builder *b, const char *source, const struct value *list,
	struct strmap *seen, struct err *err)
{
	const struct value *meta = NULL;

	value_dict_foreach (p, list) {
		if (!strcmp(p->key->text, "_meta"))
			meta = p->value;
		else if (read_group(b, p->key, p->value, seen, err) < 0)
			return -1;
	}
	return read_host_vars(b, source, seen, meta, err);
}

int script_read_list(
	struct builder *b, const struct value *list, const char *source, struct err *err)
{
	struct strmap seen = {0};
	int rc;

	if (list->kind != VALUE_DICT)
		return err_set(err, ERR_INPUT, "%s --list must print an object, found %s",
			source, value_kind_name(list));
	rc = read_groups(b, source, list, &seen, err);
	strmap_release(&seen, NULL);
	return rc < 0 ? err_wrap(err, "%s --list", source) : 0;
}

static int script_read(struct builder *b, const char *source, struct err *err)
{
	AUTO(spawn_result_release)
	struct spawn_result result = {.out = STRBUF_INIT, .err = STRBUF_INIT};
	const struct value *list;

	if (run_script(b, source, "--list", NULL, &result, err) < 0)
		return -1;
	if (spawn_exit_code(result.status) != 0)
		return err_set(err, ERR_INPUT, "%s --list failed with exit code %d: %s", source,
			spawn_exit_code(result.status), complaint(&result));
	list = datafile_parse_json(
		b->inventory->arena, result.out.data, result.out.len, source, err);
	if (!list)
		return err_wrap(err, "%s --list", source);
	return script_read_list(b, list, source, err);
}

const struct reader reader_script = {"script", script_wants, script_read};
