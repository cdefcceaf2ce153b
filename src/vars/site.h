/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all views of a site share. Internal to this room.
 */
#ifndef VARS_SITE_H
#define VARS_SITE_H

#include <pthread.h>

#include "template/template.h"
#include "vars/vars.h"

/* The groups of layers whose order the setting `precedence` chooses. */
enum group_layers {
	ALL_INVENTORY,
	GROUPS_INVENTORY,
	ALL_PLUGINS_INVENTORY,
	ALL_PLUGINS_PLAY,
	GROUPS_PLUGINS_INVENTORY,
	GROUPS_PLUGINS_PLAY,
	GROUP_LAYERS_COUNT
};

/*
 * One layer of a view. `dict` is what wins in it; `table`, where there is one, also holds what
 * the layer itself beats.
 */
struct layer {
	enum vars_level level;
	const char *label;
	const struct value *dict;
	const struct var_table *table;
	unsigned scope; /* of vars_view_enter that it was added in; 0: none */
};

/* What keeps threads apart (change.c); it may be locked where the site is const. */
struct site_locks {
	pthread_rwlock_t inventory; /* the inventory, and the mappings of what it says */
	pthread_mutex_t magic;      /* the rest of this */
	struct arena arena;
	const struct value *magic_now;
	unsigned magic_generation; /* that magic_now is of */
};

/* Mappings by the index of a host or group. */
struct site_dicts {
	const struct value **items;
	size_t count;
	size_t cap;
};

struct vars_site {
	struct inventory *inventory;
	struct site_locks *locks;
	unsigned generation; /* atomic: counts changes of the inventory, from 1 */
	const struct secrets *secrets;
	struct arena arena;
	const struct value *extra;
	const struct value *magic; /* what is the same for all hosts, but `groups` */
	struct site_dicts groups, hosts;
	const struct value *localhost; /* the mapping of the implicit one */
	enum group_layers order[GROUP_LAYERS_COUNT];
	size_t order_count;
	struct template_cache *templates;
	bool any_condition;      /* allow_broken_conditionals */
	struct strmap strangers; /* name -> struct host * that the inventory has not */
};

/* One mapping of a table; values merged where the inventory says so. */
const struct value *site_table_dict(
	const struct inventory *inventory, struct arena *arena, const struct var_table *table);
/* What the sources say about a host. */
const struct value *site_host_dict(const struct vars_site *site, const struct host *host);
/* Makes the mappings of groups and hosts that have none yet. */
void site_complete_dicts(struct vars_site *site);
/* Makes the mapping of a host anew. */
void site_renew_host(struct vars_site *site, const struct host *host);
/* Makes all of them anew. */
void site_renew_dicts(struct vars_site *site);
/* The names of all hosts. */
struct value *site_host_names(const struct vars_site *site, struct arena *arena);
/* The magic variables that all hosts share, but `groups`. */
const struct value *magic_shared(const struct inventory *inventory,
	const struct vars_site_options *options, struct arena *arena);
/* The same, with `groups` as the inventory has them now. */
const struct value *magic_with_groups(const struct vars_site *site, struct arena *arena);
/* The magic variables of one host. */
const struct value *magic_of_host(const struct host *host, struct arena *arena);

#endif
