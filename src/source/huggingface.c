/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Hugging Face Hub. A revision (branch, tag or commit) is resolved to a commit, which is
 * the version; files are fetched by that commit, so that nothing moves under a download. Large
 * files have their SHA-256 in the repository.
 */
#include <stdlib.h>

#include "source/hub.h"

#define REVISION   "main"
#define PAGES_MAX  100u
#define COMMIT_LEN 40

static void close_hub(void *state)
{
	source_server_close(state);
	free(state);
}

static void *open_hub(const struct source_options *options, struct err *err)
{
	struct source_server *s = xcalloc(1, sizeof(*s));

	if (hub_open(s, options, err) == 0)
		return s;
	close_hub(s);
	return NULL;
}

static bool is_commit(const char *text)
{
	return text && strlen(text) == COMMIT_LEN &&
	       strspn(text, "0123456789abcdef") == COMMIT_LEN;
}

static int find_hub(
	void *state, const struct source_request *q, struct source_version *v, struct err *err)
{
	struct source_server *s = state;
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;

	if (q->version && !is_commit(q->version))
		return err_set(err, ERR_NOTFOUND,
			"there is no version \"%s\": they are whole commits", q->version);
	strbuf_addf(&url, "%s/api/models/", s->base);
	source_add_path(&url, q->name);
	strbuf_addstr(&url, "/revision/");
	source_add_segment(&url, q->version ? q->version : q->alias ? q->alias : REVISION);
	source_add_query(&url, "expand", "sha");
	const struct value *said = source_ask(s, &arena, url.data, NULL, err);
	const char *sha = said ? source_text(said, "sha") : NULL;
	if (!said)
		return -1;
	if (!is_commit(sha))
		return err_set(err, ERR_PROTOCOL, "the answer has no commit: is it the Hub?");
	*v = (struct source_version){.version = xstrdup(sha), .run_id = xstrdup("")};
	return 0;
}

/* Takes one entry of a tree; directories are left out. */
static int take_entry(const struct value *entry, struct source_files *files, struct err *err)
{
	const char *type = source_text(entry, "type"), *path = source_text(entry, "path");
	const struct value *size = value_dict_get(entry, "size");
	const struct value *lfs = value_dict_get(entry, "lfs");
	const char *sha256 = lfs ? source_text(lfs, "oid") : NULL;
	bool known = size && size->kind == VALUE_INT && size->integer >= 0;

	if (!type || !path)
		return err_set(err, ERR_PROTOCOL, "the list of files has one without a path");
	if (strcmp(type, "file") != 0)
		return 0;
	if (sha256 && !source_is_sha256(sha256))
		return err_set(err, ERR_PROTOCOL,
			"the list of files says of \"%s\" what is no SHA-256: \"%.80s\"", path,
			sha256);
	if (source_files_add(files, path, known ? (uint64_t)size->integer : SOURCE_SIZE_UNKNOWN,
		    err) < 0)
		return -1;
	files->items[files->count - 1].sha256 = xstrdup(sha256);
	return 0;
}

/* Takes one page; *next is the URL of another one or NULL. */
static int take_page(struct source_server *s, const char *url, struct source_files *files,
	char **next, struct err *err)
{
	AUTO(http_response_release) struct http_response response = {0};
	AUTO(arena_release) struct arena arena = {0};
	const struct value *said = source_ask(s, &arena, url, &response, err);

	if (!said)
		return -1;
	if (said->kind != VALUE_LIST)
		return err_set(err, ERR_PROTOCOL, "the list of files is no list");
	value_list_foreach (entry, said)
		if (take_entry(entry, files, err) < 0)
			return -1;
	return hub_next_page(s, &response, next, err);
}

static int list_hub(void *state, const struct source_request *q, const struct source_version *v,
	struct source_files *files, struct err *err)
{
	struct source_server *s = state;
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;

	strbuf_addf(&url, "%s/api/models/", s->base);
	source_add_path(&url, q->name);
	strbuf_addf(&url, "/tree/%s", v->version);
	source_add_query(&url, "recursive", "true");
	for (unsigned pages = 0; pages < PAGES_MAX; pages++) {
		autofree char *next = NULL;
		if (take_page(s, url.data, files, &next, err) < 0)
			return -1;
		if (!next)
			return 0;
		strbuf_clear(&url);
		strbuf_addstr(&url, next);
	}
	return err_set(err, ERR_LIMIT, "the list of files has more than %u pages", PAGES_MAX);
}

static int fetch_hub(void *state, const struct source_request *q,
	const struct source_version *v, const struct source_file *file,
	struct source_fetch *fetch, struct err *err)
{
	struct source_server *s = state;
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;
	autofree char *content = xasprintf("%s/%s/%s", q->name, v->version, file->path);

	strbuf_addf(&url, "%s/", s->base);
	source_add_path(&url, q->name);
	strbuf_addf(&url, "/resolve/%s/", v->version);
	source_add_path(&url, file->path);
	return source_download(s, url.data, content, file->sha256, file->size, fetch, err);
}

const struct source_kind source_huggingface = {
	.name = "huggingface",
	.open = open_hub,
	.close = close_hub,
	.find = find_hub,
	.list = list_hub,
	.fetch = fetch_hub,
};
