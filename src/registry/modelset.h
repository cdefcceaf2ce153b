/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which models a host gets. The rule is data: the variable `model_set`, set for a group in
 * group_vars/GROUP/models.yaml or for one host in host_vars:
 *
 *     model_set: all                      every model of the registry
 *     model_set: none                     nothing
 *     model_set: [mobilenet_ssd, yolo]    these
 *     model_set: "{{ outpost_models }}"   whatever another variable lists
 *
 * An item of the list is a name, or a mapping `{model: NAME, linked_files: [GLOBS]}`, which
 * says that only these files of the model are wanted, each under a link that names the current
 * one.
 *
 * Where model_set is not defined, a table of defaults (model_set_defaults) says what the usual
 * groups get, so that an inventory with those needs no such line. A host in several of the
 * groups gets all that they say; a host in none gets nothing, and a warning.
 */
#ifndef REGISTRY_MODELSET_H
#define REGISTRY_MODELSET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "registry/registry.h"
#include "value/value.h"

/* What a group gets whose hosts have no model_set. */
struct model_set_default {
	const char *group;
	const char *variable; /* the list that names the models; NULL: all models */
	bool required;        /* the variable has to be there */
};
#define MODEL_SET_DEFAULTS 3
extern const struct model_set_default model_set_defaults[MODEL_SET_DEFAULTS];

struct model_set_item {
	const char *name;
	struct place place;
	struct globs linked_files; /* count 0: the whole model */
};

struct model_set {
	bool all;
	struct model_set_item *items;
	size_t count, cap;
};

/*
 * Adds what a value of model_set (or of a variable that lists models) says to a set. Names are
 * not looked up here. `what` names the variable in messages. Returns -1 after an error.
 */
int model_set_add(struct model_set *s, struct arena *a, const struct value *v, const char *what,
	struct diags *d);
/* The item of a model, or NULL; for a set of all models NULL as well. */
const struct model_set_item *model_set_find(const struct model_set *s, const char *name);
/* Frees the array of items. */
void model_set_release(struct model_set *s);

#endif
