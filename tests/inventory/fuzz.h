/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzzers of this room share: an inventory under construction.
 */
#ifndef TESTS_INVENTORY_FUZZ_H
#define TESTS_INVENTORY_FUZZ_H

#include "inventory/build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_inventory {
	struct arena arena;
	struct inventory inventory;
	struct inventory_options options;
	struct diags diags;
	struct builder builder;
};

/* An empty inventory. */
static inline void fuzz_inventory_init(struct fuzz_inventory *f)
{
	*f = (struct fuzz_inventory){.inventory.arena = &f->arena,
		.builder = {.inventory = &f->inventory,
			.options = &f->options,
			.diags = &f->diags,
			.source = "fuzz",
			.any_parsed = true}};
	build_start(&f->builder);
}

/* Reconciles what was read, and checks what must hold whatever was read. */
static inline void fuzz_inventory_finish(struct fuzz_inventory *f)
{
	struct host_list hosts = {0};

	build_finish(&f->builder);
	strmap_foreach (e, &f->inventory.groups) {
		const struct group *group = e->value;
		for (size_t i = 0; i < group->children.count; i++)
			if (group->children.items[i]->depth <= group->depth)
				abort();
	}
	inventory_group_hosts(&f->inventory, f->inventory.all, &hosts);
	if (hosts.count > f->inventory.hosts.count)
		abort();
	free(hosts.items);
	inventory_release(&f->inventory);
	diags_release(&f->diags);
	arena_release(&f->arena);
}

#endif
