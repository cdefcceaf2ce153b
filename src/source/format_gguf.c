/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GGUF, versions 2 and 3: keys with values, then what tensors there are, then their bytes at a
 * multiple of the alignment. Each tensor has to lie inside the file; of a type that is not
 * known here, its beginning.
 */
#include "source/format_read.h"

#include <string.h>

#define MARK          "GGUF"
#define ALIGNMENT_KEY "general.alignment"
#define ALIGNMENT     32u
#define KEY_MAX       65535u
#define DIMENSIONS    8u
#define NESTED_MAX    8u
/* Bytes of keys and values, whatever they say of themselves. */
#define HEAD_MAX (1u << 30)

enum value_type { TYPE_UINT32 = 4, TYPE_STRING = 8, TYPE_ARRAY = 9, TYPE_COUNT = 13 };

/* Bytes of a value, by its type; 0 for those that say it themselves. */
static const unsigned char widths[TYPE_COUNT] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

/* Elements and bytes of a block, by a tensor's type; {0}: not known. */
static const struct {
	unsigned short elements, bytes;
} blocks[] = {
	[0] = {1, 4},      /* F32 */
	[1] = {1, 2},      /* F16 */
	[2] = {32, 18},    /* Q4_0 */
	[3] = {32, 20},    /* Q4_1 */
	[6] = {32, 22},    /* Q5_0 */
	[7] = {32, 24},    /* Q5_1 */
	[8] = {32, 34},    /* Q8_0 */
	[9] = {32, 36},    /* Q8_1 */
	[10] = {256, 84},  /* Q2_K */
	[11] = {256, 110}, /* Q3_K */
	[12] = {256, 144}, /* Q4_K */
	[13] = {256, 176}, /* Q5_K */
	[14] = {256, 210}, /* Q6_K */
	[15] = {256, 292}, /* Q8_K */
	[24] = {1, 1},     /* I8 */
	[25] = {1, 2},     /* I16 */
	[26] = {1, 4},     /* I32 */
	[27] = {1, 8},     /* I64 */
	[28] = {1, 8},     /* F64 */
	[30] = {1, 2},     /* BF16 */
};

struct gguf {
	uint64_t tensors, keys, alignment;
	uint64_t reach; /* bytes of tensors, as far as they are told */
};

/* A text's length, with `at` moved to its beginning. */
static int begin_text(struct format_file *f, uint64_t max, uint64_t *n, struct err *err)
{
	if (format_next(f, 8, n, err) < 0)
		return -1;
	if (*n > max)
		return format_broken(err, "has a text of %llu bytes at byte %llu",
			(unsigned long long)*n, (unsigned long long)f->at);
	return 0;
}

static int skip_value(struct format_file *f, uint64_t type, unsigned depth, struct err *err);

static int skip_array(struct format_file *f, unsigned depth, struct err *err)
{
	uint64_t type, count;

	if (format_next(f, 4, &type, err) < 0 || format_next(f, 8, &count, err) < 0)
		return -1;
	if (depth == NESTED_MAX)
		return err_set(err, ERR_LIMIT, "has lists nested deeper than %u", NESTED_MAX);
	/* Each takes a byte at least: more cannot be there. */
	if (count > f->size)
		return format_broken(err, "has a list of %llu", (unsigned long long)count);
	if (type < TYPE_COUNT && widths[type])
		return format_skip(f, count * widths[type], err);
	for (uint64_t i = 0; i < count; i++)
		if (skip_value(f, type, depth + 1, err) < 0)
			return -1;
	return 0;
}

static int skip_value(struct format_file *f, uint64_t type, unsigned depth, struct err *err)
{
	uint64_t n;

	if (type >= TYPE_COUNT)
		return format_broken(
			err, "has a value of the unknown type %llu", (unsigned long long)type);
	if (f->at > HEAD_MAX)
		return err_set(err, ERR_LIMIT, "has more than %u bytes of keys", HEAD_MAX);
	if (type == TYPE_STRING)
		return begin_text(f, f->size, &n, err) < 0 ? -1 : format_skip(f, n, err);
	if (type == TYPE_ARRAY)
		return skip_array(f, depth, err);
	return format_skip(f, widths[type], err);
}

/* Reads a key with its value; keeps the alignment. */
static int read_key(struct format_file *f, struct gguf *g, struct err *err)
{
	uint64_t n, type;
	bool is_alignment = false;

	if (begin_text(f, KEY_MAX, &n, err) < 0)
		return -1;
	if (n == strlen(ALIGNMENT_KEY)) {
		const unsigned char *key = format_bytes(f, f->at, (size_t)n, err);
		if (!key)
			return -1;
		is_alignment = memcmp(key, ALIGNMENT_KEY, (size_t)n) == 0;
	}
	if (format_skip(f, n, err) < 0 || format_next(f, 4, &type, err) < 0)
		return -1;
	if (!is_alignment || type != TYPE_UINT32)
		return skip_value(f, type, 0, err);
	if (format_next(f, 4, &g->alignment, err) < 0)
		return -1;
	if (g->alignment == 0 || (g->alignment & (g->alignment - 1)))
		return format_broken(
			err, "has the alignment %llu", (unsigned long long)g->alignment);
	return 0;
}

/* Bytes of a tensor, 0 of a type that is not known; false if they are too many to be. */
static bool tensor_size(uint64_t elements, uint64_t type, uint64_t *out)
{
	*out = 0;
	if (type >= ARRAY_SIZE(blocks) || !blocks[type].elements)
		return true;
	uint64_t count = elements / blocks[type].elements;
	return elements % blocks[type].elements == 0 &&
	       !__builtin_mul_overflow(count, blocks[type].bytes, out);
}

static int read_tensor(struct format_file *f, struct gguf *g, struct err *err)
{
	uint64_t n, dimensions, extent, elements = 1, type, offset, size, end;

	if (begin_text(f, KEY_MAX, &n, err) < 0 || format_skip(f, n, err) < 0 ||
		format_next(f, 4, &dimensions, err) < 0)
		return -1;
	if (dimensions > DIMENSIONS)
		return format_broken(
			err, "has a tensor of %llu dimensions", (unsigned long long)dimensions);
	for (uint64_t i = 0; i < dimensions; i++)
		if (format_next(f, 8, &extent, err) < 0 ||
			__builtin_mul_overflow(elements, extent, &elements))
			return format_broken(err, "has a tensor that cannot be so large");
	if (format_next(f, 4, &type, err) < 0 || format_next(f, 8, &offset, err) < 0)
		return -1;
	if (offset % g->alignment || !tensor_size(elements, type, &size) ||
		__builtin_add_overflow(offset, size, &end))
		return format_broken(err, "has a tensor that cannot be where it says");
	if (end > g->reach)
		g->reach = end;
	return 0;
}

static int read_head(struct format_file *f, struct gguf *g, struct err *err)
{
	uint64_t version;
	const unsigned char *mark = format_bytes(f, 0, 4, err);

	if (!mark)
		return -1;
	if (memcmp(mark, MARK, 4) != 0)
		return format_broken(err, "does not begin as one");
	f->at = 4;
	if (format_next(f, 4, &version, err) < 0 || format_next(f, 8, &g->tensors, err) < 0 ||
		format_next(f, 8, &g->keys, err) < 0)
		return -1;
	if (version != 2 && version != 3)
		return format_broken(
			err, "has the version %llu, not 2 or 3", (unsigned long long)version);
	if (g->tensors > FORMAT_PARTS_MAX || g->keys > FORMAT_PARTS_MAX)
		return err_set(
			err, ERR_LIMIT, "has more than %u keys or tensors", FORMAT_PARTS_MAX);
	return 0;
}

int format_check_gguf(struct format_file *f, struct err *err)
{
	struct gguf g = {.alignment = ALIGNMENT};

	if (read_head(f, &g, err) < 0)
		return -1;
	for (uint64_t i = 0; i < g.keys; i++)
		if (read_key(f, &g, err) < 0)
			return -1;
	for (uint64_t i = 0; i < g.tensors; i++)
		if (read_tensor(f, &g, err) < 0)
			return -1;
	uint64_t data = (f->at + g.alignment - 1) / g.alignment * g.alignment;
	if (g.tensors && !format_inside(data, g.reach, f->size))
		return format_broken(err, "ends at byte %llu, and its tensors at %llu",
			(unsigned long long)f->size, (unsigned long long)(data + g.reach));
	return 0;
}
