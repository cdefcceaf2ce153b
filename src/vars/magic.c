/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Magic variables: what is known about the host and the run without anybody writing it down.
 */
#include <limits.h>
#include <unistd.h>

#include "inventory/pattern.h"
#include "vars/site.h"

/* The version whose meaning templates and inventories have here; playbooks compare it. */
#define ANSIBLE_MAJOR    2
#define ANSIBLE_MINOR    19
#define ANSIBLE_REVISION 0

static void set_string(struct arena *arena, struct value *dict, const char *name, const char *s)
{
	if (s)
		value_dict_set(arena, dict, name, value_new_string(arena, s));
	else
		value_dict_set(arena, dict, name, &value_null);
}

static void set_int(struct arena *arena, struct value *dict, const char *name, int64_t i)
{
	value_dict_set(arena, dict, name, value_new_int(arena, i));
}

static struct value *version(struct arena *arena)
{
	struct value *dict = value_new_dict(arena);
	const char *text =
		arena_printf(arena, "%d.%d.%d", ANSIBLE_MAJOR, ANSIBLE_MINOR, ANSIBLE_REVISION);

	set_string(arena, dict, "string", text);
	set_string(arena, dict, "full", text);
	set_int(arena, dict, "major", ANSIBLE_MAJOR);
	set_int(arena, dict, "minor", ANSIBLE_MINOR);
	set_int(arena, dict, "revision", ANSIBLE_REVISION);
	return dict;
}

/* Every group with the names of its hosts. */
static struct value *groups(const struct inventory *inventory, struct arena *arena)
{
	struct value *dict = value_new_dict(arena);

	strmap_foreach (e, &inventory->groups) {
		struct value *names = value_new_list(arena);
		struct host_list hosts = {0};
		inventory_group_hosts(inventory, e->value, &hosts);
		for (size_t i = 0; i < hosts.count; i++)
			value_list_add(
				arena, names, value_new_string(arena, hosts.items[i]->name));
		free(hosts.items);
		value_dict_set(arena, dict, e->key, names);
	}
	return dict;
}

static struct value *string_list(struct arena *arena, const char *const *items, size_t count)
{
	struct value *list = value_new_list(arena);

	for (size_t i = 0; i < count; i++)
		value_list_add(arena, list, value_new_string(arena, items[i]));
	return list;
}

const struct value *magic_shared(const struct inventory *inventory,
	const struct vars_site_options *options, struct arena *arena)
{
	static const char *const all_tags[] = {"all"};
	struct value *dict = value_new_dict(arena);
	char cwd[PATH_MAX];
	const char *here = getcwd(cwd, sizeof(cwd)) ? cwd : ".";

	value_dict_set(arena, dict, "ansible_version", version(arena));
	set_string(arena, dict, "playbook_dir",
		inventory->playbook_dir ? inventory->playbook_dir : here);
	set_string(arena, dict, "ansible_playbook_python", "/usr/bin/python3");
	set_string(arena, dict, "ansible_config_file",
		options->config ? options->config->file : NULL);
	value_dict_set(arena, dict, "ansible_check_mode", value_bool(options->check));
	value_dict_set(arena, dict, "ansible_diff_mode", value_bool(options->diff));
	set_int(arena, dict, "ansible_forks", options->forks);
	set_int(arena, dict, "ansible_verbosity", options->verbosity);
	value_dict_set(arena, dict, "ansible_inventory_sources",
		string_list(arena, inventory->sources, inventory->source_count));
	value_dict_set(arena, dict, "ansible_run_tags", string_list(arena, all_tags, 1));
	value_dict_set(arena, dict, "ansible_skip_tags", string_list(arena, NULL, 0));
	if (options->limit)
		set_string(arena, dict, "ansible_limit", options->limit);
	return dict;
}

const struct value *magic_with_groups(const struct vars_site *site, struct arena *arena)
{
	struct value *dict = value_new_dict(arena);

	value_dict_set(arena, dict, "groups", groups(site->inventory, arena));
	value_dict_foreach (p, site->magic)
		value_dict_set_value(arena, dict, p->key, p->value);
	return dict;
}

static int by_name(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static struct value *group_names(const struct host *host, struct arena *arena)
{
	size_t count = host->groups.count;
	const char **names = arena_array(arena, count + 1, sizeof(*names));

	for (size_t i = 0; i < count; i++)
		names[i] = host->groups.items[i]->name;
	qsort(names, count, sizeof(*names), by_name);
	return string_list(arena, names, count);
}

const struct value *magic_of_host(const struct host *host, struct arena *arena)
{
	struct value *dict = value_new_dict(arena);
	size_t short_len =
		address_is_ip(host->name) ? strlen(host->name) : strcspn(host->name, ".");
	autofree char *dir = inventory_host_dir(host);

	set_string(arena, dict, "inventory_hostname", host->name);
	value_dict_set(arena, dict, "inventory_hostname_short",
		value_new_stringn(arena, host->name, short_len));
	value_dict_set(arena, dict, "group_names", group_names(host, arena));
	set_string(arena, dict, "inventory_file", host->source);
	set_string(arena, dict, "inventory_dir", dir);
	return dict;
}
