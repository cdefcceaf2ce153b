/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of values: Python's str() and repr(), and arguments of functions as text and numbers.
 */
#ifndef TEMPLATE_REPR_H
#define TEMPLATE_REPR_H

#include "template/eval.h"

/* Appends str(v). -1 with err for what is undefined. ev may be NULL for evaluated values. */
int repr_str(struct eval *ev, const struct value *v, struct strbuf *out, struct err *err);
/* Appends repr(v). */
int repr_repr(struct eval *ev, const struct value *v, struct strbuf *out, struct err *err);
/* str(v) as a STRING value; a STRING is returned as it is. */
const struct value *repr_string(struct eval *ev, const struct value *v, struct err *err);
/* A STRING in the arena from a buffer, within the limits. */
const struct value *new_text(struct eval *ev, const struct strbuf *text, struct err *err);
/* A STRING of n bytes in the arena. */
const struct value *new_textn(struct eval *ev, const char *s, size_t n);
/* Appends an ISO date and time as str() shows it: a space for the T. */
void repr_datetime(const struct value *v, struct strbuf *out);

#endif
