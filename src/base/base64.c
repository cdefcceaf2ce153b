/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

static const char alphabets[][65] = {
	[BASE64_STANDARD] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	[BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

void base64_encode(
	enum base64_alphabet alphabet, const void *data, size_t n, struct strbuf *out)
{
	const unsigned char *p = data;
	const char *digits = alphabets[alphabet];

	strbuf_reserve(out, (n + 2) / 3 * 4);
	for (size_t at = 0; at < n; at += 3) {
		size_t left = n - at, used = left < 3 ? left + 1 : 4;
		unsigned group = (unsigned)p[at] << 16;

		if (left > 1)
			group |= (unsigned)p[at + 1] << 8;
		if (left > 2)
			group |= p[at + 2];
		for (size_t i = 0; i < used; i++)
			strbuf_addch(out, digits[group >> (18 - 6 * i) & 63]);
		for (size_t i = used; i < 4 && alphabet == BASE64_STANDARD; i++)
			strbuf_addch(out, '=');
	}
}

/* The six bits of a digit, or -1. */
static int digit_value(const char *digits, char c)
{
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool decode(
	enum base64_alphabet alphabet, const char *text, size_t n, struct strbuf *out)
{
	const char *digits = alphabets[alphabet];
	unsigned group = 0;
	size_t count = 0, padding = 0;

	for (size_t i = 0; i < n; i++) {
		if (is_space(text[i]))
			continue;
		if (text[i] == '=') {
			padding++;
			continue;
		}
		int value = digit_value(digits, text[i]);
		if (value < 0 || padding)
			return false;
		group = group << 6 | (unsigned)value;
		if (++count % 4)
			continue;
		strbuf_addch(out, (char)(group >> 16));
		strbuf_addch(out, (char)(group >> 8));
		strbuf_addch(out, (char)group);
	}
	size_t rest = count % 4, expected = rest ? 4 - rest : 0;
	if (rest == 1 || (padding != expected && (padding || alphabet == BASE64_STANDARD)))
		return false;
	if (rest == 2)
		strbuf_addch(out, (char)(group >> 4));
	if (rest == 3) {
		strbuf_addch(out, (char)(group >> 10));
		strbuf_addch(out, (char)(group >> 2));
	}
	return true;
}

bool base64_decode(
	enum base64_alphabet alphabet, const char *text, size_t n, struct strbuf *out)
{
	size_t before = out->len;

	if (decode(alphabet, text, n, out))
		return true;
	strbuf_truncate(out, before);
	return false;
}
