/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 text seen as Python sees a str: a sequence of code points. A byte that is not part of
 * valid UTF-8 counts as one code point.
 */
#ifndef TEMPLATE_UTF8_H
#define TEMPLATE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Appends one code point. */
void utf8_add(struct strbuf *out, uint32_t code);
/* Decodes the code point at s (n > 0 bytes) and says how many bytes it takes. */
uint32_t utf8_next(const char *s, size_t n, size_t *taken);
/* How many code points n bytes hold. */
size_t utf8_count(const char *s, size_t n);
/* The offset of code point number i; n when there are not as many. */
size_t utf8_offset(const char *s, size_t n, size_t i);
/* True if all bytes are ASCII, so that code points are bytes. */
bool utf8_is_ascii(const char *s, size_t n);

/* Properties of code points, as str.isalpha() and its like ask for them. */
enum utf8_class { UTF8_ALPHA, UTF8_DIGIT, UTF8_SPACE, UTF8_UPPER, UTF8_LOWER, UTF8_PRINTABLE };
/* True if a code point has a property. */
bool utf8_is(uint32_t code, enum utf8_class property);
/* Its upper-case form, or itself. */
uint32_t utf8_upper(uint32_t code);
/* Its lower-case form, or itself. */
uint32_t utf8_lower(uint32_t code);

#endif
