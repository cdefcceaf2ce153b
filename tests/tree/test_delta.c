/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "tree/compress.h"
#include "tree/delta.h"

/* A buffer of bytes that look random. */
static char *noise(size_t n, uint64_t x)
{
	char *data = xmalloc(n + 8);

	for (size_t i = 0; i < n; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(data + i, &x, 8);
	}
	return data;
}

/* An anonymous file that holds data. */
static int file_of(const void *data, size_t n)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_int_equal(fd_write_all(fd, data, n), 0);
	return fd;
}

static struct signature *sign(int fd, size_t n)
{
	AUTO(strbuf_release) struct strbuf sums = STRBUF_INIT;
	struct fd_range range = {.fd = fd, .left = n};
	struct tree_source source = fd_range_source(&range);
	struct tree_sink sink = strbuf_sink(&sums);
	uint32_t block = delta_block_len(n);
	struct err err = {0};

	assert_int_equal(signature_make(&source, block, &sink, &err), 0);
	assert_int_equal(sums.len, signature_size(n, block));
	int copy = file_of(sums.data, sums.len);
	struct fd_range again = {.fd = copy, .left = sums.len};
	source = fd_range_source(&again);
	struct signature *s = signature_load(&source, &err);
	if (!s)
		fail_msg("%s", err.text);
	close(copy);
	return s;
}

static int delta_of(struct signature *s, const void *data, size_t n, struct strbuf *out,
	struct delta_stats *stats)
{
	int fd = file_of(data, n);
	struct fd_range range = {.fd = fd, .left = n};
	struct tree_source source = fd_range_source(&range);
	struct tree_sink sink = strbuf_sink(out);
	int result = delta_make(s, &source, &sink, stats, NULL);

	close(fd);
	return result;
}

/* Applies a delta fed in pieces; the error's code. */
static enum err_code apply(int basis, size_t basis_n, const struct strbuf *delta, size_t piece,
	uint64_t max, struct strbuf *out)
{
	struct tree_sink sink = strbuf_sink(out);
	struct err err = {0};
	struct patch *p = patch_new(basis, basis_n, &sink, max);
	int result = 0;

	for (size_t at = 0; result == 0 && at < delta->len; at += piece)
		result = patch_feed(p, delta->data + at,
			delta->len - at < piece ? delta->len - at : piece, &err);
	if (result == 0)
		result = patch_end(p, &err);
	patch_free(p);
	return result == 0 ? ERR_NONE : err.code;
}

static void a_patch_gives_the_new_file(void **state)
{
	enum { N = 700000 };
	autofree char *old = noise(N, 1);
	autofree char *new = noise(N + 1000, 2);
	AUTO(strbuf_release) struct strbuf delta = STRBUF_INIT;
	struct delta_stats stats;
	const size_t pieces[] = {1, 77, 30000, 1000000};

	(void)state;
	memcpy(new, old, 300000);
	memcpy(new + 301000, old + 300000, N - 300000);
	int basis = file_of(old, N);
	struct signature *s = sign(basis, N);
	assert_int_equal(delta_of(s, new, N + 1000, &delta, &stats), DELTA_DONE);
	assert_int_equal(stats.in, N + 1000);
	assert_int_equal(stats.out, delta.len);
	assert_true(stats.matched > N * 9 / 10);
	assert_true(delta.len < 20000);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
		assert_int_equal(apply(basis, N, &delta, pieces[i], N + 1000, &out), ERR_NONE);
		assert_int_equal(out.len, N + 1000);
		assert_memory_equal(out.data, new, out.len);
	}
	signature_free(s);
	close(basis);
}

static void corner_sizes(void **state)
{
	autofree char *old = noise(5000, 1);
	const size_t sizes[] = {0, 1, 1023, 1024, 1025, 4096, 5000};

	(void)state;
	for (size_t a = 0; a < ARRAY_SIZE(sizes); a++) {
		int basis = file_of(old, sizes[a]);
		struct signature *s = sign(basis, sizes[a]);
		for (size_t b = 0; b < ARRAY_SIZE(sizes); b++) {
			AUTO(strbuf_release) struct strbuf delta = STRBUF_INIT;
			AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
			struct delta_stats stats;
			assert_int_equal(
				delta_of(s, old, sizes[b], &delta, &stats), DELTA_DONE);
			assert_int_equal(
				apply(basis, sizes[a], &delta, 100, sizes[b], &out), ERR_NONE);
			assert_int_equal(out.len, sizes[b]);
			assert_memory_equal(out.data, old, sizes[b]);
		}
		signature_free(s);
		close(basis);
	}
}

static void unrelated_data_is_given_up(void **state)
{
	const size_t n = 3 * DELTA_GIVE_UP_AFTER;
	autofree char *old = noise(n, 1);
	autofree char *new = noise(n, 2);
	AUTO(strbuf_release) struct strbuf delta = STRBUF_INIT;
	struct delta_stats stats;

	(void)state;
	int basis = file_of(old, n);
	struct signature *s = sign(basis, n);
	assert_int_equal(delta_of(s, new, n, &delta, &stats), DELTA_GIVEN_UP);
	assert_in_range(stats.in, DELTA_GIVE_UP_AFTER, DELTA_GIVE_UP_AFTER + (1 << 20));
	signature_free(s);
	close(basis);
}

static void deltas_that_are_refused(void **state)
{
	autofree char *old = noise(50000, 1);
	AUTO(strbuf_release) struct strbuf delta = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct delta_stats stats;

	(void)state;
	int basis = file_of(old, 50000);
	struct signature *s = sign(basis, 50000);
	assert_int_equal(delta_of(s, old, 50000, &delta, &stats), DELTA_DONE);
	/* More than the file shall hold; a basis that is shorter; cut; bytes behind. */
	assert_int_equal(apply(basis, 50000, &delta, 10, 49999, &out), ERR_LIMIT);
	assert_int_equal(apply(basis, 40000, &delta, 10, 50000, &out), ERR_INPUT);
	strbuf_truncate(&delta, delta.len - 1);
	assert_int_equal(apply(basis, 50000, &delta, 10, 50000, &out), ERR_INPUT);
	strbuf_addstr(&delta, "");
	strbuf_addch(&delta, '\0');
	strbuf_addstr(&delta, "more");
	assert_int_equal(apply(basis, 50000, &delta, 10, 50000, &out), ERR_INPUT);
	assert_int_equal(apply(basis, 50000, &delta, 1000000, 50000, &out), ERR_INPUT);
	signature_free(s);
	close(basis);
}

static void foreign_signatures_are_refused(void **state)
{
	static const char *const heads[] = {"", "rs", "rs\x01\x37\0\0\x08\0\0\0\0\x10",
		"rs\x01\x47\0\0\x08\0\0\0\0\x04", "rs\x01\x47\0\0\0\x01\0\0\0\x10",
		"rs\x01\x47\xff\xff\xff\xff\0\0\0\x10"};
	const size_t lengths[] = {0, 2, 12, 12, 12, 12};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		int fd = file_of(heads[i], lengths[i]);
		struct fd_range range = {.fd = fd, .left = 100};
		struct tree_source source = fd_range_source(&range);
		assert_null(signature_load(&source, &err));
		assert_int_equal(err.code, ERR_INPUT);
		close(fd);
	}
}

static void block_lengths_grow_with_the_file(void **state)
{
	(void)state;
	assert_int_equal(delta_block_len(0), DELTA_BLOCK_MIN);
	assert_int_equal(delta_block_len(1 << 20), 1024);
	assert_int_equal(delta_block_len(60 << 20), 8192);
	assert_int_equal(delta_block_len(UINT64_MAX), DELTA_BLOCK_MAX);
}

/* Decompresses what is fed in pieces; the error's code. */
static enum err_code unpack(
	const struct strbuf *packed, size_t piece, uint64_t max, struct strbuf *out)
{
	struct tree_sink sink = strbuf_sink(out);
	struct err err = {0};
	struct decompressor *d = decompressor_new(&sink, max);
	int result = 0;

	for (size_t at = 0; result == 0 && at < packed->len; at += piece)
		result = decompressor_feed(d, packed->data + at,
			packed->len - at < piece ? packed->len - at : piece, &err);
	if (result == 0)
		result = decompressor_end(d, &err);
	decompressor_free(d);
	return result == 0 ? ERR_NONE : err.code;
}

static void compression_and_back(void **state)
{
	AUTO(strbuf_release) struct strbuf packed = STRBUF_INIT;
	autofree char *data = noise(3000000, 3);
	struct tree_sink sink = strbuf_sink(&packed);
	const size_t pieces[] = {1000, 100000, 10000000};

	(void)state;
	memset(data + 500000, 0, 2000000);
	struct compressor *c = compressor_new(COMPRESS_LEVEL, &sink);
	for (size_t at = 0; at < 3000000; at += 300000)
		assert_int_equal(compressor_feed(c, data + at, 300000, NULL), 0);
	assert_int_equal(compressor_end(c, NULL), 0);
	compressor_free(c);
	assert_true(packed.len < 1100000);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
		assert_int_equal(unpack(&packed, pieces[i], 3000000, &out), ERR_NONE);
		assert_int_equal(out.len, 3000000);
		assert_memory_equal(out.data, data, out.len);
	}
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	assert_int_equal(unpack(&packed, 1000, 2999999, &out), ERR_LIMIT);
	strbuf_addch(&packed, 'x');
	assert_int_equal(unpack(&packed, 1000, 3000000, &out), ERR_INPUT);
	strbuf_truncate(&packed, packed.len - 2);
	assert_int_equal(unpack(&packed, 1000, 3000000, &out), ERR_INPUT);
	packed.data[packed.len / 2] ^= 1;
	assert_int_not_equal(unpack(&packed, 1000, 3000000, &out), ERR_NONE);
}

static void whether_it_pays(void **state)
{
	autofree char *random = noise(1000000, 3);
	autofree char *even = xcalloc(1, 1000000);
	int hard = file_of(random, 1000000), easy = file_of(even, 1000000);

	(void)state;
	assert_false(compress_pays(random, 1000000));
	assert_true(compress_pays(even, 1000000));
	assert_false(compress_pays(even, 100));
	assert_int_equal(compress_pays_fd(hard, 1000000, NULL), 0);
	assert_int_equal(compress_pays_fd(easy, 1000000, NULL), 1);
	assert_int_equal(compress_pays_fd(easy, 100, NULL), 0);
	assert_int_equal(compress_saving_fd(hard, 1000000, NULL), 0);
	assert_in_range(compress_saving_fd(easy, 1000000, NULL), 95, 99);
	for (size_t i = 3; i < 1000000; i += 4)
		random[i] = 'x';
	int some = file_of(random, 1000000);
	/* A quarter of the bytes is one that costs two bits, the others cost a little more. */
	assert_in_range(compress_saving_fd(some, 1000000, NULL), 8, 25);
	close(some);
	close(hard);
	close(easy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_patch_gives_the_new_file),
		cmocka_unit_test(corner_sizes),
		cmocka_unit_test(unrelated_data_is_given_up),
		cmocka_unit_test(deltas_that_are_refused),
		cmocka_unit_test(foreign_signatures_are_refused),
		cmocka_unit_test(block_lengths_grow_with_the_file),
		cmocka_unit_test(compression_and_back),
		cmocka_unit_test(whether_it_pays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
