/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python's operators on values, with Python's errors. Operands are defined.
 */
#ifndef TEMPLATE_OPS_H
#define TEMPLATE_OPS_H

#include "template/eval.h"

/* a op b. NULL with err. */
const struct value *op_binary(struct eval *ev, enum binary_op op, const struct value *a,
	const struct value *b, struct err *err);
/* -a and +a. */
const struct value *op_negate(struct eval *ev, const struct value *a, struct err *err);
/* The same for the other sign. */
const struct value *op_positive(struct eval *ev, const struct value *a, struct err *err);

/* a == b: 1, 0, -1 with err. */
int op_equal(struct eval *ev, const struct value *a, const struct value *b, struct err *err);
/* Sets *out below, at or above 0 as a < b, a == b, a > b. -1 with err when they have no order.
 */
int op_order(struct eval *ev, const struct value *a, const struct value *b, int *out,
	struct err *err);
/* a op b for any comparison: 1, 0, -1 with err. */
int op_compare(struct eval *ev, enum compare_op op, const struct value *a,
	const struct value *b, struct err *err);
/* item in container: 1, 0, -1 with err. */
int op_contains(struct eval *ev, const struct value *container, const struct value *item,
	struct err *err);
/* Python's truth of a value: 1, 0, -1 with err (undefined). */
int op_truth(struct eval *ev, const struct value *v, struct err *err);
/* format % values, for strings. */
const struct value *op_format(struct eval *ev, const struct value *format,
	const struct value *values, struct err *err);

/* Python's name of a value's type: "int", "str", "NoneType" ... */
const char *type_name(const struct value *v);
/* True for INT, BIGINT and BOOL. */
bool is_integer(const struct value *v);
/* True for those and FLOAT. */
bool is_number(const struct value *v);
/* A number as a double. */
double number_real(const struct value *v);
/* An INT or BOOL (not BIGINT) as int64; false for anything else. */
bool number_int64(const struct value *v, int64_t *out);

#endif
