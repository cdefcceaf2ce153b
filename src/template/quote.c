/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repr() of text and bytes: single quotes unless only they occur in it; escapes for what cannot
 * be printed.
 */
#include "template/repr.h"

#include "template/utf8.h"

static char choose_quote(const char *s, size_t n)
{
	return memchr(s, '\'', n) && !memchr(s, '"', n) ? '"' : '\'';
}

/* The escapes that text and bytes share; false if c needs none of them. */
static bool add_simple_escape(char c, char quote, struct strbuf *out)
{
	const char *known = c ? strchr("\n\r\t\\", c) : NULL;

	if (!known && c != quote)
		return false;
	strbuf_addch(out, '\\');
	strbuf_addch(out, c == quote ? quote : "nrt\\"[known - strchr("\n\r\t\\", '\n')]);
	return true;
}

static void add_code(uint32_t code, struct strbuf *out)
{
	if (code < 0x100)
		strbuf_addf(out, "\\x%02x", code);
	else if (code < 0x10000)
		strbuf_addf(out, "\\u%04x", code);
	else
		strbuf_addf(out, "\\U%08x", code);
}

void quote_string(struct strbuf *out, const char *s, size_t n)
{
	char quote = choose_quote(s, n);
	size_t taken;

	strbuf_addch(out, quote);
	for (size_t i = 0; i < n; i += taken) {
		uint32_t code = utf8_decode(s + i, n - i, &taken);
		if (code < 0x80 && add_simple_escape((char)code, quote, out))
			continue;
		bool shown = code < 0x80 ? code >= 0x20 && code != 0x7f
					 : utf8_is(code, UTF8_PRINTABLE) &&
						   !utf8_is(code, UTF8_SPACE) && code > 0xa0 &&
						   code != 0xad;
		if (shown)
			strbuf_add(out, s + i, taken);
		else
			add_code(code, out);
	}
	strbuf_addch(out, quote);
}

void quote_bytes(struct strbuf *out, const char *s, size_t n)
{
	char quote = choose_quote(s, n);

	strbuf_addch(out, 'b');
	strbuf_addch(out, quote);
	for (size_t i = 0; i < n; i++) {
		if (add_simple_escape(s[i], quote, out))
			continue;
		if (s[i] >= 0x20 && s[i] < 0x7f)
			strbuf_addch(out, s[i]);
		else
			strbuf_addf(out, "\\x%02x", (unsigned char)s[i]);
	}
	strbuf_addch(out, quote);
}
