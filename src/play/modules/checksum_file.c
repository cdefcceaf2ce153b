/* SPDX-License-Identifier: Apache-2.0 */
#include "play/modules/checksum_file.h"

#include <ctype.h>

#include "base/str.h"
#include "crypto/digest.h"

/* Takes the digits of a checksum; white space and the like between them is dropped. */
static int take_hex(
	struct checksum *s, struct arena *arena, const char *text, size_t n, struct err *err)
{
	enum digest_kind kind;
	unsigned char bytes[DIGEST_MAX];
	char *hex = arena_alloc(arena, n + 1);
	size_t len = 0;

	digest_by_name(s->name, &kind);
	for (size_t i = 0; i < n; i++)
		if (isalnum((unsigned char)text[i]))
			hex[len++] = (char)tolower((unsigned char)text[i]);
	if (len != 2 * digest_size(kind) || !parse_hex(hex, bytes, digest_size(kind)))
		return err_set(err, ERR_INPUT,
			"The checksum format is invalid: expected %zu hexadecimal digits for "
			"%s",
			2 * digest_size(kind), s->name);
	s->hex = hex;
	return 0;
}

int checksum_read(struct checksum *s, struct arena *arena, const char *text, const char **url,
	struct err *err)
{
	const char *colon = strchr(text, ':');
	enum digest_kind kind;

	*url = NULL;
	if (!colon)
		return err_set(err, ERR_INPUT,
			"The checksum parameter has to be in format <algorithm>:<checksum>");
	char *name = arena_strndup(arena, text, (size_t)(colon - text));
	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (!digest_by_name(name, &kind))
		return err_set(err, ERR_INPUT, "checksum: no digest is named '%s'", name);
	s->name = name;
	if (str_starts(colon + 1, "http://") || str_starts(colon + 1, "https://")) {
		*url = colon + 1;
		return 0;
	}
	return take_hex(s, arena, colon + 1, strlen(colon + 1), err);
}

/* Cuts "HEX  NAME", "HEX *NAME" or "HEX ./NAME"; false for another line. */
static bool cut(const char *line, size_t n, size_t *hex, const char **name, size_t *name_len)
{
	const char *end = line + n;
	const char *space = memchr(line, ' ', n);

	if (!space)
		return false;
	*hex = (size_t)(space - line);
	*name = space + 1;
	if (*name < end && (**name == ' ' || **name == '*'))
		++*name;
	while (*name < end && (**name == '.' || **name == '/'))
		++*name;
	*name_len = (size_t)(end - *name);
	return true;
}

int checksum_find(struct checksum *s, struct arena *arena, const char *list, size_t n,
	const char *name, struct err *err)
{
	size_t words = 0;

	/* A file with one word has nothing but the checksum. */
	for (size_t i = 0; i < n; i++)
		words += !isspace((unsigned char)list[i]) &&
			 (i == 0 || isspace((unsigned char)list[i - 1]));
	if (words == 1)
		return take_hex(s, arena, list, n, err);
	for (size_t at = 0; at < n;) {
		const char *newline = memchr(list + at, '\n', n - at);
		size_t len = newline ? (size_t)(newline - list) - at : n - at;
		size_t trimmed = len, hex, name_len;
		const char *listed;

		while (trimmed && list[at + trimmed - 1] == '\r')
			trimmed--;
		if (cut(list + at, trimmed, &hex, &listed, &name_len) &&
			name_len == strlen(name) && memcmp(listed, name, name_len) == 0)
			return take_hex(s, arena, list + at, hex, err);
		at += len + 1;
	}
	return err_set(err, ERR_NOTFOUND, "Unable to find a checksum for file '%s'", name);
}
