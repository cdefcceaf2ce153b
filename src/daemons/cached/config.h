/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What model-cached is told: config/model_cache.yaml, and three variables of the environment
 * that win over it (MLFLOW_TRACKING_URI, MODEL_CACHE_SIZE, MODEL_UPDATE_INTERVAL).
 *
 * A configuration is shared by the threads that work by it: it never changes, and goes when
 * the last of them lets go. A new one takes its place when the file is read again.
 */
#ifndef CACHED_CONFIG_H
#define CACHED_CONFIG_H

#include "base/diag.h"
#include "daemons/settings.h"

#define CACHED_CONFIG_PATH "config/model_cache.yaml"

struct cached_model {
	const char *name;   /* mlflow_name, or name: in the registry, and to clients */
	const char *source; /* "mlflow", "huggingface", "directory", "registry" */
	const char *uri;    /* of the source; NULL: the source's own */
	const char *stage;  /* of MLflow; NULL where an alias is said */
	const char *alias;
	const char *artifact;   /* a path or a pattern in the version; NULL: the only model */
	const char *sha256_tag; /* of the version, with the file's digest */
	const char *validate_command; /* for the shell, with the file as $1; NULL: none */
	double validate_timeout;      /* seconds */
	bool pinned;
	struct place place;
};

struct cached_config {
	const char *mlflow_uri, *listen, *socket, *state_dir;
	const char *group; /* whose members may connect to the socket; "": nobody else */
	int64_t interval;  /* seconds between two checks of a model */
	double jitter;     /* part of the interval by which a check may come earlier: 0.1 */
	int64_t cache_size;
	int64_t cache_bytes;           /* in memory; 0: any */
	int64_t disk_bytes;            /* in state_dir; 0: any */
	int64_t model_bytes;           /* of one model's file; 0: any */
	int64_t rate;                  /* bytes a second of a download; 0: any */
	int64_t loaders;               /* threads */
	struct settings_numbers retry; /* seconds after the first failure, the second ... */
	struct settings_list models;   /* of struct cached_model */
	struct settings_texts allow;   /* patterns of names that are loaded when asked for */
	const char *address;           /* of listen */
	uint16_t port;
	struct arena *arena; /* holds all this */
	unsigned refs;       /* atomic */
};

/*
 * Reads a configuration. NULL with err when it cannot be read; findings go to diags, and with
 * errors among them it is not to be used.
 */
struct cached_config *cached_config_read(
	const char *path, struct diags *diags, struct err *err);
/* One holder more; the same pointer. */
struct cached_config *cached_config_hold(struct cached_config *config);
/* One holder less; the last frees it. NULL is fine. */
void cached_config_drop(struct cached_config *config);

/* A model of the configuration. */
const struct cached_model *cached_config_model(
	const struct cached_config *config, size_t index);
/* The model of a name; NULL: not configured. */
const struct cached_model *cached_config_find(
	const struct cached_config *config, const char *name);
/* Whether a model that is not configured may be loaded. */
bool cached_config_allows(const struct cached_config *config, const char *name);
/*
 * What a model that is not configured would be: a model of MLflow, in the stage Production. It
 * points to `name` and the configuration.
 */
struct cached_model cached_config_guess(const struct cached_config *config, const char *name);
/* What clients see as its stage: that, or its alias; never NULL. */
const char *cached_model_stage(const struct cached_model *model);
/* Appends " (NAME)", for lines of the log, where there may be more models than one. */
void cached_config_tag(
	const struct cached_config *config, const char *name, struct strbuf *out);

#endif
