/* SPDX-License-Identifier: Apache-2.0 */
#include "source/mlflow.h"

#include <stdlib.h>

#include "base/path.h"

/* Three ways to ask for a directory's entries; each names them in its own way. */
enum way {
	WAY_PROXY, /* the server's artifacts: base names */
	WAY_MODEL, /* of a logged model: paths from its root */
	WAY_RUN    /* of a run: paths from the run's root */
};

struct listing {
	struct source_server *server;
	enum way way;
	const char *id;   /* of the run or the logged model */
	const char *root; /* where the version's files begin, in the way's own paths; "" */
	struct source_files *files;
	size_t asked; /* directories that were listed */
};

static void add_url(const struct listing *l, const char *directory, struct strbuf *url)
{
	strbuf_addstr(url, l->server->base);
	switch (l->way) {
	case WAY_PROXY:
		strbuf_addstr(url, "/api/2.0/mlflow-artifacts/artifacts");
		source_add_query(url, "path", directory);
		break;
	case WAY_MODEL:
		strbuf_addstr(url, "/api/2.0/mlflow/logged-models/");
		source_add_path(url, l->id);
		strbuf_addstr(url, "/artifacts/directories");
		source_add_query(url, "artifact_directory_path", directory);
		break;
	case WAY_RUN:
		strbuf_addstr(url, "/api/2.0/mlflow/artifacts/list");
		source_add_query(url, "run_id", l->id);
		source_add_query(url, "path", directory);
		break;
	}
}

/* A directory's name as the way has it: below another, or below nothing. */
static char *below(const char *directory, const char *name)
{
	return *directory ? path_join(directory, name) : xstrdup(name);
}

static int list_directory(
	struct listing *l, const char *directory, unsigned depth, struct err *err);

/* Takes one entry: a file, or a directory that is looked into. */
static int take_entry(struct listing *l, const char *directory, unsigned depth,
	const struct value *entry, struct err *err)
{
	const char *said = source_text(entry, "path");
	const struct value *is_dir = value_dict_get(entry, "is_dir");
	const struct value *size = value_dict_get(entry, "file_size");
	int64_t bytes = -1;

	if (!said)
		return err_set(err, ERR_PROTOCOL, "the list of files has one without a path");
	autofree char *path = l->way == WAY_PROXY ? below(directory, said) : xstrdup(said);
	if (is_dir && is_dir->kind == VALUE_BOOL && is_dir->boolean)
		return list_directory(l, path, depth + 1, err);
	size_t n = strlen(l->root);
	if (n && (strncmp(path, l->root, n) != 0 || path[n] != '/'))
		return err_set(err, ERR_PROTOCOL,
			"the list of files has \"%s\" outside of \"%s\"", path, l->root);
	if (size && size->kind == VALUE_INT)
		bytes = size->integer;
	else if (size && value_is_string(size) && !parse_int(size->text, 0, INT64_MAX, &bytes))
		bytes = -1;
	return source_files_add(l->files, path + n + (n ? 1 : 0),
		bytes >= 0 ? (uint64_t)bytes : SOURCE_SIZE_UNKNOWN, err);
}

static int list_directory(
	struct listing *l, const char *directory, unsigned depth, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;

	if (depth > SOURCE_DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "the version's directories are deeper than %u",
			SOURCE_DEPTH_MAX);
	if (++l->asked > SOURCE_DIRECTORIES_MAX)
		return err_set(err, ERR_LIMIT, "the version has more than %u directories",
			SOURCE_DIRECTORIES_MAX);
	add_url(l, directory, &url);
	const struct value *said = source_ask(l->server, &arena, url.data, NULL, err);
	const struct value *entries = said ? value_dict_get(said, "files") : NULL;
	if (!said)
		return -1;
	/* What is not there is an answer without files. */
	if (!entries || entries->kind != VALUE_LIST)
		return 0;
	value_list_foreach (entry, entries)
		if (take_entry(l, directory, depth, entry, err) < 0)
			return -1;
	return 0;
}

/* "mlflow-artifacts:/p", "mlflow-artifacts://host:port/p": p without slashes at its ends. */
static char *proxied_path(const char *uri)
{
	const char *path = strchr(uri, ':') + 1;

	if (str_starts(path, "//"))
		path = path + 2 + strcspn(path + 2, "/");
	path += strspn(path, "/");
	size_t n = strlen(path);
	while (n && path[n - 1] == '/')
		n--;
	return xstrndup(path, n);
}

/* The id of the logged model that a version was made of: "models:/m-..."; NULL. */
static char *logged_model(const struct source_version *v)
{
	static const char scheme[] = "models:/";

	if (!v->origin || !str_starts(v->origin, scheme) ||
		!str_starts(v->origin + strlen(scheme), "m-"))
		return NULL;
	const char *id = v->origin + strlen(scheme);
	return xstrndup(id, strcspn(id, "/"));
}

/* Where the version's files are below its run's: what the URI has beyond the run's own. */
static int run_root(
	struct source_server *s, const char *uri, const char *run, char **root, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;

	strbuf_addf(&url, "%s/api/2.0/mlflow/artifacts/list", s->base);
	source_add_query(&url, "run_id", run);
	const struct value *said = source_ask(s, &arena, url.data, NULL, err);
	if (!said)
		return -1;
	const char *begin = source_text(said, "root_uri");
	size_t n = begin ? strlen(begin) : 0;
	if (!n || strncmp(uri, begin, n) != 0 || (uri[n] && uri[n] != '/'))
		return err_set(err, ERR_NOTFOUND,
			"its files at %s cannot be listed: say with \"artifact\" which is "
			"meant",
			uri);
	*root = xstrdup(uri + n + strspn(uri + n, "/"));
	return 0;
}

int mlflow_list(struct source_server *s, const char *uri, const struct source_version *v,
	struct source_files *files, struct err *err)
{
	struct listing l = {.server = s, .files = files, .root = ""};
	autofree char *model = logged_model(v);
	autofree char *root = NULL;

	if (str_starts(uri, "mlflow-artifacts:")) {
		l.way = WAY_PROXY;
		l.root = root = proxied_path(uri);
	} else if (model) {
		l.way = WAY_MODEL;
		l.id = model;
	} else if (*v->run_id) {
		l.way = WAY_RUN;
		l.id = v->run_id;
		if (run_root(s, uri, v->run_id, &root, err) < 0)
			return -1;
		l.root = root;
	} else {
		return err_set(err, ERR_NOTFOUND,
			"its files at %s cannot be listed, since no run made it: say with "
			"\"artifact\" which is meant",
			uri);
	}
	return list_directory(&l, l.root, 0, err);
}
