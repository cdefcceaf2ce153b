/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside source/: a file read at any place through one buffer, by the checks of formats.
 * Numbers are little-endian. Reading beyond the end is ERR_INTEGRITY: "ends at ...".
 */
#ifndef SOURCE_FORMAT_READ_H
#define SOURCE_FORMAT_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The most that is asked for at once, and what is read ahead for smaller pieces. */
#define FORMAT_WINDOW (65536u + 64u)
#define FORMAT_AHEAD  4096u
/* Entries, tensors, keys of one file; what has more is not looked through. */
#define FORMAT_PARTS_MAX 1000000u

struct format_file {
	int fd;
	uint64_t size;
	uint64_t at; /* where format_next_* reads */
	/* What of the file is in memory. */
	uint64_t window_at;
	size_t window_len;
	unsigned char window[FORMAT_WINDOW];
};

typedef int (*format_checker)(struct format_file *f, struct err *err);

/* n bytes (at most FORMAT_WINDOW) at an offset; valid until the next read. NULL with err. */
const unsigned char *format_bytes(
	struct format_file *f, uint64_t offset, size_t n, struct err *err);
/* A number of 2, 4 or 8 bytes at an offset. */
int format_number(
	struct format_file *f, uint64_t offset, size_t width, uint64_t *out, struct err *err);
/* The same at `at`, which moves behind it. */
int format_next(struct format_file *f, size_t width, uint64_t *out, struct err *err);
/* Moves `at` over n bytes that must be there. */
int format_skip(struct format_file *f, uint64_t n, struct err *err);
/* Always -1: the file is not what it should be. */
int format_broken(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* True if `offset` and `n` bytes behind it lie before `end`. */
static inline bool format_inside(uint64_t offset, uint64_t n, uint64_t end)
{
	return offset <= end && n <= end - offset;
}

/* The checks; `at` is 0 when they begin. */
int format_check_zip(struct format_file *f, struct err *err);
int format_check_onnx(struct format_file *f, struct err *err);
int format_check_tflite(struct format_file *f, struct err *err);
int format_check_safetensors(struct format_file *f, struct err *err);
int format_check_gguf(struct format_file *f, struct err *err);

#endif
