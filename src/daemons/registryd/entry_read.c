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

/* Takes digits for each '0' of a pattern and the same character for any other. */
static bool take(const char **s, const char *pattern)
{
	const char *p = *s;

	for (; *pattern; pattern++, p++)
		if (*pattern == '0' ? !isdigit((unsigned char)*p) : *p != *pattern)
			return false;
	*s = p;
	return true;
}

bool entry_time_is_valid(const char *time)
{
	char date[11] = "";
	const char *s = time;

	if (strlen(time) > ENTRY_TIME_MAX)
		return false;
	if (!take(&s, "0000-00-00") || (!take(&s, "T") && !take(&s, " ")))
		return false;
	memcpy(date, time, 10);
	if (!clock_is_date(date) || !take(&s, "00:00"))
		return false;
	if (take(&s, ":00") && (take(&s, ".0") || take(&s, ",0")))
		while (take(&s, "0"))
			continue;
	if (!take(&s, "Z") && (*s == '+' || *s == '-')) {
		s++;
		if (!take(&s, "00:00") && !take(&s, "0000"))
			return false;
	}
	return !*s;
}

bool entry_key_is(const struct value *key, const char *name)
{
	return key->len == strlen(name) && !memcmp(key->text, name, key->len);
}

int entry_fail_at(const struct place *at, struct err *err, const char *fmt, ...)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	va_list ap;

	place_format(at, &text);
	va_start(ap, fmt);
	strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	return err_set(err, ERR_INPUT, "%s", text.data);
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
		return entry_fail_at(&entry->place, err, "the entry has no %s", key);
	return entry_fail_at(&v->place, err, "%s: expected %s", key, expected);
}

static int read_version(const struct value *entry, struct entry *e, struct err *err)
{
	const struct value *v = value_dict_get(entry, "version");

	if (!v)
		return entry_fail_at(&entry->place, err, "the entry has no version");
	if (v->kind != VALUE_INT || v->integer < 1)
		return entry_fail_at(
			&v->place, err, "version: expected an integer that is 1 or more");
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
		return entry_fail_at(&v->place, err, "metadata: expected an object");
	/* Read again, within what is allowed for it alone. */
	if (entry_metadata_write(v, &text, err) < 0 ||
		!entry_metadata_read(a, text.data, err)) {
		autofree char *why = xstrdup(err ? err->text : "");
		return entry_fail_at(&v->place, err, "metadata: %s", why);
	}
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
		return entry_fail_at(&v->place, err, "expected an entry, which is an object");
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
