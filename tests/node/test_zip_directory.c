/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of zip archives: made here field by field, and damaged. What real programs
 * write is compared with Ansible's view of it (tests/play/modules/zip.yaml).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/unarchive.h"

#define UNIX (3u << 8)

/* An archive in the making: only what its directory says counts. */
struct made {
	struct strbuf bytes;
	unsigned count;
};

static void number(struct strbuf *b, uint64_t n, unsigned bytes)
{
	for (; bytes > 0; bytes--, n >>= 8)
		strbuf_addch(b, (char)(n & 0xff));
}

static void member(struct made *m, const char *name, unsigned version, uint32_t attributes,
	uint32_t size, const struct strbuf *extra)
{
	struct strbuf *b = &m->bytes;

	strbuf_add(b, "PK\1\2", 4);
	number(b, version, 2);
	number(b, 20, 2);
	number(b, 0, 2 + 2);
	number(b, 5 << 11 | 6 << 5 | 7, 2); /* 05:06:14 */
	number(b, 40 << 9 | 2 << 5 | 3, 2); /* 2020-02-03 */
	number(b, 0x12345678, 4);
	number(b, size, 4);
	number(b, size, 4);
	number(b, strlen(name), 2);
	number(b, extra ? extra->len : 0, 2);
	number(b, 0, 2 + 2 + 2);
	number(b, attributes, 4);
	number(b, 0, 4);
	strbuf_addstr(b, name);
	if (extra)
		strbuf_add(b, extra->data, extra->len);
	m->count++;
}

static void end(struct made *m, const char *comment)
{
	struct strbuf *b = &m->bytes;
	size_t size = b->len;

	strbuf_add(b, "PK\5\6", 4);
	number(b, 0, 2 + 2);
	number(b, m->count, 2);
	number(b, m->count, 2);
	number(b, size, 4);
	number(b, 0, 4);
	number(b, strlen(comment), 2);
	strbuf_addstr(b, comment);
}

static enum err_code read_bytes(
	const char *data, size_t n, struct zip_directory *z, struct arena *a)
{
	autofd int fd = memfd_create("zip", MFD_CLOEXEC);
	struct err err = {0};

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, data, n), 0);
	return zip_directory_read(fd, z, a, &err) < 0 ? err.code : ERR_NONE;
}

static void members_are_told(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(zip_directory_release) struct zip_directory z = {0};
	struct made m = {.bytes = STRBUF_INIT};

	(void)state;
	setenv("TZ", "UTC", 1);
	member(&m, "a", UNIX | 20, 0100640u << 16, 5, NULL);
	member(&m, "d/", UNIX | 20, 040750u << 16, 0, NULL);
	member(&m, "l", UNIX | 20, 0120777u << 16, 1, NULL);
	member(&m, "dos", 20, 0, 9, NULL);
	end(&m, "a comment");
	assert_int_equal(read_bytes(m.bytes.data, m.bytes.len, &z, &a), ERR_NONE);
	assert_int_equal(z.count, 4);
	assert_string_equal(z.items[0].name, "a");
	assert_int_equal(z.items[0].mode, S_IFREG | 0640);
	assert_int_equal(z.items[0].size, 5);
	assert_int_equal(z.items[0].crc, 0x12345678);
	assert_int_equal(z.items[0].mtime, 1580706374);
	assert_int_equal(z.items[1].mode, S_IFDIR | 0750);
	assert_true(S_ISLNK(z.items[2].mode));
	assert_int_equal(z.items[3].mode, S_IFREG | 0666);
	assert_false(z.items[3].is_unix);
	strbuf_release(&m.bytes);
}

static void times_and_large_sizes_stand_behind_the_name(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(zip_directory_release) struct zip_directory z = {0};
	AUTO(strbuf_release) struct strbuf extra = STRBUF_INIT;
	struct made m = {.bytes = STRBUF_INIT};

	(void)state;
	number(&extra, 0x5455, 2);
	number(&extra, 5, 2);
	number(&extra, 1, 1);
	number(&extra, 1600000001, 4);
	number(&extra, 1, 2);
	number(&extra, 16, 2);
	number(&extra, 5ull << 32, 8);
	number(&extra, 6ull << 32, 8);
	member(&m, "large", UNIX | 45, 0100600u << 16, UINT32_MAX, &extra);
	end(&m, "");
	assert_int_equal(read_bytes(m.bytes.data, m.bytes.len, &z, &a), ERR_NONE);
	assert_int_equal(z.items[0].mtime, 1600000001);
	assert_true(z.items[0].size == 5ull << 32);
	assert_true(z.items[0].packed == 6ull << 32);
	strbuf_release(&m.bytes);
}

static void what_is_cut_or_changed_is_refused(void **state)
{
	struct made m = {.bytes = STRBUF_INIT};

	(void)state;
	member(&m, "first", UNIX | 20, 0100600u << 16, 1, NULL);
	member(&m, "second", UNIX | 20, 0100600u << 16, 1, NULL);
	end(&m, "");
	for (size_t n = 0; n < m.bytes.len; n++) {
		AUTO(arena_release) struct arena a = {0};
		AUTO(zip_directory_release) struct zip_directory z = {0};
		assert_int_equal(read_bytes(m.bytes.data, n, &z, &a), ERR_INPUT);
		assert_int_equal(read_bytes(m.bytes.data + n + 1, m.bytes.len - n - 1, &z, &a),
			ERR_INPUT);
	}
	strbuf_release(&m.bytes);
}

static void too_many_members_are_refused(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(zip_directory_release) struct zip_directory z = {0};
	struct strbuf b = STRBUF_INIT;

	(void)state;
	/* The record with 64-bit sizes, the one that leads to it, and the end. */
	strbuf_add(&b, "PK\6\6", 4);
	number(&b, 44, 8);
	number(&b, 0, 8 + 4);
	number(&b, 1u << 30, 8);
	number(&b, 1u << 30, 8);
	number(&b, 0, 8 + 8);
	strbuf_add(&b, "PK\6\7", 4);
	number(&b, 0, 4 + 8);
	number(&b, 1, 4);
	strbuf_add(&b, "PK\5\6", 4);
	number(&b, 0, 4);
	number(&b, UINT64_MAX, 2 + 2 + 4);
	number(&b, 0, 4 + 2);
	assert_int_equal(read_bytes(b.data, b.len, &z, &a), ERR_LIMIT);
	strbuf_release(&b);
}

static void a_name_is_no_option_and_no_pattern(void **state)
{
	AUTO(arena_release) struct arena a = {0};

	(void)state;
	assert_string_equal(unarchive_zip_pattern(&a, "a-b/c"), "a-b/c");
	assert_string_equal(unarchive_zip_pattern(&a, "-d"), "[-]d");
	assert_string_equal(unarchive_zip_pattern(&a, "a*[b]?"), "a[*][[]b][?]");
	assert_string_equal(unarchive_zip_pattern(&a, "a\\b"), "a\\\\b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_told),
		cmocka_unit_test(times_and_large_sizes_stand_behind_the_name),
		cmocka_unit_test(what_is_cut_or_changed_is_refused),
		cmocka_unit_test(a_name_is_no_option_and_no_pattern),
		cmocka_unit_test(too_many_members_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
