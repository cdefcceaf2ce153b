/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the HTTP port share. */
#ifndef CACHED_API_PRIVATE_H
#define CACHED_API_PRIVATE_H

#include "daemons/cached/cached.h"
#include "http/serve.h"
#include "value/value.h"

/* Makes a value the answer's body, as a line of JSON. */
void api_answer_json(struct http_answer *answer, const struct value *v);
/* The name of the only model that there is, or NULL. */
const char *api_only_model(struct cached *cached, char name[CACHE_NAME_MAX]);
/* POST /models/reload: answered when the models that are meant were looked at. */
void api_take_reload(void *data, const struct http_call *call, struct http_answer *answer);

#endif
