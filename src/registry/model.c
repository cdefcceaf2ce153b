/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/model.h"

#include "base/clock.h"
#include "base/path.h"
#include "base/suggest.h"
#include "value/found.h"
#include "registry/store.h"

/* What the readers of single keys share. */
struct model_reader {
	struct arena *arena;
	struct model *model;
	struct diags *diags;
	struct place at;  /* of the key that is being read, or of its value */
	const char *what; /* "face_recognition.current_version" */
};

const char *registry_version(
	const struct value *v, const struct place *at, const char *what, struct diags *d)
{
	struct place place = place_or(v, at ? *at : (struct place){0});
	char found[FOUND_MAX];
	const char *text =
		v && (v->kind == VALUE_STRING || v->kind == VALUE_DATE) ? v->text : NULL;

	if (!text) {
		diag_error(d, &place, "%s: found %s, expected a version as \"YYYY-MM-DD\"",
			what, found_text(v, found));
		return NULL;
	}
	if (strlen(text) == v->len && clock_is_date(text))
		return text;
	bool shaped = strlen(text) == 10 && text[4] == '-' && text[7] == '-' &&
		      strspn(text, "0123456789-") == 10;
	diag_error(d, &place, "%s: found %s, expected %s", what, found_text(v, found),
		shaped ? "a day that the calendar has" : "a version as \"YYYY-MM-DD\"");
	return NULL;
}

static void read_current(struct model_reader *r, const struct value *v)
{
	r->model->current_place = r->at;
	r->model->current =
		arena_strdup(r->arena, registry_version(v, &r->at, r->what, r->diags));
}

static void read_previous(struct model_reader *r, const struct value *v)
{
	r->model->previous_place = r->at;
	if (v->kind != VALUE_NULL)
		r->model->previous =
			arena_strdup(r->arena, registry_version(v, &r->at, r->what, r->diags));
}

static void read_bool(struct model_reader *r, const struct value *v, bool *out)
{
	char found[FOUND_MAX];

	if (v->kind == VALUE_BOOL)
		*out = v->boolean;
	else
		diag_error(r->diags, &r->at, "%s: found %s, expected true or false", r->what,
			found_text(v, found));
}

static void read_immutable(struct model_reader *r, const struct value *v)
{
	read_bool(r, v, &r->model->immutable);
}

static void read_update(struct model_reader *r, const struct value *v)
{
	read_bool(r, v, &r->model->update);
}

static void read_initial_only(struct model_reader *r, const struct value *v)
{
	registry_globs(r->arena, v, &r->at, r->what, &r->model->initial_only, r->diags);
}

static void read_exclude(struct model_reader *r, const struct value *v)
{
	registry_globs(r->arena, v, &r->at, r->what, &r->model->exclude, r->diags);
}

/* The keys of a model. */
static const struct model_key {
	const char *name;
	void (*read)(struct model_reader *r, const struct value *v);
} model_keys[] = {
	{"current_version", read_current},
	{"previous_version", read_previous},
	{"initial_only", read_initial_only},
	{"exclude", read_exclude},
	{"immutable", read_immutable},
	{"update", read_update},
};

static void report_unknown_key(struct model_reader *r, const char *key)
{
	struct suggestion near = {0};
	char found[FOUND_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(model_keys); i++)
		suggest_add(&near, key, model_keys[i].name);
	diag_warning(r->diags, &r->at, "model %s: unknown key %s is ignored%s%s%s",
		r->model->name, found_string(key, found), near.word ? "; did you mean " : "",
		near.word ? near.word : "", near.word ? "?" : "");
}

static void read_key(struct model_reader *r, const struct value_pair *p)
{
	struct place key_place = place_or(p->key, r->model->place);
	const char *key = value_text(p->key);
	char found[FOUND_MAX];

	r->at = key_place;
	if (!key) {
		diag_error(r->diags, &r->at, "model %s: found %s as a key, expected a name",
			r->model->name, found_text(p->key, found));
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(model_keys); i++) {
		if (strcmp(key, model_keys[i].name) != 0)
			continue;
		autofree char *what = xasprintf("%s.%s", r->model->name, key);
		r->what = what;
		r->at = place_or(p->value, key_place);
		model_keys[i].read(r, p->value);
		return;
	}
	report_unknown_key(r, key);
}

/* A name becomes a directory of the store and of every node, and a word of --models. */
static int check_name(const struct value *key, const struct place *at, struct diags *d)
{
	const char *name = value_text(key);
	const char *expected = NULL;
	char found[FOUND_MAX];

	if (!name)
		expected = "a name in quotes";
	else if (strlen(name) != key->len || !path_is_component(name))
		expected = "a name that can be a directory: no \"/\", not empty, not \"..\"";
	else if (name[0] == '.' || name[0] == '-')
		expected = "a name that does not begin with \".\" or \"-\"";
	else if (strcmp(name, STORE_CORAL_DIR) == 0)
		expected = "another name: that directory of the store holds packages";
	for (const char *p = name; p && *p && !expected; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == ',')
			expected = "a name without commas and control characters";
	if (!expected)
		return 0;
	diag_error(
		d, at, "model name: found %s, expected %s", found_text(key, found), expected);
	return -1;
}

static void check_versions(struct model_reader *r)
{
	struct model *m = r->model;

	if (!m->current && !m->current_place.file && !m->current_place.line)
		diag_error(r->diags, &m->place,
			"model %s has no current_version, expected "
			"`current_version: \"YYYY-MM-DD\"`",
			m->name);
	if (m->current && m->previous && strcmp(m->current, m->previous) == 0)
		diag_warning(r->diags, &m->previous_place,
			"%s.previous_version is the current one, %s: going back to it would "
			"change nothing; null says that there is no earlier version",
			m->name, m->previous);
}

int model_read(struct arena *a, const struct value_pair *pair, const struct place *at,
	struct model *m, struct diags *d)
{
	char found[FOUND_MAX];

	*m = (struct model){.update = true, .place = place_or(pair->key, *at)};
	if (check_name(pair->key, &m->place, d) < 0)
		return -1;
	m->name = arena_strdup(a, pair->key->text);
	if (pair->value->kind != VALUE_DICT) {
		struct place place = place_or(pair->value, m->place);
		diag_error(d, &place,
			"model %s: found %s, expected a mapping with current_version and "
			"previous_version",
			m->name, found_text(pair->value, found));
		return 0;
	}
	struct model_reader r = {.arena = a, .model = m, .diags = d};
	value_dict_foreach (p, pair->value)
		read_key(&r, p);
	check_versions(&r);
	return 0;
}
