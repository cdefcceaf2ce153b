/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing arrays: for any struct with the members `items`, `count` and `cap`.
 *
 *     struct { struct host *items; size_t count, cap; } hosts = {0};
 *     *VEC_PUSH(&hosts) = (struct host){.name = "a"};
 *     free(hosts.items);
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include "base/mem.h"

/* Grows the array behind items so that one more element fits; helper of VEC_PUSH. */
void *vec_grow(void *items, size_t count, size_t *cap, size_t size);

/* Appends one uninitialised element and gives its address. */
#define VEC_PUSH(v)                                                                            \
	((v)->items = vec_grow((v)->items, (v)->count, &(v)->cap, sizeof(*(v)->items)),        \
		&(v)->items[(v)->count++])

#endif
