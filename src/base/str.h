/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings that grow, lists of strings, and strict parsing of numbers.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/*
 * A byte string that grows. `data` is never NULL and always ends with a NUL beyond `len`,
 * whatever bytes it holds. Initialise with STRBUF_INIT.
 */
struct strbuf {
	char *data;
	size_t len;
	size_t cap; /* 0 while data points to the shared empty string */
};

extern char strbuf_empty[];
#define STRBUF_INIT                                                                            \
	{                                                                                      \
		.data = strbuf_empty, .len = 0, .cap = 0                                       \
	}

/* Makes an empty buffer (the same as STRBUF_INIT). */
void strbuf_init(struct strbuf *b);
/* Frees the memory; the buffer is empty and usable afterwards. */
void strbuf_release(struct strbuf *b);
/* Empties the buffer and keeps its memory. */
void strbuf_clear(struct strbuf *b);
/* Makes room for extra bytes beyond len. */
void strbuf_reserve(struct strbuf *b, size_t extra);
/* Appends n bytes. */
static inline void strbuf_add(struct strbuf *b, const void *data, size_t n)
{
	if (n >= b->cap - b->len)
		strbuf_reserve(b, n);
	if (n)
		memcpy(b->data + b->len, data, n);
	b->len += n;
	b->data[b->len] = '\0';
}

/* Appends a string. */
void strbuf_addstr(struct strbuf *b, const char *s);
/* Appends one byte. */
static inline void strbuf_addch(struct strbuf *b, char c)
{
	strbuf_add(b, &c, 1);
}

/* Appends by a format. */
void strbuf_addf(struct strbuf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Appends by a format and a va_list. */
void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* Cuts to n bytes; n must not exceed len. */
void strbuf_truncate(struct strbuf *b, size_t n);
/* Removes white space at the end. */
void strbuf_rtrim(struct strbuf *b);
/* Takes the string out; the caller frees it. The buffer is empty afterwards. */
char *strbuf_detach(struct strbuf *b, size_t *len);
/* Appends n bytes as lower-case hex. */
void strbuf_addhex(struct strbuf *b, const void *data, size_t n);
/* Appends a JSON string literal, quotes included; bytes that are not UTF-8 become U+FFFD. */
void strbuf_addjson(struct strbuf *b, const char *s, size_t n);
/* Appends a word quoted for a POSIX shell where it needs quotes. */
void strbuf_addshell(struct strbuf *b, const char *word);
/* Appends a size for people: "0 B", "1.5 MB" (powers of 1000). */
void strbuf_addsize(struct strbuf *b, uint64_t bytes);

/* A list of strings that it owns. An all-zero struct is an empty list. */
struct strlist {
	char **items; /* NULL-terminated when count > 0 */
	size_t count;
	size_t cap;
};

/* Appends a copy of s. */
void strlist_add(struct strlist *l, const char *s);
/* Appends a string made by a format. */
void strlist_addf(struct strlist *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Appends the fields of s between separators, white space trimmed, empty fields left out. */
void strlist_split(struct strlist *l, const char *s, const char *separators);
/* True if the list holds s. */
bool strlist_has(const struct strlist *l, const char *s);
/* Sorts by bytes. */
void strlist_sort(struct strlist *l);
/* Frees all; the list is empty and usable afterwards. */
void strlist_release(struct strlist *l);

/* Parses a whole decimal string within [min, max]; false otherwise. */
bool parse_int(const char *s, int64_t min, int64_t max, int64_t *out);
/*
 * Parses a size, "20" or "1.5", with an optional suffix k M G T (powers of 1000) or Ki Mi Gi Ti
 * and an optional B; false for anything else and for more than INT64_MAX.
 */
bool parse_size(const char *s, uint64_t *out);
/* Parses exactly n bytes of hex; false otherwise. */
bool parse_hex(const char *s, void *out, size_t n);
/* Writes n bytes as lower-case hex and a NUL; out has room for 2 * n + 1. */
void hex_encode(const void *data, size_t n, char *out);

/* True if s begins with prefix. */
bool str_starts(const char *s, const char *prefix);
/* True if s ends with suffix. */
bool str_ends(const char *s, const char *suffix);
/* strcmp of two strings that may be NULL; NULL sorts first. */
int str_cmp0(const char *a, const char *b);
/* Length of the UTF-8 sequence at s (1 to 4), 0 if it is not valid; n bytes may be read. */
size_t utf8_len(const char *s, size_t n);
/*
 * The character at s and its length in *len. A byte that is not valid UTF-8 gives U+FFFD and
 * length 1. At least one byte may be read.
 */
uint32_t utf8_decode(const char *s, size_t n, size_t *len);
/* Appends a character as UTF-8; what is no character is appended as U+FFFD. */
void strbuf_addutf8(struct strbuf *b, uint32_t c);

#endif
