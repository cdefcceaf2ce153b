/* SPDX-License-Identifier: Apache-2.0 */
#include "node/content.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "tree/hashcache.h"
#include "tree/writer.h"

#define COPY_SIZE (128u << 10)

int content_kind(const struct stat *st)
{
	if (S_ISREG(st->st_mode))
		return MANIFEST_FILE;
	if (S_ISDIR(st->st_mode))
		return MANIFEST_DIR;
	return S_ISLNK(st->st_mode) ? MANIFEST_LINK : -1;
}

bool content_is_newer(const struct stat *st, const struct manifest_entry *e)
{
	if (!S_ISREG(st->st_mode))
		return false;
	if (st->st_mtim.tv_sec != e->mtime_s)
		return st->st_mtim.tv_sec > e->mtime_s;
	return st->st_mtim.tv_nsec > (long)e->mtime_ns;
}

int content_hash_at(struct request *q, int dirfd, const char *name, const struct stat *st,
	uint8_t hash[TREE_HASH_SIZE], struct err *err)
{
	struct stat after;
	autofd int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open");
	struct tree_hash *h = tree_hash_new();
	int result = tree_hash_fd(fd, (uint64_t)st->st_size, h, request_progress, q, err);
	tree_hash_get(h, hash);
	tree_hash_free(h);
	if (result < 0)
		return -1;
	if (fstat(fd, &after) < 0)
		return err_sys(err, "stat");
	if (!stat_same(st, &after))
		return err_set(err, ERR_INTEGRITY, "changes while it is read");
	return 0;
}

/* Copies by reading and writing: the writer hashes, and leaves holes where zeros are. */
static int copy_bytes(
	struct request *q, int from, struct file_writer *w, uint64_t size, struct err *err)
{
	autofree uint8_t *buffer = xmalloc(COPY_SIZE);

	for (uint64_t at = 0; at < size;) {
		size_t want = size - at < COPY_SIZE ? (size_t)(size - at) : COPY_SIZE;
		ssize_t got = fd_pread_full(from, buffer, want, at);
		if (got < 0)
			return err_sys(err, "read");
		if (got == 0)
			break;
		if (file_writer_add(w, buffer, (size_t)got, err) < 0 ||
			request_progress(q, (uint64_t)got, err) < 0)
			return -1;
		at += (uint64_t)got;
	}
	return 0;
}

/* True when the whole content was shared in one step. It is hashed all the same. */
static int clone_content(
	struct request *q, int from, int to, const struct manifest_entry *e, struct err *err)
{
	uint8_t hash[TREE_HASH_SIZE];
	struct stat st;

	if (ioctl(to, FICLONE, from) < 0)
		return 0;
	if (fstat(to, &st) < 0 || (uint64_t)st.st_size != e->size)
		return 0;
	struct tree_hash *h = tree_hash_new();
	int result = tree_hash_fd(to, e->size, h, request_progress, q, err);
	tree_hash_get(h, hash);
	tree_hash_free(h);
	return result < 0 ? -1 : memcmp(hash, e->hash, TREE_HASH_SIZE) == 0;
}

int content_copy(
	struct request *q, int from, int to, const struct manifest_entry *e, struct err *err)
{
	struct err why = {0};
	int cloned = clone_content(q, from, to, e, err);

	if (cloned != 0)
		return cloned;
	struct file_writer *w = file_writer_new(to, e->size, 0, err);
	if (!w)
		return -1;
	int result = copy_bytes(q, from, w, e->size, &why);
	if (result == 0)
		result = file_writer_end(w, e->hash, &why);
	file_writer_free(w);
	if (result == 0)
		return 1;
	if (why.code == ERR_INTEGRITY)
		return 0;
	if (err)
		*err = why;
	return -1;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

int content_share(int from, int to, uint64_t *limit, struct err *err)
{
	uint8_t buffer[65536];
	uint64_t at = 0;
	ssize_t got;

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	while ((got = fd_pread_full(from, buffer, sizeof(buffer), at)) > 0) {
		at += (uint64_t)got;
		if (limit && (uint64_t)got > *limit)
			return err_set(err, ERR_LIMIT, "there is more to copy than is allowed");
		if (limit)
			*limit -= (uint64_t)got;
		bool hole = is_zero(buffer, (size_t)got);
		if (hole ? lseek(to, got, SEEK_CUR) < 0
			 : fd_write_all(to, buffer, (size_t)got) < 0)
			return err_sys(err, "write");
	}
	if (got < 0)
		return err_sys(err, "read");
	/* A hole at the end has no size of its own. */
	return ftruncate(to, (off_t)at) < 0 ? err_sys(err, "write") : 0;
}

int content_dress(int fd, const struct manifest_entry *e, struct err *err)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
		{.tv_sec = (time_t)e->mtime_s, .tv_nsec = (long)e->mtime_ns}};

	if (fchmod(fd, e->mode) < 0)
		return err_sys(err, "set the permissions of %s", e->path);
	if (futimens(fd, times) < 0)
		return err_sys(err, "set the time of %s", e->path);
	return 0;
}
