/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places in files, and lists of findings about them: for readers that report everything
 * that is wrong in one run rather than the first thing only.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* A place in a file. The name lives as long as whoever read the file keeps it. */
struct place {
	const char *file; /* as the user would name it; NULL when unknown */
	unsigned line;    /* from 1; 0 when unknown */
	unsigned column;  /* from 1, in bytes; 0 when unknown */
};

enum diag_level { DIAG_WARNING, DIAG_ERROR };

struct diag {
	enum diag_level level;
	char *file; /* owned copy, may be NULL */
	unsigned line;
	unsigned column;
	char *text; /* what was found, what was expected, what to do */
};

/* A list of findings, at most DIAG_MAX of them. An all-zero struct is an empty list. */
#define DIAG_MAX 1000
struct diags {
	struct diag *items;
	size_t count;
	size_t cap;
	size_t errors;  /* how many of all findings were errors */
	size_t dropped; /* findings beyond DIAG_MAX, counted only */
};

/* Adds an error at a place (which may be NULL). */
void diag_error(struct diags *d, const struct place *at, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* Adds a warning at a place (which may be NULL). */
void diag_warning(struct diags *d, const struct place *at, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* Appends "file:line:column: " or what of it is known. */
void place_format(const struct place *at, struct strbuf *out);
/* Fills an error whose text begins with a place; always -1. */
int place_fail(const struct place *at, struct err *err, enum err_code code, const char *fmt,
	...) PRINTF_LIKE(4, 5);
/* The same with a list of arguments. */
int place_vfail(const struct place *at, struct err *err, enum err_code code, const char *fmt,
	va_list ap) PRINTF_LIKE(4, 0);
/* Appends one finding as a line: "file:line:column: error: text\n". */
void diag_format(const struct diag *d, struct strbuf *out);
/* Frees all findings; the list is empty afterwards. */
void diags_release(struct diags *d);

#endif
