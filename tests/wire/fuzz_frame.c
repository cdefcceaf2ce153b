/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte says how the rest is cut into chunks; the frames that come out must be the
 * same as from one chunk.
 */
#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes all and returns a sum over what came out. */
static uint64_t decode(const uint8_t *data, size_t size, size_t chunk)
{
	struct frame_decoder d = {0};
	uint64_t sum = 0;
	int more = 0;

	for (size_t at = 0; at < size && more >= 0; at += chunk) {
		const uint8_t *p = data + at;
		size_t n = size - at < chunk ? size - at : chunk;
		struct frame f;
		while ((more = frame_decode(&d, &p, &n, &f, NULL)) == 1) {
			sum = sum * 31 + f.id + f.kind + f.flags + f.ctx + f.len;
			for (size_t i = 0; i < f.len; i++)
				sum = sum * 31 + f.data[i];
		}
	}
	frame_decoder_release(&d);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct magic_scanner s = MAGIC_SCANNER_INIT;

	if (size == 0)
		return 0;
	const uint8_t *p = data;
	size_t n = size;
	magic_scan(&s, &p, &n, NULL);
	magic_scanner_release(&s);
	if (decode(data + 1, size - 1, (size_t)data[0] + 1) != decode(data + 1, size - 1, size))
		abort();
	return 0;
}
