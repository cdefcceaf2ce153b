/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What messages say about a value that was found: shared by all readers.
 */
#ifndef VALUE_FOUND_H
#define VALUE_FOUND_H

#include "base/diag.h"
#include "base/str.h"
#include "value/value.h"

/* Room for what found_text writes. */
#define FOUND_MAX 96

/*
 * Describes a value for people: `"2026-13-01"`, `the number 5`, `a list`; long text is cut,
 * control characters are shown as "?". Returns out. NULL reads as "nothing".
 */
const char *found_text(const struct value *v, char out[FOUND_MAX]);
/* The same for a plain string, in quotes. */
const char *found_string(const char *s, char out[FOUND_MAX]);
/* The place of a value, or the fallback when the value came from no file. */
struct place place_or(const struct value *v, struct place fallback);

#endif
