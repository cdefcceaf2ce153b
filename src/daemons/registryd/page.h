/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page at / : files of page/, which are part of the program (cmake/embed.cmake). They hold
 * no data and need no key; what they show they ask of the API.
 */
#ifndef REGISTRYD_PAGE_H
#define REGISTRYD_PAGE_H

#include "http/serve.h"

/* A file of the page. */
struct page_file {
	const char *name, *type;
	const char *etag; /* with its quotes; of the content */
	const unsigned char *data;
	size_t size;
};

/* All of them; ends with an all-zero one. Made when the program is built. */
extern const struct page_file page_files[];

#endif
