/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model registry: what `model_registry.yaml` says about each model.
 *
 * The registry is ordinary variables (docs/reference/registry.md describes each key), so it is
 * read from values, not from a file: whoever evaluates variables hands over the values of one
 * host in a `struct registry_input`. Hosts with equal values share one `struct registry`.
 *
 * Every entry keeps the places of its key and of its versions, for messages and for edits.
 * Reading reports all that is wrong into a list and goes on; what could be read stands in the
 * registry afterwards. A registry is immutable once read and may be shared by threads.
 * Limits: REGISTRY_MODELS_MAX models, REGISTRY_GLOBS_MAX patterns a list.
 */
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "value/value.h"

/* The variables that make up a registry and a host's share of it. */
#define VAR_MODELS          "sentinelcam_models"
#define VAR_STORE           "sentinelcam_model_registry"
#define VAR_RETENTION       "sentinelcam_model_retention"
#define VAR_CORAL_PACKAGES  "coral_packages"
#define VAR_OVERRIDES       "model_version_overrides"
#define VAR_MODEL_SET       "model_set"
#define VAR_OUTPOST_MODELS  "outpost_models"
#define VAR_DATASINK_MODELS "datasink_models"
#define VAR_PRIMARY         "primary_datasink"
#define VAR_CONFIGS         "model_configs"
#define VAR_VERSIONS        "model_versions" /* made by us: model -> version of this host */
#define VAR_PATHS           "model_paths"    /* model -> directory of that version */

#define REGISTRY_MODELS_MAX    10000
#define REGISTRY_GLOBS_MAX     1000
#define REGISTRY_RETENTION_MAX 100000
#define REGISTRY_RETENTION     5 /* sentinelcam_model_retention when it is not set */

/* A list of file patterns as text/glob.h describes them, relative to a version's directory. */
struct globs {
	const char *const *items;
	size_t count;
};

/* True if one of the patterns covers a path inside a version. */
bool globs_match(const struct globs *g, const char *path, bool is_dir);

/* One model of the registry. Strings live in the registry's arena. */
struct model {
	const char *name;
	struct place place;   /* of the key that is its name */
	const char *current;  /* YYYY-MM-DD; NULL only after an error was reported */
	const char *previous; /* YYYY-MM-DD, or NULL: there is none */
	struct place current_place;
	struct place previous_place;
	struct globs initial_only; /* sent once; the node owns them afterwards */
	struct globs exclude;      /* never part of the model */
	struct globs only; /* nothing else is part of it; count 0: everything is. Set for hosts
			      that get linked files alone */
	bool immutable;    /* no service writes into its files: hard links allowed */
	bool update;       /* a file that is newer on the node stays (default true) */
};

/* One package of coral_packages: a name and what is said about it. */
struct coral_package {
	const char *name;
	struct place place;
	const struct value
		*spec; /* a version as a string, or a mapping; lives with the input */
};

struct registry {
	struct arena arena;
	const struct model *models; /* in the order of the file */
	size_t model_count;
	struct strmap by_name; /* the same, by name */
	struct place place;    /* of sentinelcam_models */
	const char
		*root; /* the host's sentinelcam_model_registry: absolute; NULL after errors */
	struct place root_place;
	unsigned retention;
	const struct coral_package *coral;
	size_t coral_count;
};

/*
 * The values of the variables, NULL where one is not defined. What the registry keeps of them
 * it copies, except for the names of files in places.
 */
struct registry_input {
	const struct value *models;
	const struct value *retention;
	const struct value *coral;
};

/*
 * Reads a registry. Findings are appended to d; returns -1 if any of them is an error, and the
 * registry then holds what could be understood. It is released in either case.
 */
int registry_read(struct registry *r, const struct registry_input *in, struct diags *d);
/* Frees what the registry holds. */
void registry_release(struct registry *r);
/* The model of a name, or NULL. */
const struct model *registry_model(const struct registry *r, const char *name);
/* The name of the model that is spelled most like name, or NULL when none is near. */
const char *registry_nearest(const struct registry *r, const char *name);
/* True if two inputs say the same, at the same places: hosts may share one registry. */
bool registry_input_same(const struct registry_input *a, const struct registry_input *b);

/*
 * A version as a value gives it: a string or an unquoted date that names a real day. Returns
 * its text (which lives in the value), or NULL after reporting an error that begins with
 * `what`.
 */
const char *registry_version(
	const struct value *v, const struct place *at, const char *what, struct diags *d);
/*
 * The directory of a host that holds its models: an absolute path without a slash at its end,
 * copied into the arena. NULL after reporting an error.
 */
const char *registry_root(struct arena *a, const struct value *v, struct diags *d);
/*
 * Reads a list of file patterns into the arena; reports what is not a pattern inside a
 * version. `what` names the list in messages. Returns -1 after an error.
 */
int registry_globs(struct arena *a, const struct value *v, const struct place *at,
	const char *what, struct globs *out, struct diags *d);

#endif
