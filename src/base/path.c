/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

#define REMOVE_DEPTH_MAX 200

char *path_join(const char *dir, const char *name)
{
	if (*name == '/' || *dir == '\0' || strcmp(dir, ".") == 0)
		return xstrdup(name);
	return xasprintf("%s%s%s", dir, str_ends(dir, "/") ? "" : "/", name);
}

char *path_dirname(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	while (slash > path && slash[-1] == '/')
		slash--;
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

const char *path_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool path_is_component(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= NAME_MAX && !strchr(s, '/') && strcmp(s, ".") != 0 &&
	       strcmp(s, "..") != 0;
}

bool path_is_contained(const char *path)
{
	char part[NAME_MAX + 1];

	if (strlen(path) >= PATH_MAX)
		return false;
	for (;;) {
		size_t n = strcspn(path, "/");
		if (n > NAME_MAX)
			return false;
		memcpy(part, path, n);
		part[n] = '\0';
		if (!path_is_component(part))
			return false;
		if (path[n] == '\0')
			return true;
		path += n + 1;
	}
}

char *path_flat_name(const char *path)
{
	struct strbuf b = STRBUF_INIT;

	for (; *path; path++) {
		if (*path == '%')
			strbuf_addstr(&b, "%25");
		else if (*path == '/')
			strbuf_addstr(&b, "%2F");
		else
			strbuf_addch(&b, *path);
	}
	return strbuf_detach(&b, NULL);
}

int path_mkdirs(const char *path, mode_t mode, struct err *err)
{
	if (path_is_dir(path))
		return 0;
	autofree char *parent = path_dirname(path);
	if (strcmp(parent, path) != 0 && path_mkdirs(parent, mode, err) < 0)
		return -1;
	if (mkdir(path, mode) < 0 && !(errno == EEXIST && path_is_dir(path)))
		return err_sys(err, "cannot make directory %s", path);
	return 0;
}

/* Whoever removes a tree and wants to be told of what goes. */
struct remover {
	path_removing removing; /* may be NULL */
	void *arg;
};

static int remove_at(const struct remover *r, int dirfd, const char *name, int depth);

static int remove_entries(const struct remover *r, int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	int result = 0;

	if (!dir) {
		close(fd);
		return -1;
	}
	for (struct dirent *entry; result == 0 && (entry = readdir(dir));) {
		if (path_is_component(entry->d_name))
			result = remove_at(r, dirfd(dir), entry->d_name, depth + 1);
	}
	int saved = errno;
	closedir(dir);
	errno = saved;
	return result;
}

/* Opens a directory that goes, with the permissions that emptying it takes. */
static int open_to_empty(int dirfd, const char *name)
{
	struct stat st;
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
		(st.st_mode & 0700) != 0700)
		(void)fchmod(fd, 0700);
	return fd;
}

static int remove_at(const struct remover *r, int dirfd, const char *name, int depth)
{
	struct stat st;

	if (depth > REMOVE_DEPTH_MAX) {
		errno = ELOOP;
		return -1;
	}
	if (r->removing && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		r->removing(r->arg, &st);
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	int refused = errno;
	if (refused != EISDIR && refused != EPERM)
		return -1;
	int fd = open_to_empty(dirfd, name);
	if (fd < 0 && errno == ENOTDIR)
		errno = refused; /* no directory: then this was the reason */
	if (fd < 0 || remove_entries(r, fd, depth) < 0)
		return -1;
	return unlinkat(dirfd, name, AT_REMOVEDIR);
}

int path_remove_at(int dirfd, const char *name, path_removing removing, void *arg)
{
	const struct remover r = {.removing = removing, .arg = arg};

	return remove_at(&r, dirfd, name, 0);
}

int path_remove_tree(const char *path, struct err *err)
{
	if (path_remove_at(AT_FDCWD, path, NULL, NULL) < 0)
		return err_sys(err, "cannot remove %s", path);
	return 0;
}

bool path_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

bool path_is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}
