/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon's settings: a mapping of YAML, read by a table into a struct.
 *
 *     static const struct setting table[] = {
 *             SETTING(struct config, interval, INT, "poll_interval_seconds", .min = 1,
 *                     .max = 86400),
 *             SETTING(struct config, models, LIST, "models", .members = model_table,
 *                     .size = sizeof(struct model), .required = true),
 *             {0},
 *     };
 *
 * What is not in the file, or null, stays as the caller has put it there. Everything that is
 * wrong is found in one run, with its place and the nearest key that exists.
 */
#ifndef DAEMONS_SETTINGS_H
#define DAEMONS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "value/value.h"

#define SETTINGS_LIST_MAX 10000u

enum setting_type {
	SETTING_TEXT,    /* const char *, in the arena */
	SETTING_INT,     /* int64_t between min and max */
	SETTING_NUMBER,  /* double between min and max */
	SETTING_BOOL,    /* bool */
	SETTING_TEXTS,   /* struct settings_texts */
	SETTING_NUMBERS, /* struct settings_numbers, each between min and max */
	SETTING_SECTION, /* a struct of its own, by `members` */
	SETTING_LIST     /* struct settings_list of structs of `size`, by `members` */
};

struct settings_texts {
	const char **items;
	size_t count;
};

struct settings_numbers {
	double *items;
	size_t count;
};

struct settings_list {
	void *items;
	size_t count;
};

struct setting {
	const char *name;
	enum setting_type type;
	size_t offset;
	int64_t min, max; /* of numbers; both 0: any that is not negative */
	bool required;
	bool off; /* of a TEXT: "off", which YAML reads as false, is text, too */
	const struct setting *members; /* of a section; of each of a list */
	size_t size;
	void (*prepare)(void *item); /* puts defaults into an item of a list; may be NULL */
	/* Where its items were written: offset of a struct place in an item, or 0. */
	size_t place;
};

/* A row of a table: SETTING(struct config, interval, INT, "interval", .min = 1, .max = 9). */
#define SETTING(owner, member, kind, key, ...)                                                 \
	{                                                                                      \
		.name = (key), .type = SETTING_##kind, .offset = offsetof(owner, member),      \
		__VA_ARGS__                                                                    \
	}

/*
 * Reads a mapping. `path` stands before the keys in messages ("model_sync."); strings and lists
 * live in the arena. Findings go to diags.
 */
void settings_read(struct arena *a, const struct value *v, const char *path,
	const struct setting *table, void *into, struct diags *diags);

#endif
