/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates, times and the differences between them, as Python's datetime module has them.
 */
#ifndef TEMPLATE_DATETIME_H
#define TEMPLATE_DATETIME_H

#include <time.h>

#include "template/object.h"

/* a - b and a + b for dates and differences; *done tells whether they are such. */
const struct value *datetime_op(struct eval *ev, enum binary_op op, const struct value *a,
	const struct value *b, bool *done, struct err *err);
/* Order of two differences: below, at or above 0. */
int timedelta_order(const struct value *a, const struct value *b);
/* 0 for a difference of nothing, else 1. */
int timedelta_truth(const struct value *v);
/* A DATETIME from calendar fields and microseconds. */
const struct value *datetime_new(struct eval *ev, const struct tm *tm, unsigned microseconds);
/* The calendar fields of a DATE or DATETIME. */
void datetime_fields(const struct value *v, struct tm *tm, unsigned *microseconds);
/* Formats calendar fields by strftime's directives. */
const struct value *datetime_format(
	struct eval *ev, const char *format, const struct tm *tm, struct err *err);
/* Reads a text by strptime's directives. */
const struct value *datetime_parse(
	struct eval *ev, const char *text, const char *format, struct err *err);
/* The method or attribute of a DATE or DATETIME, or NULL. */
const struct value *datetime_attribute(
	struct eval *ev, const struct value *v, const char *name);

#endif
