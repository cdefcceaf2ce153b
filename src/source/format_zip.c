/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zip archives, which is what PyTorch writes: from the end record (its 64-bit form where there
 * is one) through the central directory to each entry's local header. Checksums of entries are
 * not compared: PyTorch can be told not to write them.
 */
#include "source/format_read.h"

#include <string.h>

#define END_SIZE     22u
#define END64_SIZE   56u
#define LOCATOR_SIZE 20u
#define CENTRAL_SIZE 46u
#define LOCAL_SIZE   30u
#define TAIL_MAX     (END_SIZE + 65535u) /* with the longest comment */
#define ZIP64_EXTRA  1u
#define UNKNOWN_32   0xffffffffu

struct directory {
	uint64_t entries, size, offset;
	uint64_t end; /* where what follows the directory begins */
};

struct entry {
	uint64_t packed, size, offset; /* offset of its local header */
	uint64_t name_len, extra_len, comment_len;
};

static bool has_mark(const unsigned char *b, const char *mark)
{
	return memcmp(b, mark, 4) == 0;
}

/* Finds the end record: the last one whose comment reaches to the end of the file. */
static int find_end(struct format_file *f, uint64_t *at, struct err *err)
{
	uint64_t lowest = f->size > TAIL_MAX ? f->size - TAIL_MAX : 0;
	size_t n = (size_t)(f->size - lowest);

	if (n < END_SIZE)
		return format_broken(err, "has %zu bytes", n);
	const unsigned char *tail = format_bytes(f, lowest, n, err);
	if (!tail)
		return -1;
	for (size_t i = n - END_SIZE + 1; i-- > 0;) {
		size_t comment = tail[i + 20] | (size_t)tail[i + 21] << 8;
		if (has_mark(tail + i, "PK\5\6") && i + END_SIZE + comment == n) {
			*at = lowest + i;
			return 0;
		}
	}
	return format_broken(err, "has no end record");
}

/* The 64-bit end record, where one is announced before the other. */
static int read_end64(struct format_file *f, uint64_t end, struct directory *d, struct err *err)
{
	uint64_t at;
	const unsigned char *b;

	if (end < LOCATOR_SIZE)
		return 0;
	if (!(b = format_bytes(f, end - LOCATOR_SIZE, 4, err)))
		return -1;
	if (!has_mark(b, "PK\6\7"))
		return 0;
	if (format_number(f, end - LOCATOR_SIZE + 8, 8, &at, err) < 0)
		return -1;
	if (!format_inside(at, END64_SIZE, end))
		return format_broken(err, "has its 64-bit end record outside");
	if (!(b = format_bytes(f, at, 4, err)))
		return -1;
	if (!has_mark(b, "PK\6\6"))
		return format_broken(err, "has no 64-bit end record where it says");
	d->end = at;
	return format_number(f, at + 32, 8, &d->entries, err) < 0 ||
			       format_number(f, at + 40, 8, &d->size, err) < 0 ||
			       format_number(f, at + 48, 8, &d->offset, err) < 0
		       ? -1
		       : 0;
}

static int read_end(struct format_file *f, struct directory *d, struct err *err)
{
	uint64_t at = 0;

	if (find_end(f, &at, err) < 0 || format_number(f, at + 10, 2, &d->entries, err) < 0 ||
		format_number(f, at + 12, 4, &d->size, err) < 0 ||
		format_number(f, at + 16, 4, &d->offset, err) < 0)
		return -1;
	d->end = at;
	if (read_end64(f, at, d, err) < 0)
		return -1;
	if (!format_inside(d->offset, d->size, d->end))
		return format_broken(err, "has its directory outside");
	if (d->entries > FORMAT_PARTS_MAX)
		return err_set(err, ERR_LIMIT, "has more than %u entries", FORMAT_PARTS_MAX);
	return d->entries ? 0 : format_broken(err, "has no entries");
}

/* Fills in what an entry says only in its 64-bit field, at `at`, of n bytes. */
static int read_extra(
	struct format_file *f, uint64_t at, uint64_t n, struct entry *e, struct err *err)
{
	uint64_t *const wide[] = {&e->size, &e->packed, &e->offset};
	uint64_t end = at + n, kind, len;

	while (format_inside(at, 4, end)) {
		if (format_number(f, at, 2, &kind, err) < 0 ||
			format_number(f, at + 2, 2, &len, err) < 0)
			return -1;
		at += 4;
		if (kind != ZIP64_EXTRA) {
			at += len;
			continue;
		}
		for (size_t i = 0; i < 3 && len >= 8; i++) {
			if (*wide[i] != UNKNOWN_32)
				continue;
			if (format_number(f, at, 8, wide[i], err) < 0)
				return -1;
			at += 8;
			len -= 8;
		}
		return 0;
	}
	return 0;
}

/* Reads the directory's entry at `at`, which moves to the next one. */
static int next_entry(struct format_file *f, struct entry *e, struct err *err)
{
	const struct {
		unsigned at, width;
		uint64_t *to;
	} fields[] = {
		{20, 4, &e->packed},
		{24, 4, &e->size},
		{28, 2, &e->name_len},
		{30, 2, &e->extra_len},
		{32, 2, &e->comment_len},
		{42, 4, &e->offset},
	};
	const unsigned char *b = format_bytes(f, f->at, CENTRAL_SIZE, err);

	if (!b)
		return -1;
	if (!has_mark(b, "PK\1\2"))
		return format_broken(err, "has no entry where its directory says");
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (format_number(f, f->at + fields[i].at, fields[i].width, fields[i].to, err) <
			0)
			return -1;
	if (read_extra(f, f->at + CENTRAL_SIZE + e->name_len, e->extra_len, e, err) < 0)
		return -1;
	return format_skip(f, CENTRAL_SIZE + e->name_len + e->extra_len + e->comment_len, err);
}

/* An entry's own header, and its content, before the directory. */
static int check_entry(struct format_file *f, const struct entry *e, const struct directory *d,
	struct err *err)
{
	uint64_t name_len, extra_len;
	const unsigned char *b;

	if (!format_inside(e->offset, LOCAL_SIZE, d->offset))
		return format_broken(err, "has an entry outside");
	if (!(b = format_bytes(f, e->offset, LOCAL_SIZE, err)))
		return -1;
	if (!has_mark(b, "PK\3\4"))
		return format_broken(err, "has an entry without its header at byte %llu",
			(unsigned long long)e->offset);
	if (format_number(f, e->offset + 26, 2, &name_len, err) < 0 ||
		format_number(f, e->offset + 28, 2, &extra_len, err) < 0)
		return -1;
	if (!format_inside(e->offset + LOCAL_SIZE + name_len + extra_len, e->packed, d->offset))
		return format_broken(err, "has an entry that reaches into its directory");
	return 0;
}

int format_check_zip(struct format_file *f, struct err *err)
{
	struct directory d;
	struct entry e;

	if (read_end(f, &d, err) < 0)
		return -1;
	f->at = d.offset;
	for (uint64_t i = 0; i < d.entries; i++)
		if (next_entry(f, &e, err) < 0 || check_entry(f, &e, &d, err) < 0)
			return -1;
	if (f->at != d.offset + d.size)
		return format_broken(err, "has a directory of another size than it says");
	return 0;
}
