/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and strings as Python shows them, and integers of any size as decimal text.
 */
#ifndef VALUE_NUMBER_H
#define VALUE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"
#include "value/value.h"

/* Appends an integer in decimal. */
void number_add_int(struct strbuf *out, int64_t i);
/*
 * Appends d with as many digits behind the point (none: no point), rounded from its exact
 * value, halves to even: what "%.*f" gives.
 */
void number_add_fixed(struct strbuf *out, double d, unsigned digits);
/* Appends what repr(d) gives: the shortest digits that read back as d; inf, -inf, nan. */
void number_add_float(struct strbuf *out, double d);
/* Reads decimal digits with point and exponent, all of n bytes; false if it is no number. */
bool number_parse_float(const char *s, size_t n, double *out);
/*
 * An INT, or a BIGINT when int64 cannot hold it, from the digits of a base from 2 to 36 (no
 * sign, no prefix, no underscores). NULL if a digit does not belong to the base, for none at
 * all, and for more than NUMBER_MAX_DIGITS of them.
 */
struct value *number_new_integer(
	struct arena *a, bool negative, const char *digits, size_t n, unsigned base);
#define NUMBER_MAX_DIGITS 4300

/* True for what str.isprintable() lets pass: repr shows it as it is. */
bool repr_is_printable(uint32_t c);
/* Appends what repr(s) gives for a str: quotes chosen and escapes written as Python does. */
void repr_add_string(struct strbuf *out, const char *s, size_t n);
/* Appends what repr(b) gives for bytes: b'...' */
void repr_add_bytes(struct strbuf *out, const char *s, size_t n);

#endif
