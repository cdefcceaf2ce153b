/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolution: for all hosts in one go, which version of which model each of them gets. All
 * that is wrong is reported at once, before any host is touched: registry, sets, overrides,
 * filters, and versions that the store lacks. The same finding on many hosts is one finding
 * that names them.
 *
 * Input is plain values, one `struct resolve_host` a host; registry/site.h fills them from an
 * inventory and its variables.
 */
#ifndef REGISTRY_RESOLVE_H
#define REGISTRY_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "registry/modelset.h"
#include "registry/registry.h"
#include "registry/store.h"

/* What the variables of one host say; NULL where a variable is not defined. */
struct resolve_host {
	const char *name;
	struct strlist groups; /* all groups it is in, for model_set_defaults */
	struct registry_input registry;
	const struct value *root; /* sentinelcam_model_registry */
	const struct value *model_set;
	const struct value *overrides;
	/* The `models` of each entry of model_configs: models that a config names together. */
	const struct value *config_models;
	const struct value
		*defaults[MODEL_SET_DEFAULTS]; /* of model_set_defaults[i].variable */
	bool holds_store; /* its models are the store itself: it gets none */
};

/* Which models a command is limited to; both empty: all. */
struct resolve_filter {
	struct strlist models; /* --models: names of models */
	struct strlist tags;   /* --tags: a model's name selects that model */
};

/* A move that has not been made: what would be wanted after it. */
struct resolve_suppose {
	const char *model;
	const char *version;         /* NULL: the hosts have no override of the model */
	const struct strlist *hosts; /* whose override it is; NULL: it is current for all */
};

struct resolve_input {
	const struct resolve_host *hosts;
	size_t count;
	const struct resolve_filter *filter;   /* NULL: all models */
	struct store *store;                   /* NULL: versions are not looked up */
	const struct resolve_suppose *suppose; /* NULL: as the values say */
};

/* One model that a host is to have. */
struct wanted {
	const struct model *model;
	const char *version;
	struct place version_place; /* where the version was said */
	bool pinned;                /* by model_version_overrides */
	struct globs linked_files;  /* count 0: the whole model */
	size_t use;                 /* index of its struct version_use */
};

/* What one host is to have; models in the registry's order. */
struct host_models {
	const char *host;
	const struct registry *registry; /* the host's */
	const char *root; /* directory that its models go to; NULL after errors */
	const struct wanted *items;
	size_t count;
	/*
	 * The host whose models are the store itself gets nothing sent: `items` is empty, and
	 * what it uses is here (without `use`), for the configs that name it.
	 */
	bool holds_store;
	const struct wanted *held;
	size_t held_count;
};

/*
 * A version that some host wants: what the engine has to have a manifest of. Hosts whose
 * registries give a model other globs have another use of the same version.
 */
struct version_use {
	const struct model *model; /* of the first host that wants it */
	const char *version;
	struct place place; /* where it was first said */
	size_t hosts;       /* how many hosts want it */
};

struct resolution {
	struct arena arena;
	struct host_models *hosts; /* in the order of the input */
	size_t host_count;
	struct version_use *uses;
	size_t use_count, use_cap;
	struct registry **registries; /* distinct ones */
	size_t registry_count;
};

/*
 * Resolves all hosts. Findings are appended to d. Returns -1 if any is an error; the
 * resolution then holds what could be resolved. It is released in either case. Nothing of the
 * input is kept, except for the names of files in places.
 */
int resolution_compute(struct resolution *r, const struct resolve_input *in, struct diags *d);
/* Frees all that the resolution holds. */
void resolution_release(struct resolution *r);
/* What a host is to have, or NULL when it was not among the input. */
const struct host_models *resolution_host(const struct resolution *r, const char *host);
/* The version of a model that a host is to have, or NULL. */
const struct wanted *host_models_find(const struct host_models *h, const char *model);

/* One difference between two resolutions. */
enum change_kind { CHANGE_ADDED, CHANGE_REMOVED, CHANGE_VERSION };
struct change {
	enum change_kind kind;
	const char *host; /* strings live in the resolutions */
	const char *model;
	const char *before; /* version, or NULL */
	const char *after;
	bool pinned; /* the version after (or, when removed, before) comes from an override */
};
struct changes {
	struct change *items;
	size_t count, cap;
};

/* Appends what differs from before to after, in the order of hosts and models. */
void resolution_compare(
	const struct resolution *before, const struct resolution *after, struct changes *out);
/* Frees the list. */
void changes_release(struct changes *c);

#endif
