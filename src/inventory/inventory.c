/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory/inventory.h"

#include "base/path.h"
#include "base/vec.h"
#include "inventory/build.h"
#include "inventory/paths.h"

enum group_name_policy build_group_names(const struct config *config)
{
	const char *word = config_text(config, CONFIG_FORCE_VALID_GROUP_NAMES);

	if (!strcmp(word, "always"))
		return GROUP_NAMES_REPLACE;
	if (!strcmp(word, "silently"))
		return GROUP_NAMES_SILENT;
	return !strcmp(word, "ignore") ? GROUP_NAMES_IGNORE : GROUP_NAMES_KEEP;
}

/* Keeps the sources, paths among them absolute; without any those of the settings. */
static void settle_sources(
	struct inventory *inventory, const struct strlist *sources, const struct config *config)
{
	AUTO(strlist_release) struct strlist configured = {0};

	if (!sources || sources->count == 0) {
		config_list(config, CONFIG_INVENTORY, &configured);
		sources = &configured;
	}
	inventory->sources =
		arena_array(inventory->arena, sources->count, sizeof(*inventory->sources));
	for (size_t i = 0; i < sources->count; i++) {
		const char *source = sources->items[i];
		if (!*source)
			continue;
		inventory->sources[inventory->source_count++] =
			strchr(source, ',') ? arena_strdup(inventory->arena, source)
					    : path_absolute(inventory->arena, source, NULL);
	}
}

static int load(struct builder *b, struct err *err)
{
	build_start(b);
	if (build_sources(b, err) < 0)
		return -1;
	build_finish(b);
	return build_vars_files(b, err);
}

int inventory_load(struct inventory *inventory, const struct strlist *sources,
	const struct inventory_options *options, struct arena *arena, struct diags *diags,
	struct err *err)
{
	static const struct inventory_options defaults = {0};
	struct builder b = {.inventory = inventory, .diags = diags};

	*inventory = (struct inventory){.arena = arena};
	b.options = options ? options : &defaults;
	b.group_names = build_group_names(b.options->config);
	inventory->options = *b.options;
	inventory->merge_hashes =
		!strcmp(config_text(b.options->config, CONFIG_HASH_BEHAVIOUR), "merge");
	if (b.options->playbook_dir)
		inventory->playbook_dir = path_absolute(arena, b.options->playbook_dir, NULL);
	inventory->options.playbook_dir = inventory->playbook_dir;
	settle_sources(inventory, sources, b.options->config);
	if (load(&b, err) < 0) {
		inventory_release(inventory);
		return -1;
	}
	return 0;
}

static void release_base(struct vars_base *base)
{
	strmap_release(&base->groups, NULL);
	strmap_release(&base->hosts, NULL);
}

static void release_host(struct host *host)
{
	free(host->groups.items);
	free(host->vars.items);
}

static void release_group(struct group *group)
{
	free(group->children.items);
	free(group->parents.items);
	free(group->hosts.items);
	free(group->vars.items);
	strmap_release(&group->host_names, NULL);
}

void inventory_release_tables(struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->beside_sources.count; i++)
		release_base(inventory->beside_sources.items[i]);
	free(inventory->beside_sources.items);
	if (inventory->beside_playbook)
		release_base(inventory->beside_playbook);
	strmap_foreach (e, &inventory->groups)
		release_group(e->value);
	strmap_release(&inventory->hosts, NULL);
	strmap_release(&inventory->groups, NULL);
	free(inventory->changes.items);
	*inventory = (struct inventory){0};
}

void inventory_release(struct inventory *inventory)
{
	if (inventory->localhost && inventory->localhost->implicit)
		release_host(inventory->localhost);
	strmap_foreach (e, &inventory->hosts)
		release_host(e->value);
	inventory_release_tables(inventory);
}

const struct host *inventory_host(const struct inventory *inventory, const char *name)
{
	const struct host *host = strmap_get(&inventory->hosts, name);

	if (host)
		return host;
	if (!strcmp(name, "localhost") || !strcmp(name, "127.0.0.1") || !strcmp(name, "::1"))
		return inventory->localhost;
	return NULL;
}

const struct group *inventory_group(const struct inventory *inventory, const char *name)
{
	return strmap_get(&inventory->groups, name);
}

bool inventory_host_in(const struct host *host, const char *group)
{
	if (!strcmp(group, "all"))
		return true;
	for (size_t i = 0; i < host->groups.count; i++)
		if (!strcmp(host->groups.items[i]->name, group))
			return true;
	return false;
}

void inventory_group_hosts(
	const struct inventory *inventory, const struct group *group, struct host_list *out)
{
	autofree bool *group_seen = xcalloc(inventory->groups.count + 1, sizeof(bool));
	autofree bool *host_seen = xcalloc(inventory->hosts.count + 1, sizeof(bool));
	struct {
		const struct group **items;
		size_t count, cap;
	} queue = {0};

	*VEC_PUSH(&queue) = group;
	group_seen[group->index] = true;
	for (size_t i = 0; i < queue.count; i++) {
		const struct group *next = queue.items[i];
		for (size_t k = 0; k < next->hosts.count; k++) {
			struct host *host = next->hosts.items[k];
			bool *seen = &host_seen[host->implicit ? inventory->hosts.count
							       : host->index];
			if (!*seen)
				*VEC_PUSH(out) = host;
			*seen = true;
		}
		for (size_t k = 0; k < next->children.count; k++) {
			if (group_seen[next->children.items[k]->index])
				continue;
			group_seen[next->children.items[k]->index] = true;
			*VEC_PUSH(&queue) = next->children.items[k];
		}
	}
	free(queue.items);
}

char *inventory_host_dir(const struct host *host)
{
	if (!host->source || !path_exists(host->source))
		return NULL;
	return path_is_dir(host->source) ? xstrdup(host->source) : path_dirname(host->source);
}

const struct value *inventory_merge_values(
	struct arena *arena, const struct value *low, const struct value *high)
{
	struct value *merged;

	if (low->kind != VALUE_DICT || high->kind != VALUE_DICT)
		return high;
	merged = value_new_dict(arena);
	merged->place = high->place;
	value_dict_foreach (p, low)
		value_dict_set_value(arena, merged, p->key, p->value);
	value_dict_foreach (p, high) {
		const struct value *below = value_dict_get_value(low, p->key);
		value_dict_set_value(arena, merged, p->key,
			below ? inventory_merge_values(arena, below, p->value) : p->value);
	}
	return merged;
}

const struct value *inventory_var(const struct inventory *inventory, struct arena *arena,
	const struct var_table *table, const char *name)
{
	const struct value *winner = NULL;

	for (size_t i = 0; i < table->count; i++) {
		if (strcmp(table->items[i].name, name) != 0)
			continue;
		winner = winner && inventory->merge_hashes
				 ? inventory_merge_values(arena, winner, table->items[i].value)
				 : table->items[i].value;
	}
	return winner;
}
