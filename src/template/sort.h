/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stable sorting of lists by keys that may refuse to be compared.
 */
#ifndef TEMPLATE_SORT_H
#define TEMPLATE_SORT_H

#include "template/eval.h"

/*
 * Sorts a list under construction by a list of keys of the same length, which is sorted along.
 * Equal keys keep their order, backwards too. -1 with err when two keys have no order.
 */
int sort_by_keys(struct eval *ev, struct value *list, struct value *keys, bool backwards,
	struct err *err);
/* What a value counts as without case: text in lower case, anything else itself. */
const struct value *ignore_case(struct eval *ev, const struct value *v, struct err *err);

#endif
