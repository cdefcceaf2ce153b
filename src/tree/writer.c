/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/writer.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"

#define HOLE_BLOCK 4096u /* runs of zeros are looked for in aligned blocks of this size */
#define FLUSH_STRIDE                                                                           \
	(8u << 20) /* written data is sent on its way to the disk in such steps                \
		    */

struct file_writer {
	int fd;
	uint64_t size;
	uint64_t at;      /* bytes so far */
	uint64_t flushed; /* where the next write-back begins */
	struct tree_hash *hash;
};

struct file_writer *file_writer_new(int fd, uint64_t size, uint64_t offset, struct err *err)
{
	struct file_writer *w = xcalloc(1, sizeof(*w));

	w->fd = fd;
	w->size = size;
	w->at = w->flushed = offset;
	w->hash = tree_hash_new();
	if (offset > size)
		err_set(err, ERR_LIMIT, "starts behind the end of the file");
	else if (ftruncate(fd, (off_t)offset) < 0)
		err_sys(err, "truncate");
	else if (tree_hash_fd(fd, offset, w->hash, NULL, NULL, err) == 0)
		return w;
	file_writer_free(w);
	return NULL;
}

void file_writer_free(struct file_writer *w)
{
	if (!w)
		return;
	tree_hash_free(w->hash);
	free(w);
}

static bool is_zero(const uint8_t *p, size_t n)
{
	return n > 0 && p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* The length of the piece at p that is either zeros within a block, or data up to such. */
static size_t next_piece(const struct file_writer *w, const uint8_t *p, size_t n, bool *zero)
{
	size_t len = 0;

	*zero = false;
	while (len < n) {
		size_t block = HOLE_BLOCK - (size_t)((w->at + len) % HOLE_BLOCK);
		size_t take = block < n - len ? block : n - len;
		/* Parts of a block count too: what is not written of a new file reads as zeros.
		 */
		if (is_zero(p + len, take)) {
			*zero = len == 0;
			return len ? len : take;
		}
		len += take;
	}
	return len;
}

/* Starts the write-back of what is complete, so that the sync at the end has little to do. */
static void start_writeback(struct file_writer *w)
{
	if (w->at - w->flushed < FLUSH_STRIDE)
		return;
	sync_file_range(
		w->fd, (off_t)w->flushed, (off_t)(w->at - w->flushed), SYNC_FILE_RANGE_WRITE);
	w->flushed = w->at;
}

int file_writer_add(struct file_writer *w, const void *data, size_t n, struct err *err)
{
	const uint8_t *p = data;

	if (n > w->size - w->at)
		return err_set(err, ERR_LIMIT, "holds more than %llu bytes",
			(unsigned long long)w->size);
	tree_hash_add(w->hash, data, n);
	while (n > 0) {
		bool zero;
		size_t len = next_piece(w, p, n, &zero);
		if (!zero && fd_pwrite_all(w->fd, p, len, w->at) < 0)
			return err_sys(err, "write");
		p += len;
		n -= len;
		w->at += len;
	}
	start_writeback(w);
	return 0;
}

static int sink_write(void *arg, const void *data, size_t n, struct err *err)
{
	return file_writer_add(arg, data, n, err);
}

struct tree_sink file_writer_sink(struct file_writer *w)
{
	return (struct tree_sink){.write = sink_write, .arg = w};
}

int file_writer_end(struct file_writer *w, const uint8_t hash[TREE_HASH_SIZE], struct err *err)
{
	uint8_t got[TREE_HASH_SIZE];

	if (w->at != w->size)
		return err_set(err, ERR_INTEGRITY, "holds %llu bytes instead of %llu",
			(unsigned long long)w->at, (unsigned long long)w->size);
	tree_hash_get(w->hash, got);
	if (memcmp(got, hash, TREE_HASH_SIZE) != 0)
		return err_set(err, ERR_INTEGRITY, "its content is not what its hash says");
	/* A hole at the very end exists only once the size is set. */
	return ftruncate(w->fd, (off_t)w->size) < 0 ? err_sys(err, "truncate") : 0;
}
