/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree: what is below a directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mode.h"
#include "base/path.h"
#include "node/module.h"
#include "node/resolve.h"
#include "node/users.h"
#include "tree/hash.h"
#include "tree/walk.h"

#define ENTRIES_MAX 20000
#define DEPTH_MAX   64 /* links to directories inside one another */

const struct node_arg tree_args[] = {
	{"path", ARG_TEXT | ARG_REQUIRED},
	{"recurse", ARG_BOOL},
	{"hash", ARG_BOOL},
	{"follow", ARG_BOOL},
	{NULL, 0},
};

struct listing {
	struct node_call *call;
	const char *root;
	const char *below; /* the directory that is walked, from the root; "" for itself */
	bool hash, recurse, follow;
	unsigned count, depth;
	/* Names that were looked up last: trees have few owners. */
	uid_t uid;
	gid_t gid;
	bool known_uid, known_gid;
	struct user user;
	struct group_entry group;
};

static void put_owner(struct listing *l, const struct stat *st)
{
	struct item_writer *out = l->call->out;

	if (!l->known_uid || l->uid != st->st_uid) {
		l->uid = st->st_uid;
		l->known_uid = true;
		if (!user_by_uid(st->st_uid, &l->user))
			l->user.name[0] = '\0';
	}
	if (!l->known_gid || l->gid != st->st_gid) {
		l->gid = st->st_gid;
		l->known_gid = true;
		if (!group_by_gid(st->st_gid, &l->group))
			l->group.name[0] = '\0';
	}
	if (l->user.name[0])
		item_put_string(out, "owner", l->user.name);
	if (l->group.name[0])
		item_put_string(out, "group", l->group.name);
	item_put_int(out, "uid", st->st_uid);
	item_put_int(out, "gid", st->st_gid);
}

static int put_hash(struct listing *l, const char *path, const struct stat *st, struct err *err)
{
	uint8_t sum[TREE_HASH_SIZE];
	int follow = l->follow ? 0 : O_NOFOLLOW;
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | follow);

	if (fd < 0)
		return err_sys(err, "open %s", path);
	struct tree_hash *h = tree_hash_new();
	int result = tree_hash_fd(fd, (uint64_t)st->st_size, h, NULL, NULL, err);
	tree_hash_get(h, sum);
	tree_hash_free(h);
	if (result == 0)
		item_put_bytes(l->call->out, "hash", sum, sizeof(sum));
	return result;
}

/* One entry's fields into the open dict. */
static int put_entry(
	struct listing *l, const char *path, const struct stat *st, struct err *err)
{
	struct item_writer *out = l->call->out;

	item_put_string(out, "kind", mode_kind(st->st_mode));
	item_put_int(out, "mode", st->st_mode & 07777);
	item_put_int(out, "mtime", st->st_mtim.tv_sec);
	item_put_int(out, "mtime_ns", st->st_mtim.tv_nsec);
	put_owner(l, st);
	if (S_ISREG(st->st_mode))
		item_put_int(out, "size", st->st_size);
	if (S_ISREG(st->st_mode) && st->st_nlink > 1) {
		item_put_int(out, "dev", (int64_t)st->st_dev);
		item_put_int(out, "inode", (int64_t)st->st_ino);
	}
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		item_put_int(out, "rdev", (int64_t)st->st_rdev);
	if (S_ISLNK(st->st_mode))
		item_put_string(out, "target", resolve_link(l->call->arena, path));
	return S_ISREG(st->st_mode) && l->hash ? put_hash(l, path, st, err) : 0;
}

static int visit(void *arg, const struct walk_item *item, struct err *err);

/* What lies in the directory that a link leads to. */
static int enter_link(struct listing *l, const char *path, const char *name, struct err *err)
{
	const char *before = l->below;
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open %s", path);
	if (l->depth >= DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "%s: more than %d links inside one another",
			path, DEPTH_MAX);
	l->depth++;
	l->below = name;
	int result = tree_walk(fd, visit, l, err);
	l->below = before;
	l->depth--;
	return result;
}

static int visit(void *arg, const struct walk_item *item, struct err *err)
{
	struct listing *l = arg;
	autofree char *name = path_join(l->below, item->path);
	autofree char *path = path_join(l->root, name);
	struct stat st = item->st;
	bool link = l->follow && S_ISLNK(st.st_mode);

	if (++l->count > ENTRIES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d files and directories below %s",
			ENTRIES_MAX, l->root);
	if (l->count % 64 == 0 && call_tick(l->call, err) < 0)
		return -1;
	/* One that leads to nothing stays a link. */
	if (link && stat(path, &st) < 0)
		st = item->st;
	item_open_dict(l->call->out, NULL);
	item_put_string(l->call->out, "path", name);
	int result = put_entry(l, path, &st, err);
	item_close(l->call->out);
	if (result == 0 && link && l->recurse && S_ISDIR(st.st_mode))
		result = enter_link(l, path, name, err);
	return result < 0 ? -1 : l->recurse ? WALK_ON : WALK_OVER;
}

int node_tree(struct node_call *c, struct err *err)
{
	struct listing l = {.call = c,
		.root = call_path(c, "path", err),
		.below = "",
		.follow = item_bool(c->args, "follow", false),
		.hash = item_bool(c->args, "hash", false),
		.recurse = item_bool(c->args, "recurse", true)};
	struct stat st;

	if (!l.root)
		return -1;
	autofree char *parent = path_dirname(l.root);
	item_put_bool(c->out, "changed", false);
	item_put_bool(c->out, "root", geteuid() == 0);
	item_put_int(c->out, "umask", c->node->login_umask);
	item_put_bool(c->out, "parent", path_is_dir(parent));
	/* What a link leads to is the directory that is meant. */
	if (stat(l.root, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(err, "%s", l.root);
	if (put_entry(&l, l.root, &st, err) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		return 0;
	autofd int fd = open(l.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "open %s", l.root);
	item_open_list(c->out, "entries");
	int result = tree_walk(fd, visit, &l, err);
	item_close(c->out);
	return result;
}
