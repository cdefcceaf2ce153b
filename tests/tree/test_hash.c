/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "base/str.h"
#include "tree/hash.h"
#include "tree/writer.h"

static void expect_sha256(const char *data, size_t n, const char *expected)
{
	char hex[2 * TREE_SHA256_SIZE + 1];
	uint8_t out[TREE_SHA256_SIZE];

	for (size_t piece = 1; piece <= n + 1; piece = piece * 3 + 1) {
		struct sha256 s;
		sha256_init(&s);
		for (size_t at = 0; at < n; at += piece)
			sha256_add(&s, data + at, n - at < piece ? n - at : piece);
		sha256_end(&s, out);
		hex_encode(out, sizeof(out), hex);
		assert_string_equal(hex, expected);
	}
}

/* The vectors of FIPS 180-4's examples and of NIST's test suite. */
static void sha256_vectors(void **state)
{
	autofree char *million = xmalloc(1000000);

	(void)state;
	expect_sha256(
		"", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	expect_sha256(
		"abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	expect_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	expect_sha256(
		"\xbd", 1, "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b");
	memset(million, 'a', 1000000);
	expect_sha256(million, 1000000,
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Lengths around a block's end: padding has its corner there. */
static void sha256_padding(void **state)
{
	char zeros[64] = {0};

	(void)state;
	expect_sha256(
		zeros, 55, "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7");
	expect_sha256(
		zeros, 56, "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb");
	expect_sha256(
		zeros, 64, "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b");
}

static void hash_of(int fd, uint64_t length, char hex[2 * TREE_HASH_SIZE + 1])
{
	uint8_t out[TREE_HASH_SIZE];
	struct tree_hash *h = tree_hash_new();
	struct err err = {0};

	if (tree_hash_fd(fd, length, h, NULL, NULL, &err) < 0)
		fail_msg("%s", err.text);
	tree_hash_get(h, out);
	tree_hash_free(h);
	hex_encode(out, sizeof(out), hex);
}

/* What xxh128sum prints for nothing, and for "abc" without a newline. */
static void xxh3_vectors(void **state)
{
	char hex[2 * TREE_HASH_SIZE + 1];
	autofree char *path = path_join(*state, "f");

	scratch_write(path, "abc");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	hash_of(fd, 0, hex);
	assert_string_equal(hex, "99aa06d3014798d86001c324468d497f");
	hash_of(fd, 3, hex);
	assert_string_equal(hex, "06b05ab6733a618578af5f94892f3950");
	close(fd);
}

static void holes_are_zeros(void **state)
{
	char sparse[2 * TREE_HASH_SIZE + 1], full[2 * TREE_HASH_SIZE + 1];
	autofree char *path = path_join(*state, "f");
	autofree char *zeros = xcalloc(1, 3000000);

	scratch_write(path, "begin");
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "middle", 6, 1500000), 6);
	assert_int_equal(ftruncate(fd, 3000000), 0);
	hash_of(fd, 3000000, sparse);
	memcpy(zeros, "begin", 5);
	memcpy(zeros + 1500000, "middle", 6);
	assert_int_equal(pwrite(fd, zeros, 3000000, 0), 3000000);
	hash_of(fd, 3000000, full);
	assert_string_equal(sparse, full);
	close(fd);
}

static void a_file_shorter_than_said(void **state)
{
	autofree char *path = path_join(*state, "f");
	struct err err = {0};

	scratch_write(path, "abc");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct tree_hash *h = tree_hash_new();
	assert_int_equal(tree_hash_fd(fd, 4, h, NULL, NULL, &err), -1);
	assert_int_equal(err.code, ERR_INTEGRITY);
	tree_hash_free(h);
	close(fd);
}

/* Writes data through a writer in pieces, from an offset on; the error's code. */
static enum err_code write_through(
	int fd, const char *data, size_t n, uint64_t size, uint64_t offset, const uint8_t *hash)
{
	struct err err = {0};
	struct file_writer *w = file_writer_new(fd, size, offset, &err);
	int result = w ? 0 : -1;

	for (size_t at = 0; result == 0 && at < n; at += 5001)
		result = file_writer_add(w, data + at, n - at < 5001 ? n - at : 5001, &err);
	if (result == 0)
		file_writer_end(w, hash, &err);
	file_writer_free(w);
	return err.code;
}

static void a_writer_verifies_leaves_holes_and_resumes(void **state)
{
	autofree char *path = path_join(*state, "f");
	autofree char *data = xcalloc(1, 400000);
	autofree char *back = xcalloc(1, 400000);
	uint8_t hash[TREE_HASH_SIZE];
	struct tree_hash *h = tree_hash_new();

	memset(data, 'x', 10000);
	data[399999] = 'y';
	tree_hash_add(h, data, 400000);
	tree_hash_get(h, hash);
	tree_hash_free(h);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write_through(fd, data, 400000, 400000, 0, hash), ERR_NONE);
	assert_int_equal(fd_pread_full(fd, back, 400000, 0), 400000);
	assert_memory_equal(data, back, 400000);
	off_t hole = lseek(fd, 0, SEEK_HOLE);
	assert_in_range(hole, 10000, 16384);
	/* From the middle on; what stood behind it is forgotten. */
	assert_int_equal(
		write_through(fd, data + 123456, 400000 - 123456, 400000, 123456, hash),
		ERR_NONE);
	assert_int_equal(fd_pread_full(fd, back, 400000, 0), 400000);
	assert_memory_equal(data, back, 400000);
	assert_int_equal(write_through(fd, data, 399999, 400000, 0, hash), ERR_INTEGRITY);
	assert_int_equal(write_through(fd, data, 400000, 399999, 0, hash), ERR_LIMIT);
	data[5] = 'z';
	assert_int_equal(write_through(fd, data, 400000, 400000, 0, hash), ERR_INTEGRITY);
	close(fd);
}

int main(void)
{
#define SCRATCH_TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_vectors),
		cmocka_unit_test(sha256_padding),
		SCRATCH_TEST(xxh3_vectors),
		SCRATCH_TEST(holes_are_zeros),
		SCRATCH_TEST(a_file_shorter_than_said),
		SCRATCH_TEST(a_writer_verifies_leaves_holes_and_resumes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
