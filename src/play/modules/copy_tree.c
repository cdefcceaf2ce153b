/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy of directories. The tree is listed first, each directory before what is in it; then
 * directories, files and links are made on the node in that order.
 */
#include "play/modules/copy.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/vec.h"
#include "play/modules/forward.h"
#include "play/runner.h"

enum kind { TREE_DIRECTORY, TREE_FILE, TREE_LINK };

struct entry {
	enum kind kind;
	char *path; /* here */
	char *rel;  /* below dest; "" for dest itself */
};

struct tree {
	struct entry *items;
	size_t count, cap;
	size_t files;
	bool follow; /* links of this machine */
	struct {
		dev_t dev;
		ino_t ino;
	} way[COPY_TREE_DEPTH]; /* the directories that lead here: no link leads back */
	/* What became of it. */
	bool changed;
	struct value *diffs;
	struct value *last; /* the result of the last file */
	const char *absent; /* in check mode: a directory that would be made */
};

static void tree_release(struct tree *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->items[i].path);
		free(t->items[i].rel);
	}
	free(t->items);
}

static int add(
	struct tree *t, enum kind kind, const char *path, const char *rel, struct err *err)
{
	if (t->count == COPY_TREE_MAX)
		return err_set(
			err, ERR_LIMIT, "more than %d files and directories", COPY_TREE_MAX);
	*VEC_PUSH(t) = (struct entry){.kind = kind, .path = xstrdup(path), .rel = xstrdup(rel)};
	t->files += kind == TREE_FILE;
	return 0;
}

/* The names in a directory, sorted, so that two runs do the same. */
static int read_names(const char *path, struct strlist *names, struct err *err)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir)
		return err_sys(err, "%s", path);
	while (errno = 0, (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			strlist_add(names, e->d_name);
	int failed = errno;
	closedir(dir);
	errno = failed;
	if (failed)
		return err_sys(err, "%s", path);
	strlist_sort(names);
	return 0;
}

static int list_directory(struct tree *t, const char *path, const char *rel, unsigned depth,
	const struct stat *st, struct err *err);

static int list_entry(
	struct tree *t, const char *path, const char *rel, unsigned depth, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return err_sys(err, "%s", path);
	if (S_ISLNK(st.st_mode) && (!t->follow || stat(path, &st) < 0))
		return add(t, TREE_LINK, path, rel, err);
	if (S_ISDIR(st.st_mode))
		return list_directory(t, path, rel, depth, &st, err);
	if (S_ISREG(st.st_mode))
		return add(t, TREE_FILE, path, rel, err);
	return err_set(
		err, ERR_UNSUPPORTED, "%s: neither a file, a directory nor a link", path);
}

static int list_directory(struct tree *t, const char *path, const char *rel, unsigned depth,
	const struct stat *st, struct err *err)
{
	AUTO(strlist_release) struct strlist names = {0};

	if (depth == COPY_TREE_DEPTH)
		return err_set(err, ERR_LIMIT,
			"%s: more than %d directories inside one another", path,
			COPY_TREE_DEPTH);
	for (unsigned i = 0; i < depth; i++)
		if (t->way[i].dev == st->st_dev && t->way[i].ino == st->st_ino)
			return err_set(err, ERR_INPUT, "%s: a link that leads back", path);
	t->way[depth].dev = st->st_dev;
	t->way[depth].ino = st->st_ino;
	if (add(t, TREE_DIRECTORY, path, rel, err) < 0 || read_names(path, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		autofree char *below = path_join(path, names.items[i]);
		autofree char *below_rel = path_join(rel, names.items[i]);
		if (list_entry(t, below, below_rel, depth + 1, err) < 0)
			return -1;
	}
	return 0;
}

/* True for what lies in a directory that is only about to be made. */
static bool is_below_absent(const struct tree *t, const char *dest)
{
	size_t n = t->absent ? strlen(t->absent) : 0;

	return n && strncmp(dest, t->absent, n) == 0 && (dest[n] == '/' || dest[n] == 0);
}

static int make(struct module_call *c, struct tree *t, const char *dest, const char *state,
	const char *target, struct err *err)
{
	static const char *const owners[] = {"owner", "group", NULL};
	struct value *args = forward_arguments(c, owners);
	const struct value *mode = argument_value(c, "directory_mode");

	value_dict_set(c->arena, args, "path", value_new_string(c->arena, dest));
	value_dict_set(c->arena, args, "state", value_new_string(c->arena, state));
	if (!target && mode && mode->kind != VALUE_NULL)
		value_dict_set(c->arena, args, "mode", mode);
	if (target) {
		value_dict_set(c->arena, args, "src", value_new_string(c->arena, target));
		value_dict_set(c->arena, args, "force", &value_true);
		value_dict_set(c->arena, args, "follow", &value_false);
	}
	const struct value *result = runner_ask_node(c, "file", args, err);
	if (!result)
		return -1;
	const struct value *changed = value_dict_get(result, "changed");
	if (!changed || !value_truthy(changed))
		return 0;
	t->changed = true;
	if (c->check && !target)
		t->absent = arena_strdup(c->arena, dest);
	return 0;
}

static int make_link(struct module_call *c, struct tree *t, const char *path, const char *dest,
	struct err *err)
{
	char target[4096];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		return err_sys(err, "%s", path);
	target[n] = 0;
	return make(c, t, dest, "link", target, err);
}

/* One file, with a result of its own. */
static int put_file(struct module_call *c, struct tree *t, const char *path, const char *dest,
	struct err *err)
{
	struct value *whole = c->result;

	c->result = value_new_dict(c->arena);
	int rc = copy_put_file(c, path, dest, false, err);
	t->last = c->result;
	c->result = whole;
	const struct value *changed = value_dict_get(t->last, "changed");
	const struct value *diff = value_dict_get(t->last, "diff");
	if (changed && value_truthy(changed))
		t->changed = true;
	for (size_t i = 0; diff && diff->kind == VALUE_LIST && i < diff->count; i++)
		value_list_add(c->arena, t->diffs, diff->items[i]);
	return rc;
}

/* `dest` itself, where it is there, is left as it is. */
static int put_directory(struct module_call *c, struct tree *t, const struct entry *e,
	const char *dest, struct err *err)
{
	int is = *e->rel ? NODE_PATH_ABSENT : node_path_kind(c, dest, err);

	if (is < 0)
		return -1;
	return is == NODE_PATH_DIRECTORY ? 0 : make(c, t, dest, "directory", NULL, err);
}

static int put_entry(struct module_call *c, struct tree *t, const struct entry *e,
	const char *dest, struct err *err)
{
	autofree char *to = *e->rel ? path_join(dest, e->rel) : xstrdup(dest);

	if (is_below_absent(t, to)) {
		t->changed = true;
		return 0;
	}
	switch (e->kind) {
	case TREE_DIRECTORY: return put_directory(c, t, e, to, err);
	case TREE_LINK: return make_link(c, t, e->path, to, err);
	case TREE_FILE: break;
	}
	return put_file(c, t, e->path, to, err);
}

static void tell(
	struct module_call *c, const struct tree *t, const char *path, const char *dest)
{
	if (t->files == 1 && t->last) {
		value_dict_foreach (p, t->last)
			call_set(c, p->key->text, p->value);
	} else {
		call_set_text(c, "dest", arena_printf(c->arena, "%s/", dest));
		call_set_text(c, "src", path);
	}
	call_set_bool(c, "changed", t->changed);
	if (t->diffs->count)
		call_set(c, "diff", t->diffs);
}

int copy_put_tree(struct module_call *c, const char *path, bool content_only, struct err *err)
{
	AUTO(tree_release)
	struct tree t = {
		.follow = argument_bool(c, "local_follow"), .diffs = value_new_list(c->arena)};
	char *dest = arena_strdup(c->arena, argument_text(c, "dest"));
	char *from = arena_strdup(c->arena, path);
	struct stat st;

	for (size_t n = strlen(from); n > 1 && from[n - 1] == '/'; n--)
		from[n - 1] = 0;
	for (size_t n = strlen(dest); n > 1 && dest[n - 1] == '/'; n--)
		dest[n - 1] = 0;
	if (stat(from, &st) < 0)
		return err_sys(err, "%s", from);
	if (list_directory(&t, from, content_only ? "" : path_basename(from), 0, &st, err) < 0)
		return err_wrap(err, "src");
	for (size_t i = 0; i < t.count; i++)
		if (put_entry(c, &t, &t.items[i], dest, err) < 0)
			return -1;
	tell(c, &t, path, dest);
	return 0;
}
