/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables of a group or a host alone, without what it inherits: for exporting an inventory.
 */
#include "vars/site.h"

struct collecting {
	const struct inventory *inventory;
	struct arena *arena;
	struct value *all;
};

static void add_dict(struct collecting *c, const struct value *dict)
{
	value_dict_foreach (p, dict) {
		const struct value *low = c->inventory->merge_hashes
						  ? value_dict_get_value(c->all, p->key)
						  : NULL;
		value_dict_set_value(c->arena, c->all, p->key,
			low ? inventory_merge_values(c->arena, low, p->value) : p->value);
	}
}

static void add_files(
	struct collecting *c, const struct vars_base *base, bool host, const char *name)
{
	const struct vars_file_list *list =
		strmap_get(host ? &base->hosts : &base->groups, name);

	for (size_t i = 0; list && i < list->count; i++)
		add_dict(c, list->items[i].data);
}

static struct value *collect(const struct vars_site *site, const struct var_table *table,
	bool host, const char *name, bool playbook, struct arena *arena)
{
	const struct inventory *inventory = site->inventory;
	struct collecting c = {
		.inventory = inventory, .arena = arena, .all = value_new_dict(arena)};

	add_dict(&c, site_table_dict(inventory, arena, table));
	for (size_t i = 0; i < inventory->beside_sources.count; i++)
		add_files(&c, inventory->beside_sources.items[i], host, name);
	if (playbook && inventory->beside_playbook)
		add_files(&c, inventory->beside_playbook, host, name);
	return c.all;
}

const struct value *vars_of_group(const struct vars_site *site, const struct group *group,
	bool playbook, struct arena *arena)
{
	struct value *all = collect(site, &group->vars, false, group->name, playbook, arena);

	if (group->priority != 1)
		value_dict_set(arena, all, "ansible_group_priority",
			value_new_int(arena, group->priority));
	return all;
}

const struct value *vars_of_host(const struct vars_site *site, const struct host *host,
	bool playbook, struct arena *arena)
{
	return collect(site, &host->vars, true, host->name, playbook, arena);
}
