/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flags (one byte), a pattern, a replacement and a text, each on a line: compiled, matched,
 * replaced. Spans lie inside of the text, and without limits hit all of it ends.
 */
#include "text/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_spans(const struct regex_result *result, size_t len)
{
	for (unsigned i = 0; i <= result->groups; i++)
		if (result->spans[i].set &&
			(result->spans[i].start > len || result->spans[i].end > len))
			abort();
}

static void run(const struct regex *re, const char *replacement, size_t replacement_len,
	const char *text, size_t len)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct regex_iter it = {.re = re, .text = text, .len = len};
	struct regex_result result;
	struct err err = {0};
	size_t count = 0;

	while (regex_next(&it, &result, &err) > 0) {
		check_spans(&result, len);
		if (++count > len + 1 + len)
			abort();
	}
	for (int how = REGEX_SEARCH; how <= REGEX_FULLMATCH; how++)
		if (regex_exec(re, (enum regex_how)how, text, len, 0, &result, &err) > 0)
			check_spans(&result, len);
	regex_sub(re, text, len, replacement, replacement_len, 0, &out, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data + 1, *end = (const char *)data + size;
	const char *first = size > 1 ? memchr(p, '\n', size - 1) : NULL;
	const char *second = first ? memchr(first + 1, '\n', (size_t)(end - first - 1)) : NULL;
	struct err err = {0};

	if (!second || size > 2000)
		return 0;
	AUTO(regex_cleanup)
	struct regex *re = regex_compile(p, (size_t)(first - p), data[0] & 31, &err);
	if (re)
		run(re, first + 1, (size_t)(second - first - 1), second + 1,
			(size_t)(end - second - 1));
	else if (err.code == ERR_NONE)
		abort();
	return 0;
}
