/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/spawn.h"
#include "fixture.h"
#include "value/yaml.h"

char *fixture_dir;
struct arena fixture_arena;

int fixture_setup(void **state)
{
	char template[] = "/tmp/modelfleet-test-XXXXXX";

	(void)state;
	if (!mkdtemp(template))
		return -1;
	fixture_dir = xstrdup(template);
	setenv("HOME", fixture_dir, 1);
	setenv("XDG_STATE_HOME", fixture_path("state"), 1);
	setenv("XDG_CACHE_HOME", fixture_path("cache"), 1);
	setenv("MODELFLEET_STATE_DIR", fixture_path("node"), 1);
	return 0;
}

int fixture_teardown(void **state)
{
	struct err err;

	(void)state;
	int result = path_remove_tree(fixture_dir, &err);
	free(fixture_dir);
	fixture_dir = NULL;
	arena_release(&fixture_arena);
	return result;
}

const char *fixture_path(const char *name)
{
	return arena_printf(&fixture_arena, "%s/%s", fixture_dir, name);
}

void fixture_write(const char *name, const char *text)
{
	const char *path = fixture_path(name);
	autofree char *dir = path_dirname(path);
	struct err err;

	if (path_mkdirs(dir, 0755, &err) < 0 ||
		file_replace(path, text, strlen(text), 0644, &err) < 0)
		fail_msg("%s", err.text);
}

void fixture_version(const char *store, const char *model, const char *version)
{
	autofree char *name = xasprintf("%s/%s/%s/model.bin", store, model, version);
	autofree char *text = xasprintf("%s of %s\n", model, version);

	fixture_write(name, text);
}

const char *fixture_shell(const char *format, ...)
{
	AUTO(spawn_result_release) struct spawn_result result = {.out = STRBUF_INIT};
	struct err err;
	va_list ap;

	va_start(ap, format);
	autofree char *command = xvasprintf(format, ap);
	va_end(ap);
	const char *const argv[] = {"sh", "-ec", command, NULL};
	const struct spawn_options options = {.argv = argv, .cwd = fixture_dir};
	if (spawn_run(&options, &result, &err) < 0)
		fail_msg("%s: %s", command, err.text);
	if (spawn_exit_code(result.status) != 0)
		fail_msg("%s: %s", command, result.err.data);
	return arena_strdup(&fixture_arena, result.out.data);
}

const struct value *fixture_yaml(const char *text)
{
	const struct yaml_options options = {.lenient_dates = true};
	struct err err;
	const struct value *v =
		yaml_read(&fixture_arena, text, strlen(text), "t.yaml", &options, NULL, &err);

	if (!v)
		fail_msg("%s", err.text);
	return v;
}

const char *fixture_findings(const struct diags *d)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < d->count; i++)
		diag_format(&d->items[i], &text);
	return arena_strdup(&fixture_arena, text.data);
}
