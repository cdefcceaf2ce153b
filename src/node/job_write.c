/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/fd.h"
#include "base/object.h"
#include "node/job.h"

#define FILE_MODE 0600 /* a result may hold what is not for everybody */

/* ---- items as JSON ---- */

static void write_item(const struct item *i, struct strbuf *out);

/* A member of the object that is open; `*first` says whether it is its first. */
static void add_key(struct strbuf *out, const char *key, size_t n, bool *first)
{
	strbuf_addstr(out, *first ? "" : ", ");
	*first = false;
	strbuf_addjson(out, key, n);
	strbuf_addstr(out, ": ");
}

static void add_text(struct strbuf *out, const char *key, const char *text, bool *first)
{
	add_key(out, key, strlen(key), first);
	strbuf_addjson(out, text, strlen(text));
}

static void write_members(const struct item *i, struct strbuf *out)
{
	bool first = true;

	for (uint32_t k = 0; k < i->count; k++) {
		const struct item *member = &i->items[k];
		if (i->type == ITEM_DICT)
			add_key(out, member->key, member->key_len, &first);
		else if (k > 0)
			strbuf_addstr(out, ", ");
		write_item(member, out);
	}
}

static void write_item(const struct item *i, struct strbuf *out)
{
	switch (i->type) {
	case ITEM_FALSE: strbuf_addstr(out, "false"); break;
	case ITEM_TRUE: strbuf_addstr(out, "true"); break;
	case ITEM_INT: strbuf_addf(out, "%lld", (long long)i->integer); break;
	case ITEM_FLOAT: strbuf_addf(out, isfinite(i->real) ? "%.17g" : "null", i->real); break;
	case ITEM_STRING:
	case ITEM_BYTES: strbuf_addjson(out, i->text, i->len); break;
	case ITEM_LIST:
	case ITEM_DICT:
		strbuf_addch(out, i->type == ITEM_LIST ? '[' : '{');
		write_members(i, out);
		strbuf_addch(out, i->type == ITEM_LIST ? ']' : '}');
		break;
	default: strbuf_addstr(out, "null");
	}
}

/* ---- results ---- */

static int put(const struct job *j, const struct strbuf *json, struct err *err)
{
	return file_replace(j->path, json->data, json->len, FILE_MODE, err);
}

/* A flag that says nothing while it is off. */
static bool is_off(const struct item *i)
{
	static const char *const flags[] = {"skipped", "stdout_cut", "stderr_cut"};

	for (size_t k = 0; k < ARRAY_SIZE(flags); k++)
		if (i->type == ITEM_FALSE && strlen(flags[k]) == i->key_len &&
			memcmp(flags[k], i->key, i->key_len) == 0)
			return true;
	return false;
}

static bool has_key(const struct item *dict, const struct item *member)
{
	for (uint32_t i = 0; dict && dict->type == ITEM_DICT && i < dict->count; i++)
		if (dict->items[i].key_len == member->key_len &&
			memcmp(dict->items[i].key, member->key, member->key_len) == 0)
			return true;
	return false;
}

/* Those members of a dict that another one, which counts for more, has not. */
static void add_members(
	const struct item *dict, const struct item *stronger, struct strbuf *out, bool *first)
{
	for (uint32_t i = 0; dict && dict->type == ITEM_DICT && i < dict->count; i++) {
		const struct item *member = &dict->items[i];
		if (is_off(member) || has_key(stronger, member))
			continue;
		add_key(out, member->key, member->key_len, first);
		write_item(member, out);
	}
}

static int write_plain(const struct job *j, const struct item *result, struct err *err)
{
	AUTO(strbuf_release) struct strbuf json = STRBUF_INIT;
	bool first = true;

	strbuf_addch(&json, '{');
	add_members(j->base, result, &json, &first);
	add_members(result, NULL, &json, &first);
	/* A command tells its status; elsewhere the engine says what that means. */
	if (strcmp(j->module->name, "command") == 0 && item_int(result, "rc", 0) != 0) {
		add_key(&json, "failed", strlen("failed"), &first);
		strbuf_addstr(&json, "true");
	}
	strbuf_addch(&json, '}');
	return put(j, &json, err);
}

/* What somebody else's module printed instead of an object. */
static int write_no_object(
	const struct job *j, const struct item *out, const struct item *errors, struct err *err)
{
	AUTO(strbuf_release) struct strbuf json = STRBUF_INIT;
	bool first = true;

	strbuf_addch(&json, '{');
	add_key(&json, "failed", strlen("failed"), &first);
	strbuf_addstr(&json, "true");
	add_text(&json, "msg", "the module printed no JSON object", &first);
	add_text(&json, "ansible_job_id", j->id, &first);
	add_key(&json, "data", strlen("data"), &first);
	write_item(out, &json);
	add_key(&json, "stderr", strlen("stderr"), &first);
	write_item(errors, &json);
	strbuf_addch(&json, '}');
	return put(j, &json, err);
}

/* The object that somebody else's module printed, with its errors as one more member. */
static int write_foreign(const struct job *j, const struct item *result, struct err *err)
{
	static const struct item empty = {.type = ITEM_STRING, .text = "", .len = 0};
	const struct item *out = item_get(result, "stdout");
	const struct item *errors = item_get(result, "stderr");
	AUTO(strbuf_release) struct strbuf json = STRBUF_INIT;
	struct object_span object;

	out = out && out->type == ITEM_STRING ? out : &empty;
	errors = errors && errors->type == ITEM_STRING ? errors : &empty;
	if (!object_find(out->text, out->len, &object))
		return write_no_object(j, out, errors, err);
	const char *last = object.end - 1;
	strbuf_add(&json, object.start, (size_t)(last - object.start));
	strbuf_rtrim(&json);
	bool first = json.len == 1; /* nothing but the brace */
	if (errors->len > 0) {
		add_key(&json, "stderr", strlen("stderr"), &first);
		write_item(errors, &json);
	}
	strbuf_addch(&json, '}');
	return put(j, &json, err);
}

int job_write_result(const struct job *j, const struct item *result, struct err *err)
{
	if (strcmp(j->module->name, "foreign") == 0)
		return write_foreign(j, result, err);
	return write_plain(j, result, err);
}

int job_write_failure(const struct job *j, const char *msg, struct err *err)
{
	AUTO(strbuf_release) struct strbuf json = STRBUF_INIT;
	bool first = true;

	strbuf_addch(&json, '{');
	add_members(j->base, NULL, &json, &first);
	add_key(&json, "failed", strlen("failed"), &first);
	strbuf_addstr(&json, "true");
	add_text(&json, "msg", msg, &first);
	strbuf_addch(&json, '}');
	return put(j, &json, err);
}

int job_write_timeout(const struct job *j, pid_t pid, struct err *err)
{
	AUTO(strbuf_release) struct strbuf json = STRBUF_INIT;

	strbuf_addf(&json,
		"{\"msg\": \"Timeout exceeded\", \"failed\": true, \"child_pid\": %d}",
		(int)pid);
	return put(j, &json, err);
}

int job_write_start(const struct job *j, struct err *err)
{
	AUTO(strbuf_release) struct strbuf json = STRBUF_INIT;

	strbuf_addf(
		&json, "{\"started\": 1, \"finished\": 0, \"ansible_job_id\": \"%s\"}", j->id);
	return put(j, &json, err);
}
