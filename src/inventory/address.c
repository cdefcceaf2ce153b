/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling addresses from other texts, and splitting off ports. Any component may be a range in
 * brackets ("10.0.0.[1:9]"), unless the caller does not want ranges.
 */
#include <ctype.h>

#include "inventory/pattern.h"

static bool all_digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)s[i]))
			return false;
	return n > 0;
}

/* Length of "[...]" at s, or 0. */
static size_t bracket_len(const char *s)
{
	const char *close = *s == '[' ? strchr(s, ']') : NULL;

	return close ? (size_t)(close - s) + 1 : 0;
}

enum range_kind { RANGE_NUMBERS, RANGE_HEX, RANGE_LETTERS };

static size_t range_bound(const char *s, enum range_kind kind)
{
	size_t n = 0;

	while (isdigit((unsigned char)s[n]) ||
		(kind == RANGE_HEX && isxdigit((unsigned char)s[n])))
		n++;
	if (n == 0 && kind == RANGE_LETTERS && isalpha((unsigned char)s[0]))
		n = 1;
	return n;
}

/* Length of a range of that kind at s, or 0: [begin:end] or [begin:end:step]. */
static size_t range_len(const char *s, enum range_kind kind)
{
	const char *p = s;
	size_t n;

	if (*p++ != '[')
		return 0;
	bool letter = isalpha((unsigned char)*p);
	n = range_bound(p, kind);
	p += n;
	if (n == 0 || *p++ != ':')
		return 0;
	if (kind == RANGE_LETTERS && letter != (isalpha((unsigned char)*p) != 0))
		return 0;
	n = range_bound(p, kind);
	p += n;
	if (n == 0)
		return 0;
	if (*p == ':') {
		n = range_bound(++p, RANGE_NUMBERS);
		p += n;
		if (n == 0)
			return 0;
	}
	return *p == ']' ? (size_t)(p - s) + 1 : 0;
}

/* A number of an IPv4 address: 0 to 255, with leading zeros up to three digits. */
static size_t ipv4_part_len(const char *s)
{
	size_t n = range_len(s, RANGE_NUMBERS);

	if (n > 0)
		return n;
	while (n < 3 && isdigit((unsigned char)s[n]))
		n++;
	if (n == 3 && (s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0') > 255)
		return 0;
	return n;
}

static bool is_ipv4(const char *s)
{
	for (int part = 0; part < 4; part++) {
		size_t n = ipv4_part_len(s);
		if (n == 0 || (part < 3 && s[n] != '.'))
			return false;
		s += n + (part < 3);
	}
	return *s == '\0';
}

/* Length of a group of an IPv6 address at s, or 0: up to four hex digits, or a range. */
static size_t ipv6_group_len(const char *s)
{
	size_t n = range_len(s, RANGE_HEX);

	while (n < 4 && isxdigit((unsigned char)s[n]))
		n++;
	return n;
}

/*
 * As Ansible knows an IPv6 address: by how it begins. Seven groups and colons and one more
 * group, or up to six and then "::"; what follows the double colon is not looked at.
 */
static bool is_ipv6(const char *s)
{
	int groups = 0;

	if (str_starts(s, "::"))
		return true;
	for (;; groups++) {
		size_t n = ipv6_group_len(s);
		if (n == 0 || s[n] != ':')
			break;
		s += n + 1;
	}
	if (*s == ':')
		return groups >= 1 && groups <= 6;
	return (groups == 7 && ipv6_group_len(s) > 0) || (groups == 6 && is_ipv4(s));
}

static bool label_char(unsigned char c)
{
	return isalnum(c) || c == '_' || c >= 0x80;
}

/* Length of a host name's label at s, or 0: neither begins nor ends with a hyphen. */
static size_t label_len(const char *s)
{
	size_t n = 0;

	for (;;) {
		size_t range = range_len(s + n, RANGE_LETTERS);
		if (range > 0)
			n += range;
		else if (label_char((unsigned char)s[n]) || (s[n] == '-' && n > 0))
			n++;
		else
			break;
	}
	return n > 0 && s[n - 1] != '-' && s[n - 1] != '_' ? n : 0;
}

static bool is_hostname(const char *s)
{
	for (;;) {
		size_t n = label_len(s);
		if (n == 0)
			return false;
		if (s[n] == '\0')
			return true;
		if (s[n] != '.')
			return false;
		s += n + 1;
	}
}

/* Takes the port off "[name]:22"; false if the text has not this form. */
static bool take_bracketed_port(struct strbuf *text, int64_t *port)
{
	const char *colon = strrchr(text->data, ':');

	if (text->data[0] != '[' || !colon || colon - text->data < 3 || colon[-1] != ']' ||
		!all_digits(colon + 1, strlen(colon + 1)) ||
		!parse_int(colon + 1, 0, INT32_MAX, port))
		return false;
	strbuf_truncate(text, (size_t)(colon - text->data) - 1);
	memmove(text->data, text->data + 1, text->len);
	strbuf_truncate(text, text->len - 1);
	return true;
}

/* Takes the port off "name:22", where the only colon outside brackets is that one. */
static bool take_port(struct strbuf *text, int64_t *port)
{
	const char *p = text->data;

	while (*p && *p != ':') {
		size_t n = bracket_len(p);
		if (n == 0 && (*p == '[' || *p == ']'))
			return false;
		p += n > 0 ? n : 1;
	}
	if (*p != ':' || !all_digits(p + 1, strlen(p + 1)) ||
		!parse_int(p + 1, 0, INT32_MAX, port))
		return false;
	strbuf_truncate(text, (size_t)(p - text->data));
	return true;
}

bool address_split(const char *text, bool ranges, struct strbuf *host, int64_t *port)
{
	AUTO(strbuf_release) struct strbuf rest = STRBUF_INIT;

	*port = -1;
	strbuf_addstr(&rest, text);
	take_bracketed_port(&rest, port);
	take_port(&rest, port);
	if (!is_ipv4(rest.data) && !is_ipv6(rest.data) && !is_hostname(rest.data))
		return false;
	if (!ranges && strchr(rest.data, '['))
		return false;
	strbuf_addstr(host, rest.data);
	return true;
}

bool address_is_ip(const char *text)
{
	return is_ipv4(text) || is_ipv6(text);
}
