/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the body that registers a version: refused by a problem document that is JSON,
 * or an entry whose every field is what it may be.
 */
#include "daemons/registryd/api.h"

#include "value/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(const struct entry_change *change)
{
	if (!entry_name_is_valid(change->model_name) || change->version < 1 ||
		!entry_path_is_valid(change->path))
		abort();
	if (change->metadata) {
		AUTO(arena_release) struct arena a = {0};
		if (!entry_metadata_read(&a, change->metadata, NULL))
			abort();
	}
}

static void check_problem(const struct http_answer *answer)
{
	AUTO(arena_release) struct arena a = {0};
	const struct value *v =
		json_read(&a, answer->body.data, answer->body.len, NULL, NULL, NULL, NULL);
	const struct value *status = v ? value_dict_get(v, "status") : NULL;

	if ((answer->status != 400 && answer->status != 422) || !status ||
		status->integer != answer->status)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
	struct entry_change change = {.kind = ENTRY_REGISTER};
	const struct value *body = api_parse(&a, (const char *)data, size, &answer);

	if (body && api_entry_read(&a, body, &change, &answer))
		check_entry(&change);
	else
		check_problem(&answer);
	return 0;
}
