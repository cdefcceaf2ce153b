/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables of a group or a host alone, without what it inherits: for exporting an inventory.
 */
#include "vars/site.h"

struct collecting {
	const struct inventory *inventory;
	struct arena *arena;
	struct value *all;
	const char *name;
	bool host; /* rather than a group */
	struct err *err;
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

static int add_files(struct collecting *c, const struct vars_base *base)
{
	const struct vars_file_list *list =
		strmap_get(c->host ? &base->hosts : &base->groups, c->name);

	for (size_t i = 0; list && i < list->count; i++) {
		if (!list->items[i].data)
			return err_set(c->err, ERR_AUTH, "%s", list->items[i].closed);
		add_dict(c, list->items[i].data);
	}
	return 0;
}

static int collect(struct collecting *c, const struct value *written, bool playbook)
{
	const struct inventory *inventory = c->inventory;

	c->all = value_new_dict(c->arena);
	add_dict(c, written);
	for (size_t i = 0; i < inventory->beside_sources.count; i++)
		if (add_files(c, inventory->beside_sources.items[i]) < 0)
			return -1;
	if (playbook && inventory->beside_playbook)
		return add_files(c, inventory->beside_playbook);
	return 0;
}

const struct value *vars_of_group(const struct vars_site *site, const struct group *group,
	bool playbook, struct arena *arena, struct err *err)
{
	struct collecting c = {
		.inventory = site->inventory, .arena = arena, .name = group->name, .err = err};

	if (collect(&c, site->groups.items[group->index], playbook) < 0)
		return NULL;
	if (group->priority != 1)
		value_dict_set(arena, c.all, "ansible_group_priority",
			value_new_int(arena, group->priority));
	return c.all;
}

const struct value *vars_of_host(const struct vars_site *site, const struct host *host,
	bool playbook, struct arena *arena, struct err *err)
{
	struct collecting c = {.inventory = site->inventory,
		.arena = arena,
		.name = host->name,
		.host = true,
		.err = err};

	return collect(&c, site_host_dict(site, host), playbook) < 0 ? NULL : c.all;
}
