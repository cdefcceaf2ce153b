/* SPDX-License-Identifier: Apache-2.0 */
#include "vars/site.h"

#include "base/path.h"
#include "base/vec.h"
#include "inventory/datafile.h"
#include "vars/args.h"

static const char *const order_names[GROUP_LAYERS_COUNT] = {
	[ALL_INVENTORY] = "all_inventory",
	[GROUPS_INVENTORY] = "groups_inventory",
	[ALL_PLUGINS_INVENTORY] = "all_plugins_inventory",
	[ALL_PLUGINS_PLAY] = "all_plugins_play",
	[GROUPS_PLUGINS_INVENTORY] = "groups_plugins_inventory",
	[GROUPS_PLUGINS_PLAY] = "groups_plugins_play",
};

static void add_to_order(struct vars_site *site, const char *name, struct diags *diags)
{
	for (enum group_layers i = 0; i < GROUP_LAYERS_COUNT; i++) {
		if (strcmp(name, order_names[i]) != 0)
			continue;
		if (site->order_count < GROUP_LAYERS_COUNT)
			site->order[site->order_count++] = i;
		return;
	}
	diag_warning(diags, NULL, "the setting precedence has an unknown entry '%s'", name);
}

static void settle_order(
	struct vars_site *site, const struct config *config, struct diags *diags)
{
	AUTO(strlist_release) struct strlist names = {0};

	config_list(config, CONFIG_PRECEDENCE, &names);
	for (size_t i = 0; i < names.count; i++)
		add_to_order(site, names.items[i], diags);
}

const struct value *site_table_dict(
	const struct inventory *inventory, struct arena *arena, const struct var_table *table)
{
	struct value *dict = value_new_dict(arena);

	for (size_t i = 0; i < table->count; i++) {
		const struct inventory_var *var = &table->items[i];
		const struct value *before =
			inventory->merge_hashes ? value_dict_get(dict, var->name) : NULL;
		value_dict_set(arena, dict, var->name,
			before ? inventory_merge_values(arena, before, var->value)
			       : var->value);
	}
	return dict;
}

void site_complete_dicts(struct vars_site *site)
{
	const struct inventory *inventory = site->inventory;

	/* The index of an entry is its position. */
	for (size_t i = site->groups.count; i < inventory->groups.count; i++) {
		const struct group *group = inventory->groups.entries[i].value;
		*VEC_PUSH(&site->groups) =
			site_table_dict(inventory, &site->arena, &group->vars);
	}
	for (size_t i = site->hosts.count; i < inventory->hosts.count; i++) {
		const struct host *host = inventory->hosts.entries[i].value;
		*VEC_PUSH(&site->hosts) = site_table_dict(inventory, &site->arena, &host->vars);
	}
}

void site_renew_host(struct vars_site *site, const struct host *host)
{
	site->hosts.items[host->index] =
		site_table_dict(site->inventory, &site->arena, &host->vars);
}

void site_renew_dicts(struct vars_site *site)
{
	site->groups.count = site->hosts.count = 0;
	site_complete_dicts(site);
	site->localhost = site_table_dict(
		site->inventory, &site->arena, &site->inventory->localhost->vars);
}

const struct value *site_host_dict(const struct vars_site *site, const struct host *host)
{
	static const struct value nothing = {.kind = VALUE_DICT};

	if (host->implicit)
		return site->localhost;
	/* One that the inventory has no more. */
	return host->index < site->hosts.count ? site->hosts.items[host->index] : &nothing;
}

/* The mapping of -e @FILE. */
static const struct value *extra_file(
	struct arena *arena, const char *path, const struct secrets *secrets, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (datafile_read(path, secrets, &text, err) < 0)
		return NULL;
	return datafile_parse(arena, text.data, text.len, arena_strdup(arena, path), NULL, err);
}

/* What one -e says, as a value of any kind. */
static const struct value *extra_argument(struct arena *arena, const char *argument,
	const struct secrets *secrets, struct err *err)
{
	static const struct place at = {.file = "-e"};
	struct value *pairs;

	switch (*argument) {
	case '@': return extra_file(arena, argument + 1, secrets, err);
	case '/':
	case '.':
		err_set(err, ERR_USAGE, "a file of variables is written -e @%s", argument);
		return NULL;
	case '{':
	case '[': return datafile_parse(arena, argument, strlen(argument), "-e", NULL, err);
	default:
		pairs = value_new_dict(arena);
		return args_parse(arena, argument, &at, pairs, err) < 0 ? NULL : pairs;
	}
}

static int add_extra(struct arena *arena, struct value *all, const char *argument,
	const struct secrets *secrets, struct err *err)
{
	const struct value *one = extra_argument(arena, argument, secrets, err);

	if (!one)
		return str_starts(err->text, "-e") ? -1 : err_wrap(err, "-e");
	if (one->kind != VALUE_DICT)
		return err_set(err, ERR_USAGE, "-e %.100s: expected a mapping, found %s",
			argument, value_kind_name(one));
	value_dict_foreach (p, one)
		value_dict_set(arena, all, datafile_key(arena, p->key), p->value);
	return 0;
}

const struct value *vars_parse_extra(const struct strlist *arguments,
	const struct secrets *secrets, struct arena *arena, struct err *err)
{
	struct value *all = value_new_dict(arena);

	for (size_t i = 0; arguments && i < arguments->count; i++)
		if (arguments->items[i][0] != '\0' &&
			add_extra(arena, all, arguments->items[i], secrets, err) < 0)
			return NULL;
	return all;
}

static struct site_locks *locks_new(void)
{
	struct site_locks *locks = xcalloc(1, sizeof(*locks));

	pthread_rwlock_init(&locks->inventory, NULL);
	pthread_mutex_init(&locks->magic, NULL);
	return locks;
}

static void locks_free(struct site_locks *locks)
{
	pthread_rwlock_destroy(&locks->inventory);
	pthread_mutex_destroy(&locks->magic);
	arena_release(&locks->arena);
	free(locks);
}

struct vars_site *vars_site_new(struct inventory *inventory,
	const struct vars_site_options *options, struct diags *diags, struct err *err)
{
	static const struct vars_site_options defaults = {0};
	struct vars_site *site = xcalloc(1, sizeof(*site));

	if (!options)
		options = &defaults;
	site->inventory = inventory;
	site->locks = locks_new();
	site->generation = 1;
	site->secrets = options->secrets;
	site->extra = vars_parse_extra(options->extra, options->secrets, &site->arena, err);
	if (!site->extra) {
		vars_site_free(site);
		return NULL;
	}
	settle_order(site, options->config, diags);
	site->any_condition = config_bool(options->config, CONFIG_ANY_CONDITION);
	site_renew_dicts(site);
	site->magic = magic_shared(inventory, options, &site->arena);
	site->templates = template_cache_new();
	return site;
}

void vars_site_free(struct vars_site *site)
{
	if (!site)
		return;
	template_cache_free(site->templates);
	locks_free(site->locks);
	free(site->groups.items);
	free(site->hosts.items);
	strmap_release(&site->strangers, NULL);
	arena_release(&site->arena);
	free(site);
}
