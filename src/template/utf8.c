/* SPDX-License-Identifier: Apache-2.0 */
#include "template/utf8.h"

#include <locale.h>
#include <threads.h>
#include <wctype.h>

#include "value/number.h"

void utf8_add(struct strbuf *out, uint32_t code)
{
	char text[4];
	size_t n;

	if (code < 0x80) {
		text[0] = (char)code;
		n = 1;
	} else if (code < 0x800) {
		text[0] = (char)(0xc0 | code >> 6);
		n = 2;
	} else if (code < 0x10000) {
		text[0] = (char)(0xe0 | code >> 12);
		n = 3;
	} else {
		text[0] = (char)(0xf0 | code >> 18);
		n = 4;
	}
	for (size_t i = 1; i < n; i++)
		text[i] = (char)(0x80 | (code >> (6 * (n - 1 - i)) & 0x3f));
	strbuf_add(out, text, n);
}

uint32_t utf8_next(const char *s, size_t n, size_t *taken)
{
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t len = utf8_len(s, n);

	if (len == 0) {
		*taken = 1;
		return (unsigned char)s[0];
	}
	uint32_t code = (unsigned char)s[0] & masks[len];
	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)s[i] & 0x3f);
	*taken = len;
	return code;
}

bool utf8_is_ascii(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] & 0x80)
			return false;
	}
	return true;
}

size_t utf8_count(const char *s, size_t n)
{
	size_t count = 0;
	size_t taken;

	for (size_t i = 0; i < n; i += taken) {
		taken = 1;
		if (s[i] & 0x80)
			utf8_next(s + i, n - i, &taken);
		count++;
	}
	return count;
}

size_t utf8_offset(const char *s, size_t n, size_t i)
{
	size_t at = 0;
	size_t taken;

	for (; i > 0 && at < n; i--, at += taken) {
		taken = 1;
		if (s[at] & 0x80)
			utf8_next(s + at, n - at, &taken);
	}
	return at;
}

/*
 * The C library's tables of Unicode, whatever locale the program runs in. Made once, by the
 * first thread that needs them, and never changed: the one global of this room.
 */
static locale_t unicode;
static once_flag unicode_once = ONCE_FLAG_INIT;

static void unicode_open(void)
{
	unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!unicode)
		unicode = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
}

static locale_t unicode_locale(void)
{
	call_once(&unicode_once, unicode_open);
	return unicode;
}

bool utf8_is(uint32_t code, enum utf8_class property)
{
	wint_t c = (wint_t)code;
	locale_t locale = unicode_locale();

	switch (property) {
	case UTF8_ALPHA:
		return iswalpha_l(c, locale) && !(code < 0x80 && iswdigit_l(c, locale));
	case UTF8_DIGIT: return iswdigit_l(c, locale);
	case UTF8_SPACE:
		return iswspace_l(c, locale) || (code >= 0x1c && code <= 0x1f) ||
		       code == 0x85 || code == 0xa0;
	case UTF8_UPPER: return iswupper_l(c, locale);
	case UTF8_LOWER: return iswlower_l(c, locale);
	default: return repr_is_printable(code);
	}
}

uint32_t utf8_upper(uint32_t code)
{
	if (code < 0x80)
		return code >= 'a' && code <= 'z' ? code - 32 : code;
	return (uint32_t)towupper_l((wint_t)code, unicode_locale());
}

uint32_t utf8_lower(uint32_t code)
{
	if (code < 0x80)
		return code >= 'A' && code <= 'Z' ? code + 32 : code;
	return (uint32_t)towlower_l((wint_t)code, unicode_locale());
}
