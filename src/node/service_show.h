/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `systemctl show` prints: for each unit asked for, in that order, lines NAME=VALUE; an
 * empty line between two units.
 */
#ifndef NODE_SERVICE_SHOW_H
#define NODE_SERVICE_SHOW_H

#include "node/service.h"

/* The properties that a state is made of, as --property takes them. */
extern const char service_show_properties[];

/*
 * Reads the states of `count` units, whose names are in `units`, from n bytes of text. With
 * `keep`, a state's `properties` are set to its lines. ERR_PROTOCOL when there are not as
 * many units in the text.
 */
int service_show_parse(struct arena *a, const char *const *units, size_t count,
	const char *text, size_t n, bool keep, struct service_state *states, struct err *err);

/* One line of a unit. The value may span lines: Exec properties put theirs in braces. */
struct service_property {
	const char *name, *value;
	size_t name_len, value_len;
};
/* The next property of a unit's lines, or false at their end. `at` moves on. */
bool service_show_next(const char **at, const char *end, struct service_property *p);

#endif
