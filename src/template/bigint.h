/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integers beyond 64 bits. Schoolbook arithmetic on limbs of nine decimal digits: numbers are
 * limited to NUMBER_MAX_DIGITS digits, so nothing cleverer would be faster.
 */
#ifndef TEMPLATE_BIGINT_H
#define TEMPLATE_BIGINT_H

#include "base/err.h"
#include "template/ast.h"

/*
 * a op b for INT, BOOL and BIGINT operands and all operators but OP_DIV; a power has no
 * negative exponent. NULL with err: ERR_LIMIT when the result has too many digits, ERR_INPUT
 * for a division by zero.
 */
const struct value *bigint_op(struct arena *arena, enum binary_op op, const struct value *a,
	const struct value *b, struct err *err);
/* The double nearest to a / b; b is not 0. */
double bigint_divide(const struct value *a, const struct value *b);
/* The nearest double; infinite when it is too large. */
double bigint_real(const struct value *v);
/* The integer part of a double; NULL with ERR_INPUT for what is infinite, or no number. */
const struct value *bigint_from_real(struct arena *arena, double d, struct err *err);

#endif
