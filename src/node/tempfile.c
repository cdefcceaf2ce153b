/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module tempfile: a file or a directory that is new, readable by its user alone.
 */
#include <sys/random.h>
#include <unistd.h>

#include "base/path.h"
#include "node/module.h"

#define RANDOM_LEN 8 /* characters, as Python's tempfile has them */
#define ATTEMPTS   100

const struct node_arg tempfile_args[] = {
	{"state", ARG_TEXT},
	{"path", ARG_TEXT},
	{"prefix", ARG_TEXT},
	{"suffix", ARG_TEXT},
	{NULL, 0},
};

static int random_name(char name[RANDOM_LEN + 1], struct err *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345"; /* 32 */
	unsigned char bytes[RANDOM_LEN];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_sys(err, "getrandom");
	for (size_t i = 0; i < RANDOM_LEN; i++)
		name[i] = letters[bytes[i] % 32];
	name[RANDOM_LEN] = 0;
	return 0;
}

/* Where temporary files go when the task does not say it. */
static const char *default_directory(void)
{
	const char *given = getenv("TMPDIR");

	return given && *given == '/' && path_is_dir(given) ? given : "/tmp";
}

/* A path that nothing has, in the call's arena. */
static const char *free_path(struct node_call *c, const char *dir, struct err *err)
{
	const char *prefix = call_text_or_null(c, "prefix");
	const char *suffix = call_text_or_null(c, "suffix");
	char middle[RANDOM_LEN + 1];
	struct stat st;

	for (int i = 0; i < ATTEMPTS; i++) {
		if (random_name(middle, err) < 0)
			return NULL;
		const char *name = arena_printf(
			c->arena, "%s%s%s", prefix ? prefix : "", middle, suffix ? suffix : "");
		if (!path_is_component(name)) {
			err_set(err, ERR_INPUT, "\"%s\" cannot be a file's name", name);
			return NULL;
		}
		const char *path = arena_printf(c->arena, "%s/%s", dir, name);
		if (lstat(path, &st) < 0)
			return path;
	}
	err_set(err, ERR_EXISTS, "no name is free in %s", dir);
	return NULL;
}

static int make(struct node_call *c, const char *path, bool directory, struct err *err)
{
	struct transaction *t = call_transaction(c);

	if (directory)
		return change_directory(t, path, NULL, 0077, err);
	struct change_write write = {.call = c,
		.path = path,
		.content = {.data = "", .len = 0},
		.attributes = {.has_mode = true, .mode = 0600}};
	return change_write(t, &write, err);
}

int node_tempfile(struct node_call *c, struct err *err)
{
	const char *state = call_text_or_null(c, "state");
	const char *dir;

	if (call_path_or_null(c, "path", &dir, err) < 0)
		return -1;
	if (!dir)
		dir = default_directory();
	if (!path_is_dir(dir))
		return err_set(err, ERR_NOTFOUND, "the directory %s does not exist", dir);
	const char *path = free_path(c, dir, err);
	if (!path)
		return -1;
	if (!c->check && make(c, path, state && strcmp(state, "directory") == 0, err) < 0)
		return -1;
	item_put_bool(c->out, "changed", true);
	item_put_string(c->out, "path", path);
	return 0;
}
