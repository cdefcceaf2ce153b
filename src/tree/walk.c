/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/path.h"
#include "base/str.h"
#include "tree/manifest_rules.h"

struct walk {
	walk_visit visit;
	void *arg;
	struct strbuf path;
	unsigned depth;
};

static int walk_dir(struct walk *w, int fd, struct err *err);

static int walk_into(struct walk *w, const struct walk_item *item, struct err *err)
{
	if (w->depth >= MANIFEST_DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "%s: directories are nested deeper than %d",
			item->path, MANIFEST_DEPTH_MAX);
	int fd = openat(
		item->dirfd, item->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, "open %s", item->path);
	w->depth++;
	int result = walk_dir(w, fd, err);
	w->depth--;
	return result;
}

static int walk_name(struct walk *w, int dirfd, const char *name, struct err *err)
{
	size_t before = w->path.len;
	struct walk_item item = {.dirfd = dirfd, .name = name};

	if (before > 0)
		strbuf_addch(&w->path, '/');
	strbuf_addstr(&w->path, name);
	item.path = w->path.data;
	int verdict = 0;
	if (w->path.len >= PATH_LIMIT)
		verdict = err_set(err, ERR_LIMIT, "a path is longer than %d bytes: %.60s...",
			PATH_LIMIT - 1, item.path);
	else if (fstatat(dirfd, name, &item.st, AT_SYMLINK_NOFOLLOW) < 0)
		verdict = errno == ENOENT ? WALK_OVER : err_sys(err, "stat %s", item.path);
	else
		verdict = w->visit(w->arg, &item, err);
	if (verdict == WALK_ON && S_ISDIR(item.st.st_mode))
		verdict = walk_into(w, &item, err);
	strbuf_truncate(&w->path, before);
	return verdict < 0 ? -1 : 0;
}

/* Walks a directory whose descriptor it consumes. */
static int walk_dir(struct walk *w, int fd, struct err *err)
{
	int result = 0;
	DIR *dir = fdopendir(fd);

	if (!dir) {
		err_sys(err, "read directory %s", w->path.data);
		close(fd);
		return -1;
	}
	for (struct dirent *entry; result == 0 && (errno = 0, entry = readdir(dir));) {
		if (path_is_component(entry->d_name))
			result = walk_name(w, fd, entry->d_name, err);
	}
	if (result == 0 && errno != 0)
		result = err_sys(err, "read directory %s", w->path.data);
	closedir(dir);
	return result;
}

int tree_walk(int dirfd, walk_visit visit, void *arg, struct err *err)
{
	struct walk w = {.visit = visit, .arg = arg, .path = STRBUF_INIT};
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = fd < 0 ? err_sys(err, "open the directory") : walk_dir(&w, fd, err);

	strbuf_release(&w.path);
	return result;
}
