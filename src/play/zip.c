/* SPDX-License-Identifier: Apache-2.0 */
#include "play/zip.h"

#include <stdint.h>

#include "base/crc32.h"

#define NAME_MAX_BYTES 1000
#define VERSION        20     /* 2.0: directories */
#define UTF8_NAMES     0x0800 /* a flag */
#define FIRST_DAY      0x0021 /* 1980-01-01, the earliest date there is */

static void add_number(struct strbuf *b, uint32_t number, unsigned bytes)
{
	for (; bytes > 0; bytes--, number >>= 8)
		strbuf_addch(b, (char)(number & 0xff));
}

/* What a file's own head and its entry in the directory have in common. */
static void add_head(struct strbuf *b, uint32_t sum, size_t n, size_t name_len)
{
	add_number(b, UTF8_NAMES, 2);
	add_number(b, 0, 2); /* stored */
	add_number(b, 0, 2);
	add_number(b, FIRST_DAY, 2);
	add_number(b, sum, 4);
	add_number(b, (uint32_t)n, 4);
	add_number(b, (uint32_t)n, 4);
	add_number(b, (uint32_t)name_len, 2);
	add_number(b, 0, 2);
}

int zip_add(struct zip *z, const char *name, const void *data, size_t n, struct err *err)
{
	size_t name_len = strlen(name), offset = z->data.len;
	uint32_t sum = crc32_add(0, data, n);

	if (z->count >= ZIP_MAX_FILES || n > ZIP_MAX_BYTES || offset > ZIP_MAX_BYTES - n)
		return err_set(err, ERR_LIMIT, "more than %d files or %u bytes", ZIP_MAX_FILES,
			ZIP_MAX_BYTES);
	if (name_len > NAME_MAX_BYTES)
		return err_set(err, ERR_LIMIT, "a name of %zu bytes; at most %d", name_len,
			NAME_MAX_BYTES);
	strbuf_add(&z->data, "PK\3\4", 4);
	add_number(&z->data, VERSION, 2);
	add_head(&z->data, sum, n, name_len);
	strbuf_add(&z->data, name, name_len);
	strbuf_add(&z->data, data, n);

	strbuf_add(&z->directory, "PK\1\2", 4);
	add_number(&z->directory, VERSION, 2);
	add_number(&z->directory, VERSION, 2);
	add_head(&z->directory, sum, n, name_len);
	add_number(&z->directory, 0, 2 + 2 + 2 + 4); /* comment, disk, attributes */
	add_number(&z->directory, (uint32_t)offset, 4);
	strbuf_add(&z->directory, name, name_len);
	z->count++;
	return 0;
}

void zip_end(struct zip *z)
{
	uint32_t offset = (uint32_t)z->data.len;

	strbuf_add(&z->data, z->directory.data, z->directory.len);
	strbuf_add(&z->data, "PK\5\6", 4);
	add_number(&z->data, 0, 2 + 2);
	add_number(&z->data, z->count, 2);
	add_number(&z->data, z->count, 2);
	add_number(&z->data, (uint32_t)z->directory.len, 4);
	add_number(&z->data, offset, 4);
	add_number(&z->data, 0, 2);
	strbuf_clear(&z->directory);
}

void zip_release(struct zip *z)
{
	strbuf_release(&z->data);
	strbuf_release(&z->directory);
}
