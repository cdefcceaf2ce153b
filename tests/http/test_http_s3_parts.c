/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes of parts, and lists of uploads. Uploads themselves meet a real store in
 * test_files_s3_parts.py. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/s3_private.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

static struct err err;

/* ---- parts ---- */

static void parts_are_as_large_as_is_wanted(void **state)
{
	(void)state;
	assert_true(s3_part_size(12 * MIB, 5 * MIB) == 5 * MIB);
	assert_true(s3_part_size(6 * GIB, GIB) == GIB);
	assert_true(s3_part_size(S3_PARTS_MAX * 5 * MIB, 5 * MIB) == 5 * MIB);
}

static void there_are_no_more_of_them_than_a_store_takes(void **state)
{
	static const uint64_t sizes[] = {
		S3_PARTS_MAX * 5 * MIB + 1, 60 * GIB, 5120 * GIB - 1, S3_OBJECT_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t size = s3_part_size(sizes[i], S3_PART_MIN);
		assert_true(size > S3_PART_MIN && size <= S3_PUT_MAX);
		assert_true((sizes[i] + size - 1) / size <= S3_PARTS_MAX);
	}
}

/* ---- uploads under way ---- */

#define LIST(inside)                                                                           \
	"<?xml version=\"1.0\"?><ListMultipartUploadsResult "                                  \
	"xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Bucket>models</Bucket>"            \
	"<IsTruncated>false</IsTruncated>" inside "</ListMultipartUploadsResult>"
#define UPLOAD(key, id, time)                                                                  \
	"<Upload><Key>" key "</Key><UploadId>" id "</UploadId><Initiator><ID>x</ID>"           \
	"</Initiator><StorageClass>STANDARD</StorageClass><Initiated>" time                    \
	"</Initiated></Upload>"
#define SOME_TIME "2026-11-21T22:32:57.000Z"

static int read_list(const char *text, struct s3_uploads *uploads)
{
	return s3_uploads_read(text, strlen(text), uploads, &err);
}

static void what_is_under_way(void **state)
{
	AUTO(s3_uploads_release) struct s3_uploads list = {0};

	(void)state;
	assert_int_equal(read_list(LIST(UPLOAD("fleet%2Fa+b", "x.y_z", SOME_TIME) UPLOAD(
					   "c", "1&amp;2=", "2026-11-21T22:32:58Z")),
				 &list),
		0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].key, "fleet/a b");
	assert_string_equal(list.items[0].id, "uploadId=x.y_z");
	assert_int_equal(list.items[0].begun, 1795300377);
	assert_string_equal(list.items[1].id, "uploadId=1%262%3D");
	assert_int_equal(list.items[1].begun, 1795300378);
}

static void nothing_is_under_way(void **state)
{
	AUTO(s3_uploads_release) struct s3_uploads list = {0};

	(void)state;
	assert_int_equal(read_list(LIST(""), &list), 0);
	assert_int_equal(list.count, 0);
}

static void lists_that_are_none(void **state)
{
	static const char *const texts[] = {"", "<html>Log in</html>",
		"<ListBucketResult></ListBucketResult>", LIST(UPLOAD("", "x", SOME_TIME)),
		LIST(UPLOAD("a", "", SOME_TIME)), LIST(UPLOAD("a", "x", "yesterday")),
		LIST(UPLOAD("a", "x", "2026-11-41T22:32:57.000Z")),
		LIST(UPLOAD("%0", "x", SOME_TIME)), LIST(UPLOAD("a%00", "x", SOME_TIME)),
		LIST(UPLOAD("a", "&nothing;", SOME_TIME)),
		LIST("<Upload><Key>a</Key></Upload>")};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO(s3_uploads_release) struct s3_uploads list = {0};
		err_clear(&err);
		assert_int_equal(read_list(texts[i], &list), -1);
		assert_int_equal(err.code, ERR_PROTOCOL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_as_large_as_is_wanted),
		cmocka_unit_test(there_are_no_more_of_them_than_a_store_takes),
		cmocka_unit_test(what_is_under_way),
		cmocka_unit_test(nothing_is_under_way),
		cmocka_unit_test(lists_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
