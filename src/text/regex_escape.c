/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Escapes that mean one character, in patterns and the other way round.
 */
#include "text/regex_translate.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly `digits` hex digits. */
static int read_hex(struct regex_translation *t, int digits, uint32_t *c)
{
	size_t from = t->at - 2;

	*c = 0;
	for (int i = 0; i < digits; i++, t->at++) {
		int digit = t->at < t->len ? hex_digit(t->pattern[t->at]) : -1;

		if (digit < 0)
			return regex_fail(
				t, from, "incomplete escape, expected %d hex digits", digits);
		*c = *c << 4 | (uint32_t)digit;
	}
	if (*c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000))
		return regex_fail(t, from, "the escape names no character");
	return 0;
}

int regex_read_octal(struct regex_translation *t, int max, uint32_t *c)
{
	size_t from = t->at;

	*c = 0;
	for (int i = 0; i < max && t->at < t->len; i++, t->at++) {
		char digit = t->pattern[t->at];

		if (digit < '0' || digit > '7')
			break;
		*c = *c * 8 + (uint32_t)(digit - '0');
	}
	if (*c > 0377)
		return regex_fail(t, from, "octal escape beyond 0o377");
	return 0;
}

int regex_read_char_escape(struct regex_translation *t, uint32_t *c)
{
	static const char letters[] = "abfnrtv", bytes[] = "\a\b\f\n\r\t\v";
	char letter = t->pattern[t->at];
	const char *simple = letter ? strchr(letters, letter) : NULL;
	size_t len;

	if (simple) {
		t->at++;
		*c = (uint32_t)(unsigned char)bytes[simple - letters];
		return 0;
	}
	if (letter == 'x' || letter == 'u' || letter == 'U') {
		t->at++;
		return read_hex(t, letter == 'x' ? 2 : letter == 'u' ? 4 : 8, c);
	}
	if ((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
		(letter >= '0' && letter <= '9'))
		return regex_fail(t, t->at - 1, "bad escape \\%c", letter);
	*c = utf8_decode(t->pattern + t->at, t->len - t->at, &len);
	t->at += len;
	return 0;
}

void regex_escape(const char *text, size_t len, struct strbuf *out)
{
	static const char special[] = "()[]{}?*+-|^$\\.&~# \t\n\r\v\f";

	for (size_t i = 0; i < len; i++) {
		if (text[i] && strchr(special, text[i]))
			strbuf_addch(out, '\\');
		strbuf_addch(out, text[i]);
	}
}
