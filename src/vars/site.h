/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all views of a site share. Internal to this room.
 */
#ifndef VARS_SITE_H
#define VARS_SITE_H

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

struct vars_site {
	const struct inventory *inventory;
	const struct secrets *secrets;
	struct arena arena;
	const struct value *extra;
	const struct value *magic;        /* what is the same for all hosts */
	const struct value **group_dicts; /* by group.index */
	const struct value **host_dicts;  /* by host.index; the implicit localhost behind all */
	enum group_layers order[GROUP_LAYERS_COUNT];
	size_t order_count;
	struct template_cache *templates;
};

/* One mapping of a table; values merged where the inventory says so. */
const struct value *site_table_dict(
	const struct inventory *inventory, struct arena *arena, const struct var_table *table);
/* What the sources say about a host. */
const struct value *site_host_dict(const struct vars_site *site, const struct host *host);
/* The magic variables that all hosts share. */
const struct value *magic_shared(const struct inventory *inventory,
	const struct vars_site_options *options, struct arena *arena);
/* The magic variables of one host. */
const struct value *magic_of_host(const struct host *host, struct arena *arena);

#endif
