/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/modelset.h"

#include "base/vec.h"
#include "value/found.h"

const struct model_set_default model_set_defaults[MODEL_SET_DEFAULTS] = {
	{"sentinels", NULL, false},
	{"outposts", VAR_OUTPOST_MODELS, true},
	{"datasinks", VAR_DATASINK_MODELS, false},
};

static void report_item(
	const struct value *v, const struct place *at, const char *what, struct diags *d)
{
	char found[FOUND_MAX];

	diag_error(d, at,
		"%s: found %s, expected a model's name, or {model: NAME, linked_files: "
		"[PATTERNS]}",
		what, found_text(v, found));
}

/* A mapping as an item: {model: NAME, linked_files: [...]}. */
static int read_mapping(struct model_set_item *item, struct arena *a, const struct value *v,
	const char *what, struct diags *d)
{
	struct place place = place_or(v, item->place);
	int result = 0;

	value_dict_foreach (p, v) {
		const char *key = value_text(p->key);
		char found[FOUND_MAX];
		if (key && strcmp(key, "model") == 0 && value_is_string(p->value)) {
			item->name = arena_strdup(a, p->value->text);
			item->place = place_or(p->value, place);
		} else if (key && strcmp(key, "linked_files") == 0) {
			result |= registry_globs(
				a, p->value, &place, "linked_files", &item->linked_files, d);
		} else {
			struct place at = place_or(p->key, place);
			diag_error(d, &at,
				"%s: found the key %s, expected `model: NAME` and "
				"`linked_files: [PATTERNS]`",
				what, found_text(p->key, found));
			result = -1;
		}
	}
	if (result == 0 && !item->name) {
		report_item(v, &place, what, d);
		result = -1;
	}
	return result;
}

static int read_item(struct model_set_item *item, struct arena *a, const struct value *v,
	const char *what, struct diags *d)
{
	if (v->kind == VALUE_DICT)
		return read_mapping(item, a, v, what, d);
	if (!value_is_string(v) || strlen(v->text) != v->len) {
		report_item(v, &item->place, what, d);
		return -1;
	}
	item->name = arena_strdup(a, v->text);
	return 0;
}

/* Adds an item; a model that two lists name is wanted whole if either says so. */
static void merge_item(struct model_set *s, const struct model_set_item *item)
{
	for (size_t i = 0; i < s->count; i++) {
		if (strcmp(s->items[i].name, item->name) != 0)
			continue;
		if (item->linked_files.count == 0)
			s->items[i].linked_files = (struct globs){0};
		return;
	}
	*VEC_PUSH(s) = *item;
}

static int add_list(struct model_set *s, struct arena *a, const struct value *v,
	const struct place *at, const char *what, struct diags *d)
{
	struct model_set list = {0};
	int result = 0;

	for (size_t i = 0; i < v->count; i++) {
		struct model_set_item item = {.place = place_or(v->items[i], *at)};
		if (read_item(&item, a, v->items[i], what, d) < 0) {
			result = -1;
			continue;
		}
		if (model_set_find(&list, item.name))
			diag_warning(d, &item.place, "%s: %s is listed twice", what, item.name);
		*VEC_PUSH(&list) = item;
	}
	for (size_t i = 0; i < list.count; i++)
		merge_item(s, &list.items[i]);
	model_set_release(&list);
	return result;
}

int model_set_add(struct model_set *s, struct arena *a, const struct value *v, const char *what,
	struct diags *d)
{
	struct place place = place_or(v, (struct place){0});
	const char *word = value_text(v);
	char found[FOUND_MAX];

	if (word && strcmp(word, "all") == 0) {
		s->all = true;
		return 0;
	}
	if (word && strcmp(word, "none") == 0)
		return 0;
	if (v && (v->kind == VALUE_LIST || v->kind == VALUE_TUPLE) &&
		v->count <= REGISTRY_MODELS_MAX)
		return add_list(s, a, v, &place, what, d);
	diag_error(d, &place,
		"%s: found %s, expected all, none, or a list of at most %d models, e.g. "
		"[mobilenet_ssd]",
		what, found_text(v, found), REGISTRY_MODELS_MAX);
	return -1;
}

const struct model_set_item *model_set_find(const struct model_set *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->items[i].name, name) == 0)
			return &s->items[i];
	return NULL;
}

void model_set_release(struct model_set *s)
{
	free(s->items);
	*s = (struct model_set){0};
}
