/* SPDX-License-Identifier: Apache-2.0 */
#include "source/registry_client.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/path.h"
#include "source/registry_client_private.h"
#include "value/json.h"

#define MODELS  "/api/v1/registry/models"
#define TIMEOUT 60.0   /* seconds of silence, and of a question in all */
#define ANSWER  3600.0 /* seconds that sealing may take: the service reads all of it */
#define KEY_MAX 4096   /* bytes of a key: a JWT may be long */

struct registry_client {
	struct source_server server;
};

/* ---- who we are ---- */

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static int take_key(struct registry_client *c, char *key, const char *from, struct err *err)
{
	key[strcspn(key, "\r\n")] = '\0';
	if (!*key || strpbrk(key, " \t"))
		return err_set(err, ERR_INPUT, "%s holds no key: expected one word", from);
	c->server.authorization = xasprintf("Authorization: Bearer %s", key);
	return 0;
}

static int read_key_file(struct registry_client *c, const char *path, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(path, KEY_MAX, &text, err) < 0)
		return err_wrap(err, "the registry's key");
	int result = take_key(c, text.data, path, err);
	mem_wipe(text.data, text.len);
	return result;
}

static int read_key(
	struct registry_client *c, const struct registry_client_options *o, struct err *err)
{
	const char *file = o->key_file ? o->key_file : setting(REGISTRY_FILE_VARIABLE);
	const char *key = setting(REGISTRY_KEY_VARIABLE);

	if (o->key_file || (file && !key))
		return read_key_file(c, file, err);
	if (!key)
		return 0;
	autofree char *copy = xstrdup(key);
	int result = take_key(c, copy, REGISTRY_KEY_VARIABLE, err);
	mem_wipe(copy, strlen(copy));
	return result;
}

struct registry_client *registry_client_open(
	const struct registry_client_options *o, struct err *err)
{
	struct registry_client *c = xcalloc(1, sizeof(*c));
	const struct source_options options = {.cancel = o->cancel, .rate = o->rate};

	if (source_server_open(&c->server, o->url, &options, err) == 0 &&
		read_key(c, o, err) == 0) {
		c->server.timeout = TIMEOUT;
		c->server.tls = (struct http_tls){.ca_path = setting(REGISTRY_CA_VARIABLE),
			.ca_setting = REGISTRY_CA_VARIABLE};
		return c;
	}
	registry_client_close(c);
	return NULL;
}

void registry_client_close(struct registry_client *c)
{
	if (!c)
		return;
	if (c->server.authorization)
		mem_wipe(c->server.authorization, strlen(c->server.authorization));
	source_server_close(&c->server);
	free(c);
}

struct source_server *registry_server(struct registry_client *c)
{
	return &c->server;
}

/* ---- entries ---- */

/* The address of a model's version; with a tail behind it. */
static void version_url(const struct registry_client *c, const char *model, int64_t version,
	const char *tail, struct strbuf *url)
{
	strbuf_addf(url, "%s" MODELS "/", c->server.base);
	source_add_segment(url, model);
	strbuf_addf(url, "/%" PRId64 "%s", version, tail);
}

/* Makes sure that an answer is an entry. */
static const struct value *check_entry(const struct value *v, struct err *err)
{
	const struct value *version = v ? value_dict_get(v, "version") : NULL;

	if (!v)
		return NULL;
	if (source_text(v, "model_name") && source_text(v, "path") &&
		source_text(v, "status") && version && version->kind == VALUE_INT &&
		version->integer > 0)
		return v;
	err_set(err, ERR_PROTOCOL,
		"the answer is no entry of a registry: is it model-registryd?");
	return NULL;
}

const struct value *registry_client_list(
	struct registry_client *c, struct arena *arena, const char *model, struct err *err)
{
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;

	strbuf_addf(&url, "%s" MODELS, c->server.base);
	if (model)
		source_add_query(&url, "model_name", model);
	const struct value *said = source_ask(&c->server, arena, url.data, NULL, err);
	const struct value *models = said ? value_dict_get(said, "models") : NULL;
	if (said && (!models || models->kind != VALUE_LIST)) {
		err_set(err, ERR_PROTOCOL,
			"the answer has no list of models: is it model-registryd?");
		return NULL;
	}
	for (size_t i = 0; models && i < models->count; i++)
		if (!check_entry(models->items[i], err))
			return NULL;
	return models;
}

const struct value *registry_client_get(struct registry_client *c, struct arena *arena,
	const char *model, int64_t version, const char **tag, struct err *err)
{
	AUTO(http_response_release) struct http_response response = {0};
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;

	version_url(c, model, version, "", &url);
	const struct value *said = source_ask(&c->server, arena, url.data, &response, err);
	if (tag)
		*tag = said ? arena_strdup(arena, http_header_get(&response, "ETag")) : NULL;
	return check_entry(said, err);
}

const struct value *registry_client_production(
	struct registry_client *c, struct arena *arena, const char *model, struct err *err)
{
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;

	strbuf_addf(&url, "%s" MODELS "/", c->server.base);
	source_add_segment(&url, model);
	strbuf_addstr(&url, "/production");
	return check_entry(source_ask(&c->server, arena, url.data, NULL, err), err);
}

const struct value *registry_post(struct registry_client *c, struct arena *arena,
	const char *url, const struct value *body, struct err *err)
{
	static const struct json_write_options options = {
		.compact = true, .strict_numbers = true};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (json_write(body, &options, &text, err) < 0)
		return NULL;
	const struct source_message message = {.method = "POST",
		.type = "application/json",
		.body = text.data,
		.body_len = text.len,
		.seconds = ANSWER};
	return source_send(&c->server, arena, url, &message, NULL, err);
}

const struct value *registry_client_register(struct registry_client *c, struct arena *arena,
	const struct value *entry, struct err *err)
{
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;

	strbuf_addf(&url, "%s" MODELS, c->server.base);
	return check_entry(registry_post(c, arena, url.data, entry, err), err);
}

const struct value *registry_client_activate(struct registry_client *c, struct arena *arena,
	const char *model, int64_t version, const char *tag, struct err *err)
{
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;
	autofree char *match = tag ? xasprintf("If-Match: %s", tag) : NULL;
	const struct source_message message = {.method = "PUT", .headers = {match}};

	version_url(c, model, version, "/activate", &url);
	return check_entry(source_send(&c->server, arena, url.data, &message, NULL, err), err);
}

/* ---- the fleet ---- */

int registry_client_report(
	struct registry_client *c, const char *body, size_t n, double seconds, struct err *err)
{
	AUTO(arena_release) struct arena scratch = {0};
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;
	const struct source_message message = {.method = "POST",
		.type = "application/json",
		.body = body,
		.body_len = n,
		.seconds = seconds};

	strbuf_addf(&url, "%s/api/v1/fleet/events", c->server.base);
	return source_send(&c->server, &scratch, url.data, &message, NULL, err) ? 0 : -1;
}

/* ---- files that are there ---- */

const struct value *registry_client_files(struct registry_client *c, struct arena *arena,
	const char *model, int64_t version, struct err *err)
{
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;

	version_url(c, model, version, "/files", &url);
	return source_ask(&c->server, arena, url.data, NULL, err);
}

static int take_file(const struct value *v, struct source_files *files, struct err *err)
{
	const char *path = source_text(v, "path");
	const char *sha256 = source_text(v, "sha256");
	const struct value *size = value_dict_get(v, "size");
	uint8_t digest[32];

	if (!path || !path_is_contained(path) || !sha256 ||
		!parse_hex(sha256, digest, sizeof(digest)) || !size ||
		size->kind != VALUE_INT || size->integer < 0)
		return err_set(err, ERR_PROTOCOL,
			"the answer's list of files is none: expected path, size and sha256");
	if (source_files_add(files, path, (uint64_t)size->integer, err) < 0)
		return -1;
	files->items[files->count - 1].sha256 = xstrdup(sha256);
	return 0;
}

int registry_client_take_files(
	const struct value *answer, struct source_files *files, struct err *err)
{
	const struct value *list = value_dict_get(answer, "files");

	if (!list || list->kind != VALUE_LIST)
		return err_set(err, ERR_PROTOCOL,
			"the answer has no list of files: is it model-registryd?");
	value_list_foreach (file, list)
		if (take_file(file, files, err) < 0)
			return -1;
	return 0;
}

void registry_file_url(const struct registry_client *c, const char *model, int64_t version,
	const char *path, struct strbuf *url)
{
	version_url(c, model, version, "/files/", url);
	source_add_path(url, path);
}

int registry_client_download(struct registry_client *c, const char *model, int64_t version,
	const struct source_file *file, struct source_fetch *fetch, struct err *err)
{
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;

	registry_file_url(c, model, version, file->path, &url);
	return source_download(
		&c->server, url.data, file->sha256, file->sha256, file->size, fetch, err);
}

const struct value *registry_client_seal(struct registry_client *c, struct arena *arena,
	const char *model, int64_t version, const struct value *request, struct err *err)
{
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;

	version_url(c, model, version, "/files/commit", &url);
	return registry_post(c, arena, url.data, request, err);
}
