/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/registry.h"

#include "base/path.h"
#include "base/suggest.h"
#include "value/found.h"
#include "registry/model.h"

static struct place value_place(const struct value *v)
{
	return place_or(v, (struct place){0});
}

static void read_models(struct registry *r, const struct value *v, struct diags *d)
{
	char found[FOUND_MAX];

	r->place = value_place(v);
	if (!v || v->kind != VALUE_DICT) {
		diag_error(d, &r->place,
			VAR_MODELS
			": found %s, expected a mapping from models to their versions%s",
			found_text(v, found),
			v ? "" : "; it usually stands in group_vars/all/model_registry.yaml");
		return;
	}
	if (v->pair_count > REGISTRY_MODELS_MAX) {
		diag_error(d, &r->place, VAR_MODELS ": found %zu models, expected at most %d",
			v->pair_count, REGISTRY_MODELS_MAX);
		return;
	}
	struct model *models = arena_array(&r->arena, v->pair_count + 1, sizeof(*models));
	value_dict_foreach (p, v) {
		struct model *m = &models[r->model_count];
		if (model_read(&r->arena, p, &r->place, m, d) < 0)
			continue;
		strmap_set(&r->by_name, m->name, m);
		r->model_count++;
	}
	r->models = models;
}

/* True if a path is absolute, below "/", and free of "." and ".." components. */
static bool is_root_path(const char *path)
{
	autofree char *copy = xstrdup(path);
	size_t len = strlen(copy);

	if (copy[0] != '/')
		return false;
	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	return path_is_contained(copy + 1);
}

const char *registry_root(struct arena *a, const struct value *v, struct diags *d)
{
	struct place place = value_place(v);
	char found[FOUND_MAX];

	if (!value_is_string(v) || strlen(v->text) != v->len || !is_root_path(v->text)) {
		diag_error(d, &place,
			VAR_STORE
			": found %s, expected the absolute path of the directory that "
			"holds the models, e.g. \"/home/ops/sentinelcam/model_registry\"",
			found_text(v, found));
		return NULL;
	}
	size_t len = v->len;
	while (v->text[len - 1] == '/')
		len--;
	return arena_strndup(a, v->text, len);
}

/* Extra variables of the command line are strings, so "3" is a number here. */
static void read_retention(struct registry *r, const struct value *v, struct diags *d)
{
	struct place place = value_place(v);
	char found[FOUND_MAX];
	int64_t n = -1;

	r->retention = REGISTRY_RETENTION;
	if (!v)
		return;
	if (v->kind == VALUE_INT)
		n = v->integer;
	else if (value_is_string(v) && !parse_int(v->text, 0, REGISTRY_RETENTION_MAX, &n))
		n = -1;
	if (n < 0 || n > REGISTRY_RETENTION_MAX)
		diag_error(d, &place,
			VAR_RETENTION
			": found %s, expected how many versions of a model to keep, "
			"0 to %d",
			found_text(v, found), REGISTRY_RETENTION_MAX);
	else
		r->retention = (unsigned)n;
}

static void read_package(struct registry *r, struct coral_package *out,
	const struct value_pair *p, struct diags *d)
{
	struct place place = place_or(p->key, value_place(p->value));
	char found[FOUND_MAX];
	const char *name = value_text(p->key);

	if (!name || strlen(name) != p->key->len || !path_is_component(name)) {
		diag_error(d, &place,
			VAR_CORAL_PACKAGES ": found %s, expected a package's name",
			found_text(p->key, found));
		return;
	}
	switch (p->value->kind) {
	case VALUE_STRING:
	case VALUE_INT:
	case VALUE_FLOAT:
	case VALUE_DATE:
	case VALUE_DICT:
		*out = (struct coral_package){
			arena_strdup(&r->arena, name), place, value_copy(&r->arena, p->value)};
		r->coral_count++;
		return;
	default: break;
	}
	place = place_or(p->value, place);
	diag_error(d, &place,
		VAR_CORAL_PACKAGES ".%s: found %s, expected a version or a mapping", name,
		found_text(p->value, found));
}

static void read_coral(struct registry *r, const struct value *v, struct diags *d)
{
	struct place place = value_place(v);
	char found[FOUND_MAX];

	if (!v || v->kind == VALUE_NULL)
		return;
	if (v->kind != VALUE_DICT || v->pair_count > REGISTRY_MODELS_MAX) {
		diag_error(d, &place,
			VAR_CORAL_PACKAGES
			": found %s, expected a mapping from at most %d packages "
			"to their versions",
			found_text(v, found), REGISTRY_MODELS_MAX);
		return;
	}
	struct coral_package *list = arena_array(&r->arena, v->pair_count + 1, sizeof(*list));
	value_dict_foreach (p, v)
		read_package(r, &list[r->coral_count], p, d);
	r->coral = list;
}

int registry_read(struct registry *r, const struct registry_input *in, struct diags *d)
{
	size_t errors = d->errors;

	*r = (struct registry){0};
	read_models(r, in->models, d);
	read_retention(r, in->retention, d);
	read_coral(r, in->coral, d);
	return d->errors == errors ? 0 : -1;
}

void registry_release(struct registry *r)
{
	strmap_release(&r->by_name, NULL);
	arena_release(&r->arena);
	*r = (struct registry){0};
}

const struct model *registry_model(const struct registry *r, const char *name)
{
	return strmap_get(&r->by_name, name);
}

const char *registry_nearest(const struct registry *r, const char *name)
{
	struct suggestion near = {0};

	for (size_t i = 0; i < r->model_count; i++)
		suggest_add(&near, name, r->models[i].name);
	return near.word;
}

static bool same_value(const struct value *a, const struct value *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->place.line != b->place.line || a->place.column != b->place.column)
		return false;
	return str_cmp0(a->place.file, b->place.file) == 0 && value_equal(a, b);
}

bool registry_input_same(const struct registry_input *a, const struct registry_input *b)
{
	return same_value(a->models, b->models) && same_value(a->retention, b->retention) &&
	       same_value(a->coral, b->coral);
}
