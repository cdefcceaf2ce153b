/* SPDX-License-Identifier: Apache-2.0 */
#include "value/number.h"

/* What repr escapes, as ranges in order. */
static const struct {
	uint32_t first;
	uint32_t last;
} unprintable[] = {
#include "value/unprintable.inc"
};

bool repr_is_printable(uint32_t c)
{
	size_t low = 0, high = ARRAY_SIZE(unprintable);

	if (c < 0x80)
		return c >= ' ' && c != 0x7f;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (c < unprintable[middle].first)
			high = middle;
		else if (c > unprintable[middle].last)
			low = middle + 1;
		else
			return false;
	}
	return true;
}

/* Single quotes, unless the text has those and no double ones. */
static char choose_quote(const char *s, size_t n)
{
	return n && memchr(s, '\'', n) && !memchr(s, '"', n) ? '"' : '\'';
}

/* What both kinds escape alike; false for anything else. */
static bool add_common(struct strbuf *out, uint32_t c, char quote)
{
	if (c == (unsigned char)quote || c == '\\')
		strbuf_addf(out, "\\%c", (char)c);
	else if (c == '\n')
		strbuf_addstr(out, "\\n");
	else if (c == '\r')
		strbuf_addstr(out, "\\r");
	else if (c == '\t')
		strbuf_addstr(out, "\\t");
	else
		return false;
	return true;
}

void repr_add_string(struct strbuf *out, const char *s, size_t n)
{
	char quote = choose_quote(s, n);

	strbuf_addch(out, quote);
	for (size_t i = 0, len; i < n; i += len) {
		uint32_t c = utf8_decode(s + i, n - i, &len);

		if (add_common(out, c, quote))
			continue;
		if (repr_is_printable(c))
			strbuf_addutf8(out, c);
		else
			strbuf_addf(out,
				c > 0xffff ? "\\U%08x"
				: c > 0xff ? "\\u%04x"
					   : "\\x%02x",
				c);
	}
	strbuf_addch(out, quote);
}

void repr_add_bytes(struct strbuf *out, const char *s, size_t n)
{
	char quote = choose_quote(s, n);

	strbuf_addf(out, "b%c", quote);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (add_common(out, c, quote))
			continue;
		if (c >= ' ' && c < 0x7f)
			strbuf_addch(out, (char)c);
		else
			strbuf_addf(out, "\\x%02x", c);
	}
	strbuf_addch(out, quote);
}
