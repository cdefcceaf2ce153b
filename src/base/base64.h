/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 (RFC 4648), with the alphabet of the standard or of URLs.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum base64_alphabet {
	BASE64_STANDARD, /* + and /, padded with = */
	BASE64_URL,      /* - and _, written without padding, as JWTs have it */
};

/* Appends the text of n bytes. */
void base64_encode(
	enum base64_alphabet alphabet, const void *data, size_t n, struct strbuf *out);
/*
 * Appends the bytes of a text. White space is skipped; padding may be missing for
 * BASE64_URL only. False, with out as it was, when anything else is wrong.
 */
bool base64_decode(
	enum base64_alphabet alphabet, const char *text, size_t n, struct strbuf *out);

#endif
