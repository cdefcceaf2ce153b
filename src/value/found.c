/* SPDX-License-Identifier: Apache-2.0 */
#include "value/found.h"

#include <inttypes.h>

/* Quotes at most 60 bytes of text; a cut never leaves half a UTF-8 sequence. */
static const char *quote(const char *s, size_t len, char out[FOUND_MAX])
{
	size_t n = len;
	const char *end = "\"";

	if (len > 60) {
		for (n = 60; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80;)
			n--;
		end = "...\"";
	}
	snprintf(out, FOUND_MAX, "\"%.*s%s", (int)n, s, end);
	for (char *p = out; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return out;
}

const char *found_string(const char *s, char out[FOUND_MAX])
{
	return quote(s, strlen(s), out);
}

const char *found_text(const struct value *v, char out[FOUND_MAX])
{
	if (!v)
		return "nothing";
	switch (v->kind) {
	case VALUE_STRING: return quote(v->text, v->len, out);
	case VALUE_BOOL: return v->boolean ? "true" : "false";
	case VALUE_NULL: return "null";
	case VALUE_INT: snprintf(out, FOUND_MAX, "the number %" PRId64, v->integer); return out;
	case VALUE_FLOAT: snprintf(out, FOUND_MAX, "the number %g", v->real); return out;
	case VALUE_DATE:
	case VALUE_DATETIME: snprintf(out, FOUND_MAX, "the date %.60s", v->text); return out;
	default: return value_kind_name(v);
	}
}

struct place place_or(const struct value *v, struct place fallback)
{
	return v && v->place.file ? v->place : fallback;
}
