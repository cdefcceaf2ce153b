/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods of str, list, tuple, dict, int and float that templates may call.
 */
#ifndef TEMPLATE_METHODS_H
#define TEMPLATE_METHODS_H

#include "template/object.h"

extern const struct callables methods_str, methods_list, methods_tuple, methods_dict,
	methods_int, methods_float, methods_bytes;

/* The method of a value, or NULL. */
const struct callable *methods_named(const struct value *v, const char *name);
/* A method bound to its object (or a plain attribute's value); NULL if v has none so named. */
const struct value *methods_find(struct eval *ev, const struct value *v, const char *name);

/* True if dicts have a method of this name: it goes before a key. */
bool methods_know(const char *name);

#endif
