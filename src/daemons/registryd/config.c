/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/path.h"
#include "daemons/registryd/files_s3.h"
#include "http/s3.h"
#include "value/yaml.h"

#define CONFIG_MAX (1u << 20)

/* ---- the tables ---- */

static const struct setting key_settings[] = {
	SETTING(struct config_key, name, TEXT, "name", .required = true),
	SETTING(struct config_key, sha256, TEXT, "sha256", .required = true),
	SETTING(struct config_key, role, TEXT, "role"),
	{0},
};

static void prepare_key(void *key)
{
	((struct config_key *)key)->role = role_name(ROLE_READ);
}

#define KEY_LIST                                                                               \
	.members = key_settings, .size = sizeof(struct config_key), .prepare = prepare_key,    \
	.place = offsetof(struct config_key, place)

static const struct setting jwt_settings[] = {
	SETTING(struct config_jwt, secret_file, TEXT, "secret_file"),
	SETTING(struct config_jwt, jwks, TEXT, "jwks"),
	SETTING(struct config_jwt, issuer, TEXT, "issuer"),
	SETTING(struct config_jwt, audience, TEXT, "audience"),
	SETTING(struct config_jwt, roles_claim, TEXT, "roles_claim"),
	SETTING(struct config_jwt, leeway, INT, "leeway_seconds", .min = 0, .max = 600),
	SETTING(struct config_jwt, refresh, INT, "refresh_seconds", .min = 10, .max = 86400),
	{0},
};

static const struct setting access_settings[] = {
	SETTING(struct registryd_config, keys, LIST, "keys", KEY_LIST),
	SETTING(struct registryd_config, keys_file, TEXT, "keys_file"),
	SETTING(struct registryd_config, jwt, SECTION, "jwt", .members = jwt_settings),
	{0},
};

static const struct setting tls_settings[] = {
	SETTING(struct registryd_config, tls_cert, TEXT, "certificate", .required = true),
	SETTING(struct registryd_config, tls_key, TEXT, "key", .required = true),
	{0},
};

static const struct setting audit_settings[] = {
	SETTING(struct config_audit, file, TEXT, "file"),
	SETTING(struct config_audit, max_bytes, INT, "max_bytes", .min = 4096,
		.max = INT64_C(1) << 40),
	SETTING(struct config_audit, keep, INT, "keep", .min = 1, .max = 1000),
	{0},
};

static const struct setting limit_settings[] = {
	SETTING(struct config_limits, connections, INT, "connections", .min = 1, .max = 100000),
	SETTING(struct config_limits, idle, INT, "idle_seconds", .min = 1, .max = 86400),
	SETTING(struct config_limits, body, INT, "body_bytes", .min = 1024, .max = 64 << 20),
	SETTING(struct config_limits, queue, INT, "queue", .min = 1, .max = 100000),
	{0},
};

static const struct setting site_settings[] = {
	SETTING(struct config_site, inventory, TEXT, "inventory"),
	SETTING(struct config_site, store, TEXT, "store"),
	SETTING(struct config_site, s3_endpoint, TEXT, "s3_endpoint"),
	SETTING(struct config_site, s3_region, TEXT, "s3_region"),
	SETTING(struct config_site, s3_path_style, BOOL, "s3_path_style"),
	SETTING(struct config_site, s3_redirect, BOOL, "s3_redirect"),
	SETTING(struct config_site, s3_part_bytes, INT, "s3_part_bytes", .min = S3_PART_MIN,
		.max = S3_PUT_MAX),
	SETTING(struct config_site, max_bytes, INT, "max_bytes", .min = 1,
		.max = INT64_C(1) << 50),
	SETTING(struct config_site, max_files, INT, "max_files", .min = 1, .max = 10000),
	{0},
};

/* Sections of a part of the struct begin where the struct does. */
#define SAME_STRUCT 0

static const struct setting settings[] = {
	SETTING(struct registryd_config, store, TEXT, "store"),
	SETTING(struct registryd_config, listen, TEXT, "listen"),
	{.name = "tls",
		.type = SETTING_SECTION,
		.offset = SAME_STRUCT,
		.members = tls_settings},
	{.name = "access",
		.type = SETTING_SECTION,
		.offset = SAME_STRUCT,
		.members = access_settings},
	SETTING(struct registryd_config, audit, SECTION, "audit", .members = audit_settings),
	SETTING(struct registryd_config, limits, SECTION, "limits", .members = limit_settings),
	SETTING(struct registryd_config, catalogue, SECTION, "catalogue",
		.members = catalogue_settings),
	SETTING(struct registryd_config, site, SECTION, "site", .members = site_settings),
	{0},
};

static void set_defaults(struct registryd_config *c)
{
	*c = (struct registryd_config){.store = CONFIG_STORE,
		.jwt = {.roles_claim = "roles", .leeway = 30, .refresh = 300},
		.audit = {.max_bytes = 16 << 20, .keep = 5},
		.limits = {.connections = 12000, .idle = 75, .body = 1 << 20, .queue = 1024},
		.site = {.s3_path_style = true,
			.s3_redirect = true,
			.s3_part_bytes = S3_PART_SIZE}};
	catalogue_defaults(&c->catalogue);
}

/* ---- what a table cannot tell ---- */

static void check_key(const struct config_key *key, struct diags *diags)
{
	unsigned char digest[32];
	enum role role;

	if (key->sha256 && !parse_hex(key->sha256, digest, sizeof(digest)))
		diag_error(diags, &key->place,
			"sha256: expected the 64 hex digits of the key's SHA-256");
	if (!role_read(key->role, &role))
		diag_error(diags, &key->place,
			"role: found \"%s\", expected read, write or admin", key->role);
}

static void check_keys(const struct settings_list *keys, struct diags *diags)
{
	const struct config_key *items = keys->items;

	for (size_t i = 0; i < keys->count; i++)
		check_key(&items[i], diags);
}

static void check_s3(const struct config_site *s, const struct place *at, struct diags *diags)
{
	bool s3 = s->store && files_s3_is(s->store);
	struct err err = {0};

	if (s3 && files_s3_check(s->store, &err) < 0)
		diag_error(diags, at, "site.store: %s", err.text);
	if (!s3 && (s->s3_endpoint || s->s3_region))
		diag_error(diags, at,
			"site: s3_endpoint and s3_region belong to a store s3://BUCKET/PREFIX");
}

static void check(const struct registryd_config *c, const struct place *at, struct diags *diags)
{
	AUTO(arena_release) struct arena scratch = {0};
	const char *address;
	uint16_t port;
	struct err err = {0};

	check_keys(&c->keys, diags);
	if (c->listen && config_listen(&scratch, c->listen, &address, &port, &err) < 0)
		diag_error(diags, at, "listen: %s", err.text);
	if (c->site.inventory && c->site.store)
		diag_error(diags, at,
			"site: inventory and store exclude each other; a site says where its "
			"store is");
	check_s3(&c->site, at, diags);
	if ((c->jwt.issuer || c->jwt.audience) && !c->jwt.secret_file && !c->jwt.jwks)
		diag_error(diags, at,
			"access.jwt: secret_file or jwks is missing: by what are tokens "
			"checked?");
	if (catalogue_check(&c->catalogue, &err) < 0)
		diag_error(diags, at, "%s", err.text);
}

/* ---- reading ---- */

static const struct yaml_options yaml_settings = {
	.duplicates_are_errors = true, .safe_loader = true, .max_bytes = CONFIG_MAX};

int config_read(struct arena *a, const char *path, bool optional,
	struct registryd_config *config, struct diags *diags, struct err *err)
{
	set_defaults(config);
	if (optional && !path_exists(path))
		return 0;
	const struct value *v = yaml_read_file(a, path, &yaml_settings, diags, err);
	if (!v)
		return -1;
	if (v->kind == VALUE_NULL)
		return 0;
	if (v->kind != VALUE_DICT) {
		diag_error(diags, &v->place, "expected a mapping of settings");
		return 0;
	}
	settings_read(a, v, "", settings, config, diags);
	check(config, &v->place, diags);
	return 0;
}

int config_check_mode(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(err, "%s", path);
	if (st.st_mode & (S_IWGRP | S_IRWXO))
		return err_set(err, ERR_DENIED,
			"%s: its mode %04o lets others read or change it: chmod 0600", path,
			(unsigned)st.st_mode & 07777);
	return 0;
}

int config_read_keys(struct arena *a, const char *path, struct settings_list *keys,
	struct diags *diags, struct err *err)
{
	static const struct setting table[] = {
		{.name = "keys", .type = SETTING_LIST, .required = true, KEY_LIST},
		{0},
	};
	const struct value *v = config_check_mode(path, err) < 0
					? NULL
					: yaml_read_file(a, path, &yaml_settings, diags, err);

	*keys = (struct settings_list){0};
	if (!v)
		return -1;
	if (v->kind != VALUE_DICT)
		diag_error(diags, &v->place, "expected a mapping with a list \"keys\"");
	else
		settings_read(a, v, "", table, keys, diags);
	check_keys(keys, diags);
	return 0;
}

/* ---- addresses ---- */

int config_listen(struct arena *a, const char *text, const char **address, uint16_t *port,
	struct err *err)
{
	const char *colon = strrchr(text, ':');
	const char *digits = colon ? colon + 1 : text;
	size_t n = colon ? (size_t)(colon - text) : 0;
	int64_t number;

	if (!parse_int(digits, 0, UINT16_MAX, &number))
		return err_set(err, ERR_INPUT,
			"\"%s\" is no address and port; for example 127.0.0.1:8080", text);
	if (n > 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	*port = (uint16_t)number;
	*address = n ? arena_strndup(a, text, n) : "127.0.0.1";
	if (strcmp(*address, "localhost") == 0)
		*address = "127.0.0.1";
	struct in6_addr any;
	if (inet_pton(AF_INET, *address, &any) == 1 || inet_pton(AF_INET6, *address, &any) == 1)
		return 0;
	return err_set(err, ERR_INPUT, "\"%s\" is no IPv4 or IPv6 address", *address);
}

bool config_is_local(const char *address)
{
	return str_starts(address, "127.") || strcmp(address, "::1") == 0;
}
