/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/compress.h"

#include <zstd.h>

#include "base/fd.h"

#define OUT_SIZE      (64u << 10)
#define PAYS_MIN_SIZE 512u
#define PAYS_PERCENT  4 /* of the sample's size: saving less does not pay */

/* The percentage of a sample that compression saves; 0 for what does not pay. */
static int sample_saving(const void *sample, size_t n)
{
	if (n > COMPRESS_SAMPLE_SIZE)
		n = COMPRESS_SAMPLE_SIZE;
	if (n < PAYS_MIN_SIZE)
		return 0;
	size_t cap = ZSTD_compressBound(n);
	autofree void *out = xmalloc(cap);
	size_t got = ZSTD_compress(out, cap, sample, n, 1);
	if (ZSTD_isError(got) || got >= n)
		return 0;
	int saved = (int)((n - got) * 100 / n);
	return saved < PAYS_PERCENT ? 0 : saved;
}

bool compress_pays(const void *sample, size_t n)
{
	return sample_saving(sample, n) > 0;
}

int compress_saving_fd(int fd, uint64_t size, struct err *err)
{
	size_t piece = COMPRESS_SAMPLE_SIZE / 4;
	uint64_t offsets[3] = {0, 0, 0};
	autofree char *sample = xmalloc(COMPRESS_SAMPLE_SIZE);
	size_t n = 0;

	if (size < PAYS_MIN_SIZE)
		return 0;
	if (size > 3 * (uint64_t)piece) {
		offsets[1] = size / 2;
		offsets[2] = size - piece;
	}
	for (unsigned i = 0; i < (offsets[1] ? 3u : 1u); i++) {
		size_t want = offsets[1] ? piece : COMPRESS_SAMPLE_SIZE;
		ssize_t got = fd_pread_full(fd, sample + n, want, offsets[i]);
		if (got < 0)
			return err_sys(err, "read");
		n += (size_t)got;
	}
	return sample_saving(sample, n);
}

int compress_pays_fd(int fd, uint64_t size, struct err *err)
{
	int saving = compress_saving_fd(fd, size, err);

	return saving > 0 ? 1 : saving;
}

struct compressor {
	ZSTD_CCtx *context;
	struct tree_sink out;
	uint8_t buffer[OUT_SIZE];
};

struct compressor *compressor_new(int level, const struct tree_sink *out)
{
	struct compressor *c = xmalloc(sizeof(*c));

	c->out = *out;
	c->context = ZSTD_createCCtx();
	if (!c->context)
		abort();
	ZSTD_CCtx_setParameter(c->context, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(c->context, ZSTD_c_windowLog, COMPRESS_WINDOW_LOG);
	ZSTD_CCtx_setParameter(c->context, ZSTD_c_checksumFlag, 1);
	return c;
}

void compressor_free(struct compressor *c)
{
	if (!c)
		return;
	ZSTD_freeCCtx(c->context);
	free(c);
}

/* Compresses until the input is used up, or, at the end, until all is written. */
static int compress_all(
	struct compressor *c, ZSTD_inBuffer *in, ZSTD_EndDirective mode, struct err *err)
{
	size_t left;

	do {
		ZSTD_outBuffer out = {.dst = c->buffer, .size = OUT_SIZE};
		left = ZSTD_compressStream2(c->context, &out, in, mode);
		if (ZSTD_isError(left))
			return err_set(
				err, ERR_SYSTEM, "compress: %s", ZSTD_getErrorName(left));
		if (out.pos > 0 && c->out.write(c->out.arg, c->buffer, out.pos, err) < 0)
			return -1;
	} while (mode == ZSTD_e_end ? left > 0 : in->pos < in->size);
	return 0;
}

int compressor_feed(struct compressor *c, const void *data, size_t n, struct err *err)
{
	ZSTD_inBuffer in = {.src = data, .size = n};

	return compress_all(c, &in, ZSTD_e_continue, err);
}

int compressor_end(struct compressor *c, struct err *err)
{
	ZSTD_inBuffer in = {0};

	return compress_all(c, &in, ZSTD_e_end, err);
}

struct decompressor {
	ZSTD_DCtx *context;
	struct tree_sink out;
	uint64_t left; /* bytes that may still be written */
	bool done;
	uint8_t buffer[OUT_SIZE];
};

struct decompressor *decompressor_new(const struct tree_sink *out, uint64_t max_out)
{
	struct decompressor *d = xcalloc(1, sizeof(*d));

	d->out = *out;
	d->left = max_out;
	d->context = ZSTD_createDCtx();
	if (!d->context)
		abort();
	ZSTD_DCtx_setParameter(d->context, ZSTD_d_windowLogMax, COMPRESS_WINDOW_LOG);
	return d;
}

void decompressor_free(struct decompressor *d)
{
	if (!d)
		return;
	ZSTD_freeDCtx(d->context);
	free(d);
}

int decompressor_feed(struct decompressor *d, const void *data, size_t n, struct err *err)
{
	ZSTD_inBuffer in = {.src = data, .size = n};
	bool full = false;

	while (in.pos < in.size || full) {
		ZSTD_outBuffer out = {.dst = d->buffer, .size = OUT_SIZE};
		if (d->done)
			return err_set(err, ERR_INPUT, "compressed data: bytes follow its end");
		size_t result = ZSTD_decompressStream(d->context, &out, &in);
		if (ZSTD_isError(result))
			return err_set(err, ERR_INPUT, "compressed data: %s",
				ZSTD_getErrorName(result));
		if (out.pos > d->left)
			return err_set(
				err, ERR_LIMIT, "compressed data holds more than it shall");
		d->left -= out.pos;
		if (out.pos > 0 && d->out.write(d->out.arg, d->buffer, out.pos, err) < 0)
			return -1;
		d->done = result == 0;
		full = !d->done && out.pos == OUT_SIZE;
	}
	return 0;
}

int decompressor_end(struct decompressor *d, struct err *err)
{
	return d->done ? 0 : err_set(err, ERR_INPUT, "compressed data: it is cut");
}
