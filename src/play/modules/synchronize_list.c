/* SPDX-License-Identifier: Apache-2.0 */
/* The files that synchronize brings: listed as rsync does, files before directories. */
#include "play/modules/synchronize.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/path.h"
#include "base/vec.h"

#define DEPTH_MAX 64

struct lister {
	struct module_call *call;
	const struct synchronize_rules *rules;
	struct synchronize_list *list;
	unsigned depth;
};

static const char *user_name(struct arena *arena, uid_t uid)
{
	char buffer[4096];
	struct passwd entry, *found = NULL;

	getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found);
	return found ? arena_strdup(arena, found->pw_name) : NULL;
}

static const char *group_name(struct arena *arena, gid_t gid)
{
	char buffer[16384];
	struct group entry, *found = NULL;

	getgrgid_r(gid, &entry, buffer, sizeof(buffer), &found);
	return found ? arena_strdup(arena, found->gr_name) : NULL;
}

/* Names of owners, those of the entry before where the numbers are the same. */
static void name_owners(struct lister *l, struct synchronize_entry *e)
{
	const struct synchronize_entry *last =
		l->list->count ? &l->list->items[l->list->count - 1] : NULL;
	struct arena *arena = l->call->arena;

	e->owner = last && last->st.st_uid == e->st.st_uid ? last->owner
							   : user_name(arena, e->st.st_uid);
	e->group = last && last->st.st_gid == e->st.st_gid ? last->group
							   : group_name(arena, e->st.st_gid);
}

static const char *read_target(struct arena *arena, const char *path)
{
	char target[4096];
	ssize_t n = readlink(path, target, sizeof(target));

	return n > 0 && (size_t)n < sizeof(target) ? arena_strndup(arena, target, (size_t)n)
						   : NULL;
}

static int add(struct lister *l, const char *path, const char *name, const struct stat *st,
	struct err *err)
{
	struct arena *arena = l->call->arena;
	struct synchronize_entry e = {.path = arena_strdup(arena, path),
		.name = arena_strdup(arena, name),
		.st = *st};

	if (l->list->count >= SYNCHRONIZE_ENTRIES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d files and directories",
			SYNCHRONIZE_ENTRIES_MAX);
	if (S_ISLNK(st->st_mode)) {
		e.target = read_target(arena, path);
		if (!e.target)
			return err_sys(err, "read the link %s", path);
	}
	name_owners(l, &e);
	*VEC_PUSH(l->list) = e;
	return 0;
}

static int list(struct lister *l, const char *path, const char *name, struct err *err);

static int read_names(const char *path, struct strlist *names, struct err *err)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (!d)
		return err_sys(err, "%s", path);
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			strlist_add(names, e->d_name);
	closedir(d);
	return 0;
}

static int list_names(struct lister *l, const char *path, const char *name,
	const struct strlist *names, struct err *err)
{
	for (size_t i = 0; i < names->count; i++) {
		autofree char *below = path_join(path, names->items[i]);
		autofree char *rel = path_join(name, names->items[i]);
		if (list(l, below, rel, err) < 0)
			return -1;
	}
	return 0;
}

static int list_directory(struct lister *l, const char *path, const char *name, struct err *err)
{
	AUTO(strlist_release) struct strlist names = {0};

	if (l->depth >= DEPTH_MAX)
		return err_set(err, ERR_LIMIT,
			"%s: more than %d directories inside one another", path, DEPTH_MAX);
	if (read_names(path, &names, err) < 0)
		return -1;
	l->depth++;
	int result = list_names(l, path, name, &names, err);
	l->depth--;
	return result;
}

static int list(struct lister *l, const char *path, const char *name, struct err *err)
{
	const struct synchronize_rules *r = l->rules;
	struct stat st;

	bool lost = r->copy_links && stat(path, &st) < 0;
	if ((lost || !r->copy_links) && lstat(path, &st) < 0)
		return err_sys(err, "%s", path);
	bool directory = S_ISDIR(st.st_mode);
	if (*name && synchronize_excludes(r, name, directory))
		return 0;
	if (lost)
		return err_set(err, ERR_NOTFOUND, "%s leads to nothing that is there", path);
	if (directory && !synchronize_brings(r, st.st_mode))
		return 0;
	if (add(l, path, name, &st, err) < 0)
		return -1;
	bool enter = directory && (r->recursive || l->depth == 0);
	return enter ? list_directory(l, path, name, err) : 0;
}

int synchronize_list_read(struct module_call *c, const struct synchronize_rules *r,
	const char *path, const char *name, struct synchronize_list *l, struct err *err)
{
	struct lister lister = {.call = c, .rules = r, .list = l};

	int result = list(&lister, path, name, err);
	synchronize_list_sort(l);
	return result;
}

static int compare(const void *a, const void *b)
{
	const struct synchronize_entry *x = a, *y = b;

	return synchronize_order(
		x->name, S_ISDIR(x->st.st_mode), y->name, S_ISDIR(y->st.st_mode));
}

void synchronize_list_sort(struct synchronize_list *l)
{
	if (l->count > 0)
		qsort(l->items, l->count, sizeof(*l->items), compare);
}

void synchronize_list_release(struct synchronize_list *l)
{
	free(l->items);
	*l = (struct synchronize_list){0};
}
