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
/* Appends a file that a body has, of this machine or, with remote_src, of the node. */
int uri_body_file(struct module_call *c, const char *src, struct strbuf *out, struct err *err);
/*
 * Appends the parts of `body_format: form-multipart` (RFC 7578); the Content-Type that goes
 * with it, or NULL with err.
 */
const char *uri_multipart(
	struct module_call *c, const struct value *body, struct strbuf *out, struct err *err);

#endif
