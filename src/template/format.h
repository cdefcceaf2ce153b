/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Python's two ways of formatting share: a conversion ("%-5d", "{:>5}"), and values shown
 * by one. The rules are those of Python's library reference, "Format Specification
 * Mini-Language" and "printf-style String Formatting".
 */
#ifndef TEMPLATE_FORMAT_H
#define TEMPLATE_FORMAT_H

#include "template/eval.h"

/* Wider or more precise than this is refused. */
#define FORMAT_MAX 10000

/* One conversion: how a value is shown. */
struct format_spec {
	char fill[5];       /* one character */
	char align;         /* '<' '>' '^' '=' or 0 */
	char sign;          /* '+' ' ' '-' or 0; the last two are one for numbers */
	bool unsigned_zero; /* what is rounded to zero has no sign */
	bool alternate;
	char group;    /* ',' '_' or 0 */
	int width;     /* in characters, 0 to FORMAT_MAX */
	int precision; /* likewise; -1: not given */
	char type;     /* 0: not given */
};

/* What stands where nothing is said. */
extern const struct format_spec format_spec_plain;

/* Reads a decimal number at *p, where there may be none (0); -1 if it is above FORMAT_MAX. */
int format_read_number(const char **p, const char *end);

/* Appends an INT, BOOL or BIGINT as one of the types "diunbcoxX", or 0. */
int format_integer(struct eval *ev, const struct value *v, const struct format_spec *s,
	struct strbuf *out, struct err *err);
/* Appends a number as one of the types "eEfFgGn%", or 0. */
void format_real(struct eval *ev, const struct value *v, const struct format_spec *s,
	struct strbuf *out);
/* Appends a STRING, cut to the precision in characters. */
void format_string(const struct value *text, const struct format_spec *s, struct strbuf *out);
/* Appends what str() ('s'), repr() ('r') or ascii() ('a') of Python give. */
int format_shown(struct eval *ev, const struct value *v, char conversion, struct strbuf *out,
	struct err *err);

#endif
