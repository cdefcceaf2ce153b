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
	filters_dict, filters_data, filters_regex, filters_path;
extern const struct callables tests_value;
extern const struct callables globals_all;

#endif
