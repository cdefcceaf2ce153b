/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compression with zstd, streaming and within bounds. A compressed stream is one zstd frame
 * with a checksum and a window of at most 1 MiB, so that the helper stays small.
 */
#ifndef TREE_COMPRESS_H
#define TREE_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tree/stream.h"

#define COMPRESS_LEVEL       3
#define COMPRESS_WINDOW_LOG  20
#define COMPRESS_SAMPLE_SIZE (256u << 10)

/* True if compressing pays, by a sample of the content: at least 4% saved. */
bool compress_pays(const void *sample, size_t n);
/*
 * The same for a file: samples from its beginning, middle and end. False for less than 512
 * bytes. -1 with err when it cannot be read.
 */
int compress_pays_fd(int fd, uint64_t size, struct err *err);
/* The same as the percentage that the samples say is saved: 4 to 99, or 0 for less than 4. */
int compress_saving_fd(int fd, uint64_t size, struct err *err);

struct compressor;
/* Starts a compressed stream. */
struct compressor *compressor_new(int level, const struct tree_sink *out);
/* Adds content. */
int compressor_feed(struct compressor *c, const void *data, size_t n, struct err *err);
/* Ends the stream. */
int compressor_end(struct compressor *c, struct err *err);
/* Frees a compressor; NULL is fine. */
void compressor_free(struct compressor *c);

struct decompressor;
/* Starts reading a compressed stream; refuses to write more than max_out bytes. */
struct decompressor *decompressor_new(const struct tree_sink *out, uint64_t max_out);
/* Takes the next piece. ERR_INPUT: damaged, or bytes behind its end. */
int decompressor_feed(struct decompressor *d, const void *data, size_t n, struct err *err);
/* Ends the stream; ERR_INPUT when it is cut. */
int decompressor_end(struct decompressor *d, struct err *err);
/* Frees a decompressor; NULL is fine. */
void decompressor_free(struct decompressor *d);

#endif
