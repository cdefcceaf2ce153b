/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "k=v k2='v 2'" as -e takes it: words between white space, held together by quotes and by the
 * delimiters of templates; backslash escapes resolved; quotes around a value removed.
 */
#ifndef VARS_ARGS_H
#define VARS_ARGS_H

#include "base/err.h"
#include "base/str.h"
#include "value/value.h"

#define ARGS_MAX (1u << 20) /* bytes of one argument */

/*
 * Sets each pair in `dict` (values are strings placed at `at`). -1 with err for a word without
 * "=", and when quotes or template delimiters are not closed.
 */
int args_parse(struct arena *arena, const char *text, const struct place *at,
	struct value *dict, struct err *err);

#endif
