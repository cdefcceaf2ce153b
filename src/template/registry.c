/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All tables of filters, tests, global functions and lookups, by kind.
 */
#include "template/tables.h"

static const struct callables *const filters[] = {&filters_text, &filters_list, &filters_select,
	&filters_number, &filters_dict, &filters_data, &filters_regex, &filters_path,
	&filters_iter, &filters_units, &filters_random, &filters_web, &filters_files, NULL};
static const struct callables *const tests[] = {
	&tests_value, &tests_more, &tests_version, NULL};
static const struct callables *const globals[] = {&globals_all, &globals_lookup, NULL};
static const struct callables *const lookups[] = {&lookups_values, &lookups_files, NULL};

static const struct callables *const *tables_of(enum template_kind kind)
{
	switch (kind) {
	case TEMPLATE_FILTER: return filters;
	case TEMPLATE_TEST: return tests;
	case TEMPLATE_GLOBAL: return globals;
	default: return lookups;
	}
}

const struct callable *callables_find(const struct callables *table, const char *name)
{
	size_t low = 0;
	size_t high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, table->items[middle].name);
		if (order == 0)
			return &table->items[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct callable *callable_find(enum template_kind kind, const char *name)
{
	static const char prefix[] = "ansible.builtin.";

	if (kind != TEMPLATE_GLOBAL && strncmp(name, prefix, strlen(prefix)) == 0)
		name += strlen(prefix);
	for (const struct callables *const *t = tables_of(kind); *t; t++) {
		const struct callable *found = callables_find(*t, name);
		if (found)
			return found;
	}
	return NULL;
}

const char *template_entry(enum template_kind kind, size_t i)
{
	for (const struct callables *const *t = tables_of(kind); *t; t++) {
		if (i < (*t)->count)
			return (*t)->items[i].name;
		i -= (*t)->count;
	}
	return NULL;
}
