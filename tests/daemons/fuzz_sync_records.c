/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what model-sync-agent finds on its disk. The first byte says as which file: its
 * configuration (c), the manifest (m), what it remembers (s). What was read can be written, and
 * read again as the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "daemons/sync_agent/config.h"
#include "daemons/sync_agent/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A directory of this process's own, made once, that goes with it. */
static char directory[] = "/tmp/fuzz-sync-records.XXXXXX";

static void remove_directory(void)
{
	path_remove_tree(directory, NULL);
}

static const char *own_directory(void)
{
	static bool made;

	if (!made && !mkdtemp(directory))
		abort();
	if (!made)
		atexit(remove_directory);
	made = true;
	return directory;
}

static char *put(const char *name, const uint8_t *data, size_t size)
{
	char *path = path_join(own_directory(), name);
	FILE *f = fopen(path, "w");

	if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0)
		abort();
	return path;
}

static void fuzz_config(const uint8_t *data, size_t size)
{
	autofree char *path = put("config.yaml", data, size);
	AUTO(arena_release) struct arena arena = {0};
	AUTO(diags_release) struct diags diags = {0};
	struct agent_config config;
	struct err err = {0};

	if (config_read(&arena, path, &config, &diags, &err) < 0 || diags.errors)
		return;
	for (size_t i = 0; i < config.models.count; i++) {
		const struct agent_model *m = config_model(&config, i);
		if (!m->name || !m->source || !path_is_contained(m->local_name))
			abort();
	}
}

static void fuzz_manifest(const uint8_t *data, size_t size)
{
	autofree char *path = put("manifest.json", data, size);
	AUTO(arena_release) struct arena arena = {0};
	AUTO(manifest_release) struct manifest first = {0};
	AUTO(manifest_release) struct manifest again = {0};
	struct err err = {0};

	if (manifest_read(&arena, path, &first, &err) < 0) {
		if (!*err.text || first.models.count)
			abort();
		return;
	}
	if (manifest_write(path, &first, &err) < 0 ||
		manifest_read(&arena, path, &again, &err) < 0 ||
		again.models.count != first.models.count)
		abort();
	for (size_t i = 0; i < first.models.count; i++) {
		const struct record *r = &first.models.items[i];
		const struct record *found = manifest_find(&again, r->file);
		if (!found || !record_is(found, r->name, r->version, r->run_id))
			abort();
	}
}

static void fuzz_state(const uint8_t *data, size_t size)
{
	free(put(STATE_FILE, data, size));
	AUTO(arena_release) struct arena arena = {0};
	AUTO(state_release) struct state first = {0};
	AUTO(state_release) struct state again = {0};
	struct err err = {0};

	if (state_read(&arena, own_directory(), &first, &err) < 0) {
		if (!*err.text)
			abort();
		return;
	}
	for (size_t i = 0; i < first.former.count; i++)
		if (!path_is_component(first.former.items[i].kept))
			abort();
	if (state_write(own_directory(), &first, &err) < 0 ||
		state_read(&arena, own_directory(), &again, &err) < 0 ||
		again.pending.count != first.pending.count ||
		again.former.count != first.former.count ||
		again.blocked.count != first.blocked.count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0]) {
	case 'c': fuzz_config(data + 1, size - 1); break;
	case 'm': fuzz_manifest(data + 1, size - 1); break;
	case 's': fuzz_state(data + 1, size - 1); break;
	default: break;
	}
	return 0;
}
