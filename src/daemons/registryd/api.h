/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of the registry's API that change something; http_handler of http/serve.h. */
#ifndef REGISTRYD_API_H
#define REGISTRYD_API_H

#include "daemons/registryd/registryd.h"

/* POST .../models */
void api_register(void *data, const struct http_call *call, struct http_answer *answer);
/* PUT .../models/{}/{}/activate */
void api_activate(void *data, const struct http_call *call, struct http_answer *answer);
/* PUT .../models/{}/{}/archive */
void api_archive(void *data, const struct http_call *call, struct http_answer *answer);
/* PATCH .../models/{}/{} */
void api_patch(void *data, const struct http_call *call, struct http_answer *answer);
/* DELETE .../models/{}/{} */
void api_delete(void *data, const struct http_call *call, struct http_answer *answer);

/*
 * Takes If-Match into a change of an entry; its text lives in the arena. False with an answer
 * of 412.
 */
bool api_read_condition(struct registryd *r, const struct http_call *call, struct arena *a,
	struct entry_change *change, struct http_answer *answer);
/*
 * Reads the JSON object of a request's body. Numbers keep their texts (VALUE_BIGINT where they
 * have a point or an exponent). NULL with an answer of 400, 413 or 415.
 */
const struct value *api_read_body(
	struct arena *a, const struct http_call *call, struct http_answer *answer);

#endif
