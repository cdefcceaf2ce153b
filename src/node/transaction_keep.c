/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was at a path: kept before a change, and put back.
 *
 * A file is kept as a hard link where that can be made. Everything that changes files here
 * replaces them by a rename, so the linked inode stays what it was, with its other names, its
 * extended attributes and those who have it open; to link it back is the exact inverse. Where
 * it cannot be linked (another filesystem), it is cloned or copied.
 *
 * Nothing here follows a link: a recorded path is canonical, and if one of its directories is
 * a link now, that is what has to be put back first.
 */
#include "node/transaction_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/content.h"
#include "node/root.h"

#define XATTR_NAMES_MAX 4096
#define XATTR_VALUE_MAX 65536
#define KEPT_NAME_MAX   32

char *keep_canonical_path(const char *path, struct err *err)
{
	autofree char *rest = xstrdup(path_basename(path));
	autofree char *parent = path_dirname(path);
	char resolved[PATH_MAX];

	if (*path != '/' || !path_is_component(rest)) {
		err_set(err, ERR_INPUT, "'%s' cannot be recorded: it is no absolute path",
			path);
		return NULL;
	}
	while (!realpath(parent, resolved)) {
		if (errno != ENOENT && errno != ENOTDIR) {
			err_sys(err, "resolve %s", parent);
			return NULL;
		}
		char *longer = xasprintf("%s/%s", path_basename(parent), rest);
		free(rest);
		rest = longer;
		char *shorter = path_dirname(parent);
		free(parent);
		parent = shorter;
	}
	if (!path_is_contained(rest)) {
		err_set(err, ERR_INPUT,
			"'%s' cannot be recorded: '..' behind what is not there", path);
		return NULL;
	}
	return xasprintf("%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved, rest);
}

int keep_parent(const char *path, const char **name)
{
	autofd int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return top < 0 ? -1 : beneath_parent(top, path + 1, name);
}

static void kept_name(char out[KEPT_NAME_MAX], unsigned number)
{
	snprintf(out, KEPT_NAME_MAX, "kept-%u", number);
}

/* Copies what a file has beside its content: access lists, capabilities, labels. Those that
 * the other filesystem does not take are left out. */
static void copy_xattrs(int from, int to)
{
	char names[XATTR_NAMES_MAX];
	ssize_t n = flistxattr(from, names, sizeof(names));
	autofree char *value = n > 0 ? xmalloc(XATTR_VALUE_MAX) : NULL;

	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t len = fgetxattr(from, names + at, value, XATTR_VALUE_MAX);
		if (len >= 0)
			fsetxattr(to, names + at, value, (size_t)len, 0);
	}
}

int keep_copy(int from, int to, uint64_t *limit, struct err *err)
{
	if (content_share(from, to, limit, err) < 0)
		return -1;
	copy_xattrs(from, to);
	return fsync(to) < 0 ? err_sys(err, "sync a copy") : 0;
}

/* Keeps a file as a copy: another filesystem, or one without links. */
static int keep_by_copy(
	struct transaction *t, int from, const char *name, const char *path, struct err *err)
{
	uint64_t limit = TRANSACTION_KEPT_MAX - t->kept_bytes;
	autofd int to = openat(t->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (to < 0)
		return err_sys(err, "make a copy of %s", path);
	if (keep_copy(from, to, &limit, err) < 0) {
		unlinkat(t->fd, name, 0);
		return err_wrap(err, "keep %s", path);
	}
	t->kept_bytes = TRANSACTION_KEPT_MAX - limit;
	return 0;
}

static int keep_file(
	struct transaction *t, struct record *r, int parent, const char *name, struct err *err)
{
	char kept[KEPT_NAME_MAX];
	autofd int from = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (from < 0 || fstat(from, &r->st) < 0)
		return err_sys(err, "open %s", r->path);
	r->kept = ++t->kept;
	kept_name(kept, r->kept);
	if (linkat(parent, name, t->fd, kept, 0) == 0) {
		struct stat st;
		/* Content that its writer has not synced yet would be lost in a crash, and
		 * with it what it was. */
		if (fstatat(t->fd, kept, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			st.st_ino == r->st.st_ino && fsync(from) == 0)
			return 0;
		unlinkat(t->fd, kept, 0);
	}
	return keep_by_copy(t, from, kept, r->path, err);
}

static int keep_link(
	struct record *r, int parent, const char *name, struct arena *a, struct err *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(parent, name, target, sizeof(target));

	if (n < 0 || (size_t)n == sizeof(target))
		return err_sys(err, "read the link %s", r->path);
	r->target = arena_strndup(a, target, (size_t)n);
	return 0;
}

int keep_path(struct transaction *t, struct record *r, struct arena *a, struct err *err)
{
	const char *name;
	bool attributes_only = r->kind == RECORD_ATTRIBUTES;
	autofd int parent = keep_parent(r->path, &name);

	if (parent < 0 || fstatat(parent, name, &r->st, AT_SYMLINK_NOFOLLOW) < 0) {
		r->kind = RECORD_NONE;
		/* ELOOP: a link that leads nowhere stands in its way. */
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
			       ? 0
			       : err_sys(err, "look at %s", r->path);
	}
	if (attributes_only)
		return 0;
	switch (r->st.st_mode & S_IFMT) {
	case S_IFREG: r->kind = RECORD_FILE; return keep_file(t, r, parent, name, err);
	case S_IFLNK: r->kind = RECORD_LINK; return keep_link(r, parent, name, a, err);
	case S_IFDIR: r->kind = RECORD_DIRECTORY; return 0;
	default: r->kind = RECORD_SPECIAL; return 0;
	}
}

/* True if what is there now is what was there then, untouched but for its attributes. */
static bool is_untouched(const struct stat *now, const struct record *r, bool linked)
{
	if (!S_ISREG(now->st_mode) || now->st_ino != r->st.st_ino ||
		now->st_dev != r->st.st_dev)
		return false;
	/* A kept link holds the inode, so its number is nobody else's. */
	return linked ||
	       (now->st_size == r->st.st_size && now->st_mtim.tv_sec == r->st.st_mtim.tv_sec &&
		       now->st_mtim.tv_nsec == r->st.st_mtim.tv_nsec);
}

static int copy_back(int dir, const char *kept, int parent, const char *temporary,
	const struct record *r, struct err *err)
{
	uint64_t limit = UINT64_MAX;
	autofd int from = openat(dir, kept, O_RDONLY | O_CLOEXEC);
	autofd int to =
		openat(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (from < 0 || to < 0)
		return err_sys(err, "put back %s", r->path);
	if (keep_copy(from, to, &limit, err) < 0)
		return err_wrap(err, "put back %s", r->path);
	if (fchown(to, r->st.st_uid, r->st.st_gid) < 0 || fchmod(to, r->st.st_mode & 07777) < 0)
		return err_sys(err, "set owner and mode of %s", r->path);
	return 0;
}

/* Gives the path the kept file, in one step. */
static int replace_file(int dir, const char *kept, bool linked, int parent, const char *name,
	const struct record *r, struct err *err)
{
	char temporary[64];

	snprintf(temporary, sizeof(temporary), ".modelfleet-undo-%u", r->kept);
	unlinkat(parent, temporary, 0); /* of an undo that was cut */
	int failed = linked && linkat(dir, kept, parent, temporary, 0) == 0
			     ? 0
			     : copy_back(dir, kept, parent, temporary, r, err);
	if (!failed && renameat(parent, temporary, parent, name) < 0)
		failed = err_sys(err, "put back %s", r->path);
	if (failed)
		unlinkat(parent, temporary, 0);
	autofd int readable = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!failed && (readable < 0 || fsync(readable) < 0))
		return err_sys(err, "sync the directory of %s", r->path);
	return failed;
}

int keep_restore_file(int dir, const struct record *r, bool *changed, struct err *err)
{
	const char *name;
	char kept[KEPT_NAME_MAX];
	struct stat now, then;
	autofd int parent = keep_parent(r->path, &name);

	if (parent < 0)
		return err_sys(err, "open the directory of %s", r->path);
	kept_name(kept, r->kept);
	bool there = fstatat(parent, name, &now, AT_SYMLINK_NOFOLLOW) == 0;
	bool have = fstatat(dir, kept, &then, AT_SYMLINK_NOFOLLOW) == 0;
	bool linked = have && then.st_ino == r->st.st_ino && then.st_dev == r->st.st_dev;
	if (there && is_untouched(&now, r, linked))
		return 0;
	if (!have)
		return err_set(err, ERR_NOTFOUND, "%s: what was kept of it is gone", r->path);
	*changed = true;
	return replace_file(dir, kept, linked, parent, name, r, err);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

int keep_restore_attributes(const struct record *r, bool *changed, struct err *err)
{
	const char *name;
	struct stat now;
	struct timespec times[2] = {r->st.st_atim, r->st.st_mtim};
	autofd int parent = keep_parent(r->path, &name);

	if (parent < 0 || fstatat(parent, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "look at %s", r->path);
	bool owner = now.st_uid != r->st.st_uid || now.st_gid != r->st.st_gid;
	bool is_link = S_ISLNK(now.st_mode);
	if (owner &&
		fchownat(parent, name, r->st.st_uid, r->st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "set the owner of %s", r->path);
	/* A change of the owner may have taken bits away. */
	bool mode = !is_link && (owner || (now.st_mode ^ r->st.st_mode) & 07777);
	if (mode && fchmodat(parent, name, r->st.st_mode & 07777, 0) < 0)
		return err_sys(err, "set the mode of %s", r->path);
	*changed |= owner || mode;
	/* Where content was not to change and did, its writer's time is the right one. */
	bool written = r->kind == RECORD_ATTRIBUTES && now.st_size != r->st.st_size;
	if (written || same_time(&now.st_mtim, &r->st.st_mtim))
		return 0;
	/* Not being allowed to set a time is no reason to call a path not restored. */
	if (utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) == 0)
		*changed |= !S_ISDIR(now.st_mode);
	return 0;
}
