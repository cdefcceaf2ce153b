/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy: a directory of the node with all below it. What is there besides stays; a file with
 * the same content is not written again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/copy.h"
#include "node/resolve.h"

#define DEPTH_MAX 200
#define CHUNK     16384

struct tree_copy {
	struct node_call *call;
	struct attributes owner; /* owner and group of all that is copied */
	bool follow;             /* what a link points to is copied, not the link */
	bool changed;
};

static int copy_directory(struct tree_copy *t, const char *from, const char *to,
	const struct stat *st, unsigned depth, struct err *err);

/* Whether two files hold the same: 1 or 0, -1 with err. */
static int same_content(struct node_call *c, const char *from, const char *to, struct err *err)
{
	char a[CHUNK], b[CHUNK];
	autofd int x = open(from, O_RDONLY | O_CLOEXEC);
	autofd int y = open(to, O_RDONLY | O_CLOEXEC);

	if (x < 0)
		return err_sys(err, "%s", from);
	while (y >= 0) {
		ssize_t n = fd_read_full(x, a, CHUNK), m = fd_read_full(y, b, CHUNK);
		if (n < 0 || m < 0)
			return err_sys(err, "read %s", n < 0 ? from : to);
		if (n != m || memcmp(a, b, (size_t)n) != 0)
			return 0;
		if (n == 0)
			return 1;
		if (call_tick(c, err) < 0)
			return -1;
	}
	return 0;
}

static int write_copy(struct tree_copy *t, const char *from, const char *to,
	const struct stat *st, struct err *err)
{
	struct change_write write = {.path = to,
		.content = {.path = from},
		.umask = t->owner.umask,
		.attributes = {.has_mode = true,
			.mode = st->st_mode & 07777,
			.has_owner = t->owner.has_owner,
			.owner = t->owner.owner,
			.has_group = t->owner.has_group,
			.group = t->owner.group,
			.has_mtime = true,
			.mtime = st->st_mtim,
			.has_atime = true,
			.atime = st->st_atim}};

	t->changed = true;
	return t->call->check ? 0 : change_write(call_transaction(t->call), &write, err);
}

static int copy_file(struct tree_copy *t, const char *from, const char *to,
	const struct stat *st, struct err *err)
{
	struct stat there;
	int same = 0;

	if (lstat(to, &there) == 0 && S_ISREG(there.st_mode) && there.st_size == st->st_size)
		same = same_content(t->call, from, to, err);
	if (same < 0)
		return -1;
	if (!same)
		return write_copy(t, from, to, st, err);
	return attributes_apply(t->call, to, &t->owner, &t->changed, NULL, err);
}

static int copy_link(struct tree_copy *t, const char *from, const char *to, struct err *err)
{
	const char *target = resolve_link(t->call->arena, from);
	const char *there = resolve_link(t->call->arena, to);

	if (!target)
		return err_sys(err, "%s", from);
	if (!there || strcmp(target, there) != 0) {
		t->changed = true;
		if (t->call->check)
			return 0;
		if (change_link(call_transaction(t->call), to, target, err) < 0)
			return -1;
	}
	return attributes_apply(t->call, to, &t->owner, &t->changed, NULL, err);
}

static int copy_entry(
	struct tree_copy *t, const char *from, const char *to, unsigned depth, struct err *err)
{
	struct stat st;

	if ((t->follow ? stat(from, &st) : lstat(from, &st)) < 0)
		return err_sys(err, "%s", from);
	if (S_ISLNK(st.st_mode))
		return copy_link(t, from, to, err);
	if (S_ISDIR(st.st_mode))
		return copy_directory(t, from, to, &st, depth + 1, err);
	if (S_ISREG(st.st_mode))
		return copy_file(t, from, to, &st, err);
	return err_set(
		err, ERR_UNSUPPORTED, "%s is neither a file, a link nor a directory", from);
}

static int copy_entries(
	struct tree_copy *t, const char *from, const char *to, unsigned depth, struct err *err)
{
	DIR *d = opendir(from);
	int result = 0;

	if (!d)
		return err_sys(err, "cannot read the directory %s", from);
	for (struct dirent *e; result == 0 && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		autofree char *a = path_join(from, e->d_name);
		autofree char *b = path_join(to, e->d_name);
		result = copy_entry(t, a, b, depth, err);
	}
	closedir(d);
	return result;
}

static int copy_directory(struct tree_copy *t, const char *from, const char *to,
	const struct stat *st, unsigned depth, struct err *err)
{
	struct change_attributes mode = {.has_mode = true, .mode = st->st_mode & 07777};

	if (depth > DEPTH_MAX)
		return err_set(
			err, ERR_LIMIT, "%s is more than %d directories deep", from, DEPTH_MAX);
	if (!path_is_dir(to)) {
		t->changed = true;
		if (!t->call->check && change_directory(call_transaction(t->call), to, &mode,
					       t->owner.umask, err) < 0)
			return -1;
	}
	if (path_is_dir(to) &&
		attributes_apply(t->call, to, &t->owner, &t->changed, NULL, err) < 0)
		return -1;
	return copy_entries(t, from, to, depth, err);
}

int copy_tree_content(struct node_call *c, const char *from, const char *to,
	const struct attributes *owner, struct err *err)
{
	struct tree_copy t = {.call = c, .owner = *owner};
	struct stat st;

	if (stat(from, &st) < 0)
		return err_sys(err, "%s", from);
	return copy_directory(&t, from, to, &st, 0, err);
}

/* True if one path is the other, or below it. */
static bool is_within(struct arena *a, const char *path, const char *above)
{
	const char *x = resolve_path(a, path), *y = resolve_path(a, above);
	size_t n = strlen(y);

	return strncmp(x, y, n) == 0 && (!x[n] || x[n] == '/');
}

int copy_tree(struct node_call *c, const char *src, const char *path,
	const struct attributes *a, struct err *err)
{
	struct tree_copy t = {
		.call = c, .owner = *a, .follow = item_bool(c->args, "local_follow", false)};
	bool whole = !str_ends(src, "/"), there = path_exists(path);
	struct stat st;

	t.owner.mode = NULL;
	/* "dir/" means what is in it, "dir" itself with its name. */
	const char *in = arena_printf(c->arena, "%s/%s", path, whole ? path_basename(src) : "");
	const char *to = whole ? in : path;
	if (stat(src, &st) < 0)
		return err_sys(err, "%s", src);
	if (is_within(c->arena, to, src))
		return err_set(err, ERR_INPUT, "cannot copy %s into itself: %s", src, to);
	if (path_exists(to) && !path_is_dir(to))
		return err_set(err, ERR_EXISTS, "%s is there, and no directory", to);
	/* Ansible's module tells, and dresses, the path as it was given where that was new. */
	const char *told = there ? in : path;
	if (copy_directory(&t, src, to, &st, 0, err) < 0 ||
		attributes_apply(c, told, a, &t.changed, NULL, err) < 0)
		return -1;
	item_put_bool(c->out, "changed", t.changed);
	item_put_bool(c->out, "need", false);
	item_put_string(c->out, "dest", told);
	item_put_null(c->out, "checksum");
	attributes_tell(c, told);
	return 0;
}
