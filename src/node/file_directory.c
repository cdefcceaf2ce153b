/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: the state directory.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/path.h"
#include "node/file.h"
#include "node/resolve.h"

#define DEPTH_MAX 200 /* directories inside one another, links that are followed too */

static int dress_below(struct file_work *f, const char *path, unsigned depth, struct err *err);

/* A link's own attributes, and those of what it points to if links are followed. */
static int dress_link(struct file_work *f, const char *path, unsigned depth, struct err *err)
{
	if (attributes_apply(f->call, path, &f->attributes, &f->changed, NULL, err) < 0)
		return -1;
	if (!f->follow || !path_exists(path))
		return 0;
	const char *target = resolve_path(f->call->arena, path);
	if (path_is_dir(target) && dress_below(f, target, depth + 1, err) < 0)
		return -1;
	return file_dress_with(f, target, NULL, err);
}

static int dress_child(struct file_work *f, const char *path, unsigned depth, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "%s", path);
	if (S_ISLNK(st.st_mode))
		return dress_link(f, path, depth, err);
	if (file_dress_with(f, path, NULL, err) < 0)
		return -1;
	return S_ISDIR(st.st_mode) ? dress_below(f, path, depth + 1, err) : 0;
}

/* Corrects all that is below a directory. */
static int dress_below(struct file_work *f, const char *path, unsigned depth, struct err *err)
{
	DIR *d = opendir(path);
	int result = 0;

	if (!d)
		return err_sys(err, "cannot read the directory %s", path);
	if (depth > DEPTH_MAX)
		result = err_set(err, ERR_LIMIT,
			"Could not recursively set attributes on %s: more than %d levels deep",
			path, DEPTH_MAX);
	for (struct dirent *e; result == 0 && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		autofree char *child = path_join(path, e->d_name);
		result = call_tick(f->call, err);
		if (result == 0)
			result = dress_child(f, child, depth, err);
	}
	closedir(d);
	return result;
}

/* Makes what is missing of a path, each part with the attributes. */
static int make(struct file_work *f, const char *path, struct err *err)
{
	struct transaction *t = call_transaction(f->call);

	if (path_is_dir(path))
		return 0;
	autofree char *parent = path_dirname(path);
	if (strcmp(parent, path) != 0 && make(f, parent, err) < 0)
		return -1;
	f->changed = true;
	if (change_directory(t, path, NULL, f->attributes.umask, err) < 0)
		return -1;
	return attributes_apply(f->call, path, &f->attributes, &f->changed, &f->diff, err);
}

int file_directory(struct file_work *f, struct err *err)
{
	f->path = file_target(f, f->path);
	f->former = path_state(f->path, err);
	if (!f->former)
		return -1;
	bool absent = strcmp(f->former, "absent") == 0;
	if (absent && f->call->check) {
		f->changed = true;
		return 0;
	}
	if (absent && make(f, f->path, err) < 0)
		return err_wrap(err, "There was an issue creating %s as requested", f->path);
	if (!absent && strcmp(f->former, "directory") != 0)
		return err_set(
			err, ERR_EXISTS, "%s already exists as a %s", f->path, f->former);
	if (file_dress(f, f->path, err) < 0)
		return -1;
	return f->recurse && !absent ? dress_below(f, f->path, 0, err) : 0;
}
