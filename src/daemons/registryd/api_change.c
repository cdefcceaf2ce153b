/* SPDX-License-Identifier: Apache-2.0 */
/* The registry's API: what is changed. Bodies are checked here, all else by the store. */
#include "base/suggest.h"
#include "daemons/registryd/api.h"
#include "daemons/registryd/files_api_private.h"
#include "daemons/registryd/problem.h"
#include "value/found.h"
#include "value/json.h"

/* ---- bodies ---- */

/* Whether a media type is this one, whatever parameters it has. */
static bool is_type(const char *said, const char *type)
{
	size_t n = strlen(type);

	return strncasecmp(said, type, n) == 0 && (!said[n] || strchr("; \t", said[n]));
}

bool api_has_type(const struct http_call *call, struct http_answer *answer)
{
	const char *said = http_call_header(call, "Content-Type");

	if (!said || is_type(said, "application/json") ||
		is_type(said, "application/merge-patch+json"))
		return true;
	http_answer_problem(answer, 415,
		"Content-Type: found %s, expected application/json (curl: -H 'Content-Type: "
		"application/json')",
		said);
	return false;
}

static const struct value *malformed(struct http_answer *answer, const char *why)
{
	http_answer_problem(answer, 400, "%s", why);
	return NULL;
}

const struct value *api_parse(
	struct arena *a, const char *text, size_t n, struct http_answer *answer)
{
	static const struct json_options options = {.duplicates_are_errors = true,
		.strict_numbers = true,
		.number_texts = true,
		.max_depth = ENTRY_METADATA_DEPTH + 2};
	AUTO(diags_release) struct diags diags = {0};
	struct err why = {0};

	const struct value *v = json_read(a, text, n, "body", &options, &diags, &why);
	if (!v)
		return malformed(answer, why.text);
	if (diags.errors) {
		AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
		diag_format(&diags.items[0], &line);
		strbuf_rtrim(&line);
		return malformed(answer, line.data);
	}
	if (v->kind == VALUE_DICT)
		return v;
	struct problem p = {0};
	char found[FOUND_MAX];
	problem_add(&p, "body", "found %s, expected an object", found_text(v, found));
	(void)problem_answer(&p, answer);
	return NULL;
}

const struct value *api_read_body(
	struct arena *a, const struct http_call *call, struct http_answer *answer)
{
	return api_has_type(call, answer) ? api_parse(a, call->body, call->body_len, answer)
					  : NULL;
}

/* A member of a body and what reads it. */
struct field {
	const char *name;
	bool required;
	void (*read)(struct arena *a, const struct value *v, const char *name,
		struct entry_change *change, struct problem *p);
};

static void expected(
	struct problem *p, const char *name, const struct value *v, const char *what)
{
	char found[FOUND_MAX];

	problem_add(p, name, "found %s, expected %s", found_text(v, found), what);
}

static bool is_plain_text(const struct value *v)
{
	return value_is_string(v) && strlen(v->text) == v->len;
}

static void read_name(struct arena *a, const struct value *v, const char *name,
	struct entry_change *change, struct problem *p)
{
	(void)a;
	if (is_plain_text(v) && entry_name_is_valid(v->text))
		change->model_name = v->text;
	else
		expected(p, name, v,
			"letters, digits, \".\", \"_\" and \"-\", beginning with one of the "
			"first two, 200 at most");
}

static void read_version(struct arena *a, const struct value *v, const char *name,
	struct entry_change *change, struct problem *p)
{
	(void)a;
	if (v->kind == VALUE_INT && v->integer >= 1)
		change->version = v->integer;
	else
		expected(p, name, v, "a whole number from 1");
}

static void read_path(struct arena *a, const struct value *v, const char *name,
	struct entry_change *change, struct problem *p)
{
	(void)a;
	if (is_plain_text(v) && entry_path_is_valid(v->text))
		change->path = v->text;
	else
		expected(p, name, v,
			"a path: a text that is not empty, without control characters, of at "
			"most 4096 bytes");
}

static void read_metadata(struct arena *a, const struct value *v, const char *name,
	struct entry_change *change, struct problem *p)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err why = {0};

	if (v->kind != VALUE_DICT)
		expected(p, name, v, "an object");
	else if (entry_metadata_write(v, &text, &why) < 0)
		problem_add(p, name, "%s", why.text);
	else
		change->metadata = arena_strdup(a, text.data);
}

static void read_date(struct arena *a, const struct value *v, const char *name,
	struct entry_change *change, struct problem *p)
{
	(void)a;
	if (v->kind == VALUE_NULL)
		return;
	if (is_plain_text(v) && clock_is_date(v->text))
		change->date = v->text;
	else
		expected(p, name, v, "a day as YYYY-MM-DD");
}

static const struct field *find_field(const struct field *fields, const struct value *key)
{
	for (const struct field *f = fields; f->name; f++)
		if (strcmp(f->name, key->text) == 0)
			return f;
	return NULL;
}

static void unknown_field(const struct field *fields, const char *name, struct problem *p)
{
	struct suggestion nearest = {0};

	for (const struct field *f = fields; f->name; f++)
		suggest_add(&nearest, name, f->name);
	if (nearest.word)
		problem_add(p, name, "is no field here; did you mean \"%s\"?", nearest.word);
	else
		problem_add(p, name, "is no field here");
}

/* Reads the fields of a body (NULL: it was none) into a change; false with an answer. */
static bool read_fields(struct arena *a, const struct value *body, const struct field *fields,
	struct entry_change *change, struct http_answer *answer)
{
	struct problem p = {0};

	if (!body)
		return false;
	value_dict_foreach (pair, body) {
		const struct field *f = find_field(fields, pair->key);
		if (f)
			f->read(a, pair->value, f->name, change, &p);
		else
			unknown_field(fields, pair->key->text, &p);
	}
	for (const struct field *f = fields; f->name; f++)
		if (f->required && !value_dict_get(body, f->name))
			problem_add(&p, f->name, "is missing");
	return !problem_answer(&p, answer);
}

/* ---- conditions ---- */

/*
 * Takes If-Match. Whatever tags it names: the one that the entry has now must be among them,
 * and the store sees to it that it still has that when it is changed. False with an answer.
 */
bool api_read_condition(struct registryd *r, const struct http_call *call, struct arena *a,
	struct entry_change *change, struct http_answer *answer)
{
	struct err why = {0};

	if (!http_call_header(call, "If-Match"))
		return true;
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_list(r->store, &why);
	const struct entry *e =
		list ? entry_list_find(list, change->model_name, change->version) : NULL;
	if (!e) /* which the store tells */
		return true;
	autofree char *tag = xasprintf("\"%s\"", e->etag);
	if (http_call_has_tag(call, "If-Match", tag, false)) {
		change->if_match = arena_strdup(a, e->etag);
		return true;
	}
	http_answer_problem(answer, 412, "%s %lld is not any more what it was",
		change->model_name, (long long)change->version);
	return false;
}

/* ---- handlers ---- */

/* A date is that of a version that the store has. */
static bool check_date(
	struct registryd *r, const struct entry_change *change, struct http_answer *answer)
{
	const struct files_version version = {
		change->model_name, change->version, change->date};
	struct problem p = {0};
	struct err why = {0};

	if (change->date && files_service_check_date(r, &version, &why) < 0)
		problem_add(&p, "date", "%s", why.text);
	return !problem_answer(&p, answer);
}

bool api_entry_read(struct arena *a, const struct value *body, struct entry_change *change,
	struct http_answer *answer)
{
	static const struct field fields[] = {
		{"model_name", true, read_name},
		{"version", true, read_version},
		{"path", true, read_path},
		{"metadata", false, read_metadata},
		{"date", false, read_date},
		{0},
	};

	return read_fields(a, body, fields, change, answer);
}

void api_register(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct registryd *r = data;
	AUTO(arena_release) struct arena a = {0};
	struct entry_change change = {.kind = ENTRY_REGISTER};

	if (api_entry_read(&a, api_read_body(&a, call, answer), &change, answer) &&
		check_date(r, &change, answer))
		(void)writer_take(r->writer, call, &change, answer);
}

void api_register_waiting(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct registryd *r = data;
	AUTO(arena_release) struct arena a = {0};
	struct entry_change change = {.kind = ENTRY_REGISTER};
	struct err why = {0};

	if (api_entry_read(&a, api_read_body(&a, call, answer), &change, answer) &&
		check_date(r, &change, answer)) {
		(void)writer_apply(r->writer, &change, &why); /* the outcome tells */
		writer_answer(&change, answer);
		entry_change_release(&change);
	}
	files_audit(r, call, answer->status);
}

/* Takes which entry a path names; false with an answer. */
static bool read_path_version(
	const struct http_call *call, struct entry_change *change, struct http_answer *answer)
{
	change->model_name = call->segments[0];
	return api_read_version(call->segments[1], &change->version, answer);
}

static void change_simply(void *data, const struct http_call *call, enum entry_change_kind kind,
	struct http_answer *answer)
{
	struct registryd *r = data;
	AUTO(arena_release) struct arena a = {0};
	struct entry_change change = {.kind = kind};

	if (read_path_version(call, &change, answer) &&
		api_read_condition(r, call, &a, &change, answer))
		(void)writer_take(r->writer, call, &change, answer);
}

void api_activate(void *data, const struct http_call *call, struct http_answer *answer)
{
	change_simply(data, call, ENTRY_ACTIVATE, answer);
}

void api_archive(void *data, const struct http_call *call, struct http_answer *answer)
{
	change_simply(data, call, ENTRY_ARCHIVE, answer);
}

void api_delete(void *data, const struct http_call *call, struct http_answer *answer)
{
	change_simply(data, call, ENTRY_DELETE, answer);
}

void api_patch(void *data, const struct http_call *call, struct http_answer *answer)
{
	static const struct field fields[] = {
		{"metadata", true, read_metadata},
		{0},
	};
	struct registryd *r = data;
	AUTO(arena_release) struct arena a = {0};
	struct entry_change change = {.kind = ENTRY_MERGE};

	if (read_path_version(call, &change, answer) &&
		read_fields(&a, api_read_body(&a, call, answer), fields, &change, answer) &&
		api_read_condition(r, call, &a, &change, answer))
		(void)writer_take(r->writer, call, &change, answer);
}
