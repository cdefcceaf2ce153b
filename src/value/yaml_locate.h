/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the bytes of a node by its path. Private to value/.
 */
#ifndef VALUE_YAML_LOCATE_H
#define VALUE_YAML_LOCATE_H

#include "value/yaml_reader.h"

/* The mapping that has, or would get, the key looked for. */
struct yaml_parent {
	bool flow;
	size_t entries;
	size_t column;   /* of its keys: so many spaces indent a new one */
	size_t open;     /* offset behind the brace of a flow mapping */
	size_t last_end; /* offset behind its last value */
};

enum yaml_spot_kind {
	YAML_SPOT_SCALAR,
	YAML_SPOT_OTHER,   /* a collection or an alias */
	YAML_SPOT_MISSING, /* the parent lacks the key */
	YAML_SPOT_NULL,    /* a null stands where a mapping would have to be */
	YAML_SPOT_EMPTY    /* there is no document */
};

/* Offsets count from the beginning of the text, a byte-order mark included. */
struct yaml_spot {
	enum yaml_spot_kind kind;
	size_t found;       /* how many keys of the path are there */
	struct place place; /* of what was found */
	size_t start, end;  /* the bytes of a SCALAR or NULL; equal when it is empty */
	yaml_scalar_style_t style;
	const char *obstacle; /* what forbids to replace it: "an anchor" ...; NULL if nothing */
	bool in_flow;
	struct yaml_parent parent;
	size_t key_start; /* the key's first byte, when it is there */
};

/*
 * Fills spot for a path in a text that yaml_read takes (so: of one document); -1 with err.
 * The file's name is copied into the arena.
 */
int yaml_locate(struct arena *a, const char *text, size_t len, const char *file,
	const char *const *path, struct yaml_spot *spot, struct err *err);

#endif
