/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a link leads is what the kernel says of a descriptor that was opened through it, so
 * links to links and links in the middle of a path need no code of ours. Nothing is read of
 * what is found there.
 */
#include "tree/linked.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

struct linked_search {
	int root;
	char base[PATH_MAX]; /* the root's own path, with a slash behind it */
	struct strlist found;
};

static bool path_of(int fd, char out[PATH_MAX])
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(name, out, PATH_MAX - 1);
	out[n > 0 ? n : 0] = '\0';
	return n > 0 && *out == '/';
}

/* Calls for each name of a directory that does not begin with a dot; absent is fine. */
static int each_name(struct linked_search *s, const char *path,
	int (*visit)(struct linked_search *s, int dirfd, const char *path, const char *name,
		struct err *err),
	struct err *err)
{
	int fd = openat(s->root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int result = 0;

	if (!dir) {
		bool gone = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
		fd_close(&fd);
		return gone ? 0 : err_sys(err, "look for links in %s%s", s->base, path);
	}
	for (struct dirent *e; result == 0 && (e = readdir(dir));)
		if (e->d_name[0] != '.')
			result = visit(s, fd, path, e->d_name, err);
	closedir(dir);
	return result;
}

static int add_child(
	struct linked_search *s, int dirfd, const char *path, const char *name, struct err *err)
{
	(void)dirfd;
	(void)err;
	strlist_addf(&s->found, "%s/%s", path, name);
	return 0;
}

/* Takes the first two components of a path below the root. */
static int add_target(struct linked_search *s, const char *path, struct err *err)
{
	size_t model = strcspn(path, "/");
	autofree char *name = xstrndup(path, model);

	if (!*name || *name == '.')
		return 0;
	if (!path[model])
		return each_name(s, name, add_child, err);
	size_t version = strcspn(path + model + 1, "/");
	autofree char *both = xstrndup(path, model + 1 + version);
	strlist_add(&s->found, both);
	return 0;
}

static bool is_link(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static int follow(struct linked_search *s, int dirfd, const char *name, struct err *err)
{
	char target[PATH_MAX];
	autofd int fd = openat(dirfd, name, O_PATH | O_CLOEXEC);

	if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return err_sys(err, "follow the link %s", name);
	if (fd < 0)
		return 0;
	if (!path_of(fd, target))
		return err_set(err, ERR_SYSTEM,
			"where the link %s leads cannot be told: /proc does not answer", name);
	return str_starts(target, s->base) ? add_target(s, target + strlen(s->base), err) : 0;
}

static int look_at(
	struct linked_search *s, int dirfd, const char *path, const char *name, struct err *err)
{
	(void)path;
	return is_link(dirfd, name) ? follow(s, dirfd, name, err) : 0;
}

static int look_into(
	struct linked_search *s, int dirfd, const char *path, const char *name, struct err *err)
{
	(void)path;
	if (is_link(dirfd, name))
		return follow(s, dirfd, name, err);
	return each_name(s, name, look_at, err);
}

static void take_found(struct linked_search *s, struct strlist *out)
{
	strlist_sort(&s->found);
	for (size_t i = 0; i < s->found.count; i++)
		if (!i || strcmp(s->found.items[i], s->found.items[i - 1]) != 0)
			strlist_add(out, s->found.items[i]);
}

int tree_linked(int root, struct strlist *out, struct err *err)
{
	struct linked_search s = {.root = root};

	if (!path_of(root, s.base))
		return err_set(err, ERR_SYSTEM,
			"where links lead cannot be told: /proc does not answer");
	size_t n = strlen(s.base);
	if (n + 1 < sizeof(s.base) && s.base[n - 1] != '/')
		snprintf(s.base + n, sizeof(s.base) - n, "/");
	int result = each_name(&s, ".", look_into, err);
	take_found(&s, out);
	strlist_release(&s.found);
	return result;
}
