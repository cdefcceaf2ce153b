/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory/build.h"

#include <ctype.h>

#include "base/vec.h"
#include "value/value.h"

static void group_list_add(struct group_list *list, struct group *group)
{
	*VEC_PUSH(list) = group;
}

static bool group_list_has(const struct group_list *list, const struct group *group)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i] == group)
			return true;
	return false;
}

static void group_list_remove(struct group_list *list, const struct group *group)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++)
		if (list->items[i] != group)
			list->items[kept++] = list->items[i];
	list->count = kept;
}

static bool name_char(unsigned char c)
{
	return isalnum(c) || c == '_' || c >= 0x80;
}

static bool group_name_is_valid(const char *name)
{
	if (isdigit((unsigned char)name[0]))
		return false;
	for (const char *p = name; *p; p++)
		if (!name_char((unsigned char)*p))
			return false;
	return true;
}

static char *safe_group_name(struct arena *arena, const char *name)
{
	char *safe = arena_strdup(arena, name);

	for (char *p = safe; *p; p++)
		if (!name_char((unsigned char)*p) || (p == safe && isdigit((unsigned char)*p)))
			*p = '_';
	return safe;
}

/* The name under which a group is kept, by force_valid_group_names. */
static const char *settle_group_name(
	struct builder *b, const char *name, const struct place *at)
{
	const char *safe;

	if (group_name_is_valid(name))
		return name;
	switch (b->group_names) {
	case GROUP_NAMES_KEEP:
		if (!strmap_has(&b->inventory->groups, name))
			diag_warning(b->diags, at,
				"group name '%s' has characters that a variable name cannot "
				"have; it is kept as it is",
				name);
		return name;
	case GROUP_NAMES_IGNORE: return name;
	case GROUP_NAMES_REPLACE:
		safe = safe_group_name(b->inventory->arena, name);
		diag_warning(b->diags, at, "group name '%s' is changed to '%s'", name, safe);
		return safe;
	case GROUP_NAMES_SILENT:
	default: return safe_group_name(b->inventory->arena, name);
	}
}

static struct group *group_new(struct inventory *inventory, const char *name)
{
	struct group *group = ARENA_NEW(inventory->arena, struct group);

	group->name = arena_strdup(inventory->arena, name);
	group->priority = 1;
	group->index = inventory->groups.count;
	strmap_set(&inventory->groups, name, group);
	return group;
}

void build_start(struct builder *b)
{
	struct inventory *inventory = b->inventory;

	inventory->all = group_new(inventory, "all");
	inventory->ungrouped = group_new(inventory, "ungrouped");
	build_child(b, inventory->all, inventory->ungrouped, NULL);
}

struct group *build_group(
	struct builder *b, const char *name, const struct place *at, struct err *err)
{
	struct inventory *inventory = b->inventory;
	struct group *group;

	if (!*name) {
		err_set(err, ERR_INPUT, "a group has an empty name");
		return NULL;
	}
	group = strmap_get(&inventory->groups, name);
	if (group)
		return group;
	name = settle_group_name(b, name, at);
	group = strmap_get(&inventory->groups, name);
	if (group)
		return group;
	if (inventory->groups.count >= INVENTORY_MAX_GROUPS) {
		err_set(err, ERR_LIMIT, "more than %d groups", INVENTORY_MAX_GROUPS);
		return NULL;
	}
	return group_new(inventory, name);
}

void build_member(struct group *group, struct host *host)
{
	if (strmap_has(&group->host_names, host->name))
		return;
	strmap_set(&group->host_names, host->name, host);
	*VEC_PUSH(&group->hosts) = host;
}

static bool is_localhost_name(const char *name)
{
	return !strcmp(name, "localhost") || !strcmp(name, "127.0.0.1") || !strcmp(name, "::1");
}

static void notice_localhost(struct builder *b, struct host *host, const struct place *at)
{
	struct inventory *inventory = b->inventory;

	if (!is_localhost_name(host->name))
		return;
	if (!inventory->localhost)
		inventory->localhost = host;
	else
		diag_warning(b->diags, at,
			"'%s' is a second name for this machine; '%s' was found first and "
			"stands for localhost",
			host->name, inventory->localhost->name);
}

static void var_table_add(struct arena *arena, struct var_table *table, const char *name,
	const struct value *value, const struct place *at)
{
	struct inventory_var var = {.name = arena_strdup(arena, name), .value = value};

	if (at)
		var.place = *at;
	else
		var.place = value->place;
	*VEC_PUSH(table) = var;
}

struct host *build_host(struct builder *b, const char *name, struct group *group, int64_t port,
	const struct place *at, struct err *err)
{
	struct inventory *inventory = b->inventory;
	struct host *host = strmap_get(&inventory->hosts, name);

	if (!*name) {
		err_set(err, ERR_INPUT, "a host has an empty name");
		return NULL;
	}
	if (!host) {
		if (inventory->hosts.count >= INVENTORY_MAX_HOSTS) {
			err_set(err, ERR_LIMIT, "more than %d hosts", INVENTORY_MAX_HOSTS);
			return NULL;
		}
		host = ARENA_NEW(inventory->arena, struct host);
		host->name = arena_strdup(inventory->arena, name);
		host->source = b->source;
		host->index = inventory->hosts.count;
		strmap_set(&inventory->hosts, name, host);
		if (port > 0)
			var_table_add(inventory->arena, &host->vars, "ansible_port",
				value_new_int(inventory->arena, port), at);
		notice_localhost(b, host, at);
	}
	if (group)
		build_member(group, host);
	return host;
}

void build_host_var(
	struct builder *b, struct host *host, const char *name, const struct value *value)
{
	var_table_add(b->inventory->arena, &host->vars, name, value, NULL);
}

/* True if `wanted` is `group` or one of its ancestors. */
static bool is_self_or_ancestor(
	struct builder *b, struct group *group, const struct group *wanted)
{
	struct group_list seen = {0};
	bool found = false;

	b->walk++;
	group->mark = b->walk;
	group_list_add(&seen, group);
	for (size_t i = 0; i < seen.count && !found; i++) {
		const struct group_list *parents = &seen.items[i]->parents;
		found = seen.items[i] == wanted;
		for (size_t k = 0; k < parents->count; k++) {
			if (parents->items[k]->mark == b->walk)
				continue;
			parents->items[k]->mark = b->walk;
			group_list_add(&seen, parents->items[k]);
		}
	}
	free(seen.items);
	return found;
}

int build_child(struct builder *b, struct group *parent, struct group *child, struct err *err)
{
	if (parent == child)
		return err_set(
			err, ERR_INPUT, "group '%s' cannot be its own child", child->name);
	if (group_list_has(&parent->children, child))
		return 0;
	if (is_self_or_ancestor(b, parent, child))
		return err_set(err, ERR_INPUT,
			"group '%s' as a child of '%s' closes a loop: '%s' is already below "
			"'%s'",
			child->name, parent->name, parent->name, child->name);
	group_list_add(&parent->children, child);
	group_list_add(&child->parents, parent);
	return 0;
}

/* Python's int() of a priority. */
static bool priority_of(const struct value *value, int64_t *out)
{
	switch (value->kind) {
	case VALUE_INT: *out = value->integer; return true;
	case VALUE_BOOL: *out = value->boolean; return true;
	case VALUE_FLOAT:
		if (!(value->real > -1e15 && value->real < 1e15))
			return false;
		*out = (int64_t)value->real;
		return true;
	case VALUE_STRING: {
		struct strlist words = {0};
		strlist_split(&words, value->text, " \t\r\n");
		bool ok = words.count == 1 &&
			  parse_int(words.items[0], INT64_MIN, INT64_MAX, out);
		strlist_release(&words);
		return ok;
	}
	default: return false;
	}
}

int build_var(struct builder *b, const char *entity, const char *name,
	const struct value *value, const struct place *at, struct err *err)
{
	struct inventory *inventory = b->inventory;
	struct group *group = strmap_get(&inventory->groups, entity);
	struct host *host = strmap_get(&inventory->hosts, entity);

	if (group && !strcmp(name, "ansible_group_priority")) {
		if (!priority_of(value, &group->priority))
			return err_set(err, ERR_INPUT,
				"ansible_group_priority of group '%s' must be an integer, "
				"found %s",
				entity, value_kind_name(value));
		return 0;
	}
	if (group)
		var_table_add(inventory->arena, &group->vars, name, value, at);
	else if (host)
		var_table_add(inventory->arena, &host->vars, name, value, at);
	else
		return err_set(err, ERR_INPUT, "no group or host is named '%s'", entity);
	return 0;
}

static void remove_member(struct group *group, const struct host *host)
{
	size_t kept = 0;

	strmap_remove(&group->host_names, host->name);
	for (size_t i = 0; i < group->hosts.count; i++)
		if (group->hosts.items[i] != host)
			group->hosts.items[kept++] = group->hosts.items[i];
	group->hosts.count = kept;
}

/* Takes hosts of other groups out of `ungrouped`, and puts those of none in. */
static void settle_ungrouped(struct inventory *inventory)
{
	struct group *ungrouped = inventory->ungrouped;
	size_t kept = 0;

	for (size_t i = 0; i < ungrouped->hosts.count; i++) {
		struct host *host = ungrouped->hosts.items[i];
		if (host->groups.count > 1) {
			strmap_remove(&ungrouped->host_names, host->name);
			group_list_remove(&host->groups, ungrouped);
		} else {
			ungrouped->hosts.items[kept++] = host;
		}
	}
	ungrouped->hosts.count = kept;
	strmap_foreach (e, &inventory->hosts) {
		struct host *host = e->value;
		if (host->groups.count == 0) {
			build_member(ungrouped, host);
			group_list_add(&host->groups, ungrouped);
		}
	}
}

/* Adds the ancestors of a host's groups to them; the list is its own queue. */
static void join_ancestors(struct builder *b, struct host *host)
{
	b->walk++;
	for (size_t i = 0; i < host->groups.count; i++)
		host->groups.items[i]->mark = b->walk;
	b->inventory->all->mark = b->walk;
	for (size_t i = 0; i < host->groups.count; i++) {
		const struct group_list *parents = &host->groups.items[i]->parents;
		for (size_t k = 0; k < parents->count; k++) {
			if (parents->items[k]->mark == b->walk)
				continue;
			parents->items[k]->mark = b->walk;
			group_list_add(&host->groups, parents->items[k]);
		}
	}
}

static void join_hosts(struct builder *b)
{
	struct inventory *inventory = b->inventory;

	strmap_foreach (e, &inventory->groups) {
		struct group *group = e->value;
		for (size_t i = 0; i < group->hosts.count && group != inventory->all; i++)
			group_list_add(&group->hosts.items[i]->groups, group);
	}
	strmap_foreach (e, &inventory->hosts)
		join_ancestors(b, e->value);
}

/* Depths are the longest ways from `all`: a group counts once all its parents have. */
static void settle_depths(struct inventory *inventory)
{
	struct group_list ready = {0};

	strmap_foreach (e, &inventory->groups) {
		struct group *group = e->value;
		group->mark = (unsigned)group->parents.count;
	}
	group_list_add(&ready, inventory->all);
	for (size_t i = 0; i < ready.count; i++) {
		const struct group *group = ready.items[i];
		for (size_t k = 0; k < group->children.count; k++) {
			struct group *child = group->children.items[k];
			if (child->depth < group->depth + 1)
				child->depth = group->depth + 1;
			if (--child->mark == 0)
				group_list_add(&ready, child);
		}
	}
	free(ready.items);
}

static int by_weight(const void *left, const void *right)
{
	const struct group *a = *(struct group *const *)left;
	const struct group *b = *(struct group *const *)right;

	if (a->depth != b->depth)
		return a->depth < b->depth ? -1 : 1;
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return strcmp(a->name, b->name);
}

static void sort_groups(struct host *host)
{
	if (host->groups.count > 1)
		qsort(host->groups.items, host->groups.count, sizeof(*host->groups.items),
			by_weight);
}

static void make_implicit_localhost(struct inventory *inventory)
{
	struct arena *arena = inventory->arena;
	struct host *host = ARENA_NEW(arena, struct host);

	host->name = "localhost";
	host->implicit = true;
	/* Ansible names its own interpreter here, on Debian this one. */
	var_table_add(arena, &host->vars, "ansible_python_interpreter",
		value_new_string(arena, "/usr/bin/python3"), NULL);
	var_table_add(arena, &host->vars, "ansible_connection",
		value_new_string(arena, "local"), NULL);
	inventory->localhost = host;
}

/* Every group below `all`, and every host in some group. */
static void reconcile(struct builder *b)
{
	struct inventory *inventory = b->inventory;

	strmap_foreach (e, &inventory->groups) {
		struct group *group = e->value;
		if (group != inventory->all && group->parents.count == 0)
			build_child(b, inventory->all, group, NULL);
	}
	join_hosts(b);
	settle_ungrouped(inventory);
	settle_depths(inventory);
	strmap_foreach (e, &inventory->hosts) {
		struct host *host = e->value;
		sort_groups(host);
		if (strmap_has(&inventory->groups, host->name))
			diag_warning(b->diags, NULL,
				"'%s' is the name of a group and of a host", host->name);
	}
}

void build_join(struct builder *b, struct host *host, struct group *group)
{
	struct inventory *inventory = b->inventory;

	build_member(group, host);
	if (group == inventory->all || group_list_has(&host->groups, group))
		return;
	group_list_add(&host->groups, group);
	join_ancestors(b, host);
	if (host->groups.count > 1 && group_list_has(&host->groups, inventory->ungrouped)) {
		group_list_remove(&host->groups, inventory->ungrouped);
		remove_member(inventory->ungrouped, host);
	}
	sort_groups(host);
}

void build_settle(struct builder *b)
{
	struct inventory *inventory = b->inventory;
	struct host *localhost = inventory->localhost->implicit ? inventory->localhost : NULL;

	strmap_foreach (e, &inventory->hosts)
		((struct host *)e->value)->groups.count = 0;
	if (localhost)
		localhost->groups.count = 0;
	reconcile(b);
	if (localhost) {
		join_ancestors(b, localhost);
		sort_groups(localhost);
	}
}

void build_finish(struct builder *b)
{
	/* What a source left that no reader could read to its end stays apart. */
	if (b->any_parsed)
		reconcile(b);
	if (!b->inventory->localhost)
		make_implicit_localhost(b->inventory);
}
