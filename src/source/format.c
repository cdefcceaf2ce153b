/* SPDX-License-Identifier: Apache-2.0 */
#include "source/format.h"

#include <fcntl.h>
#include <stdarg.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "source/format_read.h"

#define ENGINE_MIN (1024u * 1024u)

/* ---- reading ---- */

int format_broken(struct err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	autofree char *text = xvasprintf(fmt, ap);
	va_end(ap);
	return err_set(err, ERR_INTEGRITY, "%s", text);
}

/* Reads at least n bytes, which are there, into the window. */
static int load(struct format_file *f, uint64_t offset, size_t n, struct err *err)
{
	uint64_t left = f->size - offset;

	if (n < FORMAT_AHEAD)
		n = left < FORMAT_AHEAD ? (size_t)left : FORMAT_AHEAD;
	ssize_t got = fd_pread_full(f->fd, f->window, n, offset);

	f->window_len = 0;
	if (got < 0)
		return err_sys(err, "read at %llu", (unsigned long long)offset);
	if ((size_t)got < n)
		return format_broken(err, "was cut while it was read");
	f->window_at = offset;
	f->window_len = n;
	return 0;
}

const unsigned char *format_bytes(
	struct format_file *f, uint64_t offset, size_t n, struct err *err)
{
	if (!format_inside(offset, n, f->size)) {
		format_broken(err, "ends at byte %llu, in the midst of what it holds",
			(unsigned long long)f->size);
		return NULL;
	}
	bool there = offset >= f->window_at &&
		     format_inside(offset - f->window_at, n, f->window_len);
	if (!there && load(f, offset, n, err) < 0)
		return NULL;
	return f->window + (offset - f->window_at);
}

int format_number(
	struct format_file *f, uint64_t offset, size_t width, uint64_t *out, struct err *err)
{
	const unsigned char *b = format_bytes(f, offset, width, err);

	if (!b)
		return -1;
	*out = 0;
	for (size_t i = width; i-- > 0;)
		*out = *out << 8 | b[i];
	return 0;
}

int format_next(struct format_file *f, size_t width, uint64_t *out, struct err *err)
{
	if (format_number(f, f->at, width, out, err) < 0)
		return -1;
	f->at += width;
	return 0;
}

int format_skip(struct format_file *f, uint64_t n, struct err *err)
{
	if (!format_inside(f->at, n, f->size))
		return format_broken(err, "ends at byte %llu, in the midst of what it holds",
			(unsigned long long)f->size);
	f->at += n;
	return 0;
}

/* ---- kinds ---- */

static int check_engine(struct format_file *f, struct err *err)
{
	if (f->size <= ENGINE_MIN)
		return format_broken(err, "has %llu bytes; an engine has more than %u",
			(unsigned long long)f->size, ENGINE_MIN);
	return 0;
}

static const struct {
	const char *extension, *kind;
	format_checker check;
} kinds[] = {
	{".pt", "PyTorch model", format_check_zip},
	{".pth", "PyTorch model", format_check_zip},
	{".zip", "zip archive", format_check_zip},
	{".onnx", "ONNX model", format_check_onnx},
	{".tflite", "TensorFlow Lite model", format_check_tflite},
	{".safetensors", "safetensors file", format_check_safetensors},
	{".gguf", "GGUF file", format_check_gguf},
	{".engine", "TensorRT engine", check_engine},
};

static bool ends_in(const char *name, const char *extension)
{
	size_t n = strlen(name), m = strlen(extension);

	return n > m && strcasecmp(name + n - m, extension) == 0;
}

static int check_as(const char *path, const char *kind, format_checker check, struct err *err)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "open %s", path);
	struct format_file *f = xcalloc(1, sizeof(*f));
	f->fd = fd;
	f->size = (uint64_t)st.st_size;
	int rc = check(f, err);
	free(f);
	return rc < 0 ? err_wrap(err, "no whole %s", kind) : 0;
}

int format_check(const char *path, const char *name, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (ends_in(name, kinds[i].extension))
			return check_as(path, kinds[i].kind, kinds[i].check, err);
	return 0;
}
