/* SPDX-License-Identifier: Apache-2.0 */
#include "value/found.h"
#include "registry/registry.h"
#include "text/glob.h"

/* Why a pattern cannot name files of a version; 0 when it can. */
static int check_glob(const struct value *v, struct err *err)
{
	if (!value_is_string(v))
		return err_set(err, ERR_INPUT, "expected a pattern in quotes");
	if (strlen(v->text) != v->len)
		return err_set(err, ERR_INPUT, "expected a pattern without NUL characters");
	return glob_path_check(v->text, err);
}

int registry_globs(struct arena *a, const struct value *v, const struct place *at,
	const char *what, struct globs *out, struct diags *d)
{
	struct place place = place_or(v, at ? *at : (struct place){0});
	char found[FOUND_MAX];
	int result = 0;

	*out = (struct globs){0};
	if (v->kind != VALUE_LIST && v->kind != VALUE_TUPLE) {
		diag_error(d, &place,
			"%s: found %s, expected a list of patterns, e.g. [\"*.tmp\"]", what,
			found_text(v, found));
		return -1;
	}
	if (v->count > REGISTRY_GLOBS_MAX) {
		diag_error(d, &place, "%s: found %zu patterns, expected at most %d", what,
			v->count, REGISTRY_GLOBS_MAX);
		return -1;
	}
	const char **items = arena_array(a, v->count ? v->count : 1, sizeof(*items));
	for (size_t i = 0; i < v->count; i++) {
		struct err err;
		if (check_glob(v->items[i], &err) == 0) {
			items[out->count++] = arena_strdup(a, v->items[i]->text);
			continue;
		}
		struct place item_place = place_or(v->items[i], place);
		diag_error(d, &item_place, "%s: found %s: %s", what,
			found_text(v->items[i], found), err.text);
		result = -1;
	}
	out->items = items;
	return result;
}

bool globs_match(const struct globs *g, const char *path, bool is_dir)
{
	for (size_t i = 0; i < g->count; i++) {
		if (glob_path_match(g->items[i], path, is_dir))
			return true;
	}
	return false;
}
