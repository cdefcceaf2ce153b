/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns given as arguments, compiled once a context.
 */
#ifndef TEMPLATE_REGEXES_H
#define TEMPLATE_REGEXES_H

#include "template/callable.h"
#include "text/regex.h"

/* The pattern in argument `pattern`, with flags from two others. NULL with err. */
const struct regex *regex_argument(
	struct args *a, size_t pattern, size_t ignorecase, size_t multiline, struct err *err);

#endif
