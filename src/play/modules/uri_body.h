/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a uri task's request, by its body_format.
 */
#ifndef PLAY_MODULES_URI_BODY_H
#define PLAY_MODULES_URI_BODY_H

#include "play/module.h"

/*
 * Appends the body that the arguments `body` and `src` make; *type is the Content-Type that
 * goes with it, or NULL. 1 with a body, 0 when there is none, -1 with err.
 */
int uri_body(struct module_call *c, struct strbuf *out, const char **type, struct err *err);

#endif
