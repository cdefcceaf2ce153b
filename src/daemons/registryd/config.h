/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What model-registryd is told: config/model_registryd.yaml. Relative paths are relative to the
 * working directory.
 */
#ifndef REGISTRYD_CONFIG_H
#define REGISTRYD_CONFIG_H

#include "base/diag.h"
#include "daemons/registryd/catalogue.h"
#include "daemons/registryd/role.h"
#include "daemons/settings.h"

#define CONFIG_STORE "json:models/registry.json"
#define CONFIG_PORT  8080

/* A key of the configuration or of its file. */
struct config_key {
	const char *name;   /* who has it, for the audit log */
	const char *sha256; /* of the key, in hex */
	const char *role;
	struct place place;
};

struct config_jwt {
	const char *secret_file; /* of HS256 */
	const char *jwks;        /* a file or a URL of public keys */
	const char *issuer, *audience, *roles_claim;
	int64_t leeway, refresh; /* seconds */
};

struct config_audit {
	const char *file; /* NULL: none */
	int64_t max_bytes, keep;
};

struct config_limits {
	int64_t connections, idle; /* idle: seconds */
	int64_t body;              /* bytes of a request's JSON */
	int64_t queue;             /* changes that wait for the store */
};

/* Where versions' files are kept; all NULL: nowhere. */
struct config_site {
	const char *inventory; /* of the site whose model_registry.yaml counts */
	/* Instead of a site: a directory, as publish-model fills it, or s3://BUCKET/PREFIX. */
	const char *store;
	const char *s3_endpoint, *s3_region; /* NULL: the environment's */
	bool s3_path_style;                  /* ENDPOINT/BUCKET/KEY */
	bool s3_redirect;                    /* files go out by URLs of the store's */
	int64_t s3_part_bytes;               /* larger files go in parts of so many */
	int64_t max_bytes;                   /* of one version */
	int64_t max_files;                   /* likewise */
};

struct registryd_config {
	const char *store;
	const char *listen;
	const char *tls_cert, *tls_key;
	struct settings_list keys; /* of struct config_key */
	const char *keys_file;
	struct config_jwt jwt;
	struct config_audit audit;
	struct config_limits limits;
	struct catalogue_config catalogue;
	struct config_site site;
};

/*
 * Reads a configuration into the arena, with the defaults of what it does not say; a file that
 * is not there is an empty one if `optional`. -1 with err when it cannot be read; findings go
 * to diags, and with errors among them it is not to be used.
 */
int config_read(struct arena *a, const char *path, bool optional,
	struct registryd_config *config, struct diags *diags, struct err *err);
/*
 * Cuts "ADDRESS:PORT" ("[::1]:8080" for IPv6; ":8080" or "8080": of localhost) apart. The
 * address is in the arena. ERR_INPUT.
 */
int config_listen(struct arena *a, const char *text, const char **address, uint16_t *port,
	struct err *err);
/* True if only this machine can reach an address. */
bool config_is_local(const char *address);
/* 0 if nobody but its owner (and root's group, for reading) gets at a file; else ERR_DENIED. */
int config_check_mode(const char *path, struct err *err);
/*
 * Reads the keys of a file (a YAML list, as `access.keys`) that passes
 * config_check_mode.
 */
int config_read_keys(struct arena *a, const char *path, struct settings_list *keys,
	struct diags *diags, struct err *err);

#endif
