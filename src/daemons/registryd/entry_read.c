/* SPDX-License-Identifier: Apache-2.0 */
/* What an entry's fields may be, and the reader of those that stand in registry.json. */
#include <ctype.h>

#include "base/clock.h"
#include "daemons/registryd/entry.h"

static const char *const status_names[] = {
	[ENTRY_STAGING] = "staging",
	[ENTRY_PRODUCTION] = "production",
	[ENTRY_ARCHIVED] = "archived",
};

const char *entry_status_name(enum entry_status status)
{
	return status_names[status];
}

bool entry_status_read(const char *name, enum entry_status *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(status_names); i++)
		if (!strcmp(name, status_names[i])) {
			*out = (enum entry_status)i;
			return true;
		}
	return false;
}

bool entry_name_is_valid(const char *name)
{
	static const char alphanumeric[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789._-";
	size_t n = strspn(name, alphanumeric);

	return n && n <= ENTRY_NAME_MAX && !name[n] && !strchr("._-", name[0]);
}

bool entry_path_is_valid(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
			return false;
	return n && n <= ENTRY_PATH_MAX;
}

/* Takes two digits that are at most `max`. */
static bool take_number(const char **s, int max)
{
	const char *p = *s;

	if (!isdigit((unsigned char)p[0]) || !isdigit((unsigned char)p[1]))
		return false;
	*s += 2;
	return (p[0] - '0') * 10 + (p[1] - '0') <= max;
}

static bool take_one_of(const char **s, const char *characters)
{
	if (!**s || !strchr(characters, **s))
		return false;
	++*s;
	return true;
}

/* Behind "12:00": seconds and their fraction. */
static bool take_seconds(const char **s)
{
	if (!take_one_of(s, ":"))
		return true;
	if (!take_number(s, 60))
		return false;
	if (!take_one_of(s, ".,"))
		return true;
	size_t digits = strspn(*s, "0123456789");
	*s += digits;
	return digits > 0;
}

static bool take_zone(const char **s)
{
	if (take_one_of(s, "Z") || !take_one_of(s, "+-"))
		return true;
	if (!take_number(s, 23))
		return false;
	(void)take_one_of(s, ":");
	return take_number(s, 59);
}

bool entry_time_is_valid(const char *time)
{
	char date[11] = "";
	const char *s = time + sizeof(date) - 1;

	if (strlen(time) < sizeof(date) || strlen(time) > ENTRY_TIME_MAX)
		return false;
	memcpy(date, time, sizeof(date) - 1);
	return clock_is_date(date) && take_one_of(&s, "T ") && take_number(&s, 23) &&
	       take_one_of(&s, ":") && take_number(&s, 59) && take_seconds(&s) &&
	       take_zone(&s) && !*s;
}

bool entry_key_is(const struct value *key, const char *name)
{
	return key->len == strlen(name) && !memcmp(key->text, name, key->len);
}

/* A string that its check admits; "" where it has a NUL, which none does. */
static int read_text(const struct value *entry, const char *key, bool (*valid)(const char *),
	const char *expected, const char **out, struct err *err)
{
	const struct value *v = value_dict_get(entry, key);
	const char *text = value_text(v);

	if (text && strlen(text) == v->len && valid(text)) {
		*out = text;
		return 0;
	}
	if (!v)
		return place_fail(&entry->place, err, ERR_INPUT, "the entry has no %s", key);
	return place_fail(&v->place, err, ERR_INPUT, "%s: expected %s", key, expected);
}

static int read_version(const struct value *entry, struct entry *e, struct err *err)
{
	const struct value *v = value_dict_get(entry, "version");

	if (!v)
		return place_fail(&entry->place, err, ERR_INPUT, "the entry has no version");
	if (v->kind != VALUE_INT || v->integer < 1)
		return place_fail(&v->place, err, ERR_INPUT,
			"version: expected an integer that is 1 or more");
	e->version = v->integer;
	return 0;
}

static bool is_status(const char *name)
{
	enum entry_status ignored;

	return entry_status_read(name, &ignored);
}

static int read_metadata(
	struct arena *a, const struct value *entry, struct entry *e, struct err *err)
{
	const struct value *v = value_dict_get(entry, "metadata");
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	e->metadata = "{}";
	if (!v || v->kind == VALUE_NULL)
		return 0;
	if (v->kind != VALUE_DICT)
		return place_fail(&v->place, err, ERR_INPUT, "metadata: expected an object");
	/* Read again, within what is allowed for it alone. */
	if (entry_metadata_write(v, &text, err) < 0 || !entry_metadata_read(a, text.data, err))
		return place_fail(
			&v->place, err, ERR_INPUT, "metadata: %s", err ? err->text : "");
	e->metadata = arena_strdup(a, text.data);
	return 0;
}

static int read_date(const struct value *entry, struct entry *e, struct err *err)
{
	const struct value *v = value_dict_get(entry, "date");

	if (!v || v->kind == VALUE_NULL)
		return 0;
	return read_text(entry, "date", clock_is_date, "a date like 2026-02-25", &e->date, err);
}

int entry_read(struct arena *a, const struct value *v, struct entry *fields, struct err *err)
{
	const char *status = "";

	*fields = (struct entry){0};
	if (v->kind != VALUE_DICT)
		return place_fail(
			&v->place, err, ERR_INPUT, "expected an entry, which is an object");
	if (read_text(v, "model_name", entry_name_is_valid,
		    "a name of letters, digits, '.', '_' and '-'", &fields->model_name,
		    err) < 0 ||
		read_version(v, fields, err) < 0 ||
		read_text(v, "path", entry_path_is_valid, "a path", &fields->path, err) < 0 ||
		read_text(v, "status", is_status, "staging, production or archived", &status,
			err) < 0 ||
		read_text(v, "creation_timestamp", entry_time_is_valid,
			"a time like 2026-02-25T21:00:00Z", &fields->creation_timestamp,
			err) < 0)
		return -1;
	entry_status_read(status, &fields->status);
	return read_metadata(a, v, fields, err) < 0 ? -1 : read_date(v, fields, err);
}
