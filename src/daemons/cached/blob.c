/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/cached/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"

/* Bytes copied at once: what is read, hashed and written stays in the processor's cache. */
#define PIECE (256u << 10)

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

#ifndef MFD_NOEXEC_SEAL /* Linux 6.3; the C library's headers are older */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* What a process has taken is one number; every writer and blob adds to it. */
static struct blob_memory taken;
static unsigned movers;
static pthread_mutex_t taken_lock = PTHREAD_MUTEX_INITIALIZER;

static void begin_move(void)
{
	pthread_mutex_lock(&taken_lock);
	taken.moves++;
	movers++;
	pthread_mutex_unlock(&taken_lock);
}

static void end_move(uint64_t gained, uint64_t lost)
{
	pthread_mutex_lock(&taken_lock);
	movers--;
	taken.bytes = taken.bytes + gained - lost;
	pthread_mutex_unlock(&taken_lock);
}

void blob_memory(struct blob_memory *now)
{
	pthread_mutex_lock(&taken_lock);
	*now = taken;
	now->moving = movers > 0;
	pthread_mutex_unlock(&taken_lock);
}

/* Memory that is out is not a full disk to whoever reads the message. */
static int no_memory(struct err *err, uint64_t size)
{
	if (errno != ENOSPC && errno != ENOMEM && errno != EDQUOT)
		return err_sys(err, "memory file");
	return err_set(err, ERR_NOSPACE,
		"memory for %llu bytes: there is not as much; let the cache hold less, or give "
		"it more",
		(unsigned long long)size);
}

static int open_memory(const char *name)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	return fd;
}

int blob_begin(struct blob_writer *w, const char *name, uint64_t size, struct err *err)
{
	char shown[200]; /* the kernel takes 249 */

	*w = (struct blob_writer){.fd = -1};
	if (size > INT64_MAX)
		return err_set(err, ERR_LIMIT, "%llu bytes: more than a file may have",
			(unsigned long long)size);
	snprintf(shown, sizeof(shown), "%s", name);
	w->fd = open_memory(shown);
	if (w->fd < 0)
		return err_sys(err, "memory file %s", shown);
	begin_move();
	if (size && fallocate(w->fd, 0, 0, (off_t)size) < 0)
		no_memory(err, size);
	else
		w->reserved = size;
	end_move(w->reserved, 0);
	if (w->reserved != size) {
		blob_writer_release(w);
		return -1;
	}
	if (digest_init(&w->digest, DIGEST_SHA256, err) < 0) {
		blob_writer_release(w);
		return -1;
	}
	return 0;
}

int blob_write(struct blob_writer *w, const void *data, size_t n, struct err *err)
{
	if (n > INT64_MAX - w->written)
		return err_set(err, ERR_LIMIT, "memory file: too large");
	if (fd_pwrite_all(w->fd, data, n, w->written) < 0)
		return no_memory(err, w->written + n);
	digest_update(&w->digest, data, n);
	w->written += n;
	return 0;
}

int blob_copy(struct blob_writer *w, int fd, uint64_t n, struct cancel *cancel, struct err *err)
{
	autofree char *piece = xmalloc(PIECE);

	for (uint64_t left = n; left;) {
		ssize_t got = fd_read_full(fd, piece, left < PIECE ? (size_t)left : PIECE);
		if (got < 0)
			return err_sys(err, "reading");
		if (got == 0 && n == UINT64_MAX)
			return 0;
		if (got == 0)
			return err_set(err, ERR_INTEGRITY, "%llu bytes are missing at the end",
				(unsigned long long)left);
		if (cancel && cancel_level(cancel))
			return err_set(err, ERR_CANCELLED, "interrupted");
		if (blob_write(w, piece, (size_t)got, err) < 0)
			return -1;
		left -= (uint64_t)got;
	}
	return 0;
}

static int fit(struct blob_writer *w, struct err *err)
{
	begin_move();
	int rc = ftruncate(w->fd, (off_t)w->written);
	if (rc < 0)
		err_sys(err, "memory file");
	end_move(rc < 0 ? w->reserved : w->written, w->reserved);
	if (rc == 0)
		w->reserved = w->written;
	return rc;
}

struct blob *blob_seal(struct blob_writer *w, struct err *err)
{
	uint8_t sum[DIGEST_MAX];

	/* Less came than was reserved, or the size was not known. */
	if (w->reserved != w->written && fit(w, err) < 0)
		return NULL;
	if (fcntl(w->fd, F_ADD_SEALS, SEALS) < 0) {
		err_sys(err, "sealing a memory file");
		return NULL;
	}
	struct blob *blob = xcalloc(1, sizeof(*blob));
	digest_final(&w->digest, sum);
	hex_encode(sum, digest_size(DIGEST_SHA256), blob->sha256);
	blob->fd = w->fd;
	blob->size = w->written;
	atomic_init(&blob->refs, 1);
	w->fd = -1;
	w->reserved = 0;
	blob_writer_release(w);
	return blob;
}

void blob_writer_release(struct blob_writer *w)
{
	begin_move();
	fd_close(&w->fd);
	end_move(0, w->reserved);
	w->reserved = 0;
	digest_release(&w->digest);
}

struct blob *blob_ref(struct blob *blob)
{
	atomic_fetch_add(&blob->refs, 1);
	return blob;
}

void blob_unref(struct blob *blob)
{
	if (!blob || atomic_fetch_sub(&blob->refs, 1) > 1)
		return;
	begin_move();
	fd_close(&blob->fd);
	end_move(0, blob->size);
	free(blob);
}
