/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of one kind taken for another, as Ansible does with arguments and keywords: words
 * for booleans, numbers from text, lists from text with commas.
 */
#ifndef PLAY_CONVERT_H
#define PLAY_CONVERT_H

#include <stdbool.h>
#include <stdint.h>

#include "value/value.h"

/* A boolean, 0 or 1, or one of yes/no, on/off, true/false, y/n, t/f, in any case. */
bool value_to_bool(const struct value *v, bool *out);
/* A whole number, or a text that is one. */
bool value_to_int(const struct value *v, int64_t *out);
/* Any number, or a text that is one. */
bool value_to_number(const struct value *v, double *out);
/* A value's text as Python's str() gives it; NULL when it has none. */
const struct value *value_to_text(struct arena *a, const struct value *v);
/* A text split at commas, white space kept; a number alone; a list as it is. NULL: neither. */
const struct value *value_to_list(struct arena *a, const struct value *v);
/*
 * A mapping as it is; a text that is JSON or a Python literal in braces, or pairs "k=v, k2=v2"
 * with quotes and backslashes. NULL: neither.
 */
const struct value *value_to_dict(struct arena *a, const struct value *v);
/* The text of a file's mode: a number becomes its octal digits. NULL when it has none. */
const struct value *value_to_mode(struct arena *a, const struct value *v);

#endif
