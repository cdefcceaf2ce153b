/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree and tree_apply: what is below a directory, and a list of changes to it. The engine
 * compares and decides; a change names a path below the directory, never one outside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/module.h"
#include "node/resolve.h"
#include "node/users.h"
#include "tree/hash.h"
#include "tree/walk.h"

#define ENTRIES_MAX 20000
#define CHANGES_MAX 20000

const struct node_arg tree_args[] = {
	{"path", ARG_TEXT | ARG_REQUIRED},
	{"recurse", ARG_BOOL},
	{"hash", ARG_BOOL},
	{NULL, 0},
};

const struct node_arg tree_apply_args[] = {
	{"path", ARG_TEXT | ARG_REQUIRED},
	{"changes", ARG_LIST | ARG_REQUIRED},
	{NULL, 0},
};

struct listing {
	struct node_call *call;
	const char *root;
	bool hash, recurse;
	unsigned count;
	/* Names that were looked up last: trees have few owners. */
	uid_t uid;
	gid_t gid;
	bool known_uid, known_gid;
	struct user user;
	struct group_entry group;
};

static const char *kind_of(mode_t mode)
{
	return S_ISREG(mode)   ? "file"
	       : S_ISDIR(mode) ? "directory"
	       : S_ISLNK(mode) ? "link"
			       : "other";
}

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
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

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

	item_put_string(out, "kind", kind_of(st->st_mode));
	item_put_int(out, "mode", st->st_mode & 07777);
	item_put_int(out, "mtime", st->st_mtim.tv_sec);
	put_owner(l, st);
	if (S_ISREG(st->st_mode))
		item_put_int(out, "size", st->st_size);
	if (S_ISLNK(st->st_mode))
		item_put_string(out, "target", resolve_link(l->call->arena, path));
	return S_ISREG(st->st_mode) && l->hash ? put_hash(l, path, st, err) : 0;
}

static int visit(void *arg, const struct walk_item *item, struct err *err)
{
	struct listing *l = arg;
	autofree char *path = path_join(l->root, item->path);

	if (++l->count > ENTRIES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d files and directories below %s",
			ENTRIES_MAX, l->root);
	if (l->count % 64 == 0 && call_tick(l->call, err) < 0)
		return -1;
	item_open_dict(l->call->out, NULL);
	item_put_string(l->call->out, "path", item->path);
	int result = put_entry(l, path, &item->st, err);
	item_close(l->call->out);
	return result < 0 ? -1 : l->recurse ? WALK_ON : WALK_OVER;
}

int node_tree(struct node_call *c, struct err *err)
{
	struct listing l = {.call = c,
		.root = call_path(c, "path", err),
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

/* ---- changes ---- */

struct change {
	struct node_call *call; /* its args are the change's */
	const char *path;
	struct change_attributes attributes;
};

/* A name of a user, or a number where nobody here has that name. */
static void read_owner(struct change *k)
{
	const char *owner = call_text_or_null(k->call, "owner");
	const char *group = call_text_or_null(k->call, "group");
	int64_t uid = item_int(k->call->args, "uid", -1),
		gid = item_int(k->call->args, "gid", -1);
	struct change_attributes *a = &k->attributes;
	struct group_entry g;
	struct user u;

	a->has_owner = uid >= 0;
	a->owner = owner && user_by_name(owner, &u) ? u.uid : (uid_t)uid;
	a->has_group = gid >= 0;
	a->group = group && group_by_name(group, &g) ? g.gid : (gid_t)gid;
}

static void read_attributes(struct change *k)
{
	int64_t mode = item_int(k->call->args, "mode", -1);
	const struct item *mtime = item_get(k->call->args, "mtime");

	read_owner(k);
	k->attributes.has_mode = mode >= 0;
	k->attributes.mode = (mode_t)(mode & 07777);
	if (mtime && mtime->type == ITEM_INT) {
		k->attributes.has_mtime = true;
		k->attributes.mtime = (struct timespec){.tv_sec = mtime->integer,
			.tv_nsec = (long)item_int(k->call->args, "mtime_ns", 0)};
	}
}

static int make_file(struct change *k, struct transaction *t, struct err *err)
{
	struct change_write w = {.call = k->call,
		.path = k->path,
		.attributes = k->attributes,
		.umask = k->call->node->login_umask};

	if (call_content(k->call, "content", &w.content, err) <= 0)
		return -1;
	return change_write(t, &w, err);
}

static int make_directory(struct change *k, struct transaction *t, struct err *err)
{
	return change_directory(t, k->path, &k->attributes, k->call->node->login_umask, err);
}

static int set_attributes(struct change *k, struct transaction *t, struct err *err)
{
	bool changed;

	return change_attributes(t, k->path, &k->attributes, false, false, &changed, err);
}

static int make_link(struct change *k, struct transaction *t, struct err *err)
{
	const char *target = call_text(k->call, "target", err);

	if (!target || change_link(t, k->path, target, err) < 0)
		return -1;
	return set_attributes(k, t, err);
}

static int remove_it(struct change *k, struct transaction *t, struct err *err)
{
	return change_remove(t, k->path, err);
}

static const struct {
	const char *name;
	int (*run)(struct change *k, struct transaction *t, struct err *err);
} kinds[] = {
	{"attributes", set_attributes},
	{"directory", make_directory},
	{"file", make_file},
	{"link", make_link},
	{"remove", remove_it},
};

/* The path of a change: below the root, or the root itself. NULL with err. */
static const char *change_path(struct node_call *c, const char *root, struct err *err)
{
	const char *name = call_text(c, "path", err);

	if (!name)
		return NULL;
	if (!*name)
		return root;
	if (!path_is_contained(name)) {
		err_set(err, ERR_INPUT, "\"%s\" is no path below %s", name, root);
		return NULL;
	}
	return arena_printf(c->arena, "%s/%s", root, name);
}

static int apply(struct node_call *c, const char *root, struct err *err)
{
	struct change k = {.call = c, .path = change_path(c, root, err)};
	const char *kind = call_text(c, "kind", err);

	if (!k.path || !kind)
		return -1;
	read_attributes(&k);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].name, kind) != 0)
			continue;
		if (kinds[i].run(&k, call_transaction(c), err) < 0)
			return err_wrap(err, "%s", k.path);
		return 0;
	}
	return err_set(err, ERR_INPUT, "\"%s\" is no kind of change", kind);
}

int node_tree_apply(struct node_call *c, struct err *err)
{
	const struct item *changes = item_get(c->args, "changes");
	const char *root = call_path(c, "path", err);

	if (!root)
		return -1;
	if (changes->count > CHANGES_MAX)
		return err_set(
			err, ERR_LIMIT, "%u changes; at most %d", changes->count, CHANGES_MAX);
	for (uint32_t i = 0; i < changes->count; i++) {
		struct node_call one = *c;
		one.args = &changes->items[i];
		if (one.args->type != ITEM_DICT)
			return err_set(err, ERR_INPUT, "a change is a dict");
		if (call_tick(c, err) < 0 || (!c->check && apply(&one, root, err) < 0))
			return -1;
	}
	item_put_bool(c->out, "changed", changes->count > 0);
	return 0;
}
