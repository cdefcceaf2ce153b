/* SPDX-License-Identifier: Apache-2.0 */
#include "history/journal_file.h"

#include "base/clock.h"
#include "value/json.h"

#define LAST_SECOND 253402300799 /* 9999-12-31T23:59:59Z */

static void set_text(struct arena *a, struct value *v, const char *key, const char *text)
{
	value_dict_set(a, v, key, text ? value_new_string(a, text) : &value_null);
}

static void set_time(struct arena *a, struct value *v, const char *key, time_t t)
{
	char text[32];

	clock_rfc3339(t, text);
	set_text(a, v, key, t ? text : NULL);
}

static const struct value *encode_host(struct arena *a, const struct journal_host *h)
{
	struct value *v = value_new_dict(a);
	int64_t bytes = h->bytes > INT64_MAX ? INT64_MAX : (int64_t)h->bytes;

	set_text(a, v, "name", h->name);
	set_text(a, v, "outcome", journal_outcome_name(h->outcome));
	set_text(a, v, "error", h->error);
	value_dict_set(a, v, "bytes", value_new_int(a, bytes));
	value_dict_set(a, v, "seconds", value_new_float(a, h->seconds));
	return v;
}

int journal_encode(const struct journal_run *run, struct strbuf *out, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	struct arena *a = &arena;
	struct value *v = value_new_dict(a);
	struct value *versions = value_new_list(a);
	struct value *hosts = value_new_list(a);
	const struct json_write_options options = {.compact = true, .strict_numbers = true};

	for (size_t i = 0; i < run->versions.count; i++)
		value_list_add(a, versions, value_new_string(a, run->versions.items[i]));
	for (size_t i = 0; i < run->host_count; i++)
		value_list_add(a, hosts, encode_host(a, &run->hosts[i]));
	value_dict_set(a, v, "format", value_new_int(a, JOURNAL_FORMAT));
	set_text(a, v, "id", run->id);
	set_time(a, v, "start", run->start);
	set_time(a, v, "end", run->end);
	set_text(a, v, "command", run->command);
	set_text(a, v, "user", run->user);
	set_text(a, v, "admin", run->admin);
	value_dict_set(a, v, "check", value_bool(run->check));
	value_dict_set(a, v, "exit_code", value_new_int(a, run->exit_code));
	value_dict_set(a, v, "versions", versions);
	value_dict_set(a, v, "hosts", hosts);
	if (json_write(v, &options, out, err) < 0)
		return -1;
	strbuf_addch(out, '\n');
	return 0;
}

static char *get_text(const struct value *v, const char *key)
{
	const char *text = value_text(value_dict_get(v, key));

	return xstrdup(text);
}

/* A time after 1970 and before the year 10000, which has no such text; 0 when there is none. */
static time_t get_time(const struct value *v, const char *key)
{
	const char *text = value_text(value_dict_get(v, key));
	time_t t;

	return text && clock_parse_rfc3339(text, &t) && t > 0 && t <= LAST_SECOND ? t : 0;
}

static int64_t get_int(const struct value *v, const char *key)
{
	const struct value *n = value_dict_get(v, key);

	return n && n->kind == VALUE_INT ? n->integer : 0;
}

static double get_real(const struct value *v, const char *key)
{
	const struct value *n = value_dict_get(v, key);

	if (n && n->kind == VALUE_INT)
		return (double)n->integer;
	return n && n->kind == VALUE_FLOAT ? n->real : 0;
}

static int decode_host(
	const struct value *v, const char *file, struct journal_run *out, struct err *err)
{
	const char *name = value_text(value_dict_get(v, "name"));
	const char *word = value_text(value_dict_get(v, "outcome"));
	enum journal_outcome outcome;

	if (!name || !journal_outcome_parse(word, &outcome))
		return err_set(err, ERR_INPUT,
			"%s: found a host with the outcome \"%s\", expected a name and an "
			"outcome that the journal knows",
			file, word ? word : "");
	struct journal_host *h =
		journal_add_host(out, name, outcome, value_text(value_dict_get(v, "error")));
	int64_t bytes = get_int(v, "bytes");
	h->bytes = bytes > 0 ? (uint64_t)bytes : 0;
	h->seconds = get_real(v, "seconds");
	return 0;
}

static int decode_hosts(
	const struct value *v, const char *file, struct journal_run *out, struct err *err)
{
	if (!v)
		return 0;
	if (v->kind != VALUE_LIST || v->count > JOURNAL_HOSTS_MAX)
		return err_set(err, ERR_INPUT,
			"%s: found %s as hosts, expected a list of at most %d", file,
			value_kind_name(v), JOURNAL_HOSTS_MAX);
	for (size_t i = 0; i < v->count; i++)
		if (decode_host(v->items[i], file, out, err) < 0)
			return -1;
	return 0;
}

static void decode_versions(const struct value *v, struct journal_run *out)
{
	for (size_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++)
		if (value_is_string(v->items[i]))
			strlist_add(&out->versions, v->items[i]->text);
}

int journal_decode(const char *text, size_t len, const char *file, struct journal_run *out,
	struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	const struct json_options options = {.max_bytes = JOURNAL_ENTRY_MAX};
	const struct value *v = json_read(&arena, text, len, file, &options, NULL, err);

	if (!v)
		return -1;
	int64_t exit_code = get_int(v, "exit_code");
	const struct value *check = value_dict_get(v, "check");
	out->id = get_text(v, "id");
	out->start = get_time(v, "start");
	out->end = get_time(v, "end");
	out->command = get_text(v, "command");
	out->user = get_text(v, "user");
	out->admin = get_text(v, "admin");
	out->check = check && value_truthy(check);
	out->exit_code = exit_code >= 0 && exit_code <= 255 ? (int)exit_code : 255;
	if (!out->id || !out->start)
		return err_set(err, ERR_INPUT,
			"%s: found no id or start, expected a run's entry", file);
	decode_versions(value_dict_get(v, "versions"), out);
	return decode_hosts(value_dict_get(v, "hosts"), file, out, err);
}
