/* SPDX-License-Identifier: Apache-2.0 */
/* The index of the disk store: its list, and its text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemons/cached/disk_index.h"

/* A version whose content is one digit, 64 times. */
static struct disk_version version(const char *name, const char *number, char digit)
{
	struct disk_version v = {.name = (char *)(uintptr_t)name,
		.version = (char *)(uintptr_t)number,
		.run_id = (char *)(uintptr_t) "run",
		.stage = (char *)(uintptr_t) "Production",
		.size = 100};

	memset(v.sha256, digit, DISK_SHA256_LEN);
	return v;
}

static void put(struct disk_index *index, const char *name, const char *number, char digit,
	int64_t used)
{
	struct disk_version v = version(name, number, digit);

	v.used = used;
	disk_index_put(index, &v);
}

static void test_equal_contents_count_once(void **state)
{
	AUTO(disk_index_release) struct disk_index index = {0};

	(void)state;
	put(&index, "a", "1", 'a', 1);
	put(&index, "a", "2", 'a', 2);
	put(&index, "b", "1", 'b', 3);
	assert_int_equal(disk_index_bytes(&index), 200);
	assert_true(disk_index_has(&index, index.items[1].sha256));
	disk_index_remove(&index, &index.items[2]);
	assert_false(disk_index_has(
		&index, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"));
	put(&index, "b", "1", 'b', 3);
	put(&index, "a", "2", 'c', 4);
	assert_int_equal(index.count, 3);
	assert_int_equal(disk_index_bytes(&index), 300);
}

static void test_who_goes_first(void **state)
{
	AUTO(disk_index_release) struct disk_index index = {0};

	(void)state;
	assert_null(disk_index_oldest(&index));
	put(&index, "a", "1", 'a', 10);
	put(&index, "a", "2", 'b', 30);
	put(&index, "b", "1", 'c', 20);
	disk_index_set_current(&index, disk_index_find(&index, "a", "1", "run"));
	assert_string_equal(disk_index_oldest(&index)->name, "b");
	disk_index_remove(&index, disk_index_oldest(&index));
	assert_string_equal(disk_index_oldest(&index)->version, "2");
	disk_index_remove(&index, disk_index_oldest(&index));
	assert_string_equal(disk_index_oldest(&index)->version, "1");
}

static void test_one_version_of_a_name_is_current(void **state)
{
	AUTO(disk_index_release) struct disk_index index = {0};

	(void)state;
	put(&index, "a", "1", 'a', 1);
	put(&index, "a", "2", 'b', 2);
	put(&index, "b", "1", 'c', 3);
	disk_index_set_current(&index, disk_index_find(&index, "b", "1", "run"));
	disk_index_set_current(&index, disk_index_find(&index, "a", "1", "run"));
	disk_index_set_current(&index, disk_index_find(&index, "a", "2", "run"));
	assert_string_equal(disk_index_current(&index, "a")->version, "2");
	assert_string_equal(disk_index_current(&index, "b")->version, "1");
	assert_null(disk_index_current(&index, "c"));
	assert_null(disk_index_find(&index, "a", "1", "another run"));
}

static void test_what_is_written_is_read(void **state)
{
	AUTO(disk_index_release) struct disk_index index = {0}, again = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT, second = STRBUF_INIT;

	(void)state;
	put(&index, "na\"me\n", "1", 'a', 7);
	put(&index, "b", "2", 'b', 8);
	disk_index_set_current(&index, disk_index_find(&index, "b", "2", "run"));
	disk_index_write(&index, &text);
	assert_int_equal(disk_index_read(&again, text.data, text.len, NULL), 0);
	disk_index_write(&again, &second);
	assert_string_equal(text.data, second.data);
	assert_string_equal(again.items[0].name, "na\"me\n");
	assert_true(again.items[1].current);
}

static void test_what_is_no_index_is_refused(void **state)
{
	static const char *const wrong[] = {"", "[]", "{}", "{\"versions\": {}}",
		"{\"versions\": [1]}", "{\"versions\": [{\"name\": \"a\"}]}",
		"{\"versions\": [{\"name\": \"a\", \"version\": \"1\", \"run_id\": \"\", "
		"\"stage\": \"\", \"sha256\": \"../../etc/passwd\"}]}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		AUTO(disk_index_release) struct disk_index index = {0};
		struct err err = {0};
		assert_int_equal(disk_index_read(&index, wrong[i], strlen(wrong[i]), &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_contents_count_once),
		cmocka_unit_test(test_who_goes_first),
		cmocka_unit_test(test_one_version_of_a_name_is_current),
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_what_is_no_index_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
