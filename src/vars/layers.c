/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of a view: what they are made of, and their order. */
#include "vars/view.h"

static void push_layer(struct vars_view *view, enum vars_level level, const char *label,
	const struct value *dict, const struct var_table *table)
{
	if (dict->pair_count > 0)
		*VEC_PUSH(&view->layers) = (struct layer){
			.level = level, .label = label, .dict = dict, .table = table};
}

/* The layers of the files that a base has for a name. */
static void push_files(struct vars_view *view, const struct strmap *files, const char *name,
	enum vars_level level, const char *label)
{
	const struct vars_file_list *list = strmap_get(files, name);

	for (size_t i = 0; list && i < list->count; i++) {
		if (list->items[i].data)
			push_layer(view, level, label, list->items[i].data, NULL);
		else
			view->closed = list->items[i].closed;
	}
}

static const char *group_label(struct vars_view *view, const struct group *group)
{
	return arena_printf(view->arena, "group %s", group->name);
}

static void push_group_table(struct vars_view *view, const struct group *group)
{
	push_layer(view, VARS_INVENTORY_GROUP, group_label(view, group),
		view->site->groups.items[group->index], &group->vars);
}

/* The files of `all`, or of the host's groups from light to heavy, beside one base. */
static void push_group_files(
	struct vars_view *view, const struct vars_base *base, bool of_all, bool playbook)
{
	const struct group_list *groups = &view->host->groups;

	if (of_all) {
		push_files(view, &base->groups, "all",
			playbook ? VARS_PLAYBOOK_GROUP_VARS_ALL : VARS_INVENTORY_GROUP_VARS_ALL,
			"group all");
		return;
	}
	for (size_t i = 0; i < groups->count; i++)
		push_files(view, &base->groups, groups->items[i]->name,
			playbook ? VARS_PLAYBOOK_GROUP_VARS : VARS_INVENTORY_GROUP_VARS,
			group_label(view, groups->items[i]));
}

static void push_group_layers(struct vars_view *view, enum group_layers which)
{
	const struct inventory *inventory = view->site->inventory;
	const struct vars_base_list *bases = &inventory->beside_sources;
	bool of_all = which == ALL_PLUGINS_INVENTORY || which == ALL_PLUGINS_PLAY;

	switch (which) {
	case ALL_INVENTORY: push_group_table(view, inventory->all); break;
	case GROUPS_INVENTORY:
		for (size_t i = 0; i < view->host->groups.count; i++)
			push_group_table(view, view->host->groups.items[i]);
		break;
	case ALL_PLUGINS_INVENTORY:
	case GROUPS_PLUGINS_INVENTORY:
		for (size_t i = 0; i < bases->count; i++)
			push_group_files(view, bases->items[i], of_all, false);
		break;
	case ALL_PLUGINS_PLAY:
	case GROUPS_PLUGINS_PLAY:
		if (inventory->beside_playbook)
			push_group_files(view, inventory->beside_playbook, of_all, true);
		break;
	case GROUP_LAYERS_COUNT: break;
	}
}

static void push_host_layers(struct vars_view *view)
{
	const struct inventory *inventory = view->site->inventory;
	const struct vars_base_list *bases = &inventory->beside_sources;
	const struct host *host = view->host;
	const char *label = arena_printf(view->arena, "host %s", host->name);

	push_layer(view, VARS_INVENTORY_HOST, label, site_host_dict(view->site, host),
		&host->vars);
	for (size_t i = 0; i < bases->count; i++)
		push_files(view, &bases->items[i]->hosts, host->name, VARS_INVENTORY_HOST_VARS,
			label);
	if (inventory->beside_playbook)
		push_files(view, &inventory->beside_playbook->hosts, host->name,
			VARS_PLAYBOOK_HOST_VARS, label);
}

/* True for what the inventory says, and the files beside it and the playbook. */
static bool is_of_inventory(const struct layer *layer)
{
	return layer->level >= VARS_INVENTORY_GROUP && layer->level <= VARS_PLAYBOOK_HOST_VARS;
}

void layers_stack(struct vars_view *view)
{
	const struct vars_site *site = view->site;
	struct layer *former = STEAL(view->layers.items);
	size_t count = view->layers.count, i = 0;

	view->layers.count = view->layers.cap = 0;
	view->closed = NULL;
	for (; i < count && former[i].level < VARS_INVENTORY_GROUP; i++)
		*VEC_PUSH(&view->layers) = former[i];
	for (size_t k = 0; k < site->order_count; k++)
		push_group_layers(view, site->order[k]);
	push_host_layers(view);
	if (!former)
		push_layer(view, VARS_EXTRA, NULL, site->extra, NULL);
	for (; i < count; i++)
		if (!is_of_inventory(&former[i]))
			*VEC_PUSH(&view->layers) = former[i];
	free(former);
}

void layers_insert(struct vars_view *view, enum vars_level level, const char *label,
	const struct value *dict, unsigned scope)
{
	size_t before = view->layers.count;

	push_layer(view, level, label ? arena_strdup(view->arena, label) : NULL, dict, NULL);
	if (view->layers.count == before)
		return;
	view->layers.items[before].scope = scope;
	for (size_t at = before; at > 0 && view->layers.items[at - 1].level > level; at--) {
		struct layer above = view->layers.items[at - 1];
		view->layers.items[at - 1] = view->layers.items[at];
		view->layers.items[at] = above;
	}
}

void layers_drop(struct vars_view *view, unsigned scope)
{
	size_t kept = 0;

	for (size_t i = 0; i < view->layers.count; i++)
		if (view->layers.items[i].scope < scope)
			view->layers.items[kept++] = view->layers.items[i];
	view->layers.count = kept;
}
