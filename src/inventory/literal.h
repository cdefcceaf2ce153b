/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python literals, as INI inventories write values: numbers, strings with prefixes and
 * escapes, None, True, False, lists, tuples, mappings and sets of these.
 *
 * What ast.literal_eval (Python 3.11) refuses is no literal; the caller then keeps the text.
 * So are complex numbers, Ellipsis, \N{...} escapes and nesting beyond LITERAL_MAX_DEPTH, which
 * no inventory could show. A set becomes a list in the order written.
 */
#ifndef INVENTORY_LITERAL_H
#define INVENTORY_LITERAL_H

#include "base/diag.h"
#include "base/mem.h"
#include "value/value.h"

#define LITERAL_MAX_DEPTH 90

/* The value of a literal, every part of it placed at `at`; NULL if the text is none. */
const struct value *literal_parse(
	struct arena *arena, const char *text, size_t len, const struct place *at);

#endif
