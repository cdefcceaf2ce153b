/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_apply: a list of changes below a directory. The engine has compared and decided; a
 * change names a path below the directory, never one outside it.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/basis.h"
#include "node/users.h"
#include "tree/hash.h"

#define CHANGES_MAX 20000

const struct node_arg tree_apply_args[] = {
	{"path", ARG_TEXT | ARG_REQUIRED},
	{"changes", ARG_LIST | ARG_REQUIRED},
	{NULL, 0},
};

struct change {
	struct node_call *call; /* its args are the change's */
	const char *root;
	const char *path;
	struct change_attributes attributes;
};

/* A name of a user; the number where nobody here has that name, and one is given. */
static int read_user(struct change *k, struct err *err)
{
	const char *owner = call_text_or_null(k->call, "owner");
	int64_t uid = item_int(k->call->args, "uid", -1);
	struct change_attributes *a = &k->attributes;
	struct user u;
	bool known = owner && user_by_name(owner, &u);

	if (owner && !known && uid < 0)
		return err_set(err, ERR_NOTFOUND, "no user is named %s", owner);
	a->has_owner = known || uid >= 0;
	a->owner = known ? u.uid : (uid_t)uid;
	return 0;
}

/* The same of a group. */
static int read_group(struct change *k, struct err *err)
{
	const char *group = call_text_or_null(k->call, "group");
	int64_t gid = item_int(k->call->args, "gid", -1);
	struct change_attributes *a = &k->attributes;
	struct group_entry g;
	bool known = group && group_by_name(group, &g);

	if (group && !known && gid < 0)
		return err_set(err, ERR_NOTFOUND, "no group is named %s", group);
	a->has_group = known || gid >= 0;
	a->group = known ? g.gid : (gid_t)gid;
	return 0;
}

static int read_attributes(struct change *k, struct err *err)
{
	int64_t mode = item_int(k->call->args, "mode", -1);
	const struct item *mtime = item_get(k->call->args, "mtime");

	if (read_user(k, err) < 0 || read_group(k, err) < 0)
		return -1;
	k->attributes.has_mode = mode >= 0;
	k->attributes.mode = (mode_t)(mode & 07777);
	if (mtime && mtime->type == ITEM_INT) {
		k->attributes.has_mtime = true;
		k->attributes.mtime = (struct timespec){.tv_sec = mtime->integer,
			.tv_nsec = (long)item_int(k->call->args, "mtime_ns", 0)};
	}
	return 0;
}

/* The content that a delta makes of what is there. */
static int read_delta(
	struct change *k, struct change_content *content, int *fd, struct err *err)
{
	const struct item *hash = item_get(k->call->args, "hash");
	int64_t size = item_int(k->call->args, "size", -1);
	struct change_content delta;
	int given = call_content(k->call, "delta", &delta, err);

	if (given <= 0)
		return given;
	if (!hash || hash->type != ITEM_BYTES || hash->len != TREE_HASH_SIZE || size < 0)
		return err_set(
			err, ERR_INPUT, "a delta needs the size and hash of the content");
	if (basis_patch(k->call, k->path, &delta, (uint64_t)size, (const uint8_t *)hash->text,
		    fd, err) < 0)
		return -1;
	*content = (struct change_content){
		.path = arena_printf(k->call->arena, "/proc/self/fd/%d", *fd)};
	return 1;
}

static int make_file(struct change *k, struct transaction *t, struct err *err)
{
	struct change_write w = {.call = k->call,
		.path = k->path,
		.attributes = k->attributes,
		.umask = k->call->node->login_umask};
	autofd int made = -1;

	int patched = read_delta(k, &w.content, &made, err);
	if (patched < 0 || (!patched && call_content(k->call, "content", &w.content, err) <= 0))
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

/* A pipe, a socket's name or a device: its type stands in `mode`. */
static int make_special(struct change *k, struct transaction *t, struct err *err)
{
	int64_t type = item_int(k->call->args, "type", 0);
	int64_t rdev = item_int(k->call->args, "rdev", 0);

	if (change_special(t, k->path, (mode_t)type, (dev_t)rdev, err) < 0)
		return -1;
	return set_attributes(k, t, err);
}

static const char *change_path(
	struct node_call *c, const char *root, const char *key, struct err *err);

/* Another name of a file: below the root, too, or an absolute path that the engine was given.
 */
static int make_hard_link(struct change *k, struct transaction *t, struct err *err)
{
	const char *target = call_text(k->call, "target", err);

	if (target && *target != '/')
		target = change_path(k->call, k->root, "target", err);
	return target ? change_hard_link(t, k->path, target, err) : -1;
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
	{"hard_link", make_hard_link},
	{"link", make_link},
	{"remove", remove_it},
	{"special", make_special},
};

/* A path of a change: below the root, or the root itself. NULL with err. */
static const char *change_path(
	struct node_call *c, const char *root, const char *key, struct err *err)
{
	const char *name = call_text(c, key, err);

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
	struct change k = {.call = c, .root = root, .path = change_path(c, root, "path", err)};
	const char *kind = call_text(c, "kind", err);

	if (!k.path || !kind)
		return -1;
	if (read_attributes(&k, err) < 0)
		return err_wrap(err, "%s", k.path);
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
