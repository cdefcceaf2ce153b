/* SPDX-License-Identifier: Apache-2.0 */
/* Which version a roll back goes to; see api.h. */
#include "daemons/registryd/api.h"

/* The entry of a model that has a date, or NULL. */
static const struct entry *find_date(
	const struct entry_list *list, const char *model, const char *date)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct entry *e = list->items[i];
		if (e->date && strcmp(e->date, date) == 0 && strcmp(e->model_name, model) == 0)
			return e;
	}
	return NULL;
}

/* The highest version below one that is not archived, or NULL. */
static const struct entry *find_below(const struct entry_list *list, const struct entry *from)
{
	const struct entry *found = NULL;

	for (size_t i = 0; i < list->count; i++) {
		const struct entry *e = list->items[i];
		if (strcmp(e->model_name, from->model_name) == 0 &&
			e->version < from->version && e->status != ENTRY_ARCHIVED &&
			(!found || e->version > found->version))
			found = e;
	}
	return found;
}

/* What model_registry.yaml says; where an entry has no date, or there is no site, the order. */
static const struct entry *find_previous(struct registryd *r, const struct entry_list *list,
	const struct entry *production, struct err *err)
{
	char date[TRUTH_DATE_SIZE];

	if (!r->files.truth || !production->date)
		return find_below(list, production);
	if (truth_previous(
		    r->files.truth, production->model_name, production->date, date, err) < 0)
		return NULL;
	return *date ? find_date(list, production->model_name, date) : NULL;
}

static void answer_with(const struct entry *e, struct http_answer *answer)
{
	strlist_addf(&answer->headers, "ETag: \"%s\"", e->etag);
	strbuf_add(&answer->body, e->json, e->json_len);
	strbuf_addch(&answer->body, '\n');
}

static void unavailable(const struct err *why, struct http_answer *answer)
{
	http_answer_problem(answer, 503, "%s", why->text);
	strlist_add(&answer->headers, "Retry-After: 5");
}

void api_previous(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct registryd *r = data;
	const char *model = call->segments[0];
	struct err why = {0};
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_list(r->store, &why);

	if (!list) {
		unavailable(&why, answer);
		return;
	}
	const struct entry *production = entry_list_production(list, model);
	const struct entry *e = production ? find_previous(r, list, production, &why) : NULL;
	if (why.code)
		unavailable(&why, answer);
	else if (e)
		answer_with(e, answer);
	else
		http_answer_problem(answer, 404, "%s has no version %s", model,
			production ? "to go back to" : "in production");
}
