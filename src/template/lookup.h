/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lookups: their terms are args->rest, their options args->named; the result is a list.
 */
#ifndef TEMPLATE_LOOKUP_H
#define TEMPLATE_LOOKUP_H

#include "template/callable.h"

/* An option of a lookup, or NULL when it is not given or None. */
const struct value *lookup_option(const struct args *a, const char *name);

#endif
