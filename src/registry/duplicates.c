/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/duplicates.h"

#include "inventory/datafile.h"
#include "value/yaml.h"

static bool is_name(const char *const *names, const char *text)
{
	for (; text && *names; names++)
		if (strcmp(*names, text) == 0)
			return true;
	return false;
}

/* The pair of a mapping that a line belongs to: the last one that begins at or before it. */
static const struct value_pair *pair_at(const struct value *v, unsigned line)
{
	const struct value_pair *best = NULL;

	value_dict_foreach (p, v) {
		if (p->key->place.line <= line &&
			(!best || p->key->place.line >= best->key->place.line))
			best = p;
	}
	return best;
}

static const struct value *item_at(const struct value *v, unsigned line)
{
	const struct value *best = NULL;

	for (size_t i = 0; i < v->count; i++)
		if (v->items[i]->place.line <= line)
			best = v->items[i];
	return best;
}

/* True if a key written at a place lies inside the value of one of the names. */
static bool is_inside(const struct value *v, const struct diag *at, const char *const *names)
{
	while (v) {
		const struct value_pair *p;
		switch (v->kind) {
		case VALUE_LIST: v = item_at(v, at->line); continue;
		case VALUE_DICT: break;
		default: return false;
		}
		/* No further to the right than this mapping's keys: a key of it, or beyond. */
		if (v->pair_count == 0 || v->pairs[0].key->place.column >= at->column)
			return false;
		p = pair_at(v, at->line);
		if (!p || is_name(names, value_text(p->key)))
			return p != NULL;
		v = p->value;
	}
	return false;
}

/* True if the finding is about one of the names itself: "the key NAME is given again". */
static bool finding_names(const struct diag *f, const char *const *names)
{
	for (; *names; names++) {
		autofree char *text = xasprintf("the key %s is given again", *names);
		if (str_starts(f->text, text))
			return true;
	}
	return false;
}

void duplicates_check(const char *file, const char *const *names, const struct secrets *secrets,
	struct diags *d)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(diags_release) struct diags found = {0};
	const struct yaml_options options = {
		.duplicates_are_errors = true,
		.lenient_dates = true,
	};

	if (datafile_read(file, secrets, &text, NULL) < 0)
		return;
	const struct value *v =
		yaml_read(&arena, text.data, text.len, file, &options, &found, NULL);
	for (size_t i = 0; v && i < found.count; i++) {
		const struct diag *f = &found.items[i];
		const struct place at = {file, f->line, f->column};
		if (finding_names(f, names) || is_inside(v, f, names))
			diag_error(d, &at, "%s", f->text);
	}
}
