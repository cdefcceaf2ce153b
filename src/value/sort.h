/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order among values as Python's < has it.
 */
#ifndef VALUE_SORT_H
#define VALUE_SORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "value/value.h"

/*
 * Compares two values: *order is negative, 0 or positive. Numbers compare by value, strings
 * and bytes by code point, dates by day, lists and tuples item by item. False where Python
 * raises TypeError: kinds that have no order, or different kinds.
 */
bool value_compare(const struct value *a, const struct value *b, int *order);
/* The order of two keys in *order; -1 when they have none, which ends the sort. */
typedef int (*value_order_fn)(
	void *data, const struct value *a, const struct value *b, int *order);
/*
 * Sorts pairs by their keys, those of equal keys staying in their order, backwards too. `spare`
 * has room for as many. -1 when `compare` gives up; then the order is any.
 */
int value_sort_pairs(struct value_pair *pairs, struct value_pair *spare, size_t count,
	bool backwards, value_order_fn compare, void *data);
/*
 * The pairs of a dict in the order of their keys, in new memory that the caller frees. NULL
 * with ERR_INPUT when two keys have no order. The sort is stable.
 */
struct value_pair *value_sorted_pairs(const struct value *dict, struct err *err);

#endif
