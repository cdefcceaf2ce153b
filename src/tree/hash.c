/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/hash.h"

#include <errno.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/fd.h"
#include "base/mem.h"

#define READ_SIZE (256u << 10)

struct tree_hash {
	XXH3_state_t *state;
};

struct tree_hash *tree_hash_new(void)
{
	struct tree_hash *h = xmalloc(sizeof(*h));

	h->state = XXH3_createState();
	if (!h->state)
		abort();
	tree_hash_reset(h);
	return h;
}

void tree_hash_reset(struct tree_hash *h)
{
	XXH3_128bits_reset(h->state);
}

void tree_hash_add(struct tree_hash *h, const void *data, size_t n)
{
	XXH3_128bits_update(h->state, data, n);
}

void tree_hash_add_zeros(struct tree_hash *h, uint64_t n)
{
	static const uint8_t zeros[65536];

	while (n > 0) {
		size_t take = n < sizeof(zeros) ? (size_t)n : sizeof(zeros);
		XXH3_128bits_update(h->state, zeros, take);
		n -= take;
	}
}

void tree_hash_get(const struct tree_hash *h, uint8_t out[TREE_HASH_SIZE])
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(h->state));
	memcpy(out, canonical.digest, TREE_HASH_SIZE);
}

void tree_hash_free(struct tree_hash *h)
{
	if (!h)
		return;
	XXH3_freeState(h->state);
	free(h);
}

/* Where data begins at or after an offset; the length when a hole reaches to the end. */
static uint64_t data_from(int fd, uint64_t offset, uint64_t length)
{
	off_t at = lseek(fd, (off_t)offset, SEEK_DATA);

	if (at >= 0)
		return (uint64_t)at < length ? (uint64_t)at : length;
	/* ENXIO: only a hole is left; anything else: the filesystem cannot tell. */
	return errno == ENXIO ? length : offset;
}

/* Hashes what lies between two offsets as data. */
static int hash_range(int fd, uint64_t from, uint64_t to, struct tree_hash *h,
	tree_progress progress, void *arg, struct err *err)
{
	autofree uint8_t *buffer = xmalloc(READ_SIZE);

	while (from < to) {
		size_t want = to - from < READ_SIZE ? (size_t)(to - from) : READ_SIZE;
		ssize_t got = fd_pread_full(fd, buffer, want, from);
		if (got < 0)
			return err_sys(err, "read");
		if ((size_t)got < want)
			return err_set(err, ERR_INTEGRITY, "became shorter while it was read");
		tree_hash_add(h, buffer, want);
		from += want;
		if (progress && progress(arg, want, err) < 0)
			return -1;
	}
	return 0;
}

/* The end of the data that begins at an offset. */
static uint64_t data_until(int fd, uint64_t offset, uint64_t length)
{
	off_t at = lseek(fd, (off_t)offset, SEEK_HOLE);

	return at >= 0 && (uint64_t)at > offset && (uint64_t)at < length ? (uint64_t)at
									 : length;
}

/* Seeking for holes moves the descriptor's offset: it is put back at the end. */
static int hash_all(int fd, uint64_t length, struct tree_hash *h, tree_progress progress,
	void *arg, struct err *err)
{
	off_t size = lseek(fd, 0, SEEK_END);

	if (size >= 0 && (uint64_t)size < length)
		return err_set(err, ERR_INTEGRITY, "is shorter than expected");
	for (uint64_t at = 0; at < length;) {
		uint64_t data = data_from(fd, at, length);
		tree_hash_add_zeros(h, data - at);
		if (progress && data > at && progress(arg, data - at, err) < 0)
			return -1;
		uint64_t end = data < length ? data_until(fd, data, length) : length;
		if (hash_range(fd, data, end, h, progress, arg, err) < 0)
			return -1;
		at = end;
	}
	return 0;
}

int tree_hash_fd(int fd, uint64_t length, struct tree_hash *h, tree_progress progress,
	void *arg, struct err *err)
{
	off_t before = lseek(fd, 0, SEEK_CUR);
	int result = hash_all(fd, length, h, progress, arg, err);

	if (before >= 0)
		lseek(fd, before, SEEK_SET);
	return result;
}
