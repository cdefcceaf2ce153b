/* SPDX-License-Identifier: Apache-2.0 */
/* Memory files: whole, hashed, and changed by nobody. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemons/cached/blob.h"

static const char abc_sha256[] =
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static struct blob *make(const void *data, size_t n, uint64_t size)
{
	AUTO(blob_writer_release) struct blob_writer w = {.fd = -1};
	struct err err = {0};

	assert_int_equal(blob_begin(&w, "test", size, &err), 0);
	assert_int_equal(blob_write(&w, data, n, &err), 0);
	struct blob *blob = blob_seal(&w, &err);
	assert_non_null(blob);
	return blob;
}

static void expect_content(const struct blob *blob, const char *content)
{
	char got[64] = "";
	struct stat st;

	assert_int_equal(blob->size, strlen(content));
	assert_int_equal(fstat(blob->fd, &st), 0);
	assert_int_equal(st.st_size, strlen(content));
	assert_int_equal(pread(blob->fd, got, sizeof(got), 0), strlen(content));
	assert_string_equal(got, content);
}

static void test_content_and_hash(void **state)
{
	(void)state;
	const uint64_t announced[] = {0, 3, 100}; /* not known, right, too large */

	for (size_t i = 0; i < ARRAY_SIZE(announced); i++) {
		struct blob *blob = make("abc", 3, announced[i]);
		expect_content(blob, "abc");
		assert_string_equal(blob->sha256, abc_sha256);
		blob_unref(blob);
	}
}

static void test_nobody_changes_it(void **state)
{
	(void)state;
	struct blob *blob = make("abc", 3, 3);

	assert_int_equal(pwrite(blob->fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(blob->fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(blob->fd, 100), -1);
	assert_ptr_equal(
		mmap(NULL, 3, PROT_READ | PROT_WRITE, MAP_SHARED, blob->fd, 0), MAP_FAILED);
	assert_int_equal(fcntl(blob->fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	assert_int_equal(fcntl(blob->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	blob_unref(blob);
}

static void test_memory_outlives_the_blob(void **state)
{
	(void)state;
	struct blob *blob = make("abc", 3, 3);

	const char *bytes = mmap(NULL, 3, PROT_READ, MAP_SHARED, blob->fd, 0);
	assert_ptr_not_equal(bytes, MAP_FAILED);
	blob_unref(blob_ref(blob));
	blob_unref(blob);
	assert_memory_equal(bytes, "abc", 3);
	munmap((void *)bytes, 3);
}

static void test_copy(void **state)
{
	(void)state;
	int ends[2];
	struct err err = {0};
	AUTO(blob_writer_release) struct blob_writer w = {.fd = -1};

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fd_write_all(ends[1], "abcabc", 6), 0);
	assert_int_equal(blob_begin(&w, "test", 6, &err), 0);
	assert_int_equal(blob_copy(&w, ends[0], 3, NULL, &err), 0);
	fd_close(&ends[1]);
	assert_int_equal(blob_copy(&w, ends[0], UINT64_MAX, NULL, &err), 0);
	assert_int_equal(blob_copy(&w, ends[0], 1, NULL, &err), -1);
	assert_int_equal(err.code, ERR_INTEGRITY);
	struct blob *blob = blob_seal(&w, &err);
	expect_content(blob, "abcabc");
	blob_unref(blob);
	fd_close(&ends[0]);
}

static void test_copy_is_cancelled(void **state)
{
	(void)state;
	AUTO(cancel_release) struct cancel cancel = {0};
	AUTO(blob_writer_release) struct blob_writer w = {.fd = -1};
	struct err err = {0};
	autofd int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	assert_int_equal(cancel_init(&cancel, &err), 0);
	cancel_request(&cancel);
	assert_int_equal(blob_begin(&w, "test", 0, &err), 0);
	assert_int_equal(blob_copy(&w, zero, UINT64_MAX, &cancel, &err), -1);
	assert_int_equal(err.code, ERR_CANCELLED);
}

/* Whoever asks for more than there is learns it before a byte is fetched. */
static void test_more_than_there_is(void **state)
{
	(void)state;
	struct blob_writer w = {.fd = -1};
	struct err err = {0};

	assert_int_equal(blob_begin(&w, "test", UINT64_MAX, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(w.fd, -1);
}

static uint64_t memory_now(void)
{
	struct blob_memory now;

	blob_memory(&now);
	assert_false(now.moving);
	return now.bytes;
}

static void test_memory_is_counted(void **state)
{
	(void)state;
	AUTO(blob_writer_release) struct blob_writer w = {.fd = -1};
	struct blob_memory before, after;
	struct err err = {0};

	blob_memory(&before);
	assert_int_equal(blob_begin(&w, "test", 100, &err), 0);
	assert_int_equal(memory_now(), before.bytes + 100);
	blob_writer_release(&w);
	assert_int_equal(memory_now(), before.bytes);
	/* Less came than was said, then more. */
	assert_int_equal(blob_begin(&w, "test", 100, &err), 0);
	assert_int_equal(blob_write(&w, "abc", 3, &err), 0);
	struct blob *less = blob_seal(&w, &err);
	assert_int_equal(memory_now(), before.bytes + 3);
	assert_int_equal(blob_begin(&w, "test", 1, &err), 0);
	assert_int_equal(blob_write(&w, "abc", 3, &err), 0);
	struct blob *more = blob_seal(&w, &err);
	assert_int_equal(memory_now(), before.bytes + 6);
	blob_unref(less);
	blob_unref(more);
	blob_memory(&after);
	assert_int_equal(after.bytes, before.bytes);
	assert_true(after.moves > before.moves);
}

/* A pattern, a hole of more than 4 GiB, and a pattern again: offsets of 64 bits throughout. */
static void test_beyond_four_gib(void **state)
{
	(void)state;
	const uint64_t hole = (UINT64_C(4) << 30) + 4096;
	AUTO(blob_writer_release) struct blob_writer w = {.fd = -1};
	struct err err = {0};
	char got[3];

	assert_int_equal(blob_begin(&w, "test", 0, &err), 0);
	assert_int_equal(blob_write(&w, "abc", 3, &err), 0);
	/* Writing and hashing the hole takes memory and half a minute; stepping over it
	 * neither. */
	w.written += hole;
	assert_int_equal(blob_write(&w, "abc", 3, &err), 0);
	struct blob *blob = blob_seal(&w, &err);
	assert_non_null(blob);
	assert_int_equal(blob->size, hole + 6);
	const char *bytes = mmap(NULL, blob->size, PROT_READ, MAP_SHARED, blob->fd, 0);
	assert_ptr_not_equal(bytes, MAP_FAILED);
	assert_memory_equal(bytes + hole + 3, "abc", 3);
	assert_int_equal(fd_pread_full(blob->fd, got, 3, hole + 3), 3);
	assert_memory_equal(got, "abc", 3);
	munmap((void *)bytes, blob->size);
	blob_unref(blob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content_and_hash),
		cmocka_unit_test(test_nobody_changes_it),
		cmocka_unit_test(test_memory_outlives_the_blob),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_copy_is_cancelled),
		cmocka_unit_test(test_more_than_there_is),
		cmocka_unit_test(test_memory_is_counted),
		cmocka_unit_test(test_beyond_four_gib),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
