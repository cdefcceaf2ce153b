/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MLflow's registry, of generations 2 and 3, by its REST API. A file is fetched through the
 * server (get-artifact), on the server's own rights to its store: that works for stores in S3
 * and for those on the server's disk, answers ranges, and needs no second set of credentials
 * here.
 *
 * Credentials and TLS are those of MLflow's own environment variables.
 */
#include <stdlib.h>

#include "source/kind.h"
#include "source/mlflow.h"

#define API             "/api/2.0/mlflow"
#define CA_VARIABLE     "MLFLOW_TRACKING_SERVER_CERT_PATH"
#define CLIENT_VARIABLE "MLFLOW_TRACKING_CLIENT_CERT_PATH"
#define TIMEOUT_DEFAULT 120.0
#define TIMEOUT_MAX     3600

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static bool is_true(const char *value)
{
	return value && (strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

/* A name and password go before a token, as in MLflow's own client. */
static void read_credentials(struct source_server *s)
{
	const char *user = setting("MLFLOW_TRACKING_USERNAME");
	const char *password = setting("MLFLOW_TRACKING_PASSWORD");
	const char *token = setting("MLFLOW_TRACKING_TOKEN");

	if (user && password) {
		s->user = xstrdup(user);
		s->password = xstrdup(password);
	} else if (token) {
		s->authorization = xasprintf("Authorization: Bearer %s", token);
	}
}

static int read_settings(struct source_server *s, struct err *err)
{
	const char *timeout = setting("MLFLOW_HTTP_REQUEST_TIMEOUT");
	int64_t seconds;

	read_credentials(s);
	s->tls = (struct http_tls){.insecure = is_true(setting("MLFLOW_TRACKING_INSECURE_TLS")),
		.ca_path = setting(CA_VARIABLE),
		.client_cert = setting(CLIENT_VARIABLE),
		.ca_setting = CA_VARIABLE,
		.client_setting = CLIENT_VARIABLE};
	s->timeout = TIMEOUT_DEFAULT;
	if (!timeout)
		return 0;
	if (!parse_int(timeout, 1, TIMEOUT_MAX, &seconds))
		return err_set(err, ERR_INPUT,
			"MLFLOW_HTTP_REQUEST_TIMEOUT: found \"%s\", expected seconds, 1 to %d",
			timeout, TIMEOUT_MAX);
	s->timeout = (double)seconds;
	return 0;
}

static void close_mlflow(void *state)
{
	source_server_close(state);
	free(state);
}

static void *open_mlflow(const struct source_options *options, struct err *err)
{
	struct source_server *s = xcalloc(1, sizeof(*s));

	if (!options->uri)
		err_set(err, ERR_INPUT, "the address of MLflow's server is not said");
	else if (source_server_open(s, options->uri, options, err) == 0 &&
		 read_settings(s, err) == 0)
		return s;
	close_mlflow(s);
	return NULL;
}

/* ---- which version ---- */

/* The value of a version's tag, or NULL. */
static const char *tag_of(const struct value *version, const char *name)
{
	const struct value *tags = value_dict_get(version, "tags");

	if (!tags || tags->kind != VALUE_LIST)
		return NULL;
	value_list_foreach (tag, tags) {
		const char *key = source_text(tag, "key");
		if (key && strcmp(key, name) == 0)
			return source_text(tag, "value");
	}
	return NULL;
}

/* Takes what the server says of a version. */
static int take_version(const struct value *said, const struct source_request *q,
	struct source_version *v, struct err *err)
{
	const char *version = said ? source_text(said, "version") : NULL;
	const char *run = said ? source_text(said, "run_id") : NULL;
	const char *sha256 = said && q->sha256_tag ? tag_of(said, q->sha256_tag) : NULL;
	int64_t number;

	if (!version || !parse_int(version, 1, INT64_MAX, &number))
		return err_set(
			err, ERR_PROTOCOL, "the answer has no version: is it MLflow's server?");
	if (sha256 && !source_is_sha256(sha256))
		return err_set(err, ERR_INPUT,
			"version %s: the tag \"%s\" is \"%.80s\", which is no SHA-256", version,
			q->sha256_tag, sha256);
	*v = (struct source_version){.version = xstrdup(version),
		.run_id = xstrdup(run ? run : ""),
		.origin = xstrdup(source_text(said, "source")),
		.sha256 = xstrdup(sha256)};
	return 0;
}

/*
 * 400 is what the server says of an alias, of a version that is no number, and the older one of
 * a model, that is not there.
 */
static void correct_code(const struct http_response *r, struct err *err)
{
	if (err && r->status == 400 && err->code == ERR_PROTOCOL)
		err->code = ERR_NOTFOUND;
}

/* Asks a question about a model, with one more parameter; NULL with err. */
static const struct value *ask(struct source_server *s, struct arena *arena,
	const struct source_request *q, const char *question, const char *parameter,
	const char *value, struct err *err)
{
	AUTO(http_response_release) struct http_response response = {0};
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;

	strbuf_addf(&url, "%s" API "%s", s->base, question);
	source_add_query(&url, "name", q->name);
	source_add_query(&url, parameter, value);
	const struct value *said = source_ask(s, arena, url.data, &response, err);
	if (!said)
		correct_code(&response, err);
	return said;
}

static int find_by_stage(struct source_server *s, const struct source_request *q,
	struct source_version *v, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	const struct value *said = ask(s, &arena, q, "/registered-models/get-latest-versions",
		"stages", q->stage, err);
	const struct value *versions = said ? value_dict_get(said, "model_versions") : NULL;

	if (!said)
		return -1;
	if (!versions || versions->kind != VALUE_LIST || versions->count == 0)
		return err_set(err, ERR_NOTFOUND, "no version is in the stage %s", q->stage);
	return take_version(versions->items[0], q, v, err);
}

static int find_mlflow(
	void *state, const struct source_request *q, struct source_version *v, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};

	if (!q->version && q->stage)
		return find_by_stage(state, q, v, err);
	const struct value *said = q->version
					   ? ask(state, &arena, q, "/model-versions/get",
						     "version", q->version, err)
					   : ask(state, &arena, q, "/registered-models/alias",
						     "alias", q->alias, err);
	return said ? take_version(value_dict_get(said, "model_version"), q, v, err) : -1;
}

/* ---- its files ---- */

/* Where the version's files lie, as the server resolves it; in the arena. */
static const char *artifact_uri(struct source_server *s, struct arena *arena,
	const struct source_request *q, const struct source_version *v, struct err *err)
{
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;

	strbuf_addf(&url, "%s" API "/model-versions/get-download-uri", s->base);
	source_add_query(&url, "name", q->name);
	source_add_query(&url, "version", v->version);
	const struct value *said = source_ask(s, arena, url.data, NULL, err);
	const char *uri = said ? source_text(said, "artifact_uri") : NULL;
	if (said && !uri)
		err_set(err, ERR_PROTOCOL,
			"the server does not say where the version's files are");
	return uri;
}

static int list_mlflow(void *state, const struct source_request *q,
	const struct source_version *v, struct source_files *files, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	const char *uri = artifact_uri(state, &arena, q, v, err);

	return uri ? mlflow_list(state, uri, v, files, err) : -1;
}

static int fetch_mlflow(void *state, const struct source_request *q,
	const struct source_version *v, const struct source_file *file,
	struct source_fetch *fetch, struct err *err)
{
	struct source_server *s = state;
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;
	autofree char *content =
		xasprintf("%s/%s/%s/%s", q->name, v->version, v->run_id, file->path);

	strbuf_addf(&url, "%s/model-versions/get-artifact", s->base);
	source_add_query(&url, "name", q->name);
	source_add_query(&url, "version", v->version);
	source_add_query(&url, "path", file->path);
	return source_download(s, url.data, content, v->sha256, file->size, fetch, err);
}

const struct source_kind source_mlflow = {
	.name = "mlflow",
	.takes_paths = true,
	.open = open_mlflow,
	.close = close_mlflow,
	.find = find_mlflow,
	.list = list_mlflow,
	.fetch = fetch_mlflow,
};
