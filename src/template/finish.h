/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a value looks like outside of an evaluation: no promises, nothing undefined, no omitted
 * items, tuples as lists, strings that look like templates unsafe.
 */
#ifndef TEMPLATE_FINISH_H
#define TEMPLATE_FINISH_H

#include "template/eval.h"

/*
 * Finishes a value. At the top, objects become plain values or are errors; inside text that is
 * put together (top false) they stay. NULL with err.
 */
const struct value *finish(struct eval *ev, const struct value *v, bool top, struct err *err);

#endif
