/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON object among the lines that a program prints.
 */
#ifndef BASE_OBJECT_H
#define BASE_OBJECT_H

#include <stdbool.h>
#include <stddef.h>

struct object_span {
	const char *start, *end; /* the braces are the first and the last byte */
};

/* A line without the white space around it. */
struct object_span object_strip(const char *start, const char *end);
/*
 * Finds what lies between the first line that begins with a brace and the last that ends with
 * one, white space apart. Whether that is JSON is not looked at. False where there is none.
 */
bool object_find(const char *text, size_t n, struct object_span *found);

#endif
