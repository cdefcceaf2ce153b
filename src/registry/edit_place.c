/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/edit_place.h"

#include "base/str.h"

struct search {
	struct edit_path *path;
	const char *model, *key;
	const struct place *at;
};

static bool search(struct search *s, const struct value *v);

/* Goes one key deeper, and back when nothing is found there. */
static bool descend(struct search *s, const char *key, const struct value *v)
{
	struct edit_path *path = s->path;

	if (path->count == YAML_EDIT_MAX_PATH)
		return false;
	path->keys[path->count++] = key;
	if (search(s, v))
		return true;
	path->keys[--path->count] = NULL;
	return false;
}

static bool is_goal(const struct search *s, const struct value *v)
{
	const struct edit_path *path = s->path;

	return path->count >= 2 && v->place.line == s->at->line &&
	       v->place.column == s->at->column &&
	       strcmp(path->keys[path->count - 1], s->key) == 0 &&
	       strcmp(path->keys[path->count - 2], s->model) == 0;
}

static bool search_list(struct search *s, const struct value *v)
{
	char *digits =
		s->path->count < YAML_EDIT_MAX_PATH ? s->path->digits[s->path->count] : NULL;

	for (size_t i = 0; digits && i < v->count; i++) {
		snprintf(digits, sizeof(s->path->digits[0]), "%zu", i);
		if (descend(s, digits, v->items[i]))
			return true;
	}
	return false;
}

static bool search(struct search *s, const struct value *v)
{
	if (v->kind == VALUE_LIST)
		return search_list(s, v);
	if (v->kind != VALUE_DICT)
		return is_goal(s, v);
	value_dict_foreach (p, v)
		if (value_is_string(p->key) && strlen(p->key->text) == p->key->len &&
			descend(s, p->key->text, p->value))
			return true;
	return false;
}

bool edit_path_find(struct edit_path *path, const struct value *top, const char *model,
	const char *key, const struct place *at)
{
	struct search s = {.path = path, .model = model, .key = key, .at = at};

	return search(&s, top);
}

const struct value *edit_path_follow(
	const struct edit_path *path, const struct value *top, size_t n)
{
	const struct value *v = top;
	int64_t index;

	for (size_t i = 0; i < n && v; i++) {
		if (v->kind == VALUE_LIST && parse_int(path->keys[i], 0, INT32_MAX, &index))
			v = (size_t)index < v->count ? v->items[index] : NULL;
		else
			v = value_dict_get(v, path->keys[i]);
	}
	return v;
}
