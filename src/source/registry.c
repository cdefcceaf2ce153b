/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model-registryd as a source: the version in production, or one by its number, and those of
 * its files that the service keeps. Its key is that of registry_client.h.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "source/kind.h"
#include "source/registry_client_private.h"

static void *open_registry(const struct source_options *options, struct err *err)
{
	const struct registry_client_options o = {
		.url = options->uri, .cancel = options->cancel, .rate = options->rate};

	if (options->uri)
		return registry_client_open(&o, err);
	err_set(err, ERR_INPUT, "the address of the registry is not said");
	return NULL;
}

static void close_registry(void *state)
{
	registry_client_close(state);
}

static int find_registry(
	void *state, const struct source_request *q, struct source_version *v, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	int64_t number = 0;

	if (q->version && !parse_int(q->version, 1, INT64_MAX, &number))
		return err_set(err, ERR_NOTFOUND,
			"there is no version \"%s\": they are numbers", q->version);
	const struct value *entry =
		number ? registry_client_get(state, &arena, q->name, number, NULL, err)
		       : registry_client_production(state, &arena, q->name, err);
	if (!entry)
		return -1;
	const char *date = source_text(entry, "date");
	*v = (struct source_version){
		.version = xasprintf("%" PRId64, value_dict_get(entry, "version")->integer),
		.run_id = xstrdup(date ? date : ""),
		.origin = xstrdup(source_text(entry, "path"))};
	return 0;
}

static int list_registry(void *state, const struct source_request *q,
	const struct source_version *v, struct source_files *files, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};

	if (!*v->run_id)
		return err_set(err, ERR_NOTFOUND,
			"version %s has a path, %s, and no files in the registry: register it "
			"with --files",
			v->version, v->origin);
	const struct value *said = registry_client_files(
		state, &arena, q->name, strtoll(v->version, NULL, 10), err);
	return said ? registry_client_take_files(said, files, err) : -1;
}

static int fetch_registry(void *state, const struct source_request *q,
	const struct source_version *v, const struct source_file *file,
	struct source_fetch *fetch, struct err *err)
{
	return registry_client_download(
		state, q->name, strtoll(v->version, NULL, 10), file, fetch, err);
}

const struct source_kind source_registry = {
	.name = "registry",
	.open = open_registry,
	.close = close_registry,
	.find = find_registry,
	.list = list_registry,
	.fetch = fetch_registry,
};
