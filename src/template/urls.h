/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs in their parts, cut as Python's urllib.parse.urlsplit cuts them.
 */
#ifndef TEMPLATE_URLS_H
#define TEMPLATE_URLS_H

#include <stddef.h>

/* A part of a text; text NULL when it is not there. */
struct url_part {
	const char *text;
	size_t len;
};

struct url {
	struct url_part scheme, netloc, path, query, fragment;
};

/* Cuts n bytes into parts, which point into them. */
void url_split(const char *s, size_t n, struct url *out);

#endif
