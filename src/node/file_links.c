/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: the states link and hard.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "node/file.h"
#include "node/resolve.h"

static bool was(const struct file_work *f, const char *state)
{
	return strcmp(f->former, state) == 0;
}

static bool is_empty(const char *path)
{
	DIR *d = opendir(path);
	unsigned count = 0;

	while (d && count < 3 && readdir(d))
		count++;
	if (d)
		closedir(d);
	return count == 2;
}

/* What may be replaced by a link: a directory that is empty, or a file, and only by force. */
static int check_replaced(const struct file_work *f, struct err *err)
{
	bool directory = was(f, "directory");

	if ((directory || was(f, "file") || was(f, "hard")) && !f->force)
		return err_set(err, ERR_EXISTS, "refusing to convert from %s to symlink for %s",
			f->former, f->path);
	if (directory && !is_empty(f->path))
		return err_set(err, ERR_EXISTS,
			"the directory %s is not empty, refusing to convert it", f->path);
	return 0;
}

/* A link's target must be there, except by force. */
static int check_source(const struct file_work *f, struct err *err)
{
	if (f->force || !f->src)
		return 0;
	autofree char *base = was(f, "directory") ? xstrdup(f->path) : path_dirname(f->path);
	autofree char *absolute = path_join(base, f->src);
	if (path_exists(absolute))
		return 0;
	return err_set(err, ERR_NOTFOUND,
		"src file does not exist, use \"force=yes\" if you really want to create the "
		"link: %s",
		absolute);
}

/* Whether the path has to become another link than it is; notes what changes for the diff. */
static int compare_link(struct file_work *f, struct err *err)
{
	const char *old = was(f, "link") ? resolve_link(f->call->arena, f->path) : NULL;

	if (!old && !f->src)
		return err_set(err, ERR_INPUT, "src is required for creating new symlinks");
	if (!old)
		return 1;
	if (!f->src || strcmp(old, f->src) == 0)
		return 0;
	f->old_src = old;
	f->new_src = f->src;
	return 1;
}

/* An empty directory makes room for a link. */
static int make_room(struct file_work *f, struct err *err)
{
	struct transaction *t = call_transaction(f->call);

	if (!was(f, "directory"))
		return 0;
	if (transaction_record_path(t, f->path, err) < 0)
		return -1;
	return rmdir(f->path) < 0 ? err_sys(err, "Error while replacing: %s", f->path) : 0;
}

int file_link(struct file_work *f, struct err *err)
{
	if (!f->src && f->follow && was(f, "link") && path_exists(f->path))
		f->src = resolve_link(f->call->arena, f->path);
	if (check_source(f, err) < 0 || check_replaced(f, err) < 0)
		return -1;
	int differs = compare_link(f, err);
	if (differs < 0)
		return -1;
	f->changed = differs;
	if (differs && !f->call->check &&
		(make_room(f, err) < 0 ||
			change_link(call_transaction(f->call), f->path, f->src, err) < 0))
		return -1;
	if (f->call->check && !path_exists(f->path))
		return 0;
	const char *target = file_target(f, f->path);
	if (!path_exists(target) && f->follow) {
		f->warning =
			"Cannot set fs attributes on a non-existent symlink target. follow "
			"should be set to False to avoid this.";
		return 0;
	}
	return file_dress(f, target, err);
}

static bool same_inode(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

/* Whether the path has to become another link than it is. */
static int compare_hard(struct file_work *f, struct err *err)
{
	if (was(f, "absent"))
		return 1;
	if (was(f, "link")) {
		const char *old = resolve_link(f->call->arena, f->path);
		if (!f->src || (old && strcmp(old, f->src) == 0))
			return 0;
		f->old_src = old;
		f->new_src = f->src;
		return 1;
	}
	if (!f->src || same_inode(f->path, f->src))
		return 0;
	if (was(f, "directory"))
		return err_set(err, ERR_EXISTS, "%s is a directory", f->path);
	if (!f->force && was(f, "file"))
		return err_set(err, ERR_EXISTS, "Cannot link, file exists at destination");
	if (!f->force)
		return err_set(err, ERR_EXISTS,
			"Cannot link, different hard link exists at destination");
	return 1;
}

int file_hard(struct file_work *f, struct err *err)
{
	if (!was(f, "hard") && !f->src)
		return err_set(err, ERR_INPUT, "src is required for creating new hardlinks");
	if (f->src && !path_exists(f->src))
		return err_set(err, ERR_NOTFOUND, "src does not exist: %s", f->src);
	int differs = compare_hard(f, err);
	if (differs < 0)
		return -1;
	f->changed = differs;
	if (differs && !f->call->check &&
		change_hard_link(call_transaction(f->call), f->path, f->src, err) < 0)
		return -1;
	if (f->call->check && !path_exists(f->path))
		return 0;
	return file_dress(f, file_target(f, f->path), err);
}
