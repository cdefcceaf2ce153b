/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow Lite: a flatbuffer. Offsets are followed to the root table, its subgraphs, and to
 * each buffer of weights, which are most of the file; since schema 3c a buffer may also lie
 * behind the flatbuffer and be named by offset and size.
 */
#include "source/format_read.h"

#include <string.h>

#define MARK "TFL3"
/* Fields of Model and of Buffer, in the schema's order. */
enum { MODEL_VERSION, MODEL_OPERATOR_CODES, MODEL_SUBGRAPHS, MODEL_DESCRIPTION, MODEL_BUFFERS };
enum { BUFFER_DATA, BUFFER_OFFSET, BUFFER_SIZE };
#define MODEL_VERSION_3 3u

/* A table: where it is, and where its fields are told. */
struct table {
	uint64_t at, vtable, vtable_size;
};

static int outside(uint64_t at, struct err *err)
{
	return format_broken(
		err, "points outside of itself at byte %llu", (unsigned long long)at);
}

static int open_table(struct format_file *f, uint64_t at, struct table *t, struct err *err)
{
	uint64_t back;

	if (format_number(f, at, 4, &back, err) < 0)
		return -1;
	/* A signed distance, backwards. */
	t->at = at;
	t->vtable = at - (uint64_t)(int64_t)(int32_t)(uint32_t)back;
	if (!format_inside(t->vtable, 4, f->size))
		return outside(at, err);
	if (format_number(f, t->vtable, 2, &t->vtable_size, err) < 0)
		return -1;
	if (t->vtable_size < 4 || !format_inside(t->vtable, t->vtable_size, f->size))
		return outside(t->vtable, err);
	return 0;
}

/* Where a field is; 0: the table has it not. */
static int find_field(struct format_file *f, const struct table *t, unsigned index,
	uint64_t *at, struct err *err)
{
	uint64_t distance = 0, slot = 4 + 2 * (uint64_t)index;

	*at = 0;
	if (slot + 2 > t->vtable_size)
		return 0;
	if (format_number(f, t->vtable + slot, 2, &distance, err) < 0)
		return -1;
	*at = distance ? t->at + distance : 0;
	return 0;
}

/* A field that is a number; 0 where it is not there. */
static int read_number(struct format_file *f, const struct table *t, unsigned index,
	size_t width, uint64_t *out, struct err *err)
{
	uint64_t at;

	*out = 0;
	if (find_field(f, t, index, &at, err) < 0)
		return -1;
	return at ? format_number(f, at, width, out, err) : 0;
}

/* A field that is a vector: where its elements are, and how many. */
static int read_vector(struct format_file *f, const struct table *t, unsigned index,
	size_t width, uint64_t *first, uint64_t *count, struct err *err)
{
	uint64_t at, distance;

	*first = *count = 0;
	if (find_field(f, t, index, &at, err) < 0)
		return -1;
	if (!at)
		return 0;
	if (format_number(f, at, 4, &distance, err) < 0 ||
		format_number(f, at + distance, 4, count, err) < 0)
		return -1;
	*first = at + distance + 4;
	return format_inside(*first, *count * width, f->size) ? 0 : outside(at, err);
}

static int check_buffer(struct format_file *f, uint64_t at, struct err *err)
{
	uint64_t first, count, offset, size;
	struct table t;

	if (open_table(f, at, &t, err) < 0 ||
		read_vector(f, &t, BUFFER_DATA, 1, &first, &count, err) < 0 ||
		read_number(f, &t, BUFFER_OFFSET, 8, &offset, err) < 0 ||
		read_number(f, &t, BUFFER_SIZE, 8, &size, err) < 0)
		return -1;
	/* 1 stands for a buffer that holds nothing. */
	if (offset > 1 && !format_inside(offset, size, f->size))
		return outside(at, err);
	return 0;
}

static int check_buffers(struct format_file *f, const struct table *model, struct err *err)
{
	uint64_t first, count, distance;

	if (read_vector(f, model, MODEL_BUFFERS, 4, &first, &count, err) < 0)
		return -1;
	if (count > FORMAT_PARTS_MAX)
		return err_set(err, ERR_LIMIT, "has more than %u buffers", FORMAT_PARTS_MAX);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = first + 4 * i;
		if (format_number(f, at, 4, &distance, err) < 0 ||
			check_buffer(f, at + distance, err) < 0)
			return -1;
	}
	return 0;
}

int format_check_tflite(struct format_file *f, struct err *err)
{
	uint64_t root, version, first, count;
	struct table model;
	const unsigned char *head = format_bytes(f, 0, 8, err);

	if (!head)
		return -1;
	if (memcmp(head + 4, MARK, 4) != 0)
		return format_broken(err, "does not begin as one");
	if (format_number(f, 0, 4, &root, err) < 0 || open_table(f, root, &model, err) < 0 ||
		read_number(f, &model, MODEL_VERSION, 4, &version, err) < 0 ||
		read_vector(f, &model, MODEL_SUBGRAPHS, 4, &first, &count, err) < 0)
		return -1;
	if (version != MODEL_VERSION_3)
		return format_broken(err, "has the version %llu of its schema, not %u",
			(unsigned long long)version, MODEL_VERSION_3);
	if (count == 0)
		return format_broken(err, "has no subgraph");
	return check_buffers(f, &model, err);
}
