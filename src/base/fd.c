/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int fd_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t done = write(fd, p, n);
		if (done < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

ssize_t fd_read_full(int fd, void *data, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, (char *)data + got, n - got);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

ssize_t fd_pread_full(int fd, void *data, size_t n, uint64_t offset)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = pread(fd, (char *)data + got, n - got, (off_t)(offset + got));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

int fd_pwrite_all(int fd, const void *data, size_t n, uint64_t offset)
{
	for (size_t done = 0; done < n;) {
		ssize_t w =
			pwrite(fd, (const char *)data + done, n - done, (off_t)(offset + done));
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		done += (size_t)w;
	}
	return 0;
}

int fd_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	return fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

/* True for what copy_file_range says of files between which it cannot copy. */
static bool is_unable(int error)
{
	return error == EXDEV || error == EINVAL || error == EOPNOTSUPP || error == ENOSYS;
}

ssize_t fd_copy_piece(int from, int to, size_t n)
{
	char piece[65536];
	ssize_t got;

	do
		got = copy_file_range(from, NULL, to, NULL, n, 0);
	while (got < 0 && errno == EINTR);
	/* 0 may be the end, and is also what files of no known size give. */
	if (got > 0 || (got < 0 && !is_unable(errno)))
		return got;
	do
		got = read(from, piece, n < sizeof(piece) ? n : sizeof(piece));
	while (got < 0 && errno == EINTR);
	if (got > 0 && fd_write_all(to, piece, (size_t)got) < 0)
		return -1;
	return got;
}

int file_read(const char *path, size_t max, struct strbuf *out, struct err *err)
{
	return file_read_at(AT_FDCWD, path, max, out, err);
}

static int read_all(int fd, const char *path, size_t max, struct strbuf *out, struct err *err)
{
	const size_t chunk = 16384;
	size_t start = out->len;

	for (;;) {
		strbuf_reserve(out, chunk);
		ssize_t r = read(fd, out->data + out->len, chunk);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(err, "cannot read %s", path);
		if (r == 0)
			return 0;
		strbuf_truncate(out, out->len + (size_t)r);
		if (out->len - start > max)
			return err_set(
				err, ERR_LIMIT, "%s is larger than %zu bytes", path, max);
	}
}

int file_read_at(int dirfd, const char *path, size_t max, struct strbuf *out, struct err *err)
{
	struct stat st;
	autofd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "cannot open %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, "cannot stat %s", path);
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_INPUT, "%s is a directory", path);
	return read_all(fd, path, max, out, err);
}

static int write_and_rename(int fd, const char *temporary, const char *path, const void *data,
	size_t n, mode_t mode, struct err *err)
{
	if (fd_write_all(fd, data, n) < 0)
		return err_sys(err, "cannot write %s", path);
	if (fchmod(fd, mode) < 0)
		return err_sys(err, "cannot set the mode of %s", path);
	if (fsync(fd) < 0)
		return err_sys(err, "cannot sync %s", path);
	if (rename(temporary, path) < 0)
		return err_sys(err, "cannot replace %s", path);
	return 0;
}

/* Gives a new file the owner of the old one (NULL: there is none), or its group at least. */
static void take_owner(int fd, const struct stat *old)
{
	if (!old)
		return;
	if (fchown(fd, old->st_uid, old->st_gid) < 0 && fchown(fd, (uid_t)-1, old->st_gid) < 0)
		return; /* not ours to give */
}

static int replace(const char *path, const void *data, size_t n, mode_t mode,
	const struct stat *owner, struct stat *written, struct err *err)
{
	autofree char *dir = path_dirname(path);
	autofree char *temporary = xasprintf("%s/.%s.XXXXXX", dir, path_basename(path));
	autofd int fd = mkostemp(temporary, O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "cannot make a temporary file beside %s", path);
	take_owner(fd, owner);
	if (write_and_rename(fd, temporary, path, data, n, mode, err) < 0) {
		unlink(temporary);
		return -1;
	}
	if (written && fstat(fd, written) < 0)
		return err_sys(err, "cannot stat %s", path);
	return dir_sync(dir, err);
}

int file_replace(const char *path, const void *data, size_t n, mode_t mode, struct err *err)
{
	return replace(path, data, n, mode, NULL, NULL, err);
}

int file_replace_keeping(
	const char *path, const void *data, size_t n, mode_t mode, struct err *err)
{
	return file_replace_known(path, data, n, mode, NULL, err);
}

int file_replace_known(const char *path, const void *data, size_t n, mode_t mode,
	struct stat *written, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return replace(path, data, n, mode, NULL, written, err);
	return replace(path, data, n, st.st_mode & 07777, &st, written, err);
}

int dir_sync(const char *path, struct err *err)
{
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_sys(err, "cannot sync directory %s", path);
	return 0;
}
