/* SPDX-License-Identifier: Apache-2.0 */
/* Files and their ranges: RFC 9110, sections 13.1 and 14. */
#include <inttypes.h>
#include <unistd.h>

#include "http/serve_answer.h"

/* Reads digits; false where there are none or too many. */
static bool read_digits(const char **s, uint64_t *n)
{
	const char *p = *s;

	for (*n = 0; *p >= '0' && *p <= '9'; p++) {
		if (*n > (UINT64_MAX - 9) / 10)
			return false;
		*n = *n * 10 + (uint64_t)(*p - '0');
	}
	bool some = p > *s;
	*s = p;
	return some;
}

/* "-500": the last bytes. */
static enum http_range read_suffix(
	const char *s, uint64_t size, uint64_t *first, uint64_t *count)
{
	uint64_t n;

	if (!read_digits(&s, &n) || *s)
		return HTTP_RANGE_NONE;
	if (n == 0 || size == 0)
		return HTTP_RANGE_BEYOND;
	*count = n < size ? n : size;
	*first = size - *count;
	return HTTP_RANGE_PART;
}

enum http_range http_range_read(
	const char *header, uint64_t size, uint64_t *first, uint64_t *count)
{
	static const char unit[] = "bytes=";
	uint64_t from, last = UINT64_MAX;

	if (!header || strncasecmp(header, unit, strlen(unit)) != 0)
		return HTTP_RANGE_NONE;
	const char *s = header + strlen(unit);
	if (*s == '-')
		return read_suffix(s + 1, size, first, count);
	if (!read_digits(&s, &from) || *s++ != '-')
		return HTTP_RANGE_NONE;
	if (*s && (!read_digits(&s, &last) || *s || last < from))
		return HTTP_RANGE_NONE;
	if (from >= size)
		return HTTP_RANGE_BEYOND;
	*first = from;
	*count = (last < size ? last + 1 : size) - from;
	return HTTP_RANGE_PART;
}

/* The range that is asked for, if that still is of this content. */
static enum http_range asked_range(const struct http_call *call, const struct http_file *file,
	uint64_t *first, uint64_t *count)
{
	const char *condition = http_call_header(call, "If-Range");

	if (condition && str_cmp0(condition, file->etag) != 0)
		return HTTP_RANGE_NONE;
	return http_range_read(http_call_header(call, "Range"), file->size, first, count);
}

void http_answer_file(
	const struct http_call *call, struct http_answer *answer, const struct http_file *file)
{
	uint64_t first = 0, count = file->size;

	answer->type = file->type ? file->type : "application/octet-stream";
	strlist_add(&answer->headers, "Accept-Ranges: bytes");
	if (file->etag)
		strlist_addf(&answer->headers, "ETag: %s", file->etag);
	if (file->etag && http_call_has_tag(call, "If-None-Match", file->etag, true)) {
		answer->status = 304;
		close(file->fd);
		return;
	}
	switch (asked_range(call, file, &first, &count)) {
	case HTTP_RANGE_NONE: break;
	case HTTP_RANGE_PART:
		answer->status = 206;
		strlist_addf(&answer->headers,
			"Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first,
			first + count - 1, file->size);
		break;
	case HTTP_RANGE_BEYOND:
		http_answer_problem(
			answer, 416, "the content has %" PRIu64 " bytes", file->size);
		strlist_addf(&answer->headers, "Content-Range: bytes */%" PRIu64, file->size);
		close(file->fd);
		return;
	}
	answer->file_fd_plus_one = file->fd + 1;
	answer->file_offset = file->offset + first;
	answer->file_size = count;
}
