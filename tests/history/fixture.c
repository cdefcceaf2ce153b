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

char *fixture_dir;
static struct strlist kept;

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
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	return 0;
}

int fixture_teardown(void **state)
{
	struct err err;

	(void)state;
	int result = path_remove_tree(fixture_dir, &err);
	free(fixture_dir);
	fixture_dir = NULL;
	strlist_release(&kept);
	return result;
}

static const char *keep(const char *text)
{
	strlist_add(&kept, text);
	return kept.items[kept.count - 1];
}

const char *fixture_path(const char *name)
{
	autofree char *path = path_join(fixture_dir, name);

	return keep(path);
}

void fixture_write(const char *name, const char *text)
{
	const char *path = fixture_path(name);
	autofree char *dir = path_dirname(path);
	struct err err;

	assert_int_equal(path_mkdirs(dir, 0755, &err), 0);
	assert_int_equal(file_replace(path, text, strlen(text), 0644, &err), 0);
}

const char *fixture_read(const char *name)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err;

	assert_int_equal(file_read(fixture_path(name), 1u << 20, &text, &err), 0);
	return keep(text.data);
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
	assert_int_equal(spawn_run(&options, &result, &err), 0);
	if (spawn_exit_code(result.status) != 0)
		fail_msg("%s: %s", command, result.err.data);
	return keep(result.out.data);
}
