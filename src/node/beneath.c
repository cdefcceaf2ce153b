/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The beneath_* functions of root.h. Every path is checked to be contained before it is
 * resolved, and every resolution refuses links, so neither the engine nor a link that
 * somebody puts below a root can lead outside.
 */
#include "node/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

#define WALK_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Process-wide: set once, when the kernel (or a seccomp filter) turns out to lack the call. */
static bool use_openat2 = true;

void beneath_use_openat2(bool use)
{
	use_openat2 = use;
}

static int open_by_kernel(int dirfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {.flags = (unsigned)flags,
		.mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

/* Opens component by component; each but the last must be a directory and no link. */
static int open_by_steps(int dirfd, const char *path, int flags, mode_t mode)
{
	autofd int at = -1;

	for (;;) {
		size_t n = strcspn(path, "/");
		int from = at >= 0 ? at : dirfd;
		if (!path[n])
			return openat(from, path, flags | O_NOFOLLOW | O_CLOEXEC, mode);
		char name[NAME_MAX + 1];
		memcpy(name, path, n);
		name[n] = '\0';
		int next = openat(from, name, WALK_FLAGS);
		if (next < 0)
			return -1;
		fd_close(&at);
		at = next;
		path += n + 1;
	}
}

int beneath_open(int dirfd, const char *path, int flags, mode_t mode)
{
	if (strcmp(path, ".") != 0 && !path_is_contained(path)) {
		errno = EINVAL;
		return -1;
	}
	if (use_openat2) {
		int fd = open_by_kernel(dirfd, path, flags | O_NOFOLLOW | O_CLOEXEC, mode);
		/* EPERM is what a seccomp filter that does not know the call answers. */
		if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
			return fd;
		use_openat2 = errno != ENOSYS;
	}
	return open_by_steps(dirfd, path, flags, mode);
}

int beneath_parent(int dirfd, const char *path, const char **name)
{
	char parent[4096];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (!path_is_contained(path)) {
		errno = EINVAL;
		return -1;
	}
	*name = slash ? slash + 1 : path;
	memcpy(parent, path, n);
	parent[n] = '\0';
	return beneath_open(dirfd, n ? parent : ".", O_PATH | O_DIRECTORY, 0);
}

int beneath_stat(int dirfd, const char *path, struct stat *st)
{
	const char *name;
	autofd int parent = beneath_parent(dirfd, path, &name);

	return parent < 0 ? -1 : fstatat(parent, name, st, AT_SYMLINK_NOFOLLOW);
}

static int mkdir_one(int dirfd, const char *path, mode_t mode)
{
	const char *name;
	struct stat st;
	autofd int parent = beneath_parent(dirfd, path, &name);

	if (parent < 0)
		return -1;
	if (mkdirat(parent, name, mode) == 0)
		return 0;
	if (errno != EEXIST || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode) ? 0 : -1;
}

int beneath_mkdirs(int dirfd, const char *path, mode_t mode)
{
	char part[4096];

	if (!path_is_contained(path)) {
		errno = EINVAL;
		return -1;
	}
	if (mkdir_one(dirfd, path, mode) == 0)
		return 0;
	if (errno != ENOENT)
		return -1;
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		if (mkdir_one(dirfd, part, mode) < 0)
			return -1;
	}
	return mkdir_one(dirfd, path, mode);
}

int beneath_rename(int from, const char *old, int to, const char *new, unsigned flags)
{
	const char *old_name, *new_name;
	autofd int old_parent = beneath_parent(from, old, &old_name);
	autofd int new_parent = beneath_parent(to, new, &new_name);

	if (old_parent < 0 || new_parent < 0)
		return -1;
	return renameat2(old_parent, old_name, new_parent, new_name, flags);
}

int beneath_remove_telling(int dirfd, const char *path, path_removing removing, void *arg)
{
	const char *name;
	autofd int parent = beneath_parent(dirfd, path, &name);

	if (parent < 0)
		return errno == ENOENT ? 0 : -1;
	return path_remove_at(parent, name, removing, arg);
}

int beneath_remove(int dirfd, const char *path)
{
	return beneath_remove_telling(dirfd, path, NULL, NULL);
}

int beneath_sync_dir(int dirfd, const char *path)
{
	autofd int fd = beneath_open(dirfd, path, O_RDONLY | O_DIRECTORY, 0);

	return fd < 0 ? -1 : fsync(fd);
}
