/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links, directories, attributes and removal. Files are written in change_write.c.
 */
#include "node/change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/change_name.h"

char *change_name_beside(const char *path)
{
	static unsigned counter; /* so that no two names of one process are the same */
	autofree char *dir = path_dirname(path);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	autofree char *name =
		xasprintf(CHANGE_MAKING "%d-%u-%09ld", (int)getpid(), counter++, now.tv_nsec);
	return path_join(dir, name);
}

int change_sync_parent(const char *path, struct err *err)
{
	autofree char *dir = path_dirname(path);

	return dir_sync(dir, err);
}

/* Brings what was made beside a path under its name; what was made is gone otherwise. */
static int take_name(const char *made, const char *path, struct err *err)
{
	if (rename(made, path) < 0) {
		err_sys(err, "cannot replace %s", path);
		unlink(made);
		return -1;
	}
	/* Two names of one inode: rename has left both. */
	unlink(made);
	return change_sync_parent(path, err);
}

int change_link(struct transaction *t, const char *path, const char *target, struct err *err)
{
	autofree char *made = change_name_beside(path);

	if (transaction_record_path(t, path, err) < 0)
		return -1;
	if (symlink(target, made) < 0)
		return err_sys(err, "cannot make the link %s", path);
	return take_name(made, path, err);
}

int change_hard_link(
	struct transaction *t, const char *path, const char *target, struct err *err)
{
	autofree char *made = change_name_beside(path);

	if (transaction_record_path(t, path, err) < 0)
		return -1;
	if (linkat(AT_FDCWD, target, AT_FDCWD, made, AT_SYMLINK_FOLLOW) < 0)
		return err_sys(err, "cannot link %s to %s", path, target);
	return take_name(made, path, err);
}

int change_special(
	struct transaction *t, const char *path, mode_t type, dev_t device, struct err *err)
{
	autofree char *made = change_name_beside(path);

	if (S_ISREG(type) || S_ISDIR(type) || S_ISLNK(type))
		return err_set(err, ERR_INPUT, "%s: %o is no special file", path, type);
	if (transaction_record_path(t, path, err) < 0)
		return -1;
	if (mknod(made, (type & S_IFMT) | 0600, device) < 0)
		return err_sys(err, "cannot make the special file %s", path);
	return take_name(made, path, err);
}

/* Makes one directory whose parent is there. */
static int make_directory(struct transaction *t, const char *path,
	const struct change_attributes *a, mode_t mask, struct err *err)
{
	bool changed;

	if (transaction_record_path(t, path, err) < 0)
		return -1;
	if (mkdir(path, 0777) < 0)
		return err_sys(err, "cannot make the directory %s", path);
	/* The helper's umask is not the login's; a directory of a set-group-ID one stays so. */
	struct stat st;
	if (stat(path, &st) < 0 ||
		chmod(path, (st.st_mode & (S_ISGID | S_ISUID)) | (0777 & ~mask)) < 0)
		return err_sys(err, "cannot set the permissions of %s", path);
	if (a && change_attributes(t, path, a, false, false, &changed, err) < 0)
		return -1;
	return change_sync_parent(path, err);
}

int change_directory(struct transaction *t, const char *path, const struct change_attributes *a,
	mode_t umask, struct err *err)
{
	if (path_is_dir(path))
		return 0;
	autofree char *parent = path_dirname(path);
	if (strcmp(parent, path) != 0 && change_directory(t, parent, a, umask, err) < 0)
		return -1;
	return make_directory(t, path, a, umask, err);
}

int change_remove(struct transaction *t, const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "stat %s", path);
	if (transaction_record_tree(t, path, err) < 0 || path_remove_tree(path, err) < 0)
		return -1;
	return change_sync_parent(path, err);
}

/* What of the attributes differs from a stat. */
static struct change_attributes difference(
	const struct change_attributes *a, const struct stat *st)
{
	struct change_attributes d = *a;

	d.has_owner = a->has_owner && a->owner != st->st_uid;
	d.has_group = a->has_group && a->group != st->st_gid;
	/* A link has no permissions of its own. */
	d.has_mode = a->has_mode && !S_ISLNK(st->st_mode) && a->mode != (st->st_mode & 07777);
	d.has_mtime = a->has_mtime && (a->mtime.tv_sec != st->st_mtim.tv_sec ||
					      a->mtime.tv_nsec != st->st_mtim.tv_nsec);
	d.has_atime = a->has_atime && (a->atime.tv_sec != st->st_atim.tv_sec ||
					      a->atime.tv_nsec != st->st_atim.tv_nsec);
	return d;
}

static int set_times(const char *path, const struct change_attributes *d, struct err *err)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};

	if (d->has_atime)
		times[0] = d->atime;
	if (d->has_mtime)
		times[1] = d->mtime;
	if (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "cannot set the times of %s", path);
	return 0;
}

/* Sets what is marked. A change of owner clears set-user-ID bits, so the mode comes after. */
static int set_attributes(const char *path, const struct change_attributes *d,
	const struct stat *st, struct err *err)
{
	mode_t mode = d->has_mode ? d->mode : st->st_mode & 07777;

	if (d->has_owner && lchown(path, d->owner, (gid_t)-1) < 0)
		return err_sys(err, "cannot give %s to the user %u", path, d->owner);
	if (d->has_group && lchown(path, (uid_t)-1, d->group) < 0)
		return err_sys(err, "cannot give %s to the group %u", path, d->group);
	bool again = (d->has_owner || d->has_group) && mode & (S_ISUID | S_ISGID);
	if ((d->has_mode || again) && !S_ISLNK(st->st_mode) && chmod(path, mode) < 0)
		return err_sys(err, "cannot set the permissions of %s", path);
	return d->has_mtime || d->has_atime ? set_times(path, d, err) : 0;
}

int change_attributes(struct transaction *t, const char *path,
	const struct change_attributes *a, bool follow, bool check, bool *changed,
	struct err *err)
{
	struct stat st;
	autofree char *real = follow ? realpath(path, NULL) : xstrdup(path);

	*changed = false;
	if (!real || lstat(real, &st) < 0)
		return err_sys(err, "%s", path);
	struct change_attributes d = difference(a, &st);
	*changed = d.has_owner || d.has_group || d.has_mode || d.has_mtime || d.has_atime;
	if (!*changed || check)
		return 0;
	if (transaction_record_attributes(t, real, err) < 0)
		return -1;
	return set_attributes(real, &d, &st, err);
}
