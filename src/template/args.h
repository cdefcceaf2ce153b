/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments: binding them to a callable's parameters, and reading them as what a function
 * needs. The readers name the function and the parameter in their errors.
 */
#ifndef TEMPLATE_ARGS_H
#define TEMPLATE_ARGS_H

#include "template/callable.h"
#include "template/object.h"

/* Calls a table's entry. positional is a list (or NULL: none), named a dict (or NULL). */
const struct value *args_call(struct eval *ev, const struct callable *callable,
	const struct value *self, const struct value *positional, const struct value *named,
	struct err *err);

/*
 * The same with arguments as they were written, which it evaluates; call may be NULL. The shape
 * is the callable's.
 */
const struct value *args_apply(struct eval *ev, const struct callable *callable,
	const struct shape *shape, const struct value *self, const struct call *call,
	struct err *err);
/* Evaluates arguments to a list and a dict; both become NULL without a call. -1 with err. */
int eval_arguments(struct eval *ev, const struct call *call, struct value **positional,
	struct value **named, struct err *err);

/* Argument i as text: a STRING, or str() of what it is; NULL with err. Not given: `fallback`.
 */
const struct value *arg_text(struct args *a, size_t i, const char *fallback, struct err *err);
/* The object as text. */
const struct value *self_text(struct args *a, struct err *err);
/* Argument i must be a STRING; NULL with err. Not given: `fallback`. */
const struct value *arg_string(struct args *a, size_t i, const char *fallback, struct err *err);
/* Argument i as an integer; -1 with err when it is none. Not given or None: `fallback`. */
int arg_int(struct args *a, size_t i, int64_t fallback, int64_t *out, struct err *err);
/* Truth of argument i; -1 with err. Not given: `fallback`. */
int arg_bool(struct args *a, size_t i, bool fallback, struct err *err);
/* True if argument i was given and is not None. */
bool arg_given(const struct args *a, size_t i);
/* Fills err with "NAME: text"; returns NULL. */
const struct value *args_fail(const struct args *a, struct err *err, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

#endif
