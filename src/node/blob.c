/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BLOB_PUT and BLOB_DROP.
 */
#include "node/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/request.h"
#include "node/session.h"
#include "tree/compress.h"
#include "tree/writer.h"

struct blobs {
	int fds[WIRE_BLOBS_MAX]; /* -1: none */

	/* The one that is being received. */
	int fd;
	struct wire_blob_put put;
	struct file_writer *writer;
	struct decompressor *decompressor; /* NULL for raw content */
	struct tree_sink first;            /* where pieces of the stream go */
};

static struct blobs *blobs_of(struct node *n)
{
	if (n->blobs)
		return n->blobs;
	n->blobs = xcalloc(1, sizeof(*n->blobs));
	n->blobs->fd = -1;
	for (unsigned i = 0; i < WIRE_BLOBS_MAX; i++)
		n->blobs->fds[i] = -1;
	return n->blobs;
}

/* Gives up what is being received. */
static void stop_receiving(struct blobs *b)
{
	decompressor_free(b->decompressor);
	b->decompressor = NULL;
	file_writer_free(b->writer);
	b->writer = NULL;
	fd_close(&b->fd);
}

void blobs_free(struct blobs *b)
{
	if (!b)
		return;
	stop_receiving(b);
	for (unsigned i = 0; i < WIRE_BLOBS_MAX; i++)
		fd_close(&b->fds[i]);
	free(b);
}

int blob_fd(const struct node *n, int64_t number, struct err *err)
{
	if (!n->blobs || number < 0 || number >= WIRE_BLOBS_MAX || n->blobs->fds[number] < 0)
		return err_set(err, ERR_NOTFOUND, "there is no blob %lld", (long long)number);
	return n->blobs->fds[number];
}

bool blob_has(const struct node *n, int fd)
{
	for (unsigned i = 0; n->blobs && i < WIRE_BLOBS_MAX; i++)
		if (n->blobs->fds[i] == fd)
			return true;
	return false;
}

/* A file without a name: in memory, else in the first directory that takes one. */
static int open_nameless(uint64_t size, struct err *err)
{
	char home[1024];
	int fd = -1;

	if (size <= BLOB_MEMORY_MAX) {
		fd = memfd_create("blob", MFD_CLOEXEC);
		return fd < 0 ? err_sys(err, "memory for content") : fd;
	}
	session_home(home);
	const char *const dirs[] = {"/var/tmp", home, "/tmp"};
	for (size_t i = 0; i < ARRAY_SIZE(dirs) && fd < 0; i++)
		fd = open(dirs[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? err_sys(err, "a file for content below /var/tmp, %s or /tmp", home)
		      : fd;
}

static int feed_decompressor(void *arg, const void *data, size_t n, struct err *err)
{
	return decompressor_feed(arg, data, n, err);
}

static int check_put(const struct wire_blob_put *p, struct err *err)
{
	if (p->blob >= WIRE_BLOBS_MAX)
		return err_set(err, ERR_LIMIT, "blob %u: at most %d are kept at once", p->blob,
			WIRE_BLOBS_MAX);
	if (p->encoding > WIRE_PUT_ZSTD)
		return err_set(err, ERR_UNSUPPORTED, "unknown encoding %u", p->encoding);
	if (p->size > BLOB_SIZE_MAX)
		return err_set(err, ERR_LIMIT, "a blob of %llu bytes; at most %llu",
			(unsigned long long)p->size, (unsigned long long)BLOB_SIZE_MAX);
	return 0;
}

int op_blob_put(struct request *q, struct err *err)
{
	struct wire_blob_put p;

	if (wire_get_blob_put(q->frame, &p, err) < 0 || check_put(&p, err) < 0)
		return -1;
	struct blobs *b = blobs_of(q->node);
	b->put = p;
	b->fd = open_nameless(p.size, err);
	b->writer = b->fd < 0 ? NULL : file_writer_new(b->fd, p.size, 0, err);
	if (!b->writer) {
		stop_receiving(b);
		return -1;
	}
	b->first = file_writer_sink(b->writer);
	if (p.encoding == WIRE_PUT_ZSTD) {
		b->decompressor = decompressor_new(&b->first, p.size);
		b->first =
			(struct tree_sink){.write = feed_decompressor, .arg = b->decompressor};
	}
	return 0;
}

int op_blob_put_piece(struct request *q, const uint8_t *data, size_t n, struct err *err)
{
	struct tree_sink *first = &q->node->blobs->first;

	return first->write(first->arg, data, n, err);
}

void op_blob_put_lose(struct node *n)
{
	stop_receiving(n->blobs);
}

int op_blob_put_end(struct request *q, struct err *err)
{
	struct blobs *b = q->node->blobs;
	int *kept = &b->fds[b->put.blob];

	if ((b->decompressor && decompressor_end(b->decompressor, err) < 0) ||
		file_writer_end(b->writer, b->put.hash, err) < 0)
		return err_wrap(err, "blob %u", b->put.blob);
	fd_close(kept);
	*kept = b->fd;
	b->fd = -1;
	stop_receiving(b);
	return 0;
}

int op_blob_drop(struct request *q, struct err *err)
{
	struct msg_reader r;

	msg_read(&r, q->frame->data, q->frame->len);
	uint16_t number = msg_u16(&r);
	if (msg_end(&r, "a BLOB_DROP request", err) < 0 || blob_fd(q->node, number, err) < 0)
		return -1;
	fd_close(&q->node->blobs->fds[number]);
	return 0;
}
