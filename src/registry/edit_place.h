/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to a value inside a file, found by the value's place; internal to the room.
 */
#ifndef REGISTRY_EDIT_PLACE_H
#define REGISTRY_EDIT_PLACE_H

#include <stdbool.h>

#include "value/value.h"
#include "value/yaml_edit.h"

/* Keys from the top of a file; an item of a list has its index in digits. */
struct edit_path {
	const char *keys[YAML_EDIT_MAX_PATH + 1]; /* live as long as the value */
	size_t count;
	char digits[YAML_EDIT_MAX_PATH][24];
};

/*
 * Finds MODEL.KEY whose value stands at a line and column, wherever in `top` that is. False
 * when nothing there does.
 */
bool edit_path_find(struct edit_path *path, const struct value *top, const char *model,
	const char *key, const struct place *at);
/* What the first n keys of a path lead to, or NULL. */
const struct value *edit_path_follow(
	const struct edit_path *path, const struct value *top, size_t n);

#endif
