/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content on its way into a version: cloned where the file system can, copied by the kernel
 * where that can, else read and written.
 */
#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "crypto/digest.h"
#include "registry/publish_private.h"

#define STEP_MAX ((uint64_t)16 << 20) /* copied at once, so that an interrupt is heard */
#define READ_MAX ((size_t)256 << 10)

/* Reads and writes from an offset on. */
static int copy_by_hand(const struct publish_request *q, int from, int to, uint64_t at,
	uint64_t size, struct err *err)
{
	autofree uint8_t *buffer = xmalloc(READ_MAX);

	if (lseek(to, (off_t)at, SEEK_SET) < 0)
		return err_sys(err, "write");
	while (at < size) {
		size_t want = size - at < READ_MAX ? (size_t)(size - at) : READ_MAX;
		ssize_t got = fd_pread_full(from, buffer, want, at);
		if (got < 0)
			return err_sys(err, "read");
		if ((size_t)got < want)
			return err_set(
				err, ERR_INTEGRITY, "became shorter while it was copied");
		if (fd_write_all(to, buffer, want) < 0)
			return err_sys(err, "write");
		at += want;
		if (publish_tick(q, want, err) < 0)
			return -1;
	}
	return 0;
}

/* True for what copy_file_range says where it cannot copy, rather than that copying failed. */
static bool is_not_for_kernel(int code)
{
	return code == EXDEV || code == EINVAL || code == ENOSYS || code == EOPNOTSUPP ||
	       code == EPERM;
}

/*
 * The kernel's own copy, which a network file system does on its server. Some file systems
 * answer 0 though there is more: the rest is copied by hand.
 */
static int copy_all(
	const struct publish_request *q, int from, int to, uint64_t size, struct err *err)
{
	loff_t in = 0, out = 0;

	while ((uint64_t)in < size) {
		uint64_t left = size - (uint64_t)in;
		size_t step = (size_t)(left < STEP_MAX ? left : STEP_MAX);
		ssize_t got = copy_file_range(from, &in, to, &out, step, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0 || (got < 0 && is_not_for_kernel(errno)))
			return copy_by_hand(q, from, to, (uint64_t)in, size, err);
		if (got < 0)
			return err_sys(err, "copy");
		if (publish_tick(q, (uint64_t)got, err) < 0)
			return -1;
	}
	return 0;
}

int publish_copy(const struct publish_request *q, int from, int to, uint64_t size,
	uint64_t *cloned, struct err *err)
{
	if (size == 0)
		return 0;
	if (ioctl(to, FICLONE, from) < 0)
		return copy_all(q, from, to, size, err);
	*cloned += size;
	return publish_tick(q, size, err);
}

/* Reads a file to its end, which has to be where it is expected. */
static int digest_all(const struct publish_request *q, int fd, uint64_t size,
	struct tree_hash *hash, struct digest *sha, struct err *err)
{
	autofree uint8_t *buffer = xmalloc(READ_MAX);
	uint64_t at = 0;

	for (ssize_t got; (got = fd_pread_full(fd, buffer, READ_MAX, at)) != 0;) {
		if (got < 0)
			return err_sys(err, "read");
		tree_hash_add(hash, buffer, (size_t)got);
		digest_update(sha, buffer, (size_t)got);
		at += (uint64_t)got;
		if (at > size)
			break;
		if (publish_tick(q, (uint64_t)got, err) < 0)
			return -1;
	}
	return at == size ? 0 : err_set(err, ERR_INTEGRITY, "changes while it is published");
}

int publish_digest(const struct publish_request *q, int fd, const struct manifest_entry *e,
	struct version_file *out, struct err *err)
{
	AUTO(digest_release) struct digest sha = {0};

	*out = (struct version_file){.path = e->path, .size = e->size};
	if (digest_init(&sha, DIGEST_SHA256, err) < 0)
		return -1;
	struct tree_hash *hash = tree_hash_new();
	int result = digest_all(q, fd, e->size, hash, &sha, err);
	tree_hash_get(hash, out->hash);
	tree_hash_free(hash);
	if (result < 0)
		return -1;
	digest_final(&sha, out->sha256);
	if (memcmp(out->hash, e->hash, sizeof(e->hash)) != 0)
		return err_set(err, ERR_INTEGRITY, "changes while it is published");
	return 0;
}
