/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/settings.h"

#include "base/suggest.h"
#include "value/found.h"

/* What is being read, for messages. */
struct reader {
	struct arena *arena;
	struct diags *diags;
	const char *path;
};

static void wrong(const struct reader *r, const struct setting *s, const struct value *v,
	const char *expected)
{
	char found[FOUND_MAX];

	diag_error(r->diags, &v->place, "%s%s: found %s, expected %s", r->path, s->name,
		found_text(v, found), expected);
}

static void read_text(
	const struct reader *r, const struct setting *s, const struct value *v, void *to)
{
	if (value_is_string(v) && strlen(v->text) == v->len)
		*(const char **)to = arena_strdup(r->arena, v->text);
	else if (s->off && v->kind == VALUE_BOOL && !v->boolean)
		*(const char **)to = "off";
	else
		wrong(r, s, v, value_is_string(v) ? "a text without a NUL" : "a text");
}

static void wrong_number(const struct reader *r, const struct setting *s, const struct value *v,
	const char *what)
{
	autofree char *range = s->max ? xasprintf("%s from %lld to %lld", what,
						(long long)s->min, (long long)s->max)
				      : xasprintf("%s, 0 or more", what);

	wrong(r, s, v, range);
}

static void read_int(
	const struct reader *r, const struct setting *s, const struct value *v, void *to)
{
	int64_t max = s->max ? s->max : INT64_MAX;

	if (v->kind == VALUE_INT && v->integer >= s->min && v->integer <= max)
		*(int64_t *)to = v->integer;
	else
		wrong_number(r, s, v, "a whole number");
}

static void read_number(
	const struct reader *r, const struct setting *s, const struct value *v, void *to)
{
	double max = s->max ? (double)s->max : (double)INT64_MAX;
	double d = v->kind == VALUE_INT ? (double)v->integer : v->real;

	if ((v->kind == VALUE_INT || v->kind == VALUE_FLOAT) && d >= (double)s->min && d <= max)
		*(double *)to = d;
	else
		wrong_number(r, s, v, "a number");
}

static void read_bool(
	const struct reader *r, const struct setting *s, const struct value *v, void *to)
{
	if (v->kind == VALUE_BOOL)
		*(bool *)to = v->boolean;
	else
		wrong(r, s, v, "true or false");
}

/* Whether a value is a list that is not too long. */
static bool is_list(const struct reader *r, const struct setting *s, const struct value *v)
{
	if (v->kind != VALUE_LIST) {
		wrong(r, s, v, "a list");
		return false;
	}
	if (v->count > SETTINGS_LIST_MAX) {
		diag_error(r->diags, &v->place, "%s%s: more than %u items", r->path, s->name,
			SETTINGS_LIST_MAX);
		return false;
	}
	return true;
}

static void read_texts(
	const struct reader *r, const struct setting *s, const struct value *v, void *to)
{
	struct settings_texts *texts = to;

	if (!is_list(r, s, v))
		return;
	*texts = (struct settings_texts){
		.items = arena_array(r->arena, v->count + 1, sizeof(*texts->items))};
	value_list_foreach (item, v) {
		texts->items[texts->count] = NULL;
		read_text(r, s, item, &texts->items[texts->count]);
		if (texts->items[texts->count])
			texts->count++;
	}
}

static void read_numbers(
	const struct reader *r, const struct setting *s, const struct value *v, void *to)
{
	struct settings_numbers *numbers = to;

	if (!is_list(r, s, v))
		return;
	*numbers = (struct settings_numbers){
		.items = arena_array(r->arena, v->count + 1, sizeof(*numbers->items)),
		.count = v->count};
	for (size_t i = 0; i < v->count; i++)
		read_number(r, s, v->items[i], &numbers->items[i]);
}

static void read_section(
	const struct reader *r, const struct setting *s, const struct value *v, void *to)
{
	autofree char *path = xasprintf("%s%s.", r->path, s->name);

	if (v->kind == VALUE_DICT)
		settings_read(r->arena, v, path, s->members, to, r->diags);
	else
		wrong(r, s, v, "a mapping");
}

static void read_item(const struct reader *r, const struct setting *s, size_t index,
	const struct value *v, char *item)
{
	autofree char *path = xasprintf("%s%s[%zu].", r->path, s->name, index);

	if (s->prepare)
		s->prepare(item);
	if (s->place)
		*(struct place *)(void *)(item + s->place) = v->place;
	if (v->kind == VALUE_DICT)
		settings_read(r->arena, v, path, s->members, item, r->diags);
	else
		wrong(r, s, v, "a mapping");
}

static void read_list(
	const struct reader *r, const struct setting *s, const struct value *v, void *to)
{
	struct settings_list *list = to;

	if (!is_list(r, s, v))
		return;
	char *items = arena_array(r->arena, v->count + 1, s->size);
	memset(items, 0, (v->count + 1) * s->size);
	for (size_t i = 0; i < v->count; i++)
		read_item(r, s, i, v->items[i], items + i * s->size);
	*list = (struct settings_list){.items = items, .count = v->count};
}

typedef void (*read_fn)(
	const struct reader *r, const struct setting *s, const struct value *v, void *to);

static const read_fn readers[] = {
	[SETTING_TEXT] = read_text,
	[SETTING_INT] = read_int,
	[SETTING_NUMBER] = read_number,
	[SETTING_BOOL] = read_bool,
	[SETTING_TEXTS] = read_texts,
	[SETTING_NUMBERS] = read_numbers,
	[SETTING_SECTION] = read_section,
	[SETTING_LIST] = read_list,
};

static const struct setting *find(const struct setting *table, const char *name)
{
	for (const struct setting *s = table; s->name; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

static void unknown(
	const struct reader *r, const struct setting *table, const struct value *key)
{
	struct suggestion nearest = {0};
	char found[FOUND_MAX];

	if (!value_is_string(key)) {
		diag_error(r->diags, &key->place,
			"found %s as a key, expected the name of a setting",
			found_text(key, found));
		return;
	}
	for (const struct setting *s = table; s->name; s++)
		suggest_add(&nearest, key->text, s->name);
	autofree char *hint =
		nearest.word ? xasprintf("; did you mean \"%s\"?", nearest.word) : xstrdup("");
	diag_error(r->diags, &key->place, "%s%s is no setting%s", r->path,
		found_text(key, found), hint);
}

void settings_read(struct arena *a, const struct value *v, const char *path,
	const struct setting *table, void *into, struct diags *diags)
{
	const struct reader r = {.arena = a, .diags = diags, .path = path};

	value_dict_foreach (p, v) {
		const struct setting *s =
			value_is_string(p->key) ? find(table, p->key->text) : NULL;
		if (!s)
			unknown(&r, table, p->key);
		else if (p->value->kind != VALUE_NULL)
			readers[s->type](&r, s, p->value, (char *)into + s->offset);
	}
	for (const struct setting *s = table; s->name; s++) {
		const struct value *given = value_dict_get(v, s->name);
		if (s->required && (!given || given->kind == VALUE_NULL))
			diag_error(diags, &v->place, "%s%s is missing", path, s->name);
	}
}
