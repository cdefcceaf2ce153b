/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and programs of this machine, searched as Ansible does: each path of the search, first
 * with the kind's folder behind it, then bare.
 */
#include "base/fd.h"
#include "base/path.h"
#include "base/spawn.h"
#include "template/template.h"

static char *local_find(void *data, const char *kind, const char *name, struct err *err)
{
	const struct template_search *search = data;
	autofree char *expanded = path_expand_home(name);

	if (expanded[0] == '/') {
		if (path_exists(expanded))
			return STEAL(expanded);
		err_set(err, ERR_NOTFOUND, "%s not found", expanded);
		return NULL;
	}
	for (size_t i = 0; i < search->paths.count; i++) {
		autofree char *folder = path_join(search->paths.items[i], kind);
		autofree char *inside = path_join(folder, expanded);
		if (path_exists(inside))
			return STEAL(inside);
		autofree char *bare = path_join(search->paths.items[i], expanded);
		if (path_exists(bare))
			return STEAL(bare);
	}
	err_set(err, ERR_NOTFOUND, "%s not found in %zu folders, first %s", expanded,
		search->paths.count, search->paths.count ? search->paths.items[0] : "none");
	return NULL;
}

static int local_read(
	void *data, const char *path, size_t max, struct strbuf *out, struct err *err)
{
	(void)data;
	return file_read(path, max, out, err);
}

static int local_run(
	void *data, const char *command, size_t max, struct strbuf *out, struct err *err)
{
	const struct template_search *search = data;
	AUTO(spawn_result_release)
	struct spawn_result result = {.out = STRBUF_INIT, .err = STRBUF_INIT};
	const char *const argv[] = {"/bin/sh", "-c", command, NULL};
	struct spawn_options options = {.argv = argv,
		.cwd = search->paths.count ? search->paths.items[0] : NULL,
		.output_max = max,
		.until = search->until,
		.cancel = search->cancel};

	if (spawn_run(&options, &result, err) < 0)
		return -1;
	int code = spawn_exit_code(result.status);
	if (code != 0)
		return err_set(err, ERR_INPUT, "the command '%.200s' ended with %d: %.200s",
			command, code, result.err.data);
	strbuf_add(out, result.out.data, result.out.len);
	return 0;
}

const struct template_files template_files_local = {
	.find = local_find, .read = local_read, .run = local_run};
