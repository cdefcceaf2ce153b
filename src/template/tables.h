/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of this room, one a file that defines them.
 */
#ifndef TEMPLATE_TABLES_H
#define TEMPLATE_TABLES_H

#include "template/callable.h"

/* Defines a table of a file's entries. */
#define CALLABLES(table, entries) const struct callables table = {entries, ARRAY_SIZE(entries)}

extern const struct callables filters_text, filters_list, filters_select, filters_number,
	filters_dict, filters_data, filters_regex, filters_path, filters_iter, filters_units,
	filters_random, filters_web, filters_files;
extern const struct callables tests_value, tests_more, tests_version;
extern const struct callables globals_all, globals_lookup;
extern const struct callables lookups_values, lookups_files;

#endif
