/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory/change.h"

#include "base/vec.h"
#include "inventory/build.h"

/* What was added, in its order, for inventory_refresh. */
struct inventory_change {
	bool grouping;
	struct inventory_addition addition;
	struct inventory_grouping into;
};

static struct builder begin(struct inventory *inventory, struct diags *diags)
{
	strmap_foreach (e, &inventory->groups) {
		struct group *group = e->value;
		group->mark = 0;
	}
	return (struct builder){
		.inventory = inventory,
		.options = &inventory->options,
		.diags = diags,
		.group_names = build_group_names(inventory->options.config),
	};
}

int inventory_check_name(const char *what, const char *name, struct err *err)
{
	if (!*name)
		return err_set(err, ERR_INPUT, "Invalid empty %s name provided", what);
	if (strlen(name) > INVENTORY_MAX_NAME)
		return err_set(err, ERR_LIMIT, "the name of a %s is longer than %d bytes", what,
			INVENTORY_MAX_NAME);
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return err_set(err, ERR_INPUT,
				"the name of a %s has a control character in it", what);
	return 0;
}

static const struct value *copy_or_null(struct arena *arena, const struct value *v)
{
	return v ? value_copy(arena, v) : NULL;
}

/* Keeps a change for the sources' next reading. */
static int keep(struct inventory *inventory, const struct inventory_change *c, struct err *err)
{
	struct arena *a = inventory->arena;
	struct inventory_change *kept;

	if (inventory->changes.count >= INVENTORY_MAX_CHANGES)
		return err_set(err, ERR_LIMIT, "more than %d hosts and groups were added",
			INVENTORY_MAX_CHANGES);
	kept = ARENA_NEW(a, struct inventory_change);
	kept->grouping = c->grouping;
	kept->addition.host = arena_strdup(a, c->addition.host);
	kept->addition.vars = copy_or_null(a, c->addition.vars);
	kept->addition.groups = copy_or_null(a, c->addition.groups);
	kept->into.host = arena_strdup(a, c->into.host);
	kept->into.group = arena_strdup(a, c->into.group);
	kept->into.parents = copy_or_null(a, c->into.parents);
	*VEC_PUSH(&inventory->changes) = kept;
	return 0;
}

/* A group by its name, made below `all` if need be. */
static struct group *want_group(struct builder *b, const char *name, bool *new, struct err *err)
{
	size_t before = b->inventory->groups.count;

	if (inventory_check_name("group", name, err) < 0)
		return NULL;
	struct group *group = build_group(b, name, NULL, err);
	*new = group && b->inventory->groups.count > before;
	return group;
}

/* The files of variables that there are for what is new. */
static int read_files(struct builder *b, const struct strmap *groups,
	const struct strmap *hosts, struct err *err)
{
	return groups->count + hosts->count ? build_vars_files_of(b, groups, hosts, err) : 0;
}

/* ---- hosts ---- */

/* Sets the variables that differ from what the host has. */
static int set_vars(struct builder *b, struct host *host, const struct value *vars,
	bool *changed, struct err *err)
{
	struct inventory *inventory = b->inventory;

	if (!vars)
		return 0;
	value_dict_foreach (p, vars) {
		if (!value_text(p->key))
			return err_set(err, ERR_INPUT, "a variable's name is %s, not a text",
				value_kind_name(p->key));
		const struct value *before =
			inventory_var(inventory, inventory->arena, &host->vars, p->key->text);
		if (before && value_equal(before, p->value))
			continue;
		build_host_var(b, host, p->key->text, value_copy(inventory->arena, p->value));
		*changed = true;
	}
	return 0;
}

static int join_groups(struct builder *b, struct host *host, const struct value *names,
	struct strmap *new_groups, bool *changed, struct err *err)
{
	for (size_t i = 0; names && i < names->count; i++) {
		const char *name = value_text(names->items[i]);
		bool new;
		struct group *group = want_group(b, name ? name : "", &new, err);
		if (!group)
			return -1;
		if (new) {
			build_child(b, b->inventory->all, group, NULL);
			group->depth = 1;
			strmap_set(new_groups, group->name, group);
		}
		*changed |= new || !strmap_has(&group->host_names, host->name);
		build_join(b, host, group);
	}
	return 0;
}

static int add_host(struct builder *b, const struct inventory_addition *what,
	struct strmap *new_groups, struct strmap *new_hosts, bool *changed, struct err *err)
{
	struct inventory *inventory = b->inventory;
	bool known = strmap_has(&inventory->hosts, what->host);

	if (inventory_check_name("host", what->host, err) < 0)
		return -1;
	struct host *host =
		build_host(b, what->host, known ? NULL : inventory->all, 0, NULL, err);
	if (!host)
		return -1;
	if (!known) {
		strmap_set(new_hosts, host->name, host);
		*changed = true;
	}
	if (set_vars(b, host, what->vars, changed, err) < 0)
		return -1;
	int result = join_groups(b, host, what->groups, new_groups, changed, err);
	if (host->groups.count == 0)
		build_join(b, host, inventory->ungrouped);
	return result;
}

int inventory_add_host(struct inventory *inventory, const struct inventory_addition *what,
	bool *changed, struct diags *diags, struct err *err)
{
	struct builder b = begin(inventory, diags);
	struct strmap new_groups = {0}, new_hosts = {0};
	const struct inventory_change c = {.addition = *what};

	*changed = false;
	int result = keep(inventory, &c, err);
	if (result == 0)
		result = add_host(&b, what, &new_groups, &new_hosts, changed, err);
	if (result == 0)
		result = read_files(&b, &new_groups, &new_hosts, err);
	strmap_release(&new_groups, NULL);
	strmap_release(&new_hosts, NULL);
	return result;
}

/* ---- groups ---- */

/* The group of a name, noted where it is new. */
static struct group *note_group(
	struct builder *b, const char *name, struct strmap *new_groups, struct err *err)
{
	bool new;
	struct group *group = want_group(b, name, &new, err);

	if (group && new)
		strmap_set(new_groups, group->name, group);
	return group;
}

/* Puts a group below those that are to be its parents. */
static int join_parents(struct builder *b, struct group *group, const struct value *parents,
	struct strmap *new_groups, bool *moved, struct err *err)
{
	for (size_t i = 0; i < parents->count; i++) {
		const char *name = value_text(parents->items[i]);
		struct group *parent = note_group(b, name ? name : "", new_groups, err);
		if (!parent)
			return -1;
		size_t before = parent->children.count;
		if (build_child(b, parent, group, err) < 0)
			return -1;
		*moved |= parent->children.count > before;
	}
	return 0;
}

static int add_grouping(struct builder *b, const struct inventory_grouping *what,
	struct strmap *new_groups, bool *changed, struct err *err)
{
	struct inventory *inventory = b->inventory;
	struct host *host = strmap_get(&inventory->hosts, what->host);
	bool moved = false;

	if (!host && strcmp(what->host, inventory->localhost->name) == 0)
		host = inventory->localhost;
	if (!host)
		return err_set(
			err, ERR_NOTFOUND, "%s cannot be matched in inventory", what->host);
	struct group *group = note_group(b, what->group, new_groups, err);
	if (!group || join_parents(b, group, what->parents, new_groups, &moved, err) < 0)
		return -1;
	bool joins = !strmap_has(&group->host_names, host->name);
	*changed = moved || joins;
	build_member(group, host);
	/* With other parents a group brings all its hosts to other places. */
	if (moved || new_groups->count)
		build_settle(b);
	else
		build_join(b, host, group);
	return 0;
}

int inventory_add_grouping(struct inventory *inventory, const struct inventory_grouping *what,
	bool *changed, struct diags *diags, struct err *err)
{
	struct builder b = begin(inventory, diags);
	struct strmap new_groups = {0}, none = {0};
	const struct inventory_change c = {.grouping = true, .into = *what};

	*changed = false;
	int result = keep(inventory, &c, err);
	if (result == 0)
		result = add_grouping(&b, what, &new_groups, changed, err);
	if (result == 0)
		result = read_files(&b, &new_groups, &none, err);
	strmap_release(&new_groups, NULL);
	return result;
}

/* ---- once more ---- */

static int load_again(const struct inventory *inventory, struct inventory *fresh,
	struct diags *diags, struct err *err)
{
	AUTO(strlist_release) struct strlist sources = {0};

	for (size_t i = 0; i < inventory->source_count; i++)
		strlist_add(&sources, inventory->sources[i]);
	return inventory_load(
		fresh, &sources, &inventory->options, inventory->arena, diags, err);
}

/* Does again what was added. Hosts that are gone are grouped no more. */
static int repeat(const struct inventory *inventory, struct inventory *fresh,
	struct diags *diags, struct err *err)
{
	bool changed;

	for (size_t i = 0; i < inventory->changes.count; i++) {
		const struct inventory_change *c = inventory->changes.items[i];
		if (!c->grouping &&
			inventory_add_host(fresh, &c->addition, &changed, diags, err) < 0)
			return -1;
		if (c->grouping && inventory_host(fresh, c->into.host) &&
			inventory_add_grouping(fresh, &c->into, &changed, diags, err) < 0)
			return -1;
	}
	return 0;
}

/* Moves what is known of a host to where the host was before. */
static struct host *move_host(struct host *before, struct host *host)
{
	if (!before)
		return host;
	free(before->groups.items);
	free(before->vars.items);
	*before = *host;
	host->groups = (struct group_list){0};
	host->vars = (struct var_table){0};
	return before;
}

/* Hosts that the sources name no more stay, without groups, for those that hold them. */
static void part_with(struct arena *arena, struct host *host)
{
	struct inventory_var *vars = host->vars.items;

	free(host->groups.items);
	host->groups = (struct group_list){0};
	if (vars)
		host->vars.items = arena_memdup(arena, vars, host->vars.count * sizeof(*vars));
	free(vars);
	host->index = SIZE_MAX;
}

static void replace_in_groups(struct inventory *fresh, const struct host *from, struct host *to)
{
	strmap_foreach (e, &fresh->groups) {
		struct group *group = e->value;
		for (size_t i = 0; i < group->hosts.count; i++)
			if (group->hosts.items[i] == from)
				group->hosts.items[i] = to;
		if (strmap_get(&group->host_names, from->name) == from)
			strmap_set(&group->host_names, from->name, to);
	}
}

/* Puts the hosts of a fresh inventory where those of the same names are. */
static void keep_places(struct inventory *inventory, struct inventory *fresh)
{
	struct host **places = xcalloc(fresh->hosts.count + 1, sizeof(struct host *));

	strmap_foreach (e, &fresh->hosts) {
		struct host *host = e->value;
		places[host->index] = strmap_get(&inventory->hosts, e->key);
	}
	strmap_foreach (e, &fresh->groups) {
		struct group *group = e->value;
		for (size_t i = 0; i < group->hosts.count; i++) {
			struct host **at = &group->hosts.items[i];
			struct host *place = (*at)->implicit ? NULL : places[(*at)->index];
			if (!place)
				continue;
			strmap_set(&group->host_names, (*at)->name, place);
			*at = place;
		}
	}
	strmap_foreach (e, &fresh->hosts) {
		struct host *host = e->value, *place = places[host->index];
		if (fresh->localhost == host && place)
			fresh->localhost = place;
		e->value = move_host(place, host);
	}
	free(places);
}

static void keep_localhost(struct inventory *inventory, struct inventory *fresh)
{
	struct host *before = inventory->localhost, *host = fresh->localhost;

	if (!before->implicit)
		return;
	if (!host->implicit) {
		part_with(inventory->arena, before);
		return;
	}
	replace_in_groups(fresh, host, before);
	fresh->localhost = move_host(before, host);
}

int inventory_refresh(struct inventory *inventory, struct diags *diags, struct err *err)
{
	struct inventory fresh;

	if (load_again(inventory, &fresh, diags, err) < 0)
		return -1;
	if (repeat(inventory, &fresh, diags, err) < 0) {
		inventory_release(&fresh);
		return -1;
	}
	strmap_foreach (e, &inventory->hosts)
		if (!strmap_has(&fresh.hosts, e->key))
			part_with(inventory->arena, e->value);
	keep_places(inventory, &fresh);
	keep_localhost(inventory, &fresh);
	inventory_release_tables(inventory);
	*inventory = fresh;
	return 0;
}
