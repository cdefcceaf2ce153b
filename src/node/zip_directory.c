/* SPDX-License-Identifier: Apache-2.0 */
#include "node/zip_directory.h"

#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/vec.h"

#define END_SIZE      22    /* of the record at the end, without its comment */
#define COMMENT_MAX   65535 /* bytes */
#define LOCATOR_SIZE  20    /* of the record that leads to the one with 64-bit sizes */
#define END64_SIZE    56
#define MEMBER_SIZE   46 /* of a member's record, without its name */
#define EXTRA_SIZES   0x0001
#define EXTRA_TIME    0x5455
#define HOST_DOS      0
#define HOST_UNIX     3
#define HOST_DARWIN   19
#define DOS_DIRECTORY 0x10
#define DOS_READ_ONLY 0x01
#define NEVER         UINT32_MAX /* a size that stands elsewhere */

static uint64_t number(const uint8_t *p, unsigned bytes)
{
	uint64_t n = 0;

	while (bytes-- > 0)
		n = n << 8 | p[bytes];
	return n;
}

/* A number of two bytes, which is a length. */
static size_t length(const uint8_t *p)
{
	return (size_t)(p[0] | p[1] << 8);
}

static bool has_magic(const uint8_t *p, const char magic[3])
{
	return p[0] == 'P' && p[1] == 'K' && p[2] == (uint8_t)magic[0] &&
	       p[3] == (uint8_t)magic[1];
}

static int damaged(struct err *err)
{
	return err_set(err, ERR_INPUT, "the directory of the zip archive is damaged");
}

/* Where the directory lies, and how much is in it. */
struct place {
	uint64_t offset, size, count;
};

/* The record with 64-bit sizes, if one in front of the end leads to it. */
static int read_end64(int fd, uint64_t end, struct place *at, struct err *err)
{
	uint8_t locator[LOCATOR_SIZE], record[END64_SIZE];

	if (end < LOCATOR_SIZE ||
		fd_pread_full(fd, locator, LOCATOR_SIZE, end - LOCATOR_SIZE) != LOCATOR_SIZE ||
		!has_magic(locator, "\6\7"))
		return 0;
	uint64_t offset = number(locator + 8, 8);
	if (offset > end - LOCATOR_SIZE ||
		fd_pread_full(fd, record, END64_SIZE, offset) != END64_SIZE ||
		!has_magic(record, "\6\6"))
		return damaged(err);
	at->count = number(record + 32, 8);
	at->size = number(record + 40, 8);
	at->offset = number(record + 48, 8);
	return 0;
}

/* Finds the record at the end: behind it is nothing but its comment. */
static int find_directory(int fd, uint64_t size, struct place *at, struct err *err)
{
	size_t want = size < END_SIZE + COMMENT_MAX ? (size_t)size : END_SIZE + COMMENT_MAX;
	autofree uint8_t *tail = xmalloc(want + 1);

	if (fd_pread_full(fd, tail, want, size - want) != (ssize_t)want)
		return err_sys(err, "read");
	for (size_t i = want < END_SIZE ? 0 : want - END_SIZE + 1; i-- > 0;) {
		const uint8_t *p = tail + i;
		if (!has_magic(p, "\5\6") || number(p + 20, 2) > want - i - END_SIZE)
			continue;
		*at = (struct place){.offset = number(p + 16, 4),
			.size = number(p + 12, 4),
			.count = number(p + 10, 2)};
		uint64_t end = size - want + i;
		if (read_end64(fd, end, at, err) < 0)
			return -1;
		return at->size > end || at->offset > end - at->size ? damaged(err) : 0;
	}
	return err_set(err, ERR_INPUT, "it is no zip archive");
}

/* ---- members ---- */

/* The time of MS-DOS: local, in steps of two seconds. */
static time_t dos_time(uint64_t time, uint64_t date)
{
	struct tm tm = {.tm_sec = (int)(time & 31) * 2,
		.tm_min = (int)(time >> 5 & 63),
		.tm_hour = (int)(time >> 11 & 31),
		.tm_mday = (int)(date & 31),
		.tm_mon = (int)(date >> 5 & 15) - 1,
		.tm_year = (int)(date >> 9 & 127) + 80,
		.tm_isdst = -1};

	return mktime(&tm);
}

/*
 * Whether a record has permissions of Unix: its author's system says so, or is MS-DOS and its
 * attributes agree with such permissions, which is how some programs write them.
 */
static bool has_permissions(uint8_t host, uint32_t attributes)
{
	uint32_t by_dos = 0400 | (attributes & DOS_READ_ONLY ? 0 : 0200) |
			  (attributes & DOS_DIRECTORY ? 0100 : 0);

	if (host == HOST_UNIX || host == HOST_DARWIN)
		return attributes >> 16;
	return host == HOST_DOS && (attributes >> 16 & 0700) == by_dos;
}

static mode_t mode_of(const uint8_t *p, const char *name, struct zip_member *m)
{
	uint32_t attributes = (uint32_t)number(p + 38, 4);
	bool directory = name[strlen(name) - 1] == '/';
	mode_t mode = (mode_t)(attributes >> 16);

	m->is_unix = has_permissions(p[5], attributes);
	if (!m->is_unix)
		return directory || attributes & DOS_DIRECTORY ? S_IFDIR | 0777
							       : S_IFREG | 0666;
	if (directory)
		return S_IFDIR | (mode & 07777);
	return S_ISLNK(mode) ? S_IFLNK | 0777 : S_IFREG | (mode & 07777);
}

/* What stands behind a member's name: sizes that are too large for its record, and a time. */
static int read_extra(const uint8_t *p, size_t n, struct zip_member *m, struct err *err)
{
	while (n >= 4) {
		size_t kind = length(p), len = length(p + 2), at = 0;
		if (len > n - 4)
			return damaged(err);
		const uint8_t *data = p + 4;
		if (kind == EXTRA_TIME && len >= 5 && data[0] & 1)
			m->mtime = (time_t)(int32_t)number(data + 1, 4);
		if (kind == EXTRA_SIZES && m->size == NEVER && at + 8 <= len) {
			m->size = number(data + at, 8);
			at += 8;
		}
		if (kind == EXTRA_SIZES && m->packed == NEVER && at + 8 <= len)
			m->packed = number(data + at, 8);
		p += 4 + len;
		n -= 4 + len;
	}
	return 0;
}

/* One member's record: its bytes, 0 with err. */
static size_t read_member(
	struct zip_directory *z, struct arena *a, const uint8_t *p, size_t n, struct err *err)
{
	if (n < MEMBER_SIZE || !has_magic(p, "\1\2")) {
		damaged(err);
		return 0;
	}
	size_t name = length(p + 28), extra = length(p + 30);
	size_t whole = MEMBER_SIZE + name + extra + length(p + 32);
	if (whole > n || name == 0 || memchr(p + MEMBER_SIZE, 0, name)) {
		damaged(err);
		return 0;
	}
	struct zip_member m = {.name = arena_strndup(a, (const char *)p + MEMBER_SIZE, name),
		.mtime = dos_time(number(p + 12, 2), number(p + 14, 2)),
		.crc = (uint32_t)number(p + 16, 4),
		.packed = number(p + 20, 4),
		.size = number(p + 24, 4)};
	m.mode = mode_of(p, m.name, &m);
	if (read_extra(p + MEMBER_SIZE + name, extra, &m, err) < 0)
		return 0;
	*VEC_PUSH(z) = m;
	return whole;
}

int zip_directory_read(int fd, struct zip_directory *z, struct arena *a, struct err *err)
{
	struct place at = {0};
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "stat");
	if (find_directory(fd, (uint64_t)st.st_size, &at, err) < 0)
		return -1;
	if (at.count > ZIP_MEMBERS_MAX || at.size > ZIP_DIRECTORY_MAX)
		return err_set(err, ERR_LIMIT,
			"the zip archive has %llu members, and %llu bytes of directory",
			(unsigned long long)at.count, (unsigned long long)at.size);
	size_t size = (size_t)at.size;
	autofree uint8_t *data = xmalloc(size + 1);
	if (fd_pread_full(fd, data, size, at.offset) != (ssize_t)size)
		return damaged(err);
	for (size_t i = 0, done = 0; i < at.count; i++) {
		size_t used = read_member(z, a, data + done, size - done, err);
		if (used == 0)
			return -1;
		done += used;
	}
	return 0;
}

void zip_directory_release(struct zip_directory *z)
{
	free(z->items);
	*z = (struct zip_directory){0};
}
