/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A delta, or a compressed delta, from anywhere: it must end, within its limit of output.
 */
#include <sys/mman.h>

#include "base/fd.h"
#include "tree/compress.h"
#include "tree/delta.h"

#define BASIS_SIZE 5000u
#define OUT_MAX    20000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int count(void *arg, const void *data, size_t n, struct err *err)
{
	(void)data;
	(void)err;
	*(size_t *)arg += n;
	return 0;
}

static int feed_patch(void *arg, const void *data, size_t n, struct err *err)
{
	return patch_feed(arg, data, n, err);
}

static int basis_file(void)
{
	static int fd = -1; /* made once for all inputs */
	static char basis[BASIS_SIZE];

	if (fd >= 0)
		return fd;
	for (size_t i = 0; i < BASIS_SIZE; i++)
		basis[i] = (char)(i * 7);
	fd = memfd_create("basis", MFD_CLOEXEC);
	if (fd < 0 || fd_write_all(fd, basis, BASIS_SIZE) < 0)
		abort();
	return fd;
}

/* The signature reader takes the same bytes. */
static void load(const uint8_t *data, size_t size)
{
	int fd = memfd_create("sums", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, data, size) < 0)
		abort();
	struct fd_range range = {.fd = fd, .left = size};
	struct tree_source source = fd_range_source(&range);
	signature_free(signature_load(&source, NULL));
	fd_close(&fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t written = 0;
	struct tree_sink out = {.write = count, .arg = &written};

	if (size < 2)
		return 0;
	struct patch *p = patch_new(basis_file(), BASIS_SIZE, &out, OUT_MAX);
	struct tree_sink into = {.write = feed_patch, .arg = p};
	struct decompressor *d = decompressor_new(&into, OUT_MAX);
	size_t piece = (size_t)data[0] + 1, at = 1;
	for (int result = 0; result == 0 && at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;
		result = data[0] & 1 ? decompressor_feed(d, data + at, n, NULL)
				     : patch_feed(p, data + at, n, NULL);
	}
	decompressor_end(d, NULL);
	patch_end(p, NULL);
	decompressor_free(d);
	patch_free(p);
	if (written > OUT_MAX)
		abort();
	load(data + 1, size - 1);
	return 0;
}
