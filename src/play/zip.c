/* SPDX-License-Identifier: Apache-2.0 */
#include "play/zip.h"

#include <stdint.h>

#define NAME_MAX_BYTES 1000
#define VERSION        20     /* 2.0: directories */
#define UTF8_NAMES     0x0800 /* a flag */
#define FIRST_DAY      0x0021 /* 1980-01-01, the earliest date there is */

/* CRC-32 of ISO-HDLC, bit by bit from a table of its nibbles. */
static uint32_t checksum(const uint8_t *data, size_t n)
{
	static const uint32_t nibbles[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344,
		0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
	uint32_t sum = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		sum = nibbles[(sum ^ data[i]) & 15] ^ (sum >> 4);
		sum = nibbles[(sum ^ (data[i] >> 4)) & 15] ^ (sum >> 4);
	}
	return ~sum;
}

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
	uint32_t sum = checksum(data, n);

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
