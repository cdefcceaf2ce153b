/* SPDX-License-Identifier: Apache-2.0 */
#include "node/put.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/content.h"
#include "node/stage.h"
#include "tree/compress.h"
#include "tree/delta.h"
#include "tree/writer.h"

struct put {
	struct stage *stage;
	size_t index;
	int part_fd;
	int basis_fd;
	char name[STAGE_PART_NAME]; /* of the partial file */
	struct file_writer *writer;
	struct patch *patch;               /* NULL for whole content */
	struct decompressor *decompressor; /* NULL for raw content */
	struct tree_sink first;            /* where pieces of the stream go */
};

void put_free(struct put *p)
{
	if (!p)
		return;
	decompressor_free(p->decompressor);
	patch_free(p->patch);
	file_writer_free(p->writer);
	fd_close(&p->part_fd);
	fd_close(&p->basis_fd);
	free(p);
}

static int feed_patch(void *arg, const void *data, size_t n, struct err *err)
{
	return patch_feed(arg, data, n, err);
}

static int feed_decompressor(void *arg, const void *data, size_t n, struct err *err)
{
	return decompressor_feed(arg, data, n, err);
}

static int check_request(const struct stage *s, const struct wire_file_put *r, struct err *err)
{
	if (r->index >= s->manifest.count)
		return err_set(err, ERR_INPUT, "the manifest has no entry %u", r->index);
	const struct stage_entry *e = &s->entries[r->index];
	const char *path = s->manifest.entries[r->index].path;
	if (e->state != ENTRY_WANTED)
		return err_set(err, ERR_INPUT, "%s is not wanted", path);
	if (r->form > WIRE_PUT_DELTA || r->encoding > WIRE_PUT_ZSTD)
		return err_set(err, ERR_UNSUPPORTED, "%s: unknown form %u or encoding %u", path,
			r->form, r->encoding);
	if (r->form == WIRE_PUT_DELTA && (!e->basis_version || r->offset != 0))
		return err_set(
			err, ERR_INPUT, "%s has no basis, or a delta with an offset", path);
	return 0;
}

static int open_part(struct put *p, const struct wire_file_put *r, struct err *err)
{
	const struct manifest_entry *m = &p->stage->manifest.entries[p->index];
	struct stat st;

	stage_part_name(m, p->name);
	p->part_fd = beneath_open(p->stage->part_fd, p->name, O_RDWR | O_CREAT, 0600);
	if (p->part_fd < 0 || fstat(p->part_fd, &st) < 0)
		return err_sys(err, "create a partial file for %s", m->path);
	if (r->offset > (uint64_t)st.st_size)
		return err_set(err, ERR_INPUT, "%s: only %llu bytes are staged, not %llu",
			m->path, (unsigned long long)st.st_size, (unsigned long long)r->offset);
	p->writer = file_writer_new(p->part_fd, m->size, r->offset, err);
	return p->writer ? 0 : err_wrap(err, "%s", m->path);
}

static int open_patch(struct put *p, struct err *err)
{
	const struct stage_entry *e = &p->stage->entries[p->index];
	const struct manifest_entry *m = &p->stage->manifest.entries[p->index];
	struct tree_sink out = file_writer_sink(p->writer);
	autofree char *path = xasprintf("%s/%s", e->basis_version, m->path);
	struct stat st;

	p->basis_fd = beneath_open(p->stage->root->fd, path, O_RDONLY | O_NONBLOCK, 0);
	if (p->basis_fd < 0 || fstat(p->basis_fd, &st) < 0)
		return err_sys(err, "open the basis %s", path);
	p->patch = patch_new(p->basis_fd, (uint64_t)st.st_size, &out, m->size);
	return 0;
}

/* The most that a stream may hold after decompression. */
static uint64_t stream_limit(const struct put *p)
{
	uint64_t size = p->stage->manifest.entries[p->index].size;

	/* A delta of nothing but literals is a little longer than the file. */
	return p->patch ? size + size / 8 + 65536 : size;
}

static int open_put(struct put *p, const struct wire_file_put *r, struct err *err)
{
	if (open_part(p, r, err) < 0)
		return -1;
	p->first = file_writer_sink(p->writer);
	if (r->form == WIRE_PUT_DELTA) {
		if (open_patch(p, err) < 0)
			return -1;
		p->first = (struct tree_sink){.write = feed_patch, .arg = p->patch};
	}
	if (r->encoding == WIRE_PUT_ZSTD) {
		p->decompressor = decompressor_new(&p->first, stream_limit(p));
		p->first =
			(struct tree_sink){.write = feed_decompressor, .arg = p->decompressor};
	}
	return 0;
}

struct put *put_new(struct stage *s, const struct wire_file_put *r, struct err *err)
{
	if (check_request(s, r, err) < 0)
		return NULL;
	struct put *p = xcalloc(1, sizeof(*p));
	p->stage = s;
	p->index = r->index;
	p->part_fd = p->basis_fd = -1;
	if (open_put(p, r, err) == 0)
		return p;
	put_free(p);
	return NULL;
}

/* Content that turned out wrong is no prefix to go on from. */
static int spoilt(struct put *p, struct err *err)
{
	const char *path = p->stage->manifest.entries[p->index].path;

	beneath_remove(p->stage->part_fd, p->name);
	p->stage->entries[p->index].offset = 0;
	if (err && (err->code == ERR_INPUT || err->code == ERR_LIMIT))
		err->code = ERR_INTEGRITY;
	return err_wrap(err, "%s", path);
}

int put_piece(struct put *p, const uint8_t *data, size_t n, struct err *err)
{
	struct err why = {0};

	if (p->first.write(p->first.arg, data, n, &why) == 0)
		return 0;
	bool wrong =
		why.code == ERR_INPUT || why.code == ERR_LIMIT || why.code == ERR_INTEGRITY;
	if (err)
		*err = why;
	if (wrong)
		return spoilt(p, err);
	return err_wrap(err, "%s", p->stage->manifest.entries[p->index].path);
}

int put_end(struct put *p, struct err *err)
{
	struct stage *s = p->stage;
	const struct manifest_entry *m = &s->manifest.entries[p->index];

	if ((p->decompressor && decompressor_end(p->decompressor, err) < 0) ||
		(p->patch && patch_end(p->patch, err) < 0) ||
		file_writer_end(p->writer, m->hash, err) < 0)
		return spoilt(p, err);
	if (content_dress(p->part_fd, m, err) < 0 || stage_make_parents(s, m, err) < 0)
		return -1;
	sync_file_range(p->part_fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	if (beneath_rename(s->part_fd, p->name, s->tree_fd, m->path, 0) < 0)
		return err_sys(err, "move %s into staging", m->path);
	s->entries[p->index].state = ENTRY_STAGED;
	return 0;
}

int op_put(struct request *q, struct err *err)
{
	struct wire_file_put r;
	struct msg_reader reader;

	msg_read(&reader, q->frame->data, q->frame->len);
	if (wire_get_file_put(&reader, &r, err) < 0)
		return -1;
	struct put *p = put_new(q->stage, &r, err);
	if (!p)
		return -1;
	size_t n = msg_left(&reader);
	if (n > 0 && put_piece(p, reader.at, n, err) < 0) {
		put_free(p);
		return -1;
	}
	q->stage->put = p;
	q->node->streaming = q->stage;
	return 0;
}

int op_put_piece(struct request *q, const uint8_t *data, size_t n, struct err *err)
{
	return put_piece(q->node->streaming->put, data, n, err);
}

void op_put_lose(struct node *n)
{
	put_free(n->streaming->put);
	n->streaming->put = NULL;
	n->streaming = NULL;
}

int op_put_end(struct request *q, struct err *err)
{
	if (put_end(q->node->streaming->put, err) < 0)
		return -1;
	op_put_lose(q->node);
	return 0;
}
