/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of the registry's API that are in files of their own; http_handler of http/serve.h.
 */
#ifndef REGISTRYD_API_H
#define REGISTRYD_API_H

#include "daemons/registryd/registryd.h"

/*
 * GET .../models/{}/previous: the version that a roll back makes production. Of a model of the
 * site it is previous_version of model_registry.yaml, as rollback-model --previous takes it.
 * Nothing else remembers what was production: there it is the highest version below the one in
 * production that is not archived. On a worker: the site may have to be read.
 */
void api_previous(void *data, const struct http_call *call, struct http_answer *answer);
/* POST .../models */
void api_register(void *data, const struct http_call *call, struct http_answer *answer);
/* The same on a worker: where the store of files is asked over a network. */
void api_register_waiting(void *data, const struct http_call *call, struct http_answer *answer);
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
 * Reads a JSON object. Numbers keep their texts (VALUE_BIGINT where they have a point or an
 * exponent). NULL with an answer of 400 or 422.
 */
const struct value *api_parse(
	struct arena *a, const char *text, size_t n, struct http_answer *answer);
/*
 * Reads the fields of a new entry from such an object (NULL: it was answered that it is none)
 * into a change; false with an answer of 422. Texts are in the arena.
 */
bool api_entry_read(struct arena *a, const struct value *body, struct entry_change *change,
	struct http_answer *answer);
/*
 * Likewise of a request's body; also NULL with an answer of 415.
 */
const struct value *api_read_body(
	struct arena *a, const struct http_call *call, struct http_answer *answer);

#endif
