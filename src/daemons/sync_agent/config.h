/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What model-sync-agent is told: the mapping `model_sync` of config/model_sync.yaml. Relative
 * paths are relative to the working directory.
 */
#ifndef SYNC_AGENT_CONFIG_H
#define SYNC_AGENT_CONFIG_H

#include "base/diag.h"
#include "daemons/settings.h"
#include "value/value.h"

#define CONFIG_STAGING "staging" /* in models_dir */
#define CONFIG_FORMER  ".former" /* likewise: what files were before */
#define CONFIG_OWN     ".sync-"  /* what other names of the agent's begin with there */

struct agent_model {
	const char *name;       /* mlflow_name, or name */
	const char *local_name; /* below models_dir */
	const char *source;     /* "mlflow", "huggingface", "directory", "registry" */
	const char *uri;        /* of the source; NULL: mlflow_uri, or the source's own */
	const char *alias;      /* NULL: the common one, unless a stage is named */
	const char *stage;
	const char *revision; /* of the Hub: instead of an alias */
	const char *artifact; /* a path or a pattern in the version; NULL: the only one */
	const char *sha256_tag;
	struct place place;
};

struct agent_health {
	const char *unit, *url, *command, *host;
	int64_t port;
	double timeout; /* until it has to be well */
	double stable;  /* how long it has to stay so */
};

struct agent_update {
	bool restart;
	const char *command; /* "": none */
	double timeout;      /* of the command, and of a process that is told to end */
	const char *flag_file;
	const char *process_pattern, *pid_file;
	struct agent_health health;
};

struct agent_reporting {
	bool enabled;
	const char *endpoint, *device_id, *api_key;
};

struct agent_config {
	int64_t poll_interval, jitter; /* seconds */
	const char *mlflow_uri, *alias, *models_dir, *manifest_path, *sha256_tag;
	struct settings_list models; /* of struct agent_model */
	int64_t keep_former;         /* versions of each file */
	int64_t rate;                /* bytes a second; 0: any */
	int64_t size_max;            /* bytes of one file; 0: any */
	struct agent_update on_update;
	struct agent_reporting reporting;
	int64_t status_port; /* 0: none */
	const char *status_address, *status_token, *webhook_secret;
};

/*
 * Reads a configuration into the arena, with the defaults of what it does not say. -1 with err
 * when it cannot be read; findings go to diags, and with errors among them it is not to be
 * used.
 */
int config_read(struct arena *a, const char *path, struct agent_config *config,
	struct diags *diags, struct err *err);
/* A model of the configuration. */
const struct agent_model *config_model(const struct agent_config *config, size_t index);
/* The name of this device: as configured, else the host's. In the arena. */
const char *config_device(struct arena *a, const struct agent_config *config);

#endif
