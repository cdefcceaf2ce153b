/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of the inventory while views are in use.
 *
 * Theory of operation. Threads look at the inventory only when they stack up a view and when
 * `hostvars` asks for a host: these hold the site's lock for reading, a change holds it for
 * writing, and does its work in place. A view keeps what it has stacked, a list of its own,
 * until its thread calls vars_view_refresh; so a change is seen by all variables of a task or
 * by none. What views point to (mappings, names, values) lies in arenas and is never freed
 * while the site lives.
 */
#include "vars/view.h"

static void begin_reading(const struct vars_site *site)
{
	pthread_rwlock_rdlock(&site->locks->inventory);
}

static void end_reading(const struct vars_site *site)
{
	pthread_rwlock_unlock(&site->locks->inventory);
}

static void begin_change(const struct vars_site *site)
{
	pthread_rwlock_wrlock(&site->locks->inventory);
}

static void end_change(struct vars_site *site)
{
	__atomic_add_fetch(&site->generation, 1, __ATOMIC_SEQ_CST);
	pthread_rwlock_unlock(&site->locks->inventory);
}

int vars_site_add_host(struct vars_site *site, const struct inventory_addition *what,
	bool *changed, struct diags *diags, struct err *err)
{
	begin_change(site);
	int result = inventory_add_host(site->inventory, what, changed, diags, err);
	const struct host *host = strmap_get(&site->inventory->hosts, what->host);
	site_complete_dicts(site);
	if (host)
		site_renew_host(site, host);
	end_change(site);
	return result;
}

int vars_site_add_grouping(struct vars_site *site, const struct inventory_grouping *what,
	bool *changed, struct diags *diags, struct err *err)
{
	begin_change(site);
	int result = inventory_add_grouping(site->inventory, what, changed, diags, err);
	site_complete_dicts(site);
	end_change(site);
	return result;
}

int vars_site_refresh(struct vars_site *site, struct diags *diags, struct err *err)
{
	begin_change(site);
	int result = inventory_refresh(site->inventory, diags, err);
	site_renew_dicts(site);
	end_change(site);
	return result;
}

const struct host *vars_site_host(const struct vars_site *site, const char *name)
{
	begin_reading(site);
	const struct host *host = inventory_host(site->inventory, name);
	end_reading(site);
	return host;
}

static const struct host *add_stranger(struct vars_site *site, const char *name)
{
	struct host *host = ARENA_NEW(&site->arena, struct host);

	host->name = arena_strdup(&site->arena, name);
	host->index = SIZE_MAX;
	strmap_set(&site->strangers, host->name, host);
	return host;
}

const struct host *vars_site_stranger(struct vars_site *site, const char *name, struct err *err)
{
	if (inventory_check_name("host", name, err) < 0)
		return NULL;
	begin_change(site);
	const struct host *host = inventory_host(site->inventory, name);
	if (!host)
		host = strmap_get(&site->strangers, name);
	if (!host)
		host = add_stranger(site, name);
	/* Nobody's variables have changed: the generation stays. */
	pthread_rwlock_unlock(&site->locks->inventory);
	return host;
}

struct value *site_host_names(const struct vars_site *site, struct arena *arena)
{
	struct value *list = value_new_list(arena);

	begin_reading(site);
	strmap_foreach (e, &site->inventory->hosts)
		value_list_add(arena, list, value_new_string(arena, e->key));
	end_reading(site);
	return list;
}

/* The magic of the present generation; the inventory is being read. */
static const struct value *present_magic(const struct vars_site *site, unsigned generation)
{
	struct site_locks *locks = site->locks;

	pthread_mutex_lock(&locks->magic);
	if (locks->magic_generation != generation)
		locks->magic_now = magic_with_groups(site, &locks->arena);
	locks->magic_generation = generation;
	const struct value *magic = locks->magic_now;
	pthread_mutex_unlock(&locks->magic);
	return magic;
}

static unsigned generation_of(const struct vars_site *site)
{
	return __atomic_load_n(&site->generation, __ATOMIC_SEQ_CST);
}

void site_stack(struct vars_view *view)
{
	const struct vars_site *site = view->site;

	begin_reading(site);
	view->stacked = generation_of(site);
	view->magic = present_magic(site, view->stacked);
	view->host_magic = magic_of_host(view->host, view->arena);
	layers_stack(view);
	end_reading(site);
}

bool vars_view_refresh(struct vars_view *view)
{
	struct vars_view *root = view->root;

	if (root->stacked == generation_of(root->site))
		return false;
	strmap_foreach (e, &root->others) {
		site_stack(e->value);
		view_forget(e->value);
	}
	return true;
}
