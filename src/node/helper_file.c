/* SPDX-License-Identifier: Apache-2.0 */
#include "node/helper_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "node/content.h"
#include "tree/hash.h"

#define SELF                 "/proc/self/exe"
#define COPY_PREFIX          "modelfleet-"
#define COPY_NAME            "modelfleet-node"
#define STALE_UPLOAD_SECONDS 3600
#define UNUSED_SECONDS       (30L * 86400)

/* The program, opened while its file could still be read; there is one program a process. */
static int kept_self = -1;

void helper_keep_self(void)
{
	if (kept_self < 0)
		kept_self = open(SELF, O_RDONLY | O_CLOEXEC);
}

/* Opens the running program, from its beginning. -1 with errno. */
static int open_self(void)
{
	if (kept_self < 0)
		return open(SELF, O_RDONLY | O_CLOEXEC);
	return lseek(kept_self, 0, SEEK_SET) < 0 ? -1 : fcntl(kept_self, F_DUPFD_CLOEXEC, 3);
}

/* Copies the running program to a path that does not exist. */
static int copy_self(const char *path, struct err *err)
{
	autofd int from = open_self();
	autofd int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	if (from < 0 || to < 0)
		return err_sys(err, "copy the helper to %s", path);
	if (content_share(from, to, NULL, err) < 0)
		return err_wrap(err, "copy the helper to %s", path);
	if (fchmod(to, 0755) < 0 || fsync(to) < 0)
		return err_sys(err, "copy the helper to %s", path);
	return 0;
}

/* Removes copies for others that a helper which was killed has left below `base`. */
static void remove_stale_copies(const char *base)
{
	struct stat st;
	DIR *dir = opendir(base);

	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (!str_starts(e->d_name, COPY_PREFIX) ||
			strlen(e->d_name) != strlen(COPY_PREFIX "XXXXXX") ||
			fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISDIR(st.st_mode) || st.st_uid != getuid() ||
			st.st_mtime > time(NULL) - STALE_UPLOAD_SECONDS)
			continue;
		autofree char *path = xasprintf("%s/%s/" COPY_NAME, base, e->d_name);
		helper_remove_copy(path);
	}
	if (dir)
		closedir(dir);
}

char *helper_copy_for_all(const char *base, struct err *err)
{
	autofree char *dir = xasprintf("%s/" COPY_PREFIX "XXXXXX", base);

	remove_stale_copies(base);
	if (!mkdtemp(dir) || chmod(dir, 0711) < 0) {
		err_sys(err, "make a directory below %s", base);
		return NULL;
	}
	char *path = path_join(dir, COPY_NAME);
	if (copy_self(path, err) == 0)
		return path;
	path_remove_tree(dir, NULL);
	free(path);
	return NULL;
}

void helper_remove_copy(const char *path)
{
	autofree char *dir = path_dirname(path);

	if (unlink(path) == 0)
		rmdir(dir);
}

/* The name of a copy: what it holds, not where it came from. */
static char *name_of_self(struct err *err)
{
	uint8_t hash[TREE_HASH_SIZE];
	char digits[2 * TREE_HASH_SIZE + 1];
	struct stat st;
	autofd int fd = open_self();

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys(err, "open the running helper");
		return NULL;
	}
	struct tree_hash *h = tree_hash_new();
	int failed = tree_hash_fd(fd, (uint64_t)st.st_size, h, NULL, NULL, err);
	tree_hash_get(h, hash);
	tree_hash_free(h);
	if (failed)
		return NULL;
	hex_encode(hash, sizeof(hash), digits);
	return xasprintf("node-%s", digits);
}

/* True if a copy is there, is ours and is whole; it counts as used today then. */
static bool is_installed(const char *path)
{
	struct stat self, there;
	autofd int fd = open_self();

	return fd >= 0 && fstat(fd, &self) == 0 && lstat(path, &there) == 0 &&
	       S_ISREG(there.st_mode) && there.st_uid == getuid() && !(there.st_mode & 0022) &&
	       there.st_size == self.st_size && utimensat(AT_FDCWD, path, NULL, 0) == 0;
}

char *helper_install(const char *dir, struct err *err)
{
	autofree char *name = name_of_self(err);

	if (!name || path_mkdirs(dir, 0700, err) < 0)
		return NULL;
	char *path = path_join(dir, name);
	if (is_installed(path))
		return path;
	autofree char *temporary = xasprintf("%s.upload-%d", path, (int)getpid());
	unlink(temporary);
	int failed = copy_self(temporary, err);
	if (!failed && rename(temporary, path) < 0)
		failed = err_sys(err, "put the helper to %s", path);
	if (!failed && dir_sync(dir, err) == 0) {
		helper_prune(dir, time(NULL) - UNUSED_SECONDS);
		return path;
	}
	unlink(temporary);
	free(path);
	return NULL;
}

/* True for "node-" or "modelfleet-node-" and at least 16 hex digits, or an upload of such. */
static bool is_helper_name(const char *name, bool *upload)
{
	if (str_starts(name, "modelfleet-"))
		name += strlen("modelfleet-");
	if (!str_starts(name, "node-"))
		return false;
	name += strlen("node-");
	size_t digits = strspn(name, "0123456789abcdef");
	*upload = digits >= 16 && name[digits] == '.';
	return digits >= 16 && (*upload || !name[digits]);
}

/* Removes one file if it is an old helper; true when it did. */
static bool prune_one(int dir, const char *name, const struct stat *self, time_t unused_since)
{
	struct stat st;
	bool upload;

	if (!is_helper_name(name, &upload) ||
		fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
		st.st_uid != getuid() ||
		(st.st_ino == self->st_ino && st.st_dev == self->st_dev))
		return false;
	/* atime may be frozen by the mount: the later of the two times counts. */
	time_t used = st.st_atime > st.st_mtime ? st.st_atime : st.st_mtime;
	time_t limit = upload ? time(NULL) - STALE_UPLOAD_SECONDS : unused_since;
	return used < limit && unlinkat(dir, name, 0) == 0;
}

uint32_t helper_prune(const char *dir, time_t unused_since)
{
	struct stat self;
	uint32_t removed = 0;
	DIR *d = opendir(dir);

	if (d && stat(SELF, &self) == 0) {
		for (struct dirent *entry; (entry = readdir(d));)
			removed += prune_one(dirfd(d), entry->d_name, &self, unused_since);
	}
	if (d)
		closedir(d);
	return removed;
}
